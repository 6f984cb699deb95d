//! What rules ask beyond triggers and fields with few values, each thing once however many rules ask it.
//!
//! Invariant: a check is made at most once for each fact, and forgotten with the last rule that asks it.

use model::{Condition, Duration, FieldError, Trigger};

use super::NONE;
use super::places::Places;
use super::slab::Slab;
use super::table::Table;
use crate::cel::{Dialect, Expression, Variables};
use crate::condition::{Binding, Predicate};
use crate::facts::Facts;

/// One thing that is asked.
#[derive(Debug, Default)]
pub(super) enum Check {
    /// A free number.
    #[default]
    Nothing,
    /// A condition on the field at a place.
    Condition(Box<Predicate>, u32),
    /// An expression.
    Cel(Box<Expression>),
    /// That nobody took an incident up for exactly so long.
    Waits(Duration),
}

#[derive(Debug, Default)]
struct Slot {
    check: Check,
    hash: u64,
    /// Rules that ask it.
    uses: u32,
}

/// What a check is about at the moment.
pub(super) struct Question<'q, 'f> {
    pub(super) trigger: Trigger,
    pub(super) facts: &'q Facts<'f>,
    pub(super) variables: &'q Variables<'f>,
}

/// All checks.
#[derive(Debug, Default)]
pub(super) struct Checks {
    slots: Slab<Slot>,
    table: Table,
    pub(super) places: Places,
    /// For each check the generation it was made in, doubled, and whether it holds.
    answers: Vec<u32>,
    generation: u32,
    dialect: Dialect,
}

impl Checks {
    /// The number of a condition, for one more rule; `name` is what errors call it.
    pub(super) fn take_condition(
        &mut self,
        name: impl FnOnce() -> String,
        condition: &Condition,
    ) -> Result<u32, Vec<FieldError>> {
        let hash = self.table.hash(Predicate::sameness(condition));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::Condition(other, _) => other.is_same(condition),
            Check::Nothing | Check::Cel(_) | Check::Waits(_) => false,
        });
        if let Some(number) = found {
            return Ok(self.use_again(number));
        }
        let predicate = Predicate::compile(&name(), condition, Binding::Found)?;
        let place = self.places.take(&condition.field);
        Ok(self.insert(hash, Check::Condition(Box::new(predicate), place)))
    }

    /// The number of an expression, for one more rule.
    pub(super) fn take_cel(&mut self, source: &str) -> Result<u32, FieldError> {
        let hash = self.table.hash(("cel", source));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::Cel(other) => other.source() == source,
            Check::Nothing | Check::Condition(..) | Check::Waits(_) => false,
        });
        if let Some(number) = found {
            return Ok(self.use_again(number));
        }
        let expression = Expression::compile("cel", source, &self.dialect)?;
        Ok(self.insert(hash, Check::Cel(Box::new(expression))))
    }

    /// The number of a span without an answer, for one more rule.
    pub(super) fn take_waits(&mut self, after: Duration) -> u32 {
        let hash = self.table.hash(("waits", after));
        let found = self.table.find(hash, |number| match &self.slots[number].check {
            Check::Waits(other) => *other == after,
            Check::Nothing | Check::Condition(..) | Check::Cel(_) => false,
        });
        match found {
            Some(number) => self.use_again(number),
            None => self.insert(hash, Check::Waits(after)),
        }
    }

    /// One more rule asks this.
    pub(super) fn use_again(&mut self, number: u32) -> u32 {
        self.slots[number].uses += 1;
        number
    }

    fn insert(&mut self, hash: u64, check: Check) -> u32 {
        let number = self.slots.insert(Slot { check, hash, uses: 1 });
        self.table.insert(hash, number);
        let needed = number as usize + 1;
        if self.answers.len() < needed {
            self.answers.resize(needed, 0);
        }
        // The number may have had an answer as another check, in this very generation.
        self.answers[number as usize] = 0;
        number
    }

    /// One rule fewer asks this.
    pub(super) fn give_back(&mut self, number: u32) {
        self.slots[number].uses -= 1;
        if self.slots[number].uses > 0 {
            return;
        }
        let slot = self.slots.remove(number);
        self.table.remove(slot.hash, number);
        match slot.check {
            Check::Condition(_, place) => self.places.give_back(place),
            Check::Nothing | Check::Cel(_) | Check::Waits(_) => {}
        }
    }

    pub(super) fn check(&self, number: u32) -> &Check {
        &self.slots[number].check
    }

    /// Begins with another fact.
    pub(super) fn begin(&mut self) {
        self.places.begin();
        self.generation += 1;
        if self.generation >= u32::MAX / 2 {
            self.answers.fill(0);
            self.generation = 1;
            self.places.forget();
        }
    }

    /// The text of a place in the current fact.
    pub(super) fn text<'t>(&'t mut self, place: u32, facts: &Facts<'t>) -> &'t str {
        self.places.text(place, self.generation, facts)
    }

    /// Whether it holds of the current fact.
    #[inline]
    pub(super) fn holds(&mut self, number: u32, question: &Question<'_, '_>) -> bool {
        let answer = self.answers[number as usize];
        if answer >> 1 == self.generation {
            return answer & 1 == 1;
        }
        self.make(number, question)
    }

    fn make(&mut self, number: u32, question: &Question<'_, '_>) -> bool {
        let holds = match &self.slots[number].check {
            Check::Nothing => false,
            Check::Condition(_, NONE) => false,
            Check::Condition(predicate, place) => {
                predicate.accepts(self.places.text(*place, self.generation, question.facts))
            }
            Check::Cel(expression) => expression.holds(question.variables),
            Check::Waits(after) => question.trigger == Trigger::Unacknowledged(*after),
        };
        self.answers[number as usize] = self.generation << 1 | u32::from(holds);
        holds
    }
}
