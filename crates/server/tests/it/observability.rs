//! What is seen from outside: request ids and trace contexts in the log, no secret in it, and the
//! metrics that are promised.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Given, Options, Server, eventually};

const PATIENCE: Duration = Duration::from_secs(20);
const TRACE_PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const METRICS: &str = include_str!("../../../../deploy/metrics.txt");

fn talkative() -> Options {
    Options { log: Some("info,http=debug"), ..Options::default() }
}

fn log_of(server: &Server, request_id: &str) -> Value {
    eventually("the request is in the log", PATIENCE, || {
        let log = server.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["request_id"] == request_id)
    })
}

#[test]
fn a_request_is_found_in_the_log_by_its_id_and_its_trace() {
    let server = Server::start(talkative());
    let mut client = server.client();
    let headers = &[("x-request-id", "pager-42"), ("traceparent", TRACE_PARENT)];
    for (method, path, status) in [("POST", "/v1/signals", 400), ("GET", "/v1/incidents", 200)] {
        let given = Given { headers, ..Given::default() };
        let answer = client.send(method, path, &given).expect("the server answers");
        assert_eq!(answer.header("x-request-id"), Some("pager-42"));
        assert_eq!(answer.status, status);
    }
    let line = log_of(&server, "pager-42");
    assert_eq!(line["traceparent"], TRACE_PARENT);
    assert_eq!((&line["method"], &line["path"]), (&json!("POST"), &json!("/v1/signals")));
    assert_eq!(line["status"], 400);

    let answer = client.get("/v1/incidents/00000000-0000-0000-0000-000000000001");
    let minted = answer.header("x-request-id").expect("every answer has one").to_owned();
    assert_eq!(answer.expect_status(404).json()["instance"], minted);
    assert_eq!(log_of(&server, &minted)["status"], 404);
}

#[test]
fn a_key_never_reaches_the_log() {
    let mut server = Server::start(Options { log: Some("trace"), ..Options::default() });
    let (mut client, key) = (server.client(), server.key());
    let alert = json!([{ "labels": { "alertname": "a" } }]).to_string();
    let headers = &[("content-type", "application/json"), ("x-request-id", "last")];
    let given = Given { headers, body: alert.as_bytes(), without_key: true };
    for path in ["/api/v2/alerts", "/v1/webhooks/alertmanager", "/nowhere", ""] {
        let path = format!("/k/{key}{path}");
        for method in ["POST", "GET"] {
            client.send(method, &path, &given).expect("the server answers");
        }
    }
    let query = format!("/v1/incidents?key={key}");
    client.send("GET", &query, &given).expect("the server answers");
    let made = client.post("/v1/keys", &json!({ "name": "n", "scopes": ["read"] }));
    let second = made.expect_status(201).json()["key"].as_str().expect("a secret").to_owned();
    log_of(&server, "last");
    let log = server.terminate();
    assert!(!log.contains(&key), "the first key is in the log");
    assert!(!log.contains(&second), "a key that was made is in the log");
}

#[test]
fn the_metrics_are_exactly_those_that_are_promised() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    client.post("/v1/signals", &json!({ "component": "db" })).expect_status(202);
    client.get("/v1/incidents").expect_status(200);
    let page = client.get("/metrics").expect_status(200).text();
    let promised: BTreeSet<_> = METRICS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (name, rest) = line.split_once([' ', '{']).expect("a name, then more");
            let words = rest.rsplit_once('}').map_or(rest, |(_, after)| after);
            (name, words.split_whitespace().next().expect("a type"))
        })
        .collect();
    let typed = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let exported: BTreeSet<_> = typed.filter_map(|line| line.split_once(' ')).collect();
    assert_eq!(exported, promised);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let series = line.split(['{', ' ']).next().expect("a name");
        let plain = ["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end));
        let of_histogram = plain.is_some_and(|name| exported.contains(&(name, "histogram")));
        let known = of_histogram || exported.iter().any(|(name, _)| *name == series);
        assert!(known, "{line}");
    }
}
