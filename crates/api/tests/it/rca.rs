//! The root cause analysis: what closes, what does not, and the draft.

use api::RoadError;
use model::{Effect, FieldError, Incident, Operation, Outcome, Rca, Refusal, Status};
use serde_json::{Value, json};

use crate::world::{AGENT, MANAGER, ONE, READER, World, request, time, with_header};

fn complete() -> Value {
    json!({
        "root_cause_category": "CODE_DEFECT", "fix_applied": "the connection pool was made larger",
        "prevention_steps": "an alert on free connections of the pool", "incident_start": "2023-11-14T22:13:20Z",
        "action_items": [{"title": "alert", "owner": "ada", "due": "2023-12-01"}],
    })
}

fn path(incident: &Incident) -> String {
    format!("/v1/incidents/{}/rca", incident.id)
}

fn submitted_rca(world: &World) -> Rca {
    match world.submitted().pop().map(|command| command.operation) {
        Some(Operation::SubmitRca { rca, .. }) => *rca,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_complete_analysis_closes_and_is_answered_with_both() {
    let world = World::new().await;
    let before = world.incident_in(1, Status::Resolved).await;
    let closed = Incident {
        status: Status::Closed,
        closed_at: Some(time(50)),
        mttr_seconds: Some(9),
        ..before.clone()
    };
    let accepted = Effect::RcaAccepted {
        incident: before.id,
        project: ONE,
        submitted_by: model::Actor { kind: model::ActorKind::Person, name: "ada".into() },
        at: time(50),
        rca: Box::new(Rca { root_cause_category: "CODE_DEFECT".into(), ..Rca::default() }),
    };
    world.script(vec![Effect::Incident(Box::new(closed)), accepted], Outcome::Incident(before.id));
    let answer = world.post(MANAGER, &path(&before), complete()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["status"], &json["mttr_seconds"]), (&json!("CLOSED"), &json!(9)));
    assert_eq!(json["rca"]["submitted_by"], json!({"kind": "person", "name": "ada"}));
    assert_eq!(json["rca"]["submitted_at"], "2023-11-14T22:14:10.000000Z");
    let rca = submitted_rca(&world);
    assert_eq!((rca.incident_start, rca.incident_end), (Some(time(0)), None));
    assert_eq!(rca.action_items[0].owner, "ada");
}

#[tokio::test]
async fn every_field_that_the_gate_refuses_is_listed() {
    let world = World::new().await;
    let incident = world.incident_in(1, Status::Resolved).await;
    let gate = ["root_cause_category", "fix_applied", "incident_end"]
        .map(|field| FieldError::new(field, "missing", "say it"));
    world.script(Vec::new(), Outcome::Refused(Refusal::RcaInvalid(gate.into())));
    let answer = world.post(MANAGER, &path(&incident), json!({})).await;
    answer.problem(422, "rca_invalid");
    assert_eq!(
        answer.fields(),
        ["fix_applied missing", "incident_end missing", "root_cause_category missing"]
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_listed_with_what_the_gate_says_of_the_rest() {
    let world = World::new().await;
    let incident = world.incident_in(1, Status::Resolved).await;
    let gate = [
        ("root_cause_category", "missing"),
        ("fix_applied", "missing"),
        ("prevention_steps", "too_short"),
    ];
    let gate = gate.map(|(field, code)| FieldError::new(field, code, "say it"));
    world.script(Vec::new(), Outcome::Refused(Refusal::RcaInvalid(gate.into())));
    let body = json!({
        "root_cause_category": "CAPACITY", "fix_applied": 7, "prevention_steps": "short", "incident_start": "yesterday",
        "incident_end": 5, "action_items": ["later"], "mood": "good",
    });
    let request = with_header(
        request("POST", &path(&incident), MANAGER, Some(&body)),
        "idempotency-key",
        "k",
    );
    let answer = world.send(request).await;
    answer.problem(422, "rca_invalid");
    let expected = [
        "action_items[0] wrong_type",
        "fix_applied wrong_type",
        "incident_end wrong_type",
        "incident_start invalid_timestamp",
        "mood unknown_field",
        "prevention_steps too_short",
    ];
    assert_eq!(answer.fields(), expected);
    // The question to the gate must never close: its category is left out, and it is no outcome to remember.
    assert_eq!(submitted_rca(&world).root_cause_category, "");
    assert_eq!(world.submitted().pop().and_then(|command| command.idempotency), None);
}

#[tokio::test]
async fn an_unreadable_analysis_of_an_incident_that_is_not_resolved_is_a_conflict() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    for body in [complete(), json!({"fix_applied": 7})] {
        let legal = vec![Status::Investigating];
        let refusal = Refusal::IllegalTransition { from: Status::Open, to: Status::Closed, legal };
        world.script(Vec::new(), Outcome::Refused(refusal));
        world.post(MANAGER, &path(&incident), body).await.problem(409, "illegal_transition");
    }
}

#[tokio::test]
async fn an_agent_may_draft_and_a_person_submits() {
    let world = World::new().await;
    let incident = world.incident_in(1, Status::Resolved).await;
    world.script(Vec::new(), Outcome::Refused(Refusal::PersonRequired));
    world.post(AGENT, &path(&incident), complete()).await.problem(403, "person_required");
    let draft = format!("{}/draft", path(&incident));
    assert_eq!(world.put(AGENT, &draft, complete()).await.status, 200);
    world.put(READER, &draft, complete()).await.problem(403, "missing_scope");
    world.post(READER, &path(&incident), complete()).await.problem(403, "missing_scope");
}

#[tokio::test]
async fn a_draft_has_a_version_and_is_not_written_over_unseen() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let draft = format!("{}/draft", path(&incident));
    world.get(READER, &draft).await.problem(404, "not_found");
    let saved = world.put(AGENT, &draft, json!({"fix_applied": "half", "version": 0})).await;
    assert_eq!((saved.status.as_u16(), &saved.json()["version"]), (200, &json!(1)));
    let read = world.get(READER, &draft).await;
    assert_eq!((read.header("etag"), &read.json()["fix_applied"]), (Some("\"1\""), &json!("half")));
    assert_eq!(read.json()["edited_by"], json!({"kind": "agent", "name": AGENT}));
    assert_eq!(
        world.put(MANAGER, &draft, json!({"fix_applied": "more", "version": 1})).await.json()["version"],
        2
    );
    let stale = world.put(AGENT, &draft, json!({"fix_applied": "other", "version": 1})).await;
    assert_eq!(stale.problem(409, "stale_version")["current"], 2);
    let body = json!({"fix_applied": "other"});
    let stale = with_header(request("PUT", &draft, AGENT, Some(&body)), "if-match", "\"1\"");
    world.send(stale).await.problem(412, "precondition_failed");
    assert_eq!(world.put(AGENT, &draft, json!({"fix_applied": "last"})).await.json()["version"], 3);
    let bad = world
        .put(AGENT, &draft, json!({"fix_applied": 1, "timeline_note": "x".repeat(65_537)}))
        .await;
    assert_eq!(bad.fields(), ["fix_applied wrong_type", "timeline_note too_long"]);
}

#[tokio::test]
async fn an_outcome_that_did_not_come_in_time_is_said_to_be_unknown() {
    let world = World::new().await;
    let incident = world.incident_in(1, Status::Resolved).await;
    world.script_failure(RoadError::TimedOut);
    let answer = world.post(MANAGER, &path(&incident), complete()).await;
    answer.problem(503, "outcome_unknown");
    assert_eq!(answer.header("retry-after"), Some("1"));
}
