//! Rules and alerts as the test understands them, without the server's words: which concerns which is worked out here
//! and nowhere else.

use serde_json::{Value, json};

use super::{COMPONENTS, SEED, TEAMS};
use crate::harness::{Random, uuid};

/// A rule as the test understands it: what it asks for, without the server's words.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// A component, at least so bad.
    Component(usize, usize),
    /// One of these components.
    OneOf([usize; 3]),
    /// Components that begin so, of a team, and not in staging.
    Beginning(usize, usize),
    /// A summary that ends in two digits, on a component.
    Ending(usize),
}

/// An alert as the test understands it.
#[derive(Debug, Clone)]
pub(super) struct Alert {
    nth: usize,
    pub(super) id: String,
    component: usize,
    severity: usize,
    team: usize,
    staging: bool,
    digits: usize,
}

impl Wish {
    pub(super) fn some(random: &mut Random) -> Self {
        let component = random.below(COMPONENTS);
        match random.below(4) {
            0 => Self::Component(component, random.below(4)),
            1 => Self::OneOf([component, random.below(COMPONENTS), random.below(COMPONENTS)]),
            2 => Self::Beginning(100 + random.below(500), random.below(TEAMS)),
            _ => Self::Ending(component),
        }
    }

    /// Whether it concerns an alert, worked out here and nowhere else.
    pub(super) fn concerns(&self, alert: &Alert) -> bool {
        match self {
            Self::Component(component, worst) => {
                alert.component == *component && alert.severity <= *worst
            }
            Self::OneOf(components) => components.contains(&alert.component),
            Self::Beginning(digits, team) => {
                let begins = alert.component.to_string().starts_with(&digits.to_string());
                begins && alert.team == *team && !alert.staging
            }
            Self::Ending(component) => alert.component == *component && alert.digits >= 10,
        }
    }

    pub(super) fn conditions(&self) -> Value {
        let condition = |field: &str, op: &str, value: Value| json!({ "field": field, "op": op, "value": value });
        let component = |number: &usize| json!(format!("svc-{number}"));
        match self {
            Self::Component(number, worst) => json!([
                condition("component", "equals", component(number)),
                condition("severity", "at_least", json!(format!("P{worst}"))),
            ]),
            Self::OneOf(numbers) => {
                let values = numbers.iter().map(component).collect();
                json!([condition("component", "one_of", Value::Array(values))])
            }
            Self::Beginning(digits, team) => json!([
                condition("component", "glob", json!(format!("svc-{digits}*"))),
                condition("labels.team", "equals", json!(format!("t{team}"))),
                { "field": "environment", "op": "equals", "value": "staging", "negate": true },
            ]),
            Self::Ending(number) => json!([
                condition("summary", "regex", json!("code [0-9]{2}$")),
                condition("component", "equals", component(number)),
            ]),
        }
    }
}

impl Alert {
    pub(super) fn some(random: &mut Random, nth: usize) -> Self {
        Self {
            nth,
            id: uuid(SEED, nth as u64),
            component: random.below(COMPONENTS),
            severity: random.below(4),
            team: random.below(TEAMS),
            staging: random.below(4) == 0,
            digits: random.below(100),
        }
    }

    /// Which alert a text names that shows its summary.
    pub(super) fn named_in(text: &str) -> Option<usize> {
        let (_, rest) = text.split_once("alert ")?;
        rest.split(' ').next()?.parse().ok()
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "id": self.id, "component": format!("svc-{}", self.component),
            "severity": format!("P{}", self.severity), "kind": "alert",
            "environment": if self.staging { "staging" } else { "prod" },
            "labels": { "team": format!("t{}", self.team) },
            "summary": format!("alert {} code {}", self.nth, self.digits),
        })
    }
}
