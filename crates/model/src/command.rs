//! What people and agents ask for: commands, which take the same road through the journal as signals.

use crate::directive::{Directive, DirectiveKind, Target};
use crate::id::{CommandId, DirectiveId, IncidentId, NotificationId, PolicyId, ProjectId, Seq};
use crate::incident::Status;
use crate::policy::GroupingPolicy;
use crate::rca::Rca;
use crate::severity::Severity;
use crate::signal::closed_words;

closed_words! {
    /// Who acts.
    ActorKind {
        /// Stormbell itself.
        System = 0, "system",
        /// A person.
        Person = 1, "person",
        /// An automated agent.
        Agent = 2, "agent",
    }
}

/// Who acts, from the credential and never from the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Person, agent or system.
    pub kind: ActorKind,
    /// Who.
    pub name: String,
}

impl Actor {
    /// Stormbell itself.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: ActorKind::System, name: "stormbell".to_owned() }
    }
}

/// An operation somebody asked for, and who waits for its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Names this command to whoever waits for its outcome.
    pub id: CommandId,
    /// Whose data it touches.
    pub project: ProjectId,
    /// Who asks.
    pub actor: Actor,
    /// Hash of the `Idempotency-Key` and the route, and hash of the request it came with.
    pub idempotency: Option<(u128, u64)>,
    /// What is asked.
    pub operation: Operation,
}

/// What can be asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Move an incident.
    SetState {
        /// Which incident.
        incident: IncidentId,
        /// Where to.
        to: Status,
        /// Why, in words; required for reopening. Empty where not said.
        reason: String,
    },
    /// Submit the root cause analysis, which closes a resolved incident.
    SubmitRca {
        /// Which incident.
        incident: IncidentId,
        /// The analysis.
        rca: Box<Rca>,
    },
    /// Give it to somebody, or to nobody.
    Assign {
        /// Which incident.
        incident: IncidentId,
        /// To whom.
        assignee: Option<String>,
    },
    /// Say something.
    Comment {
        /// Which incident.
        incident: IncidentId,
        /// What.
        text: String,
    },
    /// Add a link.
    AddLink {
        /// Which incident.
        incident: IncidentId,
        /// What it leads to.
        title: String,
        /// Where it leads.
        url: String,
    },
    /// Set the severity by hand, or let it move by itself again.
    SetSeverity {
        /// Which incident.
        incident: IncidentId,
        /// The severity; `None` lets go.
        severity: Option<Severity>,
    },
    /// Make incidents children of another.
    Merge {
        /// The parent.
        into: IncidentId,
        /// The children.
        children: Vec<IncidentId>,
    },
    /// Move signals out into an incident of their own.
    Split {
        /// The incident they are in.
        incident: IncidentId,
        /// The journal positions of the signals.
        signals: Vec<Seq>,
        /// Title of the new incident; that of the old one where empty.
        title: String,
    },
    /// Create or change a grouping policy.
    PutPolicy {
        /// The policy; its `version` is ignored.
        policy: Box<GroupingPolicy>,
        /// The version the caller has seen: `None` creates.
        expected_version: Option<u64>,
    },
    /// Remove a grouping policy.
    DeletePolicy {
        /// Which policy.
        id: PolicyId,
        /// The version the caller has seen, if it cares.
        expected_version: Option<u64>,
    },
    /// Create or change a rule, silence, inhibition or escalation policy.
    PutDirective {
        /// The directive; its `version` is ignored.
        directive: Box<Directive>,
        /// The version the caller has seen: `None` creates.
        expected_version: Option<u64>,
    },
    /// Remove a rule, inhibition or escalation policy.
    DeleteDirective {
        /// Its kind.
        kind: DirectiveKind,
        /// Which.
        id: DirectiveId,
        /// The version the caller has seen, if it cares.
        expected_version: Option<u64>,
    },
    /// Send dead letters again, at most `limits::REPLAYED_LETTERS` with one command.
    ReplayDeadLetters {
        /// Which: the notification and the target that did not get it.
        letters: Vec<(NotificationId, Target)>,
    },
}
