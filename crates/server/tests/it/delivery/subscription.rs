//! Subscribers, endpoints and rules as a test makes them.

use serde_json::{Value, json};

use crate::harness::{Client, Options, Sink, text};

/// A server that may deliver to this machine.
pub(crate) fn private() -> Options {
    Options { arguments: vec!["--allow-private-endpoints".to_owned()], ..Options::default() }
}

/// Creates a subscriber.
#[track_caller]
pub(crate) fn subscriber(client: &mut Client, name: &str) -> String {
    let made = client.post("/v1/subscribers", &json!({ "name": name })).expect_status(201);
    text(&made.json()["id"])
}

/// Creates an endpoint of a subscriber, called as its channel is.
#[track_caller]
pub(crate) fn endpoint(
    client: &mut Client,
    subscriber: &str,
    channel: &str,
    config: &Value,
) -> String {
    let asked = json!({
        "subscriber_id": subscriber, "channel": channel, "name": channel, "config": config,
    });
    text(&client.post("/v1/endpoints", &asked).expect_status(201).json()["id"])
}

/// Creates a webhook endpoint of a subscriber at a sink.
#[track_caller]
pub(crate) fn webhook(client: &mut Client, subscriber: &str, name: &str, sink: &Sink) -> String {
    let asked = json!({
        "subscriber_id": subscriber, "channel": "webhook", "name": name,
        "config": { "url": sink.url("/hook") },
    });
    text(&client.post("/v1/endpoints", &asked).expect_status(201).json()["id"])
}

/// Creates a rule that sends to one endpoint; `more` adds to it and overrides.
#[track_caller]
pub(crate) fn rule(client: &mut Client, subscriber: &str, endpoint: &str, more: &Value) -> Value {
    let mut asked = json!({
        "subscriber_id": subscriber, "name": "rule", "on": ["opened"], "endpoints": [endpoint],
    });
    for (name, value) in more.as_object().expect("an object") {
        asked[name] = value.clone();
    }
    client.post("/v1/rules", &asked).expect_status(201).json()
}

/// Sends one signal and answers its id.
#[track_caller]
pub(crate) fn signal(client: &mut Client, body: &Value) -> String {
    let taken = client.post("/v1/signals", body).expect_status(202).json();
    assert_eq!(taken["accepted"], 1, "{taken}");
    text(&taken["ids"][0])
}
