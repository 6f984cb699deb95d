//! What every channel tells, before it is put into a channel's own words: the [`Brief`] for people and the
//! [`body`] for programs.
//!
//! Refuses to know: channels, protocols. Invariant: all text in a brief is one clean line (the summary: several),
//! but nothing is escaped yet; who shows it escapes it.

pub(crate) mod body;
pub(crate) mod brief;
pub(crate) mod challenge;
pub(crate) mod escape;
pub(crate) mod sample;

use model::{IdentityKey, IncidentId, Notification, Subject, Timestamp};

pub(crate) use brief::{Brief, Tone};
pub(crate) use challenge::Challenge;

use crate::channel::{Endpoint, Message};

/// A message with what is known about where it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling<'m> {
    /// What is sent.
    pub(crate) message: &'m Message<'m>,
    /// Where.
    pub(crate) endpoint: &'m Endpoint,
    /// What links to this server begin with, without a slash at the end.
    pub(crate) link_base: Option<&'m str>,
    /// What asks the owner to confirm the endpoint: then it is told, and the message only says to whom.
    pub(crate) challenge: Option<&'m Challenge>,
}

impl<'m> Telling<'m> {
    /// What a program has answered a challenge with: the token, where it did.
    pub(crate) fn answered(&self, body: &[u8]) -> &'m str {
        let answered = self.challenge.filter(|challenge| challenge.is_answered_by(body));
        answered.map_or("", |challenge| challenge.token.as_str())
    }

    /// The page of an incident.
    pub(crate) fn page(&self, incident: IncidentId) -> Option<String> {
        self.link_base.map(|base| format!("{base}/incidents/{incident}"))
    }
}

/// What another system knows the subject by, the same from its beginning to its end: the incident, or what a signal
/// is about (a signal that resolves has another id than the one that fired).
pub(crate) fn subject_key(notification: &Notification) -> String {
    let project = notification.project;
    let identity = |notification: &Notification| {
        notification.notice.signal.as_ref().map(|signal| signal.identity(project))
    };
    match (notification.subject, identity(notification)) {
        (Subject::Incident(id), _) => format!("stormbell-{project}-incident-{id}"),
        (Subject::Signal(_), Some(IdentityKey(key))) => {
            format!("stormbell-{project}-signal-{key:032x}")
        }
        (Subject::Signal(id), None) => format!("stormbell-{project}-signal-{id}"),
    }
}

/// A time as RFC 3339 in UTC, to the microsecond where it has one.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros())
        .map_or_else(|_| String::new(), |at| at.to_string())
}

/// A time for people, to the second.
pub(crate) fn clock(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.micros().div_euclid(1_000_000))
        .map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
