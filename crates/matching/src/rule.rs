//! One rule by itself: whether it is well formed, and what it makes of one thing, with the reason.
//!
//! Refuses to know other rules. Invariant: what fits here is what [`crate::Rules`] finds.

use model::{FieldError, Rule, Trigger, limits};

use crate::cel::{Dialect, Expression, Variables};
use crate::condition::{Binding, Conjunction, check_conditions};
use crate::facts::Facts;

/// A compiled rule, for explanations and dry runs.
#[derive(Debug)]
pub struct CompiledRule {
    on: Vec<Trigger>,
    conditions: Conjunction,
    cel: Option<Expression>,
    enabled: bool,
}

/// What a rule makes of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Everything it asks for holds.
    Matches,
    /// The condition at this position is the first that does not hold.
    Fails(usize),
    /// The conditions hold, its expression is false or failed.
    FailsCel,
}

impl CompiledRule {
    /// Compiles a rule.
    ///
    /// # Errors
    /// Every bad field of what it matches; who is told is not looked at.
    pub fn compile(rule: &Rule) -> Result<Self, Vec<FieldError>> {
        let mut errors: Vec<FieldError> = check_presence(rule).into_iter().collect();
        let conditions = Conjunction::compile(&rule.conditions, Binding::Found);
        let cel = match rule.cel.as_str() {
            "" => Ok(None),
            source => Expression::compile("cel", source, &Dialect::default()).map(Some),
        };
        match (conditions, cel) {
            (Ok(conditions), Ok(cel)) if errors.is_empty() => {
                Ok(Self { on: rule.on.clone(), conditions, cel, enabled: rule.enabled })
            }
            (conditions, cel) => {
                errors.extend(conditions.err().unwrap_or_default());
                errors.extend(cel.err());
                Err(errors)
            }
        }
    }

    /// Whether the rule is in force and asks for this.
    #[must_use]
    pub fn asks_for(&self, trigger: Trigger) -> bool {
        self.enabled && self.on.contains(&trigger)
    }

    /// What it makes of this, whatever happened and whether or not it is in force.
    #[must_use]
    pub fn fits(&self, facts: &Facts<'_>) -> Fit {
        if let Some(position) = self.conditions.first_failing(facts) {
            return Fit::Fails(position);
        }
        match &self.cel {
            Some(cel) if !cel.holds(&Variables::new(facts)) => Fit::FailsCel,
            Some(_) | None => Fit::Matches,
        }
    }
}

/// Every bad field of a rule at once, under the names that the API gives them: `on`, `match[2].value`,
/// `match_all`, `cel`, `targets`, `muted_by`, `at_most`.
#[must_use]
pub fn check_rule(rule: &Rule) -> Vec<FieldError> {
    let mut errors = check_triggers(&rule.on);
    errors.extend(check_presence(rule));
    errors.extend(check_conditions("match", &rule.conditions, Binding::Found));
    if !rule.cel.is_empty() {
        errors.extend(Expression::compile("cel", &rule.cel, &Dialect::default()).err());
    }
    errors.extend(check_delivery(rule));
    errors
}

/// What the different ones of these expressions may cost for one fact, all together; one that does not compile
/// costs nothing.
#[must_use]
pub fn cel_cost<'e>(expressions: impl IntoIterator<Item = &'e str>) -> u64 {
    let dialect = Dialect::default();
    let given = expressions.into_iter().filter(|expression| !expression.is_empty());
    let different: std::collections::BTreeSet<&str> = given.collect();
    let compiled = different.iter().map(|source| Expression::compile("cel", source, &dialect));
    compiled.flatten().map(|expression| expression.cost()).sum()
}

/// That a rule says what it matches, once.
pub(crate) fn check_presence(rule: &Rule) -> Option<FieldError> {
    let asks = !rule.conditions.is_empty() || !rule.cel.is_empty();
    match (asks, rule.match_all) {
        (false, false) => Some(FieldError::new(
            "match",
            "missing",
            "a rule needs a condition or a CEL expression; one for everything says \"match_all\": true",
        )),
        (true, true) => Some(FieldError::new(
            "match_all",
            "contradiction",
            "a rule with conditions or a CEL expression does not match everything",
        )),
        (true, false) | (false, true) => None,
    }
}

fn check_triggers(on: &[Trigger]) -> Vec<FieldError> {
    if on.is_empty() {
        let message = "must name at least one of opened, escalated, acknowledged, resolved, reopened, \
                       closed, unacknowledged_for(5m), signal, signal_resolved";
        return vec![FieldError::new("on", "missing", message)];
    }
    if on.len() > TRIGGERS {
        return vec![FieldError::new("on", "too_many", format!("at most {TRIGGERS}"))];
    }
    let mut errors = Vec::new();
    for (position, trigger) in on.iter().enumerate() {
        if on[..position].contains(trigger) {
            let message = format!("{trigger} is named twice");
            errors.push(FieldError::new(format!("on[{position}]"), "duplicate", message));
        }
    }
    errors
}

/// Triggers of one rule: every one there is, and some spans without an answer.
const TRIGGERS: usize = 32;

fn check_delivery(rule: &Rule) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut refuse = |field, code, message: String| {
        errors.push(FieldError::new(field, code, message));
    };
    if rule.targets.is_empty() && rule.escalation.is_none() {
        refuse("targets", "missing", "name a target or an escalation policy".to_owned());
    }
    if rule.targets.len() > limits::TARGETS {
        refuse("targets", "too_many", format!("at most {}", limits::TARGETS));
    }
    if rule.muted_by.len() > limits::TARGETS {
        refuse("muted_by", "too_many", format!("at most {}", limits::TARGETS));
    }
    if let Some(most) = rule.at_most {
        if most.count == 0 {
            refuse("at_most.count", "too_small", "must be at least 1".to_owned());
        }
        if most.within.micros() == 0 {
            refuse("at_most.within", "too_small", "must be longer than nothing".to_owned());
        }
    }
    errors
}
