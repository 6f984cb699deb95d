//! What time alone does: incidents that move on by themselves when it is quiet, reopen when it is
//! not over, and alerts whose lease ends.

use serde_json::{Value, json};

use crate::harness::{Client, Options, Server, incidents, only_incident, play, text};

fn auto_lifecycle(client: &mut Client, quiet: &str, reopen_within: &str) {
    let policy = json!({
        "name": "by itself", "auto_lifecycle": true, "quiet": quiet, "reopen_within": reopen_within,
    });
    client.post("/v1/policies/grouping", &policy).expect_status(201);
}

/// Who moved the newest incident of a component where.
fn moves(client: &mut Client, component: &str) -> Vec<(Value, String)> {
    let found = incidents(client, &format!("component={component}"));
    let newest = found.iter().max_by_key(|one| one["number"].as_u64()).expect("there is one");
    let path = format!("/v1/incidents/{}/timeline", text(&newest["id"]));
    let timeline = client.get(&path).expect_status(200).json();
    let items = timeline["items"].as_array().expect("a list").clone();
    let moved = items.into_iter().filter(|item| item["to"].is_string());
    moved.map(|item| (item["to"].clone(), text(&item["actor"]["kind"]))).collect()
}

#[test]
fn a_quiet_incident_moves_on_by_itself_and_a_deadline_counts_from_the_last_signal() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    auto_lifecycle(&mut client, "4s", "1m");
    play(
        &mut client,
        "db",
        "at 0s push db P1
         at 0s expect OPEN
         at 1s push db P1
         from 1s to 4.7s expect OPEN
         between 5s and 14s expect INVESTIGATING
         between 20s and 40s expect RESOLVED",
    );
    let by_system: Vec<_> = moves(&mut client, "db");
    assert!(by_system.iter().all(|(_, actor)| actor == "system"), "{by_system:?}");
}

#[test]
fn a_new_spike_opens_again_what_the_system_had_moved_but_not_what_a_person_had() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    auto_lifecycle(&mut client, "4s", "1m");
    play(
        &mut client,
        "db",
        "at 0s push db P1
         between 4s and 14s expect INVESTIGATING",
    );
    play(
        &mut client,
        "db",
        "at 0s push db P1
         at 0s expect OPEN",
    );
    play(
        &mut client,
        "cache",
        "at 0s push cache P1
         at 0s move INVESTIGATING
         at 0.2s push cache P1
         from 0.2s to 1.5s expect INVESTIGATING",
    );
}

#[test]
fn the_same_key_reopens_what_was_just_resolved_and_opens_anew_later() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let policy =
        json!({ "name": "short", "reopen_within": "3s", "matcher": { "component": "db" } });
    client.post("/v1/policies/grouping", &policy).expect_status(201);
    play(
        &mut client,
        "db",
        "at 0s push db P1
         at 0s move INVESTIGATING
         at 0s move RESOLVED
         at 0s push db P1
         at 0s expect OPEN
         at 0s move INVESTIGATING
         at 0s move RESOLVED
         from 0s to 4s expect RESOLVED",
    );
    only_incident(&mut client, "component=db");
    client.post("/v1/signals", &json!({ "component": "db" })).expect_status(202);
    assert_eq!(incidents(&mut client, "component=db").len(), 2, "it was too late to reopen");
}

#[test]
fn an_incident_resolves_when_all_that_fired_in_it_has_ended() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    play(
        &mut client,
        "db",
        "at 0s push db P1
         at 0s expect OPEN
         at 0s end db P1
         at 0s expect RESOLVED",
    );
    let last = moves(&mut client, "db").pop().expect("it was moved");
    assert_eq!(last, (json!("RESOLVED"), "system".to_owned()));
}
