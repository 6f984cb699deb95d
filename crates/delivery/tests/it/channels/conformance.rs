//! What every channel over HTTP must do, against a server that takes only what the original takes.

use std::time::Duration;

use delivery::channel::{Message, Sent, SentOutcome};
use delivery::{ChannelOptions, Channels};
use model::{Transition, Trigger};
use serde_json::{Value, json};

use crate::messages::{
    HOSTILE, NOW, channels, channels_with, endpoint, message, notification, opened, options, send,
    transitions,
};
use crate::servers::http::{Behaviour, Server, Vendor};
use crate::servers::vendors;

/// A channel under test.
pub(super) struct Case {
    pub(super) channel: &'static str,
    /// A configuration for a server at this address.
    pub(super) config: fn(&str) -> Value,
    /// The same with a wrong secret.
    wrong: fn(&str) -> Value,
    pub(super) vendor: Vendor,
    /// A secret that must not be shown.
    pub(super) secret: &'static str,
    /// Where in the request it stands by what the other side knows a repeated message, or its subject.
    key: Option<fn(&crate::servers::http::Seen) -> String>,
}

pub(super) const CASES: [Case; 11] = [
    Case {
        channel: "alertmanager",
        config: |at| json!({"url": format!("{at}/am"), "token": "am-secret"}),
        wrong: |at| json!({"url": format!("{at}/am"), "token": "am-wrong"}),
        vendor: vendors::alertmanager,
        secret: "am-secret",
        key: Some(|seen| seen.json()["alerts"][0]["fingerprint"].to_string()),
    },
    Case {
        channel: "discord",
        config: |at| json!({"url": format!("{at}/api/webhooks/1/secrettoken")}),
        wrong: |at| json!({"url": format!("{at}/api/webhooks/1/wrongtoken")}),
        vendor: vendors::discord,
        secret: "secrettoken",
        key: None,
    },
    Case {
        channel: "mattermost",
        config: |at| json!({"url": format!("{at}/hooks/secrethook"), "channel": "ops"}),
        wrong: |at| json!({"url": format!("{at}/hooks/wronghook")}),
        vendor: vendors::mattermost,
        secret: "secrethook",
        key: None,
    },
    Case {
        channel: "ntfy",
        config: |at| json!({"topic": "ops", "base_url": at, "token": "tk_secret"}),
        wrong: |at| json!({"topic": "ops", "base_url": at, "token": "tk_wrong"}),
        vendor: vendors::ntfy,
        secret: "tk_secret",
        key: None,
    },
    Case {
        channel: "opsgenie",
        config: |at| json!({"api_key": "genie-key-1", "base_url": at, "teams": ["db"], "tags": ["x"]}),
        wrong: |at| json!({"api_key": "genie-key-2", "base_url": at}),
        vendor: vendors::opsgenie,
        secret: "genie-key-1",
        key: Some(|seen| seen.json()["alias"].to_string()),
    },
    Case {
        channel: "pagerduty",
        config: |at| json!({"routing_key": "R0123456789abcdef0123456789abcdef", "base_url": at}),
        wrong: |at| json!({"routing_key": "Rwrong", "base_url": at}),
        vendor: vendors::pagerduty,
        secret: "R0123456789abcdef0123456789abcdef",
        key: Some(|seen| seen.json()["dedup_key"].to_string()),
    },
    Case {
        channel: "slack",
        config: |at| json!({"url": format!("{at}/services/T0/B0/secretpath")}),
        wrong: |at| json!({"url": format!("{at}/services/T0/B0/wrongpath")}),
        vendor: vendors::slack_webhook,
        secret: "secretpath",
        key: None,
    },
    Case {
        channel: "slack",
        config: |at| json!({"token": "xoxb-good", "channel": "C1", "base_url": format!("{at}/api")}),
        wrong: |at| json!({"token": "xoxb-bad", "channel": "C1", "base_url": format!("{at}/api")}),
        vendor: vendors::slack_api,
        secret: "xoxb-good",
        key: None,
    },
    Case {
        channel: "teams",
        config: |at| json!({"url": format!("{at}/workflows/1?sig=secretsig")}),
        wrong: |at| json!({"url": format!("{at}/workflows/1?sig=wrongsig")}),
        vendor: vendors::teams,
        secret: "secretsig",
        key: None,
    },
    Case {
        channel: "telegram",
        config: |at| json!({"token": "12:secret-token", "chat_id": "-100", "base_url": at}),
        wrong: |at| json!({"token": "12:wrong-token", "chat_id": "-100", "base_url": at}),
        vendor: vendors::telegram,
        secret: "12:secret-token",
        key: None,
    },
    Case {
        channel: "webhook",
        config: |at| {
            json!({
                "url": format!("{at}/hook"), "secret": "signing-secret", "headers": {"Authorization": "Token whsec"},
            })
        },
        wrong: |at| json!({"url": format!("{at}/hook"), "headers": {"Authorization": "Token no"}}),
        vendor: vendors::webhook,
        secret: "Token whsec",
        key: Some(|seen| seen.header("idempotency-key").to_owned()),
    },
];

