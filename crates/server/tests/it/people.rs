//! People at work: the gate in front of CLOSED, two at once, and reads and policies that are as new
//! as the last acknowledgement.

use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Client, Options, Server, complete_rca, incidents, only_incident, text, uuid};

/// Opens an incident about a component; returns its address.
fn open(client: &mut Client, component: &str) -> String {
    let signal = json!({ "component": component, "severity": "P0" });
    client.post("/v1/signals", &signal).expect_status(202);
    let incident = only_incident(client, &format!("component={component}"));
    format!("/v1/incidents/{}", text(&incident["id"]))
}

fn move_to(client: &mut Client, incident: &str, status: &str) {
    let moved = client.json("PATCH", &format!("{incident}/state"), &json!({ "to": status }));
    assert_eq!(moved.expect_status(200).json()["status"], status);
}

#[test]
fn an_incident_closes_only_through_a_complete_root_cause_analysis() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let incident = open(&mut client, "db");
    let (state, rca) = (format!("{incident}/state"), format!("{incident}/rca"));

    let closed = json!({ "to": "CLOSED" });
    let answer = client.json("PATCH", &state, &closed).expect_status(409).json();
    assert_eq!(answer["code"], "illegal_transition");
    assert_eq!(answer["legal"], json!(["INVESTIGATING"]));
    let answer = client.post(&rca, &complete_rca()).expect_status(409).json();
    assert_eq!(answer["code"], "illegal_transition");
    move_to(&mut client, &incident, "INVESTIGATING");
    client.json("PATCH", &state, &closed).expect_status(409);
    move_to(&mut client, &incident, "RESOLVED");
    let answer = client.json("PATCH", &state, &closed).expect_status(422).json();
    assert_eq!(answer["code"], "rca_required");

    let poor = json!({
        "root_cause_category": "BAD_LUCK", "fix_applied": "    none      ",
        "prevention_steps": "ä".repeat(19), "incident_start": "2026-11-20T10:00:00Z",
        "incident_end": "2026-11-20T09:00:00Z",
    });
    let answer = client.post(&rca, &poor).expect_status(422).json();
    assert_eq!(answer["code"], "rca_invalid");
    let fields = answer["fields"].as_array().expect("a list");
    let mut wrong: Vec<_> = fields.iter().map(|field| text(&field["field"])).collect();
    wrong.sort();
    assert_eq!(wrong, ["fix_applied", "incident_end", "prevention_steps", "root_cause_category"]);
    assert_eq!(client.get(&incident).expect_status(200).json()["status"], "RESOLVED");

    let answer = client.post(&rca, &complete_rca()).expect_status(201).json();
    let after = client.get(&incident).expect_status(200).json();
    assert_eq!(after["status"], "CLOSED", "{answer}");
    assert!(after["mttr_seconds"].is_u64() && after["mtta_seconds"].is_u64(), "{after}");
    assert_eq!(after["rca"]["root_cause_category"], "CAPACITY");
    client.post(&rca, &complete_rca()).expect_status(409);
}

#[test]
fn of_two_people_closing_at_once_one_succeeds_and_the_other_gets_a_conflict() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    for round in 0..20 {
        let incident = open(&mut client, &format!("db-{round}"));
        move_to(&mut client, &incident, "INVESTIGATING");
        move_to(&mut client, &incident, "RESOLVED");
        let (rca, barrier) = (format!("{incident}/rca"), Barrier::new(2));
        let mut answers = thread::scope(|scope| {
            let close = || {
                let mut client = server.client();
                client.get("/livez").expect_status(200);
                barrier.wait();
                client.post(&rca, &complete_rca()).status
            };
            let (one, other) = (scope.spawn(close), scope.spawn(close));
            [one.join().expect("it answers"), other.join().expect("it answers")]
        });
        answers.sort_unstable();
        assert_eq!(answers, [201, 409], "round {round}");
        let timeline = client.get(&format!("{incident}/timeline")).expect_status(200).json();
        let items = timeline["items"].as_array().expect("a list");
        let closings = items.iter().filter(|item| item["to"] == "CLOSED").count();
        assert_eq!(closings, 1, "{timeline}");
    }
}

#[test]
fn a_policy_is_in_force_for_the_very_next_signal_two_hundred_times_in_a_row() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let policy = |cap: u64, version: &Value| json!({ "name": "p", "mode": "window", "window": "10m", "cap": cap, "version": version });
    let mut made = policy(1, &Value::Null);
    made.as_object_mut().expect("an object").remove("version");
    let mut current = client.post("/v1/policies/grouping", &made).expect_status(201).json();
    let path = format!("/v1/policies/grouping/{}", text(&current["id"]));
    for round in 0..200_u64 {
        let cap = 1 + round % 3;
        let change = policy(cap, &current["version"]);
        current = client.json("PUT", &path, &change).expect_status(200).json();
        let component = format!("c-{round}");
        let signal = json!({ "component": component });
        let three = json!([signal, signal, signal]);
        client.post("/v1/signals", &three).expect_status(202);
        let found = incidents(&mut client, &format!("component={component}"));
        assert_eq!(found.len() as u64, 3_u64.div_ceil(cap), "round {round}: cap {cap}");
    }
}

#[test]
fn the_signal_just_acknowledged_is_in_the_listing_five_hundred_times_in_a_row() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    for round in 0..500_u64 {
        let signal = json!({ "id": uuid(3, round), "component": "db" });
        client.post("/v1/signals", &signal).expect_status(202);
        let page = client.get("/v1/incidents/1/signals?limit=1");
        assert_eq!(page.header("stormbell-behind"), None);
        let page = page.expect_status(200).json();
        assert_eq!(page["items"][0]["id"], uuid(3, round));
        assert_eq!(page["total"], round + 1);
        let incident = client.get("/v1/incidents/1").expect_status(200).json();
        assert_eq!(incident["signal_count"], round + 1);
    }
}
