//! Dead letters outlast whatever ends the server: they are listed and found as before, and what is replayed is what
//! would have been sent, `sent_at` apart.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::subscription::{endpoint, private, rule, signal, subscriber};
use crate::harness::{Client, Conduct, Received, Server, Sink, eventually, only_incident, text};

const SOON: Duration = Duration::from_secs(30);

fn letters(client: &mut Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/v1/dead-letters?{query}")).expect_status(200).json();
    let items = page["items"].as_array().expect("a list").clone();
    assert_eq!(page["total"], items.len(), "{page}");
    items
}

/// One subscriber with two hooks at a sink, who hears of every opening by both.
fn subscribe(client: &mut Client, sink: &Sink) -> [String; 2] {
    let team = subscriber(client, "team");
    let hooks = ["/first", "/second"]
        .map(|path| endpoint(client, &team, "webhook", &json!({ "url": sink.url(path) })));
    rule(client, &team, &hooks[0], &json!({ "match_all": true, "endpoints": hooks }));
    hooks
}

/// A message as it was sent: to where, with what key, saying what, but when.
fn message(request: &Received) -> (String, Option<String>, Value) {
    let mut body = request.json();
    assert!(body["sent_at"].is_string(), "{body}");
    body["sent_at"] = Value::Null;
    (request.path.clone(), request.header("idempotency-key").map(str::to_owned), body)
}

/// Insists that each of four messages was the same however often it was sent, and was taken once.
fn each_is_the_same_and_taken_once(sink: &Sink) {
    let mut sent: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for request in sink.received() {
        let (path, key, body) = message(&request);
        sent.entry((path, text(&body["notification_id"]))).or_default().push((key, body));
    }
    assert_eq!(sent.len(), 4, "two incidents, two hooks");
    for (which, messages) in &sent {
        assert!(messages.len() > 1, "{which:?} was sent before and after");
        assert!(messages.iter().all(|one| *one == messages[0]), "{which:?}: {messages:#?}");
    }
    assert_eq!(sink.count(), 4, "each was taken once");
}

/// Kinds of filter, each with how many of the four letters it finds.
fn filters(letters: &[Value], hook: &str, incident: &str) -> Vec<(String, usize)> {
    let letter = &letters[0];
    let dead_at = |one: &Value| text(&one["dead_at"]).parse::<jiff::Timestamp>().expect("a time");
    let as_late = letters.iter().filter(|one| dead_at(one) >= dead_at(letter)).count();
    let of = |name: &str| format!("{name}={}", text(&letter[format!("{name}_id")]));
    vec![
        (format!("endpoint={hook}"), 2),
        (format!("incident={incident}"), 2),
        (format!("endpoint={hook}&incident={incident}"), 1),
        (of("subscriber"), 4),
        (of("notification"), 2),
        ("until=2000-01-01T00:00:00Z".to_owned(), 0),
        ("since=2000-01-01T00:00:00Z".to_owned(), 4),
        (format!("since={}", text(&letter["dead_at"])), as_late),
        (format!("until={}", text(&letter["dead_at"])), letters.len() - as_late),
    ]
}

fn replay(client: &mut Client, asked: &Value) -> Value {
    let answer = client.post("/v1/dead-letters/replay", asked).expect_status(202).json();
    answer["replayed"].clone()
}

fn they_outlast(end: fn(&mut Server)) {
    let mut server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let hooks = subscribe(&mut client, &sink);
    sink.conduct(Conduct::Answers(410));
    for component in ["db", "web"] {
        signal(&mut client, &json!({ "component": component, "severity": "P1" }));
    }
    let before = eventually("all are given up", SOON, || {
        Some(letters(&mut client, "")).filter(|found| found.len() == 4)
    });
    end(&mut server);
    server.restart();
    client = server.client();
    assert_eq!(letters(&mut client, ""), before);
    let incident = text(&only_incident(&mut client, "component=db")["id"]);
    for (query, count) in filters(&before, &hooks[0], &incident) {
        assert_eq!(letters(&mut client, &query).len(), count, "{query}");
    }
    // It is due from the moment the replay is acknowledged, whatever ends the server before it is taken.
    sink.conduct(Conduct::Answers(503));
    let one = json!({ "filter": { "endpoint": hooks[0], "incident": incident } });
    assert_eq!(replay(&mut client, &one), 1);
    end(&mut server);
    sink.settle();
    sink.conduct(Conduct::Takes);
    server.restart();
    client = server.client();
    eventually("it arrives", SOON, || (sink.count() == 1).then_some(()));
    let (path, _, body) = message(&sink.taken()[0]);
    assert_eq!((path.as_str(), &body["incident"]["id"]), ("/first", &json!(incident)));
    assert_eq!(letters(&mut client, "").len(), 3);
    assert_eq!(replay(&mut client, &json!({ "all": true })), 3);
    eventually("nothing is pending and none is a dead letter", SOON, || {
        let page = client.get("/v1/notifications?status=delivered&limit=1").expect_status(200);
        (page.json()["total"] == 2).then_some(())
    });
    assert!(letters(&mut client, "").is_empty());
    each_is_the_same_and_taken_once(&sink);
}

#[test]
fn dead_letters_outlast_a_kill_and_are_replayed_as_they_were() {
    they_outlast(Server::kill9);
}

#[test]
fn dead_letters_outlast_a_stop_and_are_replayed_as_they_were() {
    they_outlast(|server| drop(server.terminate()));
}
