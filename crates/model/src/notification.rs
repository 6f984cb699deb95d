//! Notifications: one message due to one subscriber about one thing that happened, and what became
//! of it at each place it is sent to.

use std::sync::Arc;

use crate::directive::{Target, Trigger};
use crate::id::{
    DirectiveId, IncidentId, KeyHasher, NotificationId, ProjectId, ScheduleId, Seq, SignalId,
    SubscriberId, dated,
};
use crate::incident::Incident;
use crate::reason::Reason;
use crate::severity::Severity;
use crate::signal::{Signal, closed_words};
use crate::time::{Duration, Timestamp};

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An incident.
    Incident(IncidentId),
    /// A signal.
    Signal(SignalId),
}

/// What happened to the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transition {
    /// What a rule asked for.
    Of(Trigger),
    /// A step of an escalation policy: which policy, its step from 0, its round from 0.
    Step {
        /// The policy.
        policy: DirectiveId,
        /// The step, from 0.
        step: u32,
        /// The round, from 0.
        round: u32,
    },
}

/// One message due to one subscriber, decided once, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id, a function of project, subscriber, subject, transition, `seq` and `at`.
    pub id: NotificationId,
    /// Whose.
    pub project: ProjectId,
    /// Who is told.
    pub subscriber: SubscriberId,
    /// About what.
    pub subject: Subject,
    /// What happened.
    pub transition: Transition,
    /// The entry that made it happen: the same can happen to an incident again.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Every rule that asked for it, ascending.
    pub rules: Vec<DirectiveId>,
    /// Where it goes, ascending, each once; empty where it is held back.
    pub targets: Vec<Target>,
    /// For each rule, in the order of `rules`, the calendars that mute it; it is told while one rule is not muted.
    pub muted_by: Vec<Vec<ScheduleId>>,
    /// Until when delivery is tried.
    pub deadline: Timestamp,
    /// Why nobody is told, if nobody is.
    pub held: Option<Held>,
    /// What is told, shared by all who are told of the same thing.
    pub notice: Arc<Notice>,
}

/// Why nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Silenced, in maintenance, inhibited, or told too often.
    pub reason: Reason,
    /// By which silence, inhibition or rule.
    pub by: DirectiveId,
}

/// What is told: how things stood when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The incident, where the subject is one or the signal belongs to one.
    pub incident: Option<Incident>,
    /// The signal that is the subject or made it happen.
    pub signal: Option<Signal<'static>>,
    /// How bad.
    pub severity: Severity,
    /// Who said so; may be empty.
    pub source: String,
    /// One line for people.
    pub name: String,
}

closed_words! {
    /// How one try at one target ended.
    Verdict {
        /// The other side took it.
        Delivered = 0, "delivered",
        /// It did not work, and is tried again.
        Retry = 1, "retry",
        /// It is given up and kept whole: a dead letter.
        Dead = 2, "dead",
        /// Nobody was told: muted at the time, or nobody was on call.
        HeldBack = 3, "held_back",
        /// It was told as part of a digest.
        Folded = 4, "folded",
    }
}

/// What became of one try: the journal's record that something was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose.
    pub project: ProjectId,
    /// Of which notification.
    pub notification: NotificationId,
    /// To whom it was sent: an endpoint, or a schedule on which nobody was to be found.
    pub target: Target,
    /// Which try, from 1.
    pub attempt: u32,
    /// When it was begun, by the sender's clock.
    pub began_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub verdict: Verdict,
    /// When it is tried again, for [`Verdict::Retry`].
    pub next_at: Option<Timestamp>,
    /// The status the other side answered with; 0 where there was none.
    pub status: u16,
    /// What it answered or what went wrong, at most `limits::ANSWER_BYTES`.
    pub answer: String,
    /// What the other side calls the message (a Slack `ts`, a PagerDuty `dedup_key`), at most
    /// `limits::REFERENCE_BYTES`; may be empty.
    pub reference: String,
}

impl Transition {
    /// The word for it in messages: `opened`, …, `unacknowledged`, `signal`, `step`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Of(Trigger::Opened) => "opened",
            Self::Of(Trigger::Escalated) => "escalated",
            Self::Of(Trigger::Acknowledged) => "acknowledged",
            Self::Of(Trigger::Resolved) => "resolved",
            Self::Of(Trigger::Reopened) => "reopened",
            Self::Of(Trigger::Closed) => "closed",
            Self::Of(Trigger::Unacknowledged(_)) => "unacknowledged",
            Self::Of(Trigger::Signal) => "signal",
            Self::Of(Trigger::SignalResolved) => "signal_resolved",
            Self::Step { .. } => "step",
        }
    }
}

/// The whole transition: the word, and what makes it one of several, as `unacknowledged_for(300s)` and `step(POLICY,0,1)`.
impl std::fmt::Display for Transition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(trigger) => trigger.fmt(f),
            Self::Step { policy, step, round } => write!(f, "step({policy},{step},{round})"),
        }
    }
}

impl NotificationId {
    /// The id of what became due at `at`: the same for the same, so that nothing is due twice, and those of
    /// one time together, as incidents have theirs.
    #[must_use]
    pub fn mint(
        project: ProjectId,
        subscriber: SubscriberId,
        subject: Subject,
        transition: Transition,
        seq: Seq,
        at: Timestamp,
    ) -> Self {
        let mut hasher = KeyHasher::for_project(project);
        hasher.part(b"notification").part(&subscriber.to_bytes());
        match subject {
            Subject::Incident(id) => hasher.part(b"incident").part(&id.to_bytes()),
            Subject::Signal(id) => hasher.part(b"signal").part(&id.to_bytes()),
        };
        hasher.part(transition.to_string().as_bytes()).part(&seq.0.to_be_bytes());
        Self(dated(at, hasher.finish()))
    }
}
