//! The one thing people work on, as the store holds it, and the part of the lifecycle table that
//! says which moves a person or an agent may make.

use crate::id::{GroupingKey, IncidentId, PolicyId, ProjectId, Seq};
use crate::severity::Severity;
use crate::signal::{ComponentType, closed_words};
use crate::time::Timestamp;

closed_words! {
    /// Where an incident stands.
    Status {
        /// Nobody has it yet.
        Open = 0, "OPEN",
        /// Somebody works on it.
        Investigating = 1, "INVESTIGATING",
        /// It is over, and not yet explained.
        Resolved = 2, "RESOLVED",
        /// It is over and explained.
        Closed = 3, "CLOSED",
    }
}

impl Status {
    /// Whether signals still join it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Open | Self::Investigating)
    }

    /// Where a person may move it from here. `Closed` is reached with a root cause analysis only.
    #[must_use]
    pub const fn legal_by_hand(self) -> &'static [Self] {
        match self {
            Self::Open => &[Self::Investigating],
            Self::Investigating => &[Self::Resolved],
            Self::Resolved => &[Self::Open, Self::Closed],
            Self::Closed => &[],
        }
    }
}

/// An incident, whole. Absolute values throughout: writing the same one twice changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// Whose it is.
    pub project: ProjectId,
    /// 1, 2, 3 … within the project, for people.
    pub number: u64,
    /// One line for people.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// How bad: the highest seen, or what a person set.
    pub severity: Severity,
    /// Whether a person set the severity, so that it no longer moves by itself.
    pub severity_pinned: bool,
    /// What it is about, from the signal that opened it.
    pub component: String,
    /// The type of what it is about.
    pub component_type: ComponentType,
    /// Its environment.
    pub environment: String,
    /// The policy that opened it.
    pub policy: PolicyId,
    /// The hash of its grouping key.
    pub key: GroupingKey,
    /// The grouping key for people: `environment=prod,component=db`.
    pub grouping_key: String,
    /// Signals that belong to it, its merged children's not counted.
    pub signal_count: u64,
    /// Receipt of its first signal.
    pub first_signal_at: Timestamp,
    /// Receipt of its latest signal.
    pub last_signal_at: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Who has it.
    pub assignee: Option<String>,
    /// When it first became INVESTIGATING.
    pub acknowledged_at: Option<Timestamp>,
    /// When it last became RESOLVED.
    pub resolved_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Mean-time-to-acknowledge figure in whole seconds, written when it closes.
    pub mtta_seconds: Option<u64>,
    /// Mean-time-to-resolve figure in whole seconds, written when it closes.
    pub mttr_seconds: Option<u64>,
    /// The incident it was merged into.
    pub merged_into: Option<IncidentId>,
    /// The incident it was split from.
    pub split_from: Option<IncidentId>,
    /// Links people added: title and address.
    pub links: Vec<(String, String)>,
    /// The entry that changed it last (counters apart); a version for `If-Match`.
    pub changed_seq: Seq,
}

impl Incident {
    /// Whether nobody has taken it up: it is OPEN, or the system found it quiet and nobody was assigned
    /// since. Who acknowledges is assigned, so reminders, escalation and later contacts end with that.
    #[must_use]
    pub fn is_untaken(&self) -> bool {
        match self.status {
            Status::Open => true,
            Status::Investigating => self.assignee.is_none(),
            Status::Resolved | Status::Closed => false,
        }
    }
}
