//! Ten thousand damaged bodies through every door of a real server: each is answered, none is an
//! error of the server's own, and it works as before.

use std::thread;

use serde_json::json;

use crate::harness::{Client, Given, Options, Random, Server};

pub(crate) const BODIES: usize = 10_000;
/// Connections that share them.
const CONNECTIONS: usize = 4;

const SIGNALS: [&str; 3] = [
    r#"{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"db","severity":"critical","labels":{"zone":"b"},"payload":{"a":[1,2.50,"é"]},"occurred_at":"2026-11-20T13:00:00Z"}"#,
    r#"[{"component":"a","extra":{"deep":[[{}]]}},{"service":"b","timestamp":1795179600.5},{"component":"c","id":"x"},7]"#,
    "{\"component\":\"a\"}\n\n{\"component\":\"b\",\"labels\":{\"k\":\"v\"}}\n",
];
const ALERTS: [&str; 2] = [
    r#"[{"labels":{"alertname":"a","severity":"page"},"annotations":{"summary":"s"},"endsAt":"2036-11-20T13:04:00Z"},{"labels":{}}]"#,
    r#"[{"labels":{"alertname":"\ud83d\ude00"},"endsAt":"2020-01-01T00:00:00.000Z"},null,{"x":[[[]]]}]"#,
];
const WEBHOOKS: [&str; 2] = [
    r#"{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"a"},"endsAt":"0001-01-01T00:00:00Z"},{"status":"resolved","labels":{"alertname":"b"}}]}"#,
    r#"{"orgId":1,"version":"4","alerts":[{"labels":{"a b":"c"},"values":{"B":44.23,"C":null}}],"title":"t"}"#,
];

/// A body after a few accidents: flipped bits, cuts, repeats, splices, noise.
pub(crate) fn damage(random: &mut Random, bodies: &[&[u8]]) -> Vec<u8> {
    let mut body = bodies[random.below(bodies.len())].to_vec();
    for _ in 0..1 + random.below(3) {
        let (one, other) = (random.below(body.len() + 1), random.below(body.len() + 1));
        let (from, to) = (one.min(other), one.max(other));
        match random.below(6) {
            0 if !body.is_empty() => {
                let at = random.below(body.len());
                body[at] ^= 1 << random.below(8);
            }
            1 => body.truncate(to),
            2 => drop(body.drain(from..to)),
            3 => {
                let again = body[from..to].to_vec();
                body.splice(to..to, again);
            }
            4 => {
                let other = bodies[random.below(bodies.len())];
                let at = random.below(other.len() + 1);
                body.splice(from..to, other[at..].iter().copied());
            }
            _ => body.extend((0..random.below(64)).map(|_| random.next() as u8)),
        }
    }
    body
}

fn storm(server: &Server, path: &str, bodies: &[&[u8]]) {
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let client = server.client();
            scope.spawn(move || throw(client, path, bodies, connection as u64));
        }
    });
}

fn throw(mut client: Client, path: &str, bodies: &[&[u8]], seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..BODIES / CONNECTIONS {
        let body = damage(&mut random, bodies);
        let kind = ["application/json", "application/x-ndjson"][random.below(8) / 7];
        let encoding = ["identity", "gzip", "zstd"][random.below(32).saturating_sub(29)];
        let headers = &[("content-type", kind), ("content-encoding", encoding)];
        let given = Given { headers, body: &body, ..Given::default() };
        let answer = client.send("POST", path, &given).expect("every body is answered");
        let known = [200, 202, 400, 413, 415, 503].contains(&answer.status);
        assert!(
            known,
            "{}: {}\n{:?}",
            answer.status,
            answer.text(),
            String::from_utf8_lossy(&body)
        );
    }
}

#[test]
fn ten_thousand_damaged_bodies_at_each_http_door_are_answered_and_change_nothing_for_others() {
    let mut server = Server::start(Options::default());
    for (path, bodies) in [
        ("/v1/signals", &SIGNALS[..]),
        ("/api/v2/alerts", &ALERTS),
        ("/v1/webhooks/alertmanager", &WEBHOOKS),
        ("/v1/webhooks/grafana", &WEBHOOKS),
    ] {
        let bodies: Vec<_> = bodies.iter().map(|body| body.as_bytes()).collect();
        storm(&server, path, &bodies);
        assert!(server.is_running());
    }
    let mut client = server.client();
    client.post("/v1/signals", &json!({ "component": "after" })).expect_status(202);
    client.get("/v1/incidents?component=after").expect_status(200);
    client.get("/readyz").expect_status(200);
    assert_eq!(
        server.metric("stormbell_http_requests_total{route=\"door\",status_class=\"5xx\"}"),
        0.0
    );
    assert_eq!(server.metric("stormbell_invariant_violations_total"), 0.0);
    // What they left in the journal is understood by the next start.
    server.terminate();
    server.restart();
    server.client().get("/v1/incidents?component=after").expect_status(200);
}