/// Sends the opening of an incident to a server of that behaviour.
async fn sent_to(case: &Case, behaviour: Behaviour, channels: &Channels) -> (Sent, Server) {
    let server = Server::start(behaviour).await;
    let config = (case.config)(&server.url(""));
    let sent = send(channels, case.channel, &config, &opened()).await;
    (sent, server)
}

#[tokio::test]
async fn every_transition_of_friendly_and_hostile_text_is_taken() {
    let channels = channels();
    for case in &CASES {
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let config = (case.config)(&server.url(""));
        let long = format!("{HOSTILE}{}", "&<é😀*_".repeat(2_000));
        for text in ["Payment database is down", HOSTILE, &long, "a"] {
            for transition in transitions() {
                let told = notification(transition, text);
                let sent = send(&channels, case.channel, &config, &told).await;
                let start: String = text.chars().take(20).collect();
                assert_eq!(
                    sent.outcome,
                    SentOutcome::Delivered,
                    "{} {transition} {start}: {}",
                    case.channel,
                    sent.answer
                );
            }
        }
    }
}

#[tokio::test]
async fn a_digest_is_taken_with_all_that_is_in_it() {
    let channels = channels();
    for case in &CASES {
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let endpoint = endpoint(&channels, case.channel, &(case.config)(&server.url("")));
        let first = opened();
        let mut others: Vec<_> =
            transitions().iter().map(|each| notification(*each, HOSTILE)).collect();
        others.extend(std::iter::repeat_n(opened(), 300));
        others.truncate(Channels::told_at_once(case.channel) as usize - 1);
        let message = Message { others: &others, test: true, ..message(&first) };
        let sent = channels.send(&endpoint, &message).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{}: {}", case.channel, sent.answer);
    }
}

