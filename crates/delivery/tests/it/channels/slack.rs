//! Slack's bot: one message an incident, kept up to date, and the rest below it.

use delivery::channel::{Message, SentOutcome};
use model::{Transition, Trigger};
use serde_json::{Value, json};

use crate::messages::{channels, endpoint, message, notification, opened};
use crate::servers::http::{Behaviour, Server};
use crate::servers::vendors;

fn config(server: &Server) -> Value {
    json!({"token": "xoxb-good", "channel": "#ops", "base_url": server.url("/api")})
}

#[tokio::test]
async fn the_first_message_is_updated_and_the_rest_replies_to_it() {
    let server = Server::start(Behaviour::Vendor(vendors::slack_api)).await;
    let channels = channels();
    let endpoint = endpoint(&channels, "slack", &config(&server));
    let first = channels.send(&endpoint, &message(&opened())).await;
    assert_eq!(
        (first.outcome, first.reference.as_str()),
        (SentOutcome::Delivered, "C1:1700000000.000000")
    );

    let resolved = notification(Transition::Of(Trigger::Resolved), "Payment database is down");
    let next = Message { thread: &first.reference, ..message(&resolved) };
    let sent = channels.send(&endpoint, &next).await;
    assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);

    let seen = server.seen();
    let paths: Vec<_> = seen.iter().map(|each| each.path.as_str()).collect();
    assert_eq!(paths, ["/api/chat.postMessage", "/api/chat.update", "/api/chat.postMessage"]);
    let (update, reply) = (seen[1].json(), seen[2].json());
    assert_eq!((&update["channel"], &update["ts"]), (&json!("C1"), &json!("1700000000.000000")));
    assert_eq!(reply["thread_ts"], "1700000000.000000");
    assert!(update["text"].as_str().unwrap().contains("Resolved"));
}

#[tokio::test]
async fn a_first_message_that_is_gone_is_followed_by_a_new_one() {
    let server = Server::start(Behaviour::Vendor(vendors::slack_api)).await;
    let channels = channels();
    let endpoint = endpoint(&channels, "slack", &config(&server));
    let told = opened();
    let lost = Message { thread: "C1:1600000000.000001", ..message(&told) };
    let sent = channels.send(&endpoint, &lost).await;
    assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].json().get("thread_ts"), None);
}

#[tokio::test]
async fn an_update_that_fails_for_now_is_tried_again_before_any_reply() {
    let limited = br#"{"ok":false,"error":"ratelimited"}"#.to_vec();
    let server = Server::start(Behaviour::Always(200, Vec::new(), limited)).await;
    let channels = channels();
    let endpoint = endpoint(&channels, "slack", &config(&server));
    let told = opened();
    let next = Message { thread: "C1:1.1", ..message(&told) };
    assert_eq!(channels.send(&endpoint, &next).await.outcome, SentOutcome::Retry { after: None });
    assert_eq!(server.seen().len(), 1);
}
