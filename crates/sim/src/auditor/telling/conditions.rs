//! What a condition holds of, as texts: equal, one of, at least as bad, and their opposites, on
//! component, environment and severity. The workload uses no others.

use model::{Condition, Field, Incident, Op, Severity, Signal};

/// What conditions are held against.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) component: String,
    pub(super) environment: String,
    pub(super) severity: Severity,
}

impl Facts {
    /// What a signal says.
    pub(super) fn of_signal(signal: &Signal<'_>) -> Self {
        Self {
            component: signal.component.to_string(),
            environment: signal.environment.to_string(),
            severity: signal.severity,
        }
    }

    /// How an incident stands.
    pub(super) fn of(row: &Incident) -> Self {
        Self {
            component: row.component.clone(),
            environment: row.environment.clone(),
            severity: row.severity,
        }
    }

    /// Whether all hold.
    pub(super) fn fit(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| self.holds(condition) != condition.negate)
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition.op {
            Op::Equals | Op::OneOf => condition.values.contains(&self.text(&condition.field)),
            Op::AtLeast => condition.values.iter().any(|least| *self.severity.as_str() <= **least),
            op @ (Op::Glob | Op::Regex | Op::Present) => {
                unreachable!("the workload does not compare with {op}")
            }
        }
    }

    /// The text of a field.
    pub(super) fn text(&self, field: &Field) -> String {
        match field {
            Field::Severity => self.severity.as_str().to_owned(),
            Field::Component => self.component.clone(),
            Field::Environment => self.environment.clone(),
            other => unreachable!("the workload does not ask for {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_hold_of_what_they_say() {
        let facts = Facts {
            component: "db".to_owned(),
            environment: "prod".to_owned(),
            severity: Severity::P1,
        };
        for (field, op, values, negate, fits) in [
            (Field::Component, Op::Equals, vec!["db"], false, true),
            (Field::Component, Op::Equals, vec!["api"], true, true),
            (Field::Environment, Op::OneOf, vec!["staging", "prod"], false, true),
            (Field::Severity, Op::AtLeast, vec!["P1"], false, true),
            (Field::Severity, Op::AtLeast, vec!["P0"], false, false),
            (Field::Severity, Op::AtLeast, vec!["P0"], true, true),
        ] {
            let values = values.into_iter().map(str::to_owned).collect();
            let condition = Condition { field, op, values, negate };
            assert_eq!(facts.fit(std::slice::from_ref(&condition)), fits, "{condition:?}");
        }
    }
}