#[tokio::test]
async fn nothing_is_sent_of_more_than_one_message_tells_of() {
    let channels = channels();
    for case in &CASES {
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let endpoint = endpoint(&channels, case.channel, &(case.config)(&server.url("")));
        let others = vec![opened(); Channels::told_at_once(case.channel) as usize];
        let sent =
            channels.send(&endpoint, &Message { others: &others, ..message(&opened()) }).await;
        assert_eq!(sent.outcome, SentOutcome::Retry { after: None }, "{}", case.channel);
        assert!(server.seen().is_empty(), "{}", case.channel);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_refused_for_good() {
    let channels = channels();
    for case in &CASES {
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let config = (case.wrong)(&server.url(""));
        let sent = send(&channels, case.channel, &config, &opened()).await;
        assert_eq!(sent.outcome, SentOutcome::Refused, "{}: {}", case.channel, sent.answer);
        assert!(sent.status >= 200, "{}", case.channel);
    }
}

#[tokio::test]
async fn too_many_is_tried_later_and_not_before_it_was_said() {
    let channels = channels();
    for case in &CASES {
        for status in [429, 503] {
            let headers = vec![("retry-after", "7".to_owned())];
            let behaviour = Behaviour::Always(status, headers, b"slow down".to_vec());
            let (sent, _) = sent_to(case, behaviour, &channels).await;
            let after = Some(model::Duration::from_secs(7));
            assert_eq!(sent.outcome, SentOutcome::Retry { after }, "{}", case.channel);
            assert_eq!((sent.status, sent.answer.as_str()), (status, "slow down"));
        }
    }
}

#[tokio::test]
async fn statuses_mean_later_or_never() {
    let channels = channels();
    let later = SentOutcome::Retry { after: None };
    for case in &CASES {
        for (status, outcome) in [
            (408, later),
            (425, later),
            (500, later),
            (502, later),
            (400, SentOutcome::Refused),
            (403, SentOutcome::Refused),
            (404, SentOutcome::Refused),
            (410, SentOutcome::Refused),
            (302, SentOutcome::Refused),
        ] {
            let behaviour = Behaviour::Always(status, Vec::new(), b"x".to_vec());
            let (sent, server) = sent_to(case, behaviour, &channels).await;
            assert_eq!(sent.outcome, outcome, "{} {status}", case.channel);
            assert_eq!(server.seen().len(), 1, "{}: a try is one request", case.channel);
        }
    }
}

#[tokio::test]
async fn no_answer_a_cut_connection_and_nobody_there_are_tried_later() {
    let impatient = ChannelOptions { timeout: Duration::from_millis(200), ..options() };
    let impatient = channels_with(impatient);
    let channels = channels();
    for case in &CASES {
        for behaviour in [Behaviour::Hang, Behaviour::Cut] {
            let (sent, _) = sent_to(case, behaviour.clone(), &impatient).await;
            let later = SentOutcome::Retry { after: None };
            assert_eq!(sent.outcome, later, "{} {behaviour:?}", case.channel);
            assert!(!sent.answer.contains(case.secret), "{}", sent.answer);
        }
        // Port 1 of this machine: nobody listens there.
        let config = (case.config)("http://127.0.0.1:1");
        let sent = send(&channels, case.channel, &config, &opened()).await;
        assert_eq!(sent.outcome, SentOutcome::Retry { after: None }, "{}", case.channel);
        assert!(!sent.answer.contains(case.secret), "{}", sent.answer);
    }
}

#[tokio::test]
async fn what_is_kept_of_an_answer_is_short_clean_and_without_secrets() {
    let channels = channels();
    for case in &CASES {
        let mut body = format!("{} \u{1b}[31m\r\n", case.secret).into_bytes();
        body.extend(vec![b'x'; 1 << 20]);
        let (sent, _) = sent_to(case, Behaviour::Always(400, Vec::new(), body), &channels).await;
        assert!(sent.answer.len() <= model::limits::ANSWER_BYTES, "{}", case.channel);
        assert!(!sent.answer.chars().any(char::is_control), "{}", case.channel);
        assert!(!sent.answer.contains(case.secret), "{}: {}", case.channel, sent.answer);
    }
}

#[tokio::test]
async fn no_part_of_a_secret_is_left_where_an_answer_is_cut() {
    let channels = channels();
    for case in &CASES {
        for before in (0..case.secret.len()).map(|inside| model::limits::ANSWER_BYTES - inside) {
            let body = format!("{}{}", "x".repeat(before), case.secret).into_bytes();
            let (sent, _) =
                sent_to(case, Behaviour::Always(400, Vec::new(), body), &channels).await;
            let rest = sent.answer.trim_start_matches('x');
            assert!(rest.chars().all(|sign| sign == '*'), "{}: {rest}", case.channel);
        }
    }
}

/// Says what it was told by, as servers do where somebody looks for a mistake.
fn echo(seen: &crate::servers::http::Seen, _: &[crate::servers::http::Seen]) -> (u16, String) {
    (400, format!("Authorization: {}", seen.header("authorization")))
}

#[tokio::test]
async fn what_is_made_of_a_secret_is_struck_out_too() {
    let channels = channels();
    let login = |at: &str, rest: Value| {
        let mut config = json!({"username": "bell", "password": "hunter2"});
        config.as_object_mut().unwrap().extend(rest.as_object().cloned().unwrap());
        (at.to_owned(), config)
    };
    for channel in ["ntfy", "alertmanager", "webhook", "slack", "opsgenie"] {
        let server = Server::start(Behaviour::Vendor(echo)).await;
        let at = server.url("");
        let (_, config) = match channel {
            "ntfy" => login(channel, json!({"topic": "ops", "base_url": at})),
            "alertmanager" => login(channel, json!({"url": at})),
            // printf 'bell:hunter2' | base64
            "webhook" => (
                at.clone(),
                json!({"url": at, "headers": {"Authorization": "Basic YmVsbDpodW50ZXIy"}}),
            ),
            "slack" => (at.clone(), json!({"token": "hunter2", "channel": "C1", "base_url": at})),
            _ => (at.clone(), json!({"api_key": "hunter2", "base_url": at})),
        };
        let sent = send(&channels, channel, &config, &opened()).await;
        let shown = sent.answer.as_str();
        assert!(
            shown.starts_with("Authorization: ") && shown.ends_with("***"),
            "{channel}: {shown}"
        );
        assert!(!shown.contains("hunter2") && !shown.contains("YmVsbDpodW50ZXIy"), "{shown}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let channels = channels();
    for case in &CASES {
        let (sent, _) = sent_to(case, Behaviour::Endless(400), &channels).await;
        assert_eq!(sent.outcome, SentOutcome::Refused, "{}", case.channel);
        assert!(sent.answer.len() <= model::limits::ANSWER_BYTES);
    }
}

#[tokio::test]
async fn what_is_private_is_not_spoken_to_unless_it_is_allowed() {
    let channels = channels_with(ChannelOptions { allow_private: false, ..options() });
    for case in &CASES {
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        for at in [server.url(""), server.named_url("")] {
            let sent = send(&channels, case.channel, &(case.config)(&at), &opened()).await;
            assert_eq!(sent.outcome, SentOutcome::Refused, "{} {at}", case.channel);
            assert!(sent.answer.contains("forbidden: a loopback address"), "{}", sent.answer);
        }
        assert!(server.seen().is_empty(), "{}", case.channel);
    }
}

#[tokio::test]
async fn the_same_message_is_known_again() {
    for case in &CASES {
        let Some(key) = case.key else { continue };
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let channels = channels();
        let endpoint = endpoint(&channels, case.channel, &(case.config)(&server.url("")));
        let told = opened();
        channels.send(&endpoint, &message(&told)).await;
        let later = Message { now: NOW + model::Duration::from_secs(60), ..message(&told) };
        let again = channels.send(&endpoint, &later).await;
        let seen = server.seen();
        assert_eq!(key(&seen[0]), key(&seen[1]), "{}: {}", case.channel, again.answer);
    }
}

#[tokio::test]
async fn a_subject_keeps_its_key_from_beginning_to_end() {
    for (case, beginning, end) in [
        ("pagerduty", Trigger::Opened, Trigger::Resolved),
        ("pagerduty", Trigger::Signal, Trigger::SignalResolved),
        ("opsgenie", Trigger::Opened, Trigger::Closed),
        ("opsgenie", Trigger::Opened, Trigger::Acknowledged),
        ("alertmanager", Trigger::Opened, Trigger::Resolved),
    ] {
        let case = CASES.iter().find(|each| each.channel == case).unwrap();
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let channels = channels();
        let config = (case.config)(&server.url(""));
        let mut references = Vec::new();
        for trigger in [beginning, end] {
            let told = notification(Transition::Of(trigger), "database");
            references.push(send(&channels, case.channel, &config, &told).await.reference);
        }
        assert_eq!(references[0], references[1], "{}", case.channel);
        let seen = server.seen();
        match case.channel {
            "pagerduty" => {
                let actions = seen.iter().map(|each| each.json()["event_action"].to_string());
                assert_eq!(actions.collect::<Vec<_>>(), ["\"trigger\"", "\"resolve\""]);
                assert_eq!(seen[0].json()["dedup_key"], seen[1].json()["dedup_key"]);
            }
            "opsgenie" => {
                let alias = seen[0].json()["alias"].as_str().unwrap().to_owned();
                assert!(
                    seen[1].path.starts_with(&format!("/v2/alerts/{alias}/")),
                    "{}",
                    seen[1].path
                );
            }
            _ => {
                let prints =
                    seen.iter().map(|each| each.json()["alerts"][0]["fingerprint"].clone());
                let prints: Vec<_> = prints.collect();
                assert_eq!(prints[0], prints[1]);
            }
        }
    }
}

#[tokio::test]
async fn errors_within_a_yes_are_seen() {
    for (channel, config, body, outcome) in [
        (
            "slack",
            CASES[7].config,
            r#"{"ok":false,"error":"ratelimited"}"#,
            SentOutcome::Retry { after: None },
        ),
        (
            "slack",
            CASES[7].config,
            r#"{"ok":false,"error":"internal_error"}"#,
            SentOutcome::Retry { after: None },
        ),
        (
            "slack",
            CASES[7].config,
            r#"{"ok":false,"error":"channel_not_found"}"#,
            SentOutcome::Refused,
        ),
        (
            "slack",
            CASES[7].config,
            r#"{"ok":false,"error":"account_inactive"}"#,
            SentOutcome::Refused,
        ),
        ("telegram", CASES[9].config, r#"{"ok":false,"description":"odd"}"#, SentOutcome::Refused),
    ] {
        let server = Server::start(Behaviour::Always(200, Vec::new(), body.into())).await;
        let sent = send(&channels(), channel, &config(&server.url("")), &opened()).await;
        assert_eq!(sent.outcome, outcome, "{channel} {body}");
    }
}

#[tokio::test]
async fn how_long_to_wait_is_read_from_the_body_where_it_stands_there() {
    for (channel, config, body, after) in [
        ("telegram", CASES[9].config, r#"{"ok":false,"parameters":{"retry_after":9}}"#, 9_000_000),
        ("discord", CASES[1].config, r#"{"message":"limited","retry_after":0.25}"#, 250_000),
    ] {
        let server = Server::start(Behaviour::Always(429, Vec::new(), body.into())).await;
        let sent = send(&channels(), channel, &config(&server.url("")), &opened()).await;
        let after = Some(model::Duration::from_micros(after));
        assert_eq!(sent.outcome, SentOutcome::Retry { after }, "{channel}");
    }
}
