//! What is to be made of a configuration. Names stand for what has no id yet.

use model::Condition;
use model::directive::{Field, Trigger};
use serde_json::Value;

use super::report::Report;

/// Everything that is to be made.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// A subscriber for each, with its endpoints.
    pub(crate) receivers: Vec<PlannedReceiver>,
    pub(crate) calendars: Vec<PlannedCalendar>,
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) inhibitions: Vec<PlannedInhibition>,
    /// Grouping keys that `group_by` asks for, each once.
    pub(crate) groupings: Vec<Vec<String>>,
    /// The configuration with `<secret>` in the place of every secret.
    pub(crate) masked: String,
    pub(crate) report: Report,
}

/// A receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedReceiver {
    pub(crate) name: String,
    pub(crate) endpoints: Vec<PlannedEndpoint>,
    /// Whether it had integrations, mapped or not.
    pub(crate) tells_somebody: bool,
}

/// Where a receiver is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedEndpoint {
    /// Where it stands: `receivers[0].slack_configs[1]`.
    pub(crate) element: String,
    pub(crate) line: usize,
    pub(crate) channel: &'static str,
    pub(crate) name: String,
    /// What the channel needs, secrets among it.
    pub(crate) config: Value,
    /// Whether it is told when an alert is over.
    pub(crate) send_resolved: bool,
    /// What differs from the integration; empty where nothing.
    pub(crate) note: String,
}

/// A time interval, or what is left of the time outside of some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedCalendar {
    pub(crate) name: String,
    pub(crate) document: oncall::CalendarDocument,
}

/// A rule of one route; the rules of one route never fit the same alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedRule {
    pub(crate) name: String,
    /// Where the route stands: `route.routes[0]`.
    pub(crate) element: String,
    pub(crate) receiver: String,
    pub(crate) on: Vec<Trigger>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) cel: String,
    /// Places of endpoints among those of the receiver.
    pub(crate) endpoints: Vec<usize>,
    /// Names of calendars.
    pub(crate) muted_by: Vec<String>,
}

/// An inhibition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedInhibition {
    pub(crate) name: String,
    pub(crate) source: Vec<Condition>,
    pub(crate) target: Vec<Condition>,
    pub(crate) equal: Vec<Field>,
}

impl Plan {
    pub(super) fn new(masked: String) -> Self {
        Self { masked, ..Self::default() }
    }

    /// The receiver of a name.
    pub(super) fn receiver(&self, name: &str) -> Option<&PlannedReceiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }
}
