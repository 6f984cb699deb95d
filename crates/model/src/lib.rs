//! The words of Stormbell: ids, signals, incidents, policies, entries, effects, reasons, limits,
//! and the versioned codec in which entries are written to the journal.
//!
//! Refuses to know: input and output, the time of day, HTTP, SQL, JSON. What a word means by itself is said here
//! (which move of a status is legal); what becomes of an incident is decided by the engine.

#![deny(clippy::float_arithmetic)]

pub mod access;
pub mod alert;
pub mod codec;
pub mod command;
pub mod directive;
pub mod effect;
pub mod entry;
pub mod id;
pub mod incident;
pub mod limits;
pub mod notification;
pub mod policy;
pub mod rca;
pub mod reason;
pub mod severity;
pub mod signal;
pub mod time;

pub use access::{Access, Denied, Grant, Scope, Scopes};
pub use alert::{Alert, AlertLease};
pub use command::{Actor, ActorKind, Command, Operation};
pub use directive::{
    AtMost, Condition, Directive, DirectiveBody, DirectiveKind, Escalation, Field, Inhibition, Op,
    Rule, Silence, Step, Target, Trigger,
};
pub use effect::{AuditRow, Effect, Effects, Outcome, Refusal};
pub use entry::Entry;
pub use id::{
    CommandId, DirectiveId, EndpointId, GroupingKey, IdentityKey, IncidentId, KeyId,
    NotificationId, PolicyId, ProjectId, ScheduleId, Seq, SignalId, SubscriberId,
};
pub use incident::{Incident, Status};
pub use notification::{Held, Notice, Notification, Receipt, Subject, Transition, Verdict};
pub use policy::{GroupingPolicy, KeyField, Matcher, Mode, OpenWhen};
pub use rca::{ActionItem, FieldError, Rca, RootCauseCategory};
pub use reason::Reason;
pub use severity::Severity;
pub use signal::{ComponentType, Kind, Signal, SignalStatus};
pub use time::{Duration, Timestamp};
