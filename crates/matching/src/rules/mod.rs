//! The rules of one project.

use std::collections::{BTreeMap, BTreeSet};

use model::{DirectiveId, Duration, FieldError, Rule, Trigger};

use crate::facts::Facts;
use crate::rule::{CompiledRule, Fit};

/// The rules of one project.
#[derive(Debug, Default)]
pub struct Rules {
    rules: BTreeMap<DirectiveId, CompiledRule>,
}

impl Rules {
    /// Adds a rule, or replaces the one with this id.
    ///
    /// # Errors
    /// A rule that does not compile is kept out, and the one it would have replaced is gone.
    pub fn put(&mut self, id: DirectiveId, rule: &Rule) -> Result<(), Vec<FieldError>> {
        self.remove(id);
        self.rules.insert(id, CompiledRule::compile(rule)?);
        Ok(())
    }

    /// Removes a rule, if it is there.
    pub fn remove(&mut self, id: DirectiveId) {
        self.rules.remove(&id);
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

    /// Whether a rule in force asks for this.
    #[must_use]
    pub fn has(&self, trigger: Trigger) -> bool {
        self.rules.values().any(|rule| rule.asks_for(trigger))
    }

    /// The spans after which rules in force ask to hear that nobody took an incident up; ascending, each once.
    pub fn unacknowledged_after(&self) -> impl Iterator<Item = Duration> {
        let mut spans = BTreeSet::new();
        for rule in self.rules.values() {
            spans.extend(rule.waits());
        }
        spans.into_iter()
    }

    /// Appends the ids of all rules in force that ask for this and fit, ascending.
    pub fn matching(&mut self, trigger: Trigger, facts: &Facts<'_>, out: &mut Vec<DirectiveId>) {
        let fitting =
            |rule: &CompiledRule| rule.asks_for(trigger) && rule.fits(facts) == Fit::Matches;
        out.extend(self.rules.iter().filter(|(_, rule)| fitting(rule)).map(|(&id, _)| id));
    }
}
