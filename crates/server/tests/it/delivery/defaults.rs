//! Default routes: who hears of what while nobody has made a rule.

use std::time::Duration;

use serde_json::{Value, json};

use super::subscription::{endpoint, private, rule, signal, subscriber};
use crate::harness::{Client, Server, Sink, eventually, text};

const SOON: Duration = Duration::from_secs(20);

/// Components of the incidents that each endpoint was told of, once all has been delivered.
fn told(client: &mut Client, expected: u64) -> Vec<(String, String)> {
    let all = eventually("everything is delivered", SOON, || {
        let all = client.get("/v1/notifications?status=delivered").expect_status(200).json();
        (all["total"] == expected).then_some(all)
    });
    let mut told = Vec::new();
    for one in all["items"].as_array().expect("a list") {
        let incident = text(&one["subject"]["id"]);
        let incident = client.get(&format!("/v1/incidents/{incident}")).expect_status(200).json();
        let endpoint = text(&one["attempts"][0]["target"]["id"]);
        told.push((text(&incident["component"]), endpoint));
    }
    told.sort();
    told
}

#[test]
fn without_any_rule_p0_pages_p1_and_p2_go_to_slack_and_p3_to_the_console() {
    let server = Server::start(private());
    let (mut client, pages, chat) = (server.client(), Sink::start(), Sink::start());
    let team = subscriber(&mut client, "team");
    let keys =
        json!({"routing_key": "0123456789abcdef0123456789abcdef", "base_url": pages.url("")});
    let page = endpoint(&mut client, &team, "pagerduty", &keys);
    let slack = endpoint(&mut client, &team, "slack", &json!({"url": chat.url("/services/T/B/x")}));
    let console = endpoint(&mut client, &team, "console", &json!({}));
    for (component, severity) in [("zero", "P0"), ("one", "P1"), ("two", "P2"), ("three", "P3")] {
        signal(&mut client, &json!({"component": component, "severity": severity}));
    }
    let on = |component: &str, endpoint: &str| (component.to_owned(), endpoint.to_owned());
    let expected = [on("one", &slack), on("three", &console), on("two", &slack), on("zero", &page)];
    assert_eq!(told(&mut client, 4), expected);
    let paged = &pages.taken()[0];
    assert_eq!(
        (paged.path.as_str(), &paged.json()["event_action"]),
        ("/v2/enqueue", &json!("trigger"))
    );
    assert_eq!((pages.count(), chat.count()), (1, 2));

    let asked = json!({"match": [{"field": "component", "op": "equals", "value": "none"}]});
    let made = rule(&mut client, &team, &slack, &asked);
    signal(&mut client, &json!({"component": "five", "severity": "P0"}));
    let routes = client.get("/v1/default-routes").expect_status(200).json();
    assert_eq!((&routes["in_force"], &routes["total"]), (&json!(false), &json!(3)));

    client
        .json("DELETE", &format!("/v1/rules/{}", text(&made["id"])), &Value::Null)
        .expect_status(204);
    signal(&mut client, &json!({"component": "six", "severity": "P0"}));
    let mut again = expected.to_vec();
    again.push(on("six", &page));
    again.sort();
    assert_eq!(told(&mut client, 5), again);
}
