//! What must last: silences and escalations over a kill, and endpoints that answer beside those that do not.

use std::time::Duration;

use serde_json::{Value, json};

use super::subscription::{private, rule, signal, subscriber, webhook};
use crate::harness::{
    Client, ClosedSink, Conduct, Server, Sink, eventually, never_for, only_incident, text,
};

const SOON: Duration = Duration::from_secs(30);

fn all(client: &mut Client, path: &str) -> Vec<Value> {
    client.get(path).expect_status(200).json()["items"].as_array().expect("a list").clone()
}

#[test]
fn a_silence_holds_from_the_moment_it_is_acknowledged_whatever_is_killed_then() {
    let mut server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    rule(&mut client, &team, &hook, &json!({ "match_all": true }));
    for round in 0..5 {
        let component = format!("db-{round}");
        let asked = json!({
            "match": [{ "field": "component", "op": "equals", "value": component }],
            "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2100-01-01T00:00:00Z", "comment": "moving",
        });
        client.post("/v1/silences", &asked).expect_status(201);
        server.kill9();
        server.restart();
        client = server.client();
        // The silenced first, so that whatever leaked would have left before the other arrives.
        signal(&mut client, &json!({ "component": component, "severity": "P0" }));
        signal(&mut client, &json!({ "component": format!("loud-{round}"), "severity": "P0" }));
    }
    eventually("the others are told", SOON, || (sink.count() >= 5).then_some(()));
    let told = sink.taken();
    assert!(told.iter().all(|one| text(&one.json()["incident"]["component"]).starts_with("loud")));
    let held = all(&mut client, "/v1/notifications?status=held");
    assert_eq!(held.len(), 5, "{held:?}");
    assert!(held.iter().all(|one| one["held"]["reason"] == "silenced"), "{held:?}");
}

#[test]
fn an_escalation_goes_on_over_a_kill_and_stops_when_somebody_takes_it_up() {
    let mut server = Server::start(private());
    let (mut client, first, second) = (server.client(), Sink::start(), Sink::start());
    let team = subscriber(&mut client, "team");
    let (one, two) = (
        webhook(&mut client, &team, "first", &first),
        webhook(&mut client, &team, "second", &second),
    );
    let steps =
        json!([{ "after": "0s", "endpoints": [one] }, { "after": "4s", "endpoints": [two] }]);
    let asked = json!({ "name": "chain", "steps": steps, "repeat": 0 });
    let chain = text(&client.post("/v1/escalations", &asked).expect_status(201).json()["id"]);
    let asked = json!({ "match_all": true, "endpoints": [], "escalation_id": chain });
    rule(&mut client, &team, &one, &asked);
    signal(&mut client, &json!({ "component": "db", "severity": "P1" }));
    eventually("the first step is told", SOON, || (first.count() == 1).then_some(()));
    server.kill9();
    server.restart();
    client = server.client();
    eventually("the second step is told", SOON, || (second.count() == 1).then_some(()));
    assert_eq!(second.taken()[0].json()["transition"], "step");
    signal(&mut client, &json!({ "component": "web", "severity": "P1" }));
    eventually("the other incident's first step is told", SOON, || {
        (first.count() == 2).then_some(())
    });
    let incident = only_incident(&mut client, "component=web");
    let path = format!("/v1/incidents/{}/state", text(&incident["id"]));
    client.json("PATCH", &path, &json!({ "to": "INVESTIGATING" })).expect_status(200);
    never_for("a step after it was taken up", Duration::from_secs(6), || {
        (second.count() > 1).then_some(())
    });
}

#[test]
fn an_endpoint_that_hangs_and_one_that_is_gone_hold_nobody_else_up() {
    let server = Server::start(private());
    let (mut client, good, hung) = (server.client(), Sink::start(), Sink::start());
    hung.conduct(Conduct::Hangs);
    // Its port is kept, so that nobody else is there meanwhile.
    let gone = ClosedSink::reserve();
    for (name, url) in [("good", good.url("/")), ("hung", hung.url("/")), ("gone", gone.url("/"))] {
        let team = subscriber(&mut client, name);
        let asked = json!({
            "subscriber_id": team, "channel": "webhook", "name": name, "config": { "url": url },
        });
        let hook = text(&client.post("/v1/endpoints", &asked).expect_status(201).json()["id"]);
        rule(&mut client, &team, &hook, &json!({ "on": ["signal"], "match_all": true }));
    }
    for _ in 0..200 {
        signal(&mut client, &json!({ "component": "db", "severity": "P1" }));
    }
    eventually("the good one hears of everything", SOON, || (good.count() == 200).then_some(()));
    eventually("its receipts are applied, and the others are tried on", SOON, || {
        let pending = client.get("/v1/notifications?status=pending&limit=1").json();
        (pending["total"] == 400).then_some(())
    });
}

#[test]
fn who_was_told_what_and_why_not_can_be_explained() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    let eu = json!([{ "field": "labels.region", "op": "equals", "value": "eu" }]);
    let us = json!([{ "field": "labels.region", "op": "equals", "value": "us" }]);
    rule(&mut client, &team, &hook, &json!({ "name": "eu", "on": ["signal"], "match": eu }));
    rule(&mut client, &team, &hook, &json!({ "name": "us", "on": ["signal"], "match": us }));
    let given = json!({ "component": "db", "severity": "P1", "labels": { "region": "eu" } });
    let id = signal(&mut client, &given);
    eventually("it is told", SOON, || (sink.count() == 1).then_some(()));
    let path = format!("/v1/explain?subject=signal:{id}&subscriber={team}");
    let explained = eventually("it is settled", SOON, || {
        let explained = client.get(&path).expect_status(200).text();
        explained.contains("\"sent\"").then_some(explained)
    });
    for word in ["\"matched\"", "\"not_matched\"", "\"labels.region\"", "\"us\""] {
        assert!(explained.contains(word), "{word} in {explained}");
    }
}

