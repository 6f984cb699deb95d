//! Every channel's rendering of five messages, kept as files: what changes in one is seen before it is sent.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use expect_test::expect_file;
use model::{
    DirectiveId, Duration, Notice, Notification, NotificationId, ProjectId, Severity, SignalId,
    Status, Subject, Transition, Trigger,
};
use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::registry::CHANNELS;
use crate::channel::Message;
use crate::rendering::{Challenge, Telling, challenge, sample};

const HOSTILE: &str = "<!channel> @everyone [a](https://evil.example) <b>x</b> *_~`|\\ & \"'\r\nBcc: a@b\r\n\
                       \u{202e}\u{0}{{ 7*7 }} é😀";

/// A configuration with nothing but what rendering needs.
fn config(channel: &str) -> Map<String, Value> {
    let config = match channel {
        "alertmanager" | "webhook" => json!({"url": "https://example.com/hook"}),
        "email" => json!({"host": "mail.example.com", "from": "bell@example.com", "to": "a@b.c"}),
        "ntfy" => json!({"topic": "ops"}),
        "opsgenie" => json!({"teams": ["db"], "tags": ["stormbell"]}),
        "slack" => json!({"channel": "C1"}),
        "telegram" => json!({"chat_id": "-100"}),
        _ => json!({}),
    };
    config.as_object().cloned().unwrap()
}

fn opened() -> Notification {
    sample::notification(ProjectId(1))
}

/// The same incident an hour and a half later.
fn resolved() -> Notification {
    let mut told = opened();
    told.transition = Transition::Of(Trigger::Resolved);
    told.at = told.at + Duration::from_secs(5_400);
    let mut notice = Notice::clone(&told.notice);
    let incident = notice.incident.as_mut().unwrap();
    incident.status = Status::Resolved;
    incident.resolved_at = Some(told.at);
    incident.mttr_seconds = Some(5_400);
    incident.assignee = Some("Robin".to_owned());
    notice.signal = None;
    told.notice = Arc::new(notice);
    told
}

/// A signal that belongs to nothing and whose every text means harm.
fn hostile() -> Notification {
    let mut told = opened();
    told.subject = Subject::Signal(SignalId(4));
    told.transition = Transition::Of(Trigger::Signal);
    let mut notice = Notice::clone(&told.notice);
    notice.incident = None;
    notice.name = HOSTILE.to_owned();
    notice.source = HOSTILE.to_owned();
    notice.severity = Severity::P3;
    let signal = notice.signal.as_mut().unwrap();
    signal.component = Cow::Borrowed(HOSTILE);
    signal.environment = Cow::Borrowed(HOSTILE);
    signal.summary = Cow::Owned(format!("{HOSTILE} and more\n\n\nhttps://evil.example"));
    signal.error_code = Cow::Borrowed(HOSTILE);
    signal.trace_id = Cow::Borrowed(HOSTILE);
    signal.labels = vec![(Cow::Borrowed("1 <odd>"), Cow::Borrowed(HOSTILE))];
    signal.payload = Cow::Borrowed(b"no JSON");
    told.notice = Arc::new(notice);
    told
}

fn step() -> Notification {
    let step = Transition::Step { policy: DirectiveId(9), step: 1, round: 1 };
    Notification { transition: step, ..opened() }
}

/// Renders a message for all channels and compares each with its file.
fn check(name: &str, told: &Notification, others: &[Notification], test: bool) {
    check_with(name, told, others, test, None);
}

fn check_with(
    name: &str,
    told: &Notification,
    others: &[Notification],
    test: bool,
    challenge: Option<&Challenge>,
) {
    sample::with_message(None, |sample, endpoint| {
        let message = Message { notification: told, others, test, ..*sample };
        let link_base = Some("https://stormbell.example");
        let telling = Telling { message: &message, endpoint, link_base, challenge };
        for channel in CHANNELS {
            if channel.told_at_once() as usize <= others.len() {
                continue;
            }
            let config = config(channel.name());
            let text = channel.preview(&mut Fields::new(&config), &telling).text;
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
            let file = folder.join(channel.name()).join(format!("{name}.txt"));
            let end = if text.ends_with('\n') { "" } else { "\n" };
            expect_file![file].assert_eq(&format!("{text}{end}"));
        }
    });
}

#[test]
fn an_opened_incident() {
    check("opened", &opened(), &[], false);
}

#[test]
fn a_resolved_incident() {
    check("resolved", &resolved(), &[], false);
}

#[test]
fn a_digest_that_is_a_test() {
    check("digest", &opened(), &[resolved(), hostile(), step()], true);
}

/// Nothing in it is short, and everything has to be escaped; its title begins with a mark.
fn long(number: u32) -> Notification {
    let harm = HOSTILE.repeat(30);
    let mut told = opened();
    told.id = NotificationId(u128::from(number));
    told.transition = Transition::Of(Trigger::Unacknowledged(Duration::from_secs(86_399)));
    let mut notice = Notice::clone(&told.notice);
    notice.name = format!("mark{number:03} {harm}");
    let incident = notice.incident.as_mut().unwrap();
    incident.title.clone_from(&notice.name);
    incident.component.clone_from(&harm);
    incident.environment.clone_from(&harm);
    let signal = notice.signal.as_mut().unwrap();
    signal.summary = Cow::Owned(harm.clone());
    signal.error_code = Cow::Owned(harm);
    told.notice = Arc::new(notice);
    told
}

#[test]
fn a_digest_shows_each_that_it_tells_of_however_long_they_are() {
    sample::with_message(None, |sample, endpoint| {
        for channel in CHANNELS {
            let others: Vec<_> = (1..channel.told_at_once()).map(long).collect();
            let message = Message { notification: &long(0), others: &others, ..*sample };
            let link_base = Some("https://stormbell.example");
            let telling = Telling { message: &message, endpoint, link_base, challenge: None };
            let config = config(channel.name());
            let text = channel.preview(&mut Fields::new(&config), &telling).text;
            for number in 0..channel.told_at_once() {
                let mark = format!("mark{number:03}");
                assert!(text.contains(&mark), "{}: {mark}", channel.name());
            }
        }
    });
}

#[test]
fn hostile_text() {
    check("hostile", &hostile(), &[], false);
}

#[test]
fn a_challenge() {
    let told = sample::with_message(None, |sample, endpoint| {
        challenge::notification(endpoint, endpoint.subscriber, sample.now)
    });
    let token = "01".repeat(85);
    let link = format!("https://stormbell.example/v1/endpoints/verify?token={token}");
    let expires_at = told.at + Duration::from_secs(86_400);
    let challenge = Challenge { token, link: Some(link), expires_at };
    check_with("challenge", &told, &[], false, Some(&challenge));
}
