//! What asks the owner of an endpoint to confirm it: for people a message with a link and a token, for programs a body
//! that they answer with the token.
//!
//! Refuses to know: channels, how tokens are made.

use std::sync::Arc;

use model::{
    Notice, Notification, NotificationId, Seq, Severity, SignalId, Subject, SubscriberId,
    Timestamp, Transition, Trigger,
};
use serde_json::{Value, json};

use super::brief::{Brief, Tone};
use super::escape::{clip, line};
use super::{Telling, clock, rfc3339};
use crate::channel::Endpoint;

/// Characters of the names that are shown.
const NAME_CHARS: usize = 120;

const WHY: &str = "Notifications are to be sent here. Nothing else is sent before the owner of this place confirms it: \
                   open the link and press the button, or hand the token to whoever runs Stormbell. If you do not \
                   know what this is about, do nothing.";

/// What asks the owner of an endpoint to confirm it.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    /// Proves that whoever has it reads what is sent there.
    pub(crate) token: String,
    /// A page with a button that hands the token in, where it is known how people reach this server.
    pub(crate) link: Option<String>,
    /// Until when.
    pub(crate) expires_at: Timestamp,
}

impl Challenge {
    /// The body for programs.
    pub(crate) fn body(&self, endpoint: &Endpoint) -> Value {
        json!({
            "type": "endpoint_verification",
            "endpoint_id": endpoint.id.to_string(),
            "challenge": self.token,
            "expires_at": rfc3339(self.expires_at),
        })
    }

    /// Whether a program has answered with the token: as text, or as the only member of an object. A server that
    /// sends back whatever it is sent has not.
    pub(crate) fn is_answered_by(&self, body: &[u8]) -> bool {
        if body.trim_ascii() == self.token.as_bytes() {
            return true;
        }
        let object = serde_json::from_slice::<Value>(body).ok();
        object.is_some_and(|object| object == json!({ "challenge": self.token }))
    }

    /// The message for people.
    pub(super) fn brief(&self, telling: &Telling<'_>) -> Brief {
        let name = clip(&line(&telling.endpoint.name), NAME_CHARS);
        let title = format!("Confirm the endpoint \u{201c}{name}\u{201d}");
        let mut facts = vec![
            ("Endpoint", name),
            ("Told", clip(&line(telling.message.subscriber), NAME_CHARS)),
            ("Valid until", clock(self.expires_at)),
            ("Token", self.token.clone()),
        ];
        facts.retain(|(_, value)| !value.is_empty());
        Brief {
            headline: format!("Stormbell: {title}"),
            title,
            happened: "Confirm".to_owned(),
            summary: WHY.to_owned(),
            facts,
            page: self.link.clone(),
            page_label: "Confirm this endpoint",
            others: Vec::new(),
            tone: Tone::Wrong(Severity::P3),
            test: false,
        }
    }
}

/// What stands behind a challenge where a channel asks for a notification: a signal that is about the endpoint. Every
/// challenge is another notification, and all of one endpoint are about the same.
pub(crate) fn notification(
    endpoint: &Endpoint,
    subscriber: SubscriberId,
    now: Timestamp,
) -> Notification {
    let subject = Subject::Signal(SignalId(endpoint.id.0));
    let transition = Transition::Of(Trigger::Signal);
    let seq = Seq(u64::try_from(now.micros()).unwrap_or(0));
    Notification {
        id: NotificationId::mint(endpoint.project, subscriber, subject, transition, seq, now),
        project: endpoint.project,
        subscriber,
        subject,
        transition,
        seq,
        at: now,
        rules: Vec::new(),
        targets: Vec::new(),
        muted_by: Vec::new(),
        deadline: now,
        held: None,
        notice: Arc::new(Notice {
            incident: None,
            signal: None,
            severity: Severity::P3,
            source: "stormbell".to_owned(),
            name: line(&endpoint.name),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_alone_is_an_answer_and_the_question_is_none() {
        let expires_at = Timestamp::from_micros(0);
        let challenge = Challenge { token: "0abc".to_owned(), link: None, expires_at };
        for answer in ["0abc", " 0abc\n", r#"{"challenge": "0abc"}"#] {
            assert!(challenge.is_answered_by(answer.as_bytes()), "{answer}");
        }
        for answer in [
            "",
            "0ABC",
            "0abcd",
            "ok 0abc",
            r#""0abc""#,
            r#"{"challenge": "0abc", "type": "endpoint_verification"}"#,
            r#"{"challenge": ["0abc"]}"#,
            r#"[{"challenge": "0abc"}]"#,
        ] {
            assert!(!challenge.is_answered_by(answer.as_bytes()), "{answer}");
        }
    }
}
