//! What the engine decided: the closed list of everything that follows from an entry.
//!
//! Effects hold absolute values, so applying one twice is the same as applying it once.

use crate::alert::{Alert, AlertLease};
use crate::command::Actor;
use crate::directive::{Directive, DirectiveKind, Target};
use crate::id::{
    CommandId, DirectiveId, IdentityKey, IncidentId, NotificationId, PolicyId, ProjectId, Seq,
    SignalId,
};
use crate::incident::{Incident, Status};
use crate::notification::{Notification, Receipt};
use crate::policy::GroupingPolicy;
use crate::rca::{FieldError, Rca};
use crate::reason::Reason;
use crate::severity::Severity;
use crate::time::Timestamp;

/// The effects of a run of entries, in order. Cleared and used again, so that it allocates rarely.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects(pub Vec<Effect>);

impl Effects {
    /// Adds one.
    pub fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }
}

/// One thing that follows from an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The signal at `seq` is kept, with or without incident. Exactly one per signal that was not a duplicate.
    Filed {
        /// The signal's position.
        seq: Seq,
        /// Whose.
        project: ProjectId,
        /// Its id.
        signal: SignalId,
        /// Its identity.
        identity: IdentityKey,
        /// The incident it belongs to.
        incident: Option<IncidentId>,
        /// Why there, or why nowhere.
        reason: Reason,
        /// Signals of that incident, this one counted; 0 without incident.
        signal_count: u64,
        /// Receipt of this signal: the incident's last.
        at: Timestamp,
    },
    /// The signal at `seq` was not applied.
    Skipped {
        /// The entry's position.
        seq: Seq,
        /// Whose.
        project: ProjectId,
        /// Its id.
        signal: SignalId,
        /// Why: a duplicate id, or a repeated alert.
        reason: Reason,
    },
    /// A signal filed earlier belongs to another incident now (M of N reached, or split).
    Moved {
        /// Position of the signal.
        signal_seq: Seq,
        /// Whose.
        project: ProjectId,
        /// Where it was.
        from: Option<IncidentId>,
        /// Where it is.
        to: IncidentId,
    },
    /// An incident was opened or changed in more than its counters: its whole new state.
    Incident(Box<Incident>),
    /// A line for the audit log and the timeline.
    Audited(Box<AuditRow>),
    /// A root cause analysis was accepted.
    RcaAccepted {
        /// Of which incident.
        incident: IncidentId,
        /// Whose.
        project: ProjectId,
        /// By whom.
        submitted_by: Actor,
        /// When.
        at: Timestamp,
        /// The analysis with start and end filled in.
        rca: Box<Rca>,
    },
    /// A policy is in force from the next entry on.
    PolicySaved(Box<GroupingPolicy>),
    /// A policy is no longer in force from the next entry on.
    PolicyRemoved {
        /// Whose.
        project: ProjectId,
        /// Which.
        id: PolicyId,
    },
    /// An alert fires, or fires on after its incident was closed: what there was of it is replaced.
    AlertFiring(Box<Alert>),
    /// A firing alert that was in no incident belongs to one now: what `open_when` asked for has come.
    AlertJoined {
        /// Whose.
        project: ProjectId,
        /// Which alert.
        identity: IdentityKey,
        /// The incident it belongs to.
        incident: IncidentId,
    },
    /// A firing alert was sent again: its lease runs longer. Changes nothing that is stored.
    AlertRenewed {
        /// Whose.
        project: ProjectId,
        /// Which alert.
        identity: IdentityKey,
        /// Its lease now.
        lease: AlertLease,
        /// When it was sent.
        at: Timestamp,
    },
    /// An alert no longer fires.
    AlertResolved {
        /// Whose.
        project: ProjectId,
        /// Which alert.
        identity: IdentityKey,
        /// Why: resolved at its source, or its lease expired.
        reason: Reason,
        /// When.
        at: Timestamp,
    },
    /// A directive is in force from the next entry on.
    DirectiveSaved(Box<Directive>),
    /// A directive is no longer in force from the next entry on.
    DirectiveRemoved {
        /// Whose.
        project: ProjectId,
        /// Its kind.
        kind: DirectiveKind,
        /// Which.
        id: DirectiveId,
    },
    /// A notification is due, or was held back.
    Notified(Box<Notification>),
    /// One try at one endpoint ended.
    Attempted {
        /// When the receipt was durable.
        at: Timestamp,
        /// What became of it.
        receipt: Box<Receipt>,
    },
    /// Dead letters are due again, at once and with a new deadline.
    Replayed {
        /// Whose.
        project: ProjectId,
        /// Which.
        letters: Vec<(NotificationId, Target)>,
        /// The position of the command: two replays may have the same time, and are still two.
        seq: Seq,
        /// When.
        at: Timestamp,
    },
    /// A command has its outcome.
    Replied {
        /// Which command.
        command: CommandId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A limit of [`crate::limits`] was hit.
    LimitHit {
        /// Whose.
        project: ProjectId,
        /// Which, by its reason.
        reason: Reason,
    },
}

