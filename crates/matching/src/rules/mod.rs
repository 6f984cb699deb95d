//! The rules of one project, filed so that those which fit are found without looking at the others.
//!
//! Conditions on fields with few values and triggers are bits ([`mask`]); other conditions and expressions
//! are kept once each and answered once for each fact ([`checks`]), the dear ones once for each text that
//! keeps coming ([`lately`]); a rule is filed under the text that it requires ([`index`], [`lists`]), beside
//! those that ask for the same beyond it ([`postings`]). So a fact costs a look-up for each of its texts,
//! one comparison for each different demand filed under those, and one answer for each different condition
//! by which nothing can be looked up, such as a bare regular expression.
//!
//! Invariant: what is found is what [`crate::CompiledRule`] fits, in order of ids, whatever the order in
//! which rules came and went.

mod checks;
mod found;
mod index;
mod lately;
mod lists;
mod mask;
mod places;
mod postings;
mod slab;
mod table;

use std::collections::BTreeMap;

use model::{Condition, DirectiveId, Duration, FieldError, Rule, Trigger, limits};

use crate::cel::Variables;
use crate::condition::{Binding, Predicate};
use crate::facts::Facts;
use crate::rule::check_presence;
use checks::{Checks, Question};
use found::{Found, Order};
use index::{Filing, Index};

/// The number of nothing.
const NONE: u32 = u32::MAX;

/// The rules of one project.
///
/// A change costs the same however many rules there are; [`Rules::matching`] allocates nothing once its
/// buffers have grown, as long as no CEL expression is asked.
#[derive(Debug, Default)]
pub struct Rules {
    rules: BTreeMap<DirectiveId, Filed>,
    /// Rules in force for each trigger but `Unacknowledged`, by its bit.
    asking: [u32; 8],
    /// Rules in force for each span without an answer.
    waiting: BTreeMap<Duration, u32>,
    checks: Checks,
    index: Index,
    order: Order,
}

/// What is known of a rule by its id.
#[derive(Debug)]
struct Filed {
    /// Bits of its triggers, if it is in force.
    on: u64,
    waits: Box<[Duration]>,
    filings: Box<[Filing]>,
}

impl Rules {
    /// Adds a rule, or replaces the one with this id.
    ///
    /// # Errors
    /// A rule that does not compile is kept out, and the one it would have replaced is gone: the errors
    /// are those of [`crate::CompiledRule::compile`].
    pub fn put(&mut self, id: DirectiveId, rule: &Rule) -> Result<(), Vec<FieldError>> {
        self.remove(id);
        let (bits, asks) = self.take(rule)?;
        let mut filed = Filed { on: 0, waits: Box::default(), filings: Box::default() };
        if rule.enabled {
            filed = self.file(id, rule, bits, &asks);
        }
        asks.into_iter().for_each(|check| self.checks.give_back(check));
        self.count(&filed, |count| *count += 1);
        self.rules.insert(id, filed);
        self.learn_range();
        Ok(())
    }

    /// Removes a rule, if it is there.
    pub fn remove(&mut self, id: DirectiveId) {
        let Some(filed) = self.rules.remove(&id) else { return };
        for &filing in &filed.filings {
            self.index.withdraw(id, filing, &mut self.checks);
        }
        self.count(&filed, |count| *count -= 1);
        for after in &filed.waits {
            if self.waiting.get(after) == Some(&0) {
                self.waiting.remove(after);
            }
        }
        self.learn_range();
    }

    fn learn_range(&mut self) {
        let least = self.rules.first_key_value().map(|(&id, _)| id);
        self.order.learn(least.zip(self.rules.last_key_value().map(|(&id, _)| id)));
    }

    /// How many there are, those that are not in force included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What the different expressions of rules in force may cost for one fact, all together; each at most
    /// [`limits::CEL_COST`].
    #[must_use]
    pub fn cel_cost(&self) -> u64 {
        self.checks.cel_cost()
    }

    /// Whether a rule in force asks for this.
    #[must_use]
    pub fn has(&self, trigger: Trigger) -> bool {
        match trigger {
            Trigger::Unacknowledged(after) => self.waiting.contains_key(&after),
            other => self.asking[mask::of_trigger(other).trailing_zeros() as usize] > 0,
        }
    }

