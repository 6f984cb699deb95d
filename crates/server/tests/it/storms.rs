//! Many signals of one thing: how many incidents they are, and that every one of them is kept.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Given, Options, Server, eventually, incidents, only_incident, signal_ids, text, uuid,
};

/// Senders that press the button at the same moment.
const SENDERS: usize = 300;
/// Signals of one long outage, and how many come in one body.
const OUTAGE: u64 = 200_000;
const BATCH: u64 = 10_000;

/// Each sender has a connection of its own; none starts before all are there.
fn send_at_once(server: &Server, component: &str) {
    let barrier = Barrier::new(SENDERS);
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            let mut client = server.client();
            let barrier = &barrier;
            scope.spawn(move || {
                client.get("/livez").expect_status(200);
                barrier.wait();
                let signal = json!({ "component": component, "severity": "P1" });
                client.post("/v1/signals", &signal).expect_status(202);
            });
        }
    });
}

#[test]
fn three_hundred_senders_at_once_are_three_windows_of_one_hundred() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let policy = json!({
        "name": "windows", "matcher": { "component": "cache" },
        // Longer than any machine takes over it, so that only the cap divides.
        "mode": "window", "window": "10m", "cap": 100,
    });
    client.post("/v1/policies/grouping", &policy).expect_status(201);
    send_at_once(&server, "cache");
    let found = incidents(&mut client, "component=cache");
    let mut counts: Vec<_> = found.iter().map(|one| one["signal_count"].as_u64()).collect();
    counts.sort_unstable();
    assert_eq!(counts, [Some(100); 3]);
    for incident in &found {
        assert_eq!(signal_ids(&mut client, &text(&incident["id"])).len(), 100);
    }
}

#[test]
fn three_hundred_senders_at_once_are_one_ongoing_incident() {
    let server = Server::start(Options::default());
    send_at_once(&server, "db");
    let mut client = server.client();
    let incident = only_incident(&mut client, "component=db");
    assert_eq!(incident["signal_count"], SENDERS);
    assert_eq!(signal_ids(&mut client, &text(&incident["id"])).len(), SENDERS);
}

#[test]
fn two_hundred_thousand_signals_of_one_outage_are_one_incident_and_all_are_listed() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    for first in (0..OUTAGE).step_by(BATCH as usize) {
        let mut body = String::with_capacity(BATCH as usize * 200);
        for number in first..first + BATCH {
            let id = uuid(7, number);
            body += &format!(
                "{{\"id\":\"{id}\",\"component\":\"orders-db\",\"component_type\":\"RDBMS\",\
                 \"severity\":\"P0\",\"summary\":\"connection {number} refused\",\
                 \"labels\":{{\"shard\":\"{}\"}},\"payload\":{{\"n\":{number}}}}}\n",
                number % 16
            );
        }
        let given = Given {
            headers: &[("content-type", "application/x-ndjson"), ("prefer", "return=minimal")],
            body: body.as_bytes(),
            ..Default::default()
        };
        // The flood is bigger than the queue on a slow machine: what is not taken is sent again.
        eventually("a batch is taken", Duration::from_secs(30), || {
            let answer = client.send("POST", "/v1/signals", &given).expect("the server answers");
            (answer.status == 202).then_some(())
        });
        let newest = client.get("/v1/incidents/1/signals?limit=1").expect_status(200).json();
        // Nothing is read before it is listed: the last one acknowledged is there.
        assert_eq!(newest["items"][0]["id"], uuid(7, first + BATCH - 1));
    }
    let incident = only_incident(&mut client, "");
    assert_eq!(incident["signal_count"], OUTAGE);
    let ids = signal_ids(&mut client, &text(&incident["id"]));
    assert_eq!(ids.len() as u64, OUTAGE);
    let distinct: HashSet<_> = ids.iter().map(String::as_str).collect();
    assert_eq!(distinct.len() as u64, OUTAGE, "none is listed twice");
    assert_eq!(ids[0], uuid(7, OUTAGE - 1), "the last one acknowledged is the newest");
    assert_eq!(ids[ids.len() - 1], uuid(7, 0));
}