/// One line of the audit log: who did what to an incident or a policy, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// The entry that caused it.
    pub seq: Seq,
    /// Orders the rows of one entry.
    pub index: u32,
    /// Whose.
    pub project: ProjectId,
    /// On which incident; `None` for a policy.
    pub incident: Option<IncidentId>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: AuditAction,
    /// Why.
    pub reason: Reason,
    /// Words of a person: a reason, a comment; empty where there were none.
    pub text: String,
}

/// What an audit row says was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditAction {
    /// The incident came to be.
    Opened,
    /// The incident moved.
    Moved {
        /// From where.
        from: Status,
        /// To where.
        to: Status,
    },
    /// The severity changed.
    SeverityChanged {
        /// Before.
        from: Severity,
        /// After.
        to: Severity,
    },
    /// It was given to somebody, or to nobody.
    Assigned {
        /// To whom.
        to: Option<String>,
    },
    /// Somebody said something; the text is the row's.
    Commented,
    /// A link was added; its title is the row's text.
    Linked {
        /// Where it leads.
        url: String,
    },
    /// It became a child of another.
    MergedInto {
        /// The parent.
        parent: IncidentId,
    },
    /// Signals were moved out of it, or into it.
    Split {
        /// The other incident.
        other: IncidentId,
        /// How many signals.
        signals: u64,
    },
    /// A policy was created or changed; its name is the row's text.
    PolicySaved {
        /// Which.
        policy: PolicyId,
        /// Its new version.
        version: u64,
    },
    /// A policy was removed; its name is the row's text.
    PolicyRemoved {
        /// Which.
        policy: PolicyId,
    },
    /// A directive was created or changed; its name is the row's text.
    DirectiveSaved {
        /// Its kind.
        kind: DirectiveKind,
        /// Which.
        id: DirectiveId,
        /// Its new version.
        version: u64,
    },
    /// A directive was removed; its name is the row's text.
    DirectiveRemoved {
        /// Its kind.
        kind: DirectiveKind,
        /// Which.
        id: DirectiveId,
    },
    /// Dead letters were sent again.
    Replayed {
        /// How many.
        letters: u64,
    },
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done to this incident.
    Incident(IncidentId),
    /// Done to this policy, which now has this version.
    Policy {
        /// Which.
        id: PolicyId,
        /// Its version now.
        version: u64,
    },
    /// Done to this directive, which now has this version.
    Directive {
        /// Which.
        id: DirectiveId,
        /// Its version now.
        version: u64,
    },
    /// So many dead letters are sent again.
    Replayed(u64),
    /// Not done.
    Refused(Refusal),
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The engine has no such incident, policy or directive in this project (it may be long closed).
    NotFound,
    /// The move is not legal from where the incident stands.
    IllegalTransition {
        /// Where it stands.
        from: Status,
        /// Where it was to go.
        to: Status,
        /// What is legal now.
        legal: Vec<Status>,
    },
    /// Closing takes a root cause analysis.
    RcaRequired,
    /// The root cause analysis is not complete: every bad field.
    RcaInvalid(Vec<FieldError>),
    /// Only a person may do this.
    PersonRequired,
    /// Reopening takes a reason in words.
    ReasonRequired,
    /// The incident follows the one it was merged into.
    FollowsParent(IncidentId),
    /// These incidents cannot be merged: said why.
    NotMergeable(&'static str),
    /// These signals cannot be split off: said why.
    NotSplittable(&'static str),
    /// The policy has another version by now.
    StaleVersion {
        /// The version it has.
        current: u64,
    },
    /// The directive is not as it must be: every bad field.
    DirectiveInvalid(Vec<FieldError>),
    /// A limit was reached: which.
    Limit(&'static str),
    /// The idempotency key was used for another request.
    IdempotencyMismatch,
}
