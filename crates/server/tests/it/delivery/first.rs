//! From a signal to a webhook, and everything on the way that can be seen.

use std::time::Duration;

use serde_json::json;

use super::subscription::{private, rule, signal, subscriber, webhook};
use crate::harness::{Server, Sink, eventually, only_incident, text};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn who_asked_hears_of_an_incident_once_with_everything_it_takes_to_act() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    let asked = json!({
        "on": ["opened", "resolved"],
        "match": [{ "field": "severity", "op": "at_least", "value": "P1" },
                  { "field": "labels.region", "op": "equals", "value": "eu" }],
    });
    let made = rule(&mut client, &team, &hook, &asked);
    let given = json!({ "component": "orders-db", "severity": "P0", "environment": "prod",
        "source": "probe", "summary": "no connections left", "labels": { "region": "eu" } });
    signal(&mut client, &given);
    signal(
        &mut client,
        &json!({ "component": "web", "severity": "P0", "labels": { "region": "us" } }),
    );
    signal(
        &mut client,
        &json!({ "component": "api", "severity": "P2", "labels": { "region": "eu" } }),
    );
    eventually("the webhook arrives", SOON, || (sink.count() == 1).then_some(()));
    let incident = only_incident(&mut client, "component=orders-db");
    let (told, body) = (&sink.taken()[0], sink.taken()[0].json());
    assert_eq!(body["transition"], "opened");
    assert_eq!(body["subscriber_id"], json!(team));
    assert_eq!(body["rule_ids"], json!([made["id"]]));
    assert_eq!(body["severity"], "P0");
    assert_eq!(body["source"], "probe");
    assert_eq!(body["incident"]["id"], incident["id"]);
    assert_eq!(body["signal"]["summary"], "no connections left");
    assert_eq!(told.header("idempotency-key"), body["notification_id"].as_str());
    let shown = client.get("/v1/notifications").expect_status(200).json();
    assert_eq!(shown["total"], 1, "{shown}");
    assert_eq!(shown["items"][0]["id"], body["notification_id"]);
    let delivered = eventually("it is settled", SOON, || {
        let path = format!("/v1/notifications/{}", text(&body["notification_id"]));
        let shown = client.get(&path).expect_status(200).json();
        (shown["status"] == "delivered").then_some(shown)
    });
    assert_eq!(delivered["attempts"][0]["verdict"], "delivered", "{delivered}");
    assert_eq!(delivered["attempts"][0]["status"], 200);
}