    /// The spans after which rules in force ask to hear that nobody took an incident up; ascending,
    /// each once.
    pub fn unacknowledged_after(&self) -> impl Iterator<Item = Duration> + '_ {
        self.waiting.keys().copied()
    }

    /// Appends the ids of all rules in force that ask for this and fit, ascending.
    pub fn matching(&mut self, trigger: Trigger, facts: &Facts<'_>, out: &mut Vec<DirectiveId>) {
        let mut found = Found::new(out);
        self.search(trigger, facts, &mut found);
        found.finish(&mut self.order);
    }

    /// As [`Self::matching`], in no order: for whoever puts them in an order of his own.
    pub fn matching_unordered(
        &mut self,
        trigger: Trigger,
        facts: &Facts<'_>,
        out: &mut Vec<DirectiveId>,
    ) {
        self.search(trigger, facts, &mut Found::new(out));
    }

    fn search(&mut self, trigger: Trigger, facts: &Facts<'_>, found: &mut Found<'_>) {
        if !self.has(trigger) {
            return;
        }
        let variables = Variables::new(facts);
        let question = Question { trigger, facts, variables: &variables };
        self.checks.begin();
        self.index.search(&question, &mut self.checks, found);
    }

    /// The bits of a rule, its triggers apart, and one use of each check that it asks, in order.
    fn take(&mut self, rule: &Rule) -> Result<(u64, Vec<u32>), Vec<FieldError>> {
        let mut errors: Vec<FieldError> = check_presence(rule).into_iter().collect();
        let (mut bits, mut asks) = (mask::all_values(), Vec::new());
        if rule.conditions.len() > limits::CONDITIONS {
            let message = format!("at most {} conditions", limits::CONDITIONS);
            errors.push(FieldError::new("match", "too_many", message));
        }
        for (position, condition) in rule.conditions.iter().enumerate().take(limits::CONDITIONS) {
            match self.take_condition(position, condition) {
                Ok(Asked::Bits(accepted)) => bits &= accepted,
                Ok(Asked::Check(check)) => asks.push(check),
                Err(more) => errors.extend(more),
            }
        }
        if !rule.cel.is_empty() {
            match self.checks.take_cel(&rule.cel) {
                Ok(check) => asks.push(check),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            asks.into_iter().for_each(|check| self.checks.give_back(check));
            return Err(errors);
        }
        asks.sort_unstable();
        let mut each: Vec<u32> = Vec::with_capacity(asks.len());
        for check in asks {
            if each.last() == Some(&check) {
                self.checks.give_back(check);
            } else {
                each.push(check);
            }
        }
        Ok((bits, each))
    }

    fn take_condition(
        &mut self,
        position: usize,
        condition: &Condition,
    ) -> Result<Asked, Vec<FieldError>> {
        let name = || format!("match[{position}]");
        if mask::is_closed(&condition.field) {
            let predicate = Predicate::compile(&name(), condition, Binding::Found)?;
            return Ok(Asked::Bits(mask::accepted(&predicate)));
        }
        self.checks.take_condition(name, condition).map(Asked::Check)
    }

    /// Files a rule in force; each of its spans takes uses of the checks of its own.
    fn file(&mut self, id: DirectiveId, rule: &Rule, bits: u64, asks: &[u32]) -> Filed {
        let (mut on, mut waits) = (0, Vec::new());
        for trigger in &rule.on {
            match trigger {
                Trigger::Unacknowledged(after) => waits.push(*after),
                other => on |= mask::of_trigger(*other),
            }
        }
        waits.sort_unstable();
        waits.dedup();
        let mut filings = Vec::new();
        if on != 0 {
            let asks = asks.iter().map(|&check| self.checks.use_again(check)).collect();
            self.index.file(id, bits | on, asks, &mut self.checks, &mut filings);
        }
        for &after in &waits {
            let mut asks: Vec<u32> =
                asks.iter().map(|&check| self.checks.use_again(check)).collect();
            asks.push(self.checks.take_waits(after));
            let bits = bits | mask::of_trigger(Trigger::Unacknowledged(after));
            self.index.file(id, bits, asks, &mut self.checks, &mut filings);
        }
        Filed { on, waits: waits.into(), filings: filings.into() }
    }

    fn count(&mut self, filed: &Filed, change: impl Fn(&mut u32)) {
        for (bit, count) in self.asking.iter_mut().enumerate() {
            if filed.on & (1 << bit) != 0 {
                change(count);
            }
        }
        for &after in &filed.waits {
            change(self.waiting.entry(after).or_default());
        }
    }
}

/// What a condition became.
enum Asked {
    Bits(u64),
    Check(u32),
}
