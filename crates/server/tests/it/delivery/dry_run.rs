//! A dry run is held against what the engine told of the same past.

use serde_json::{Value, json};

use super::subscription::{private, rule, subscriber, webhook};
use crate::harness::{Server, Sink, complete_rca, only_incident, play, text};

const TRANSITIONS: [&str; 6] =
    ["opened", "escalated", "acknowledged", "resolved", "reopened", "closed"];

/// What each item of a list is about, what happened to it, and when; in order.
fn told(items: &Value, at: &str) -> Vec<[String; 3]> {
    let items = items.as_array().expect("a list").iter();
    let of = |item: &Value| [&item["subject"]["id"], &item["transition"], &item[at]].map(text);
    let mut told: Vec<_> = items.map(of).collect();
    told.sort();
    told
}

#[test]
fn a_dry_run_tells_what_the_engine_told_of_every_transition_by_hand_and_by_itself() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let policy = json!({
        "name": "by itself", "auto_lifecycle": true, "quiet": "1s", "matcher": { "component": "web" },
    });
    client.post("/v1/policies/grouping", &policy).expect_status(201);
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    let asked = json!({ "on": TRANSITIONS, "match_all": true });
    let rule = rule(&mut client, &team, &hook, &asked);
    play(
        &mut client,
        "web",
        "at 0s push web P2
         between 0s and 20s expect INVESTIGATING
         at 0s push web P2
         between 0s and 60s expect RESOLVED",
    );
    play(
        &mut client,
        "db",
        "at 0s push db P2
         at 0s push db P0
         at 0s move INVESTIGATING
         at 0s move RESOLVED
         at 0s move OPEN
         at 0s move INVESTIGATING
         at 0s move RESOLVED",
    );
    let db = text(&only_incident(&mut client, "component=db")["id"]);
    client.post(&format!("/v1/incidents/{db}/rca"), &complete_rca()).expect_status(201);
    let engine = client.get("/v1/notifications?limit=1000").expect_status(200).json();
    let tried = json!({ "rule_id": rule["id"], "hours": 1 });
    let tried = client.post("/v1/rules/test", &tried).expect_status(200).json();
    let engine = told(&engine["items"], "created_at");
    assert_eq!(told(&tried["examples"], "at"), engine);
    assert_eq!(tried["would_have_sent"], json!(engine.len()));
    let transitions = |of_db: bool| {
        let of_one = engine.iter().filter(|[id, ..]| (*id == db) == of_db);
        of_one.map(|[_, transition, _]| transition.as_str()).collect::<Vec<_>>()
    };
    let (of_db, of_web) = (transitions(true), transitions(false));
    assert_eq!(of_db.len(), 8, "{of_db:?}");
    assert!(of_web.contains(&"reopened") && !of_web.contains(&"acknowledged"), "{of_web:?}");
}