#[test]
fn a_secret_is_never_shown_signs_after_a_change_and_survives_a_backup() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let mut asked = json!({
        "subscriber_id": team, "channel": "webhook", "name": "hook",
        "config": { "url": sink.url("/"), "secret": "never shown to anybody" },
    });
    let made = client.post("/v1/endpoints", &asked).expect_status(201);
    assert!(!made.text().contains("never shown"), "{}", made.text());
    assert_eq!(made.json()["config"]["secret"], json!({ "set": true }));
    let path = format!("/v1/endpoints/{}", text(&made.json()["id"]));
    asked["config"]["secret"] = json!({ "set": true });
    client.json("PUT", &path, &asked).expect_status(200);
    client.post(&format!("{path}/test"), &json!({})).expect_status(200);
    let signature = sink.taken()[0].header("stormbell-signature").map(str::to_owned);
    assert!(signature.is_some_and(|text| text.contains("v1=")));
    let to = server.folder().join("backup");
    let mut backup = std::process::Command::new(crate::harness::binary());
    let made = backup.arg("backup").arg(&to).arg("--data").arg(server.data()).output();
    assert!(made.expect("it runs").status.success());
    let key = |folder: &std::path::Path| std::fs::read(folder.join("secret.key")).expect("a key");
    assert_eq!(key(&to), key(&server.data()));
}

#[test]
fn a_start_whose_secrets_do_not_open_is_refused_until_the_key_is_back_or_they_are_given_up() {
    let mut server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let mut asked = json!({
        "subscriber_id": team, "channel": "webhook", "name": "hook",
        "config": { "url": sink.url("/"), "secret": "the first secret" },
    });
    let hook = text(&client.post("/v1/endpoints", &asked).expect_status(201).json()["id"]);
    rule(&mut client, &team, &hook, &json!({ "match_all": true }));
    server.terminate();
    let (key, kept) = (server.data().join("secret.key"), server.folder().join("kept.key"));
    std::fs::rename(&key, &kept).expect("it is there");
    let refused = server.try_restart().expect_err("no key opens its secrets").log;
    for words in ["secret.key is missing", "the secrets of 1 endpoint:", "--forget-lost-secrets"] {
        assert!(refused.contains(words), "{words} in {refused}");
    }
    assert!(!key.exists(), "no other key is made");
    private_file(&key, &[7; 32]);
    let refused = server.try_restart().expect_err("another key does not open them").log;
    assert!(refused.contains("is another key than"), "{refused}");
    std::fs::rename(&kept, &key).expect("it goes back");
    server.restart();
    server.terminate();

    std::fs::remove_file(&key).expect("it is there");
    let found = doctor(&server, &[], 1);
    let checks = found["checks"].as_array().expect("a list");
    let secrets = checks.iter().find(|check| check["name"] == "secrets").expect("it looks");
    assert_eq!(secrets["status"], "fail", "{secrets}");
    let forgotten = doctor(&server, &["--forget-lost-secrets"], 0);
    assert_eq!(
        (&forgotten["key_made"], &forgotten["endpoints"][0]["id"]),
        (&json!(true), &json!(hook))
    );
    server.restart();
    client = server.client();
    let path = format!("/v1/endpoints/{hook}");
    let shown = client.get(&path).expect_status(200).json();
    assert_eq!(shown["config"]["secret"], json!({ "set": false }), "{shown}");
    signal(&mut client, &json!({ "component": "db", "severity": "P1" }));
    eventually("it waits for the secret", SOON, || {
        let pending = all(&mut client, "/v1/notifications?status=pending");
        pending.first()?.to_string().contains("secrets are lost").then_some(())
    });
    asked["config"]["secret"] = json!({ "set": false });
    let refused = client.json("PUT", &path, &asked).expect_status(422).text();
    assert!(refused.contains("config.secret") && refused.contains("give_again"), "{refused}");
    asked["config"]["secret"] = json!("the second secret");
    client.json("PUT", &path, &asked).expect_status(200);
    eventually("it is sent with the new secret", SOON, || (sink.count() == 1).then_some(()));
    assert!(sink.taken()[0].header("stormbell-signature").is_some());
    server.terminate();
    server.restart();
}

fn private_file(path: &std::path::Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, bytes).expect("it is written");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, mode).expect("it is made private");
}

/// What `stormbell doctor --json` says of a server's folder.
#[track_caller]
fn doctor(server: &Server, arguments: &[&str], code: i32) -> Value {
    let mut doctor = std::process::Command::new(crate::harness::binary());
    doctor.args(["doctor", "--json", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
    let done = doctor.args(arguments).arg("--data").arg(server.data()).output().expect("it runs");
    assert_eq!(done.status.code(), Some(code), "{done:?}");
    serde_json::from_slice(&done.stdout).expect("JSON")
}

#[test]
fn loopback_is_refused_unless_the_operator_allows_it() {
    let server = Server::start(crate::harness::Options::default());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    let tested = client.post(&format!("/v1/endpoints/{hook}/test"), &json!({})).expect_status(200);
    assert_eq!(tested.json()["delivered"], false, "{}", tested.text());
    rule(&mut client, &team, &hook, &json!({ "match_all": true }));
    signal(&mut client, &json!({ "component": "db", "severity": "P1" }));
    let letter = eventually("it is given up", SOON, || {
        all(&mut client, "/v1/dead-letters").first().cloned()
    });
    assert!(letter.to_string().contains("127.0.0.1"), "{letter}");
    assert_eq!(sink.received().len(), 0);
}
