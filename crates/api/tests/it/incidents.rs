//! Incidents: the list, one, its signals and timeline, and what is done to it.

use model::{
    Effect, Incident, IncidentId, Operation, Outcome, Refusal, Seq, Severity, SignalId, Status,
};
use serde_json::{Value, json};

use crate::world::{
    AGENT, MANAGER, ONE, READER, TWO, World, comment, incident, request, time, with_header,
};

fn path(incident: &Incident, rest: &str) -> String {
    format!("/v1/incidents/{}{rest}", incident.id)
}

#[tokio::test]
async fn an_item_has_exactly_the_fields_that_are_fixed() {
    let world = World::new().await;
    let incident = world.incident(ONE, 7).await;
    let page = world.get(READER, "/v1/incidents").await.json();
    let expected = json!({
        "id": incident.id.to_string(), "number": 7, "title": "db-7 of project 1 is down", "status": "OPEN", "severity": "P1",
        "component": "db-7", "component_type": "RDBMS", "environment": "prod",
        "grouping_key": "environment=prod,component=db-7", "signal_count": 3,
        "first_signal_at": "2023-11-14T22:13:27.000000Z", "last_signal_at": "2023-11-14T22:15:07.000000Z",
        "opened_at": "2023-11-14T22:13:27.000000Z", "assignee": null, "mtta_seconds": null, "mttr_seconds": null,
        "closed_at": null,
    });
    assert_eq!(page, json!({"items": [expected], "next_cursor": null, "total": 1}));
}

#[tokio::test]
async fn the_list_is_filtered_by_every_parameter_and_paged_to_its_end() {
    let world = World::new().await;
    for number in 1..=7 {
        world.incident(ONE, number).await;
    }
    let odd = Incident {
        severity: Severity::P0,
        environment: "staging".into(),
        assignee: Some("ada".into()),
        status: Status::Investigating,
        ..incident(ONE, 8)
    };
    let closed = Incident { status: Status::Closed, closed_at: Some(time(9)), ..incident(ONE, 9) };
    world.apply([odd, closed].map(|incident| Effect::Incident(Box::new(incident))).into()).await;
    let numbers = async |query: &str| -> Vec<u64> {
        let answer = world.get(READER, &format!("/v1/incidents{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["number"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers("").await, [8, 7, 6, 5, 4, 3, 2, 1]);
    for query in [
        "?severity=critical",
        "?severity=P0,P3",
        "?environment=staging",
        "?assignee=ada",
        "?component=db-8",
        "?q=DB-8",
    ] {
        assert_eq!(numbers(query).await, [8], "{query}");
    }
    assert_eq!(numbers("?status=INVESTIGATING,CLOSED").await, [8, 9]);
    assert_eq!(numbers("?status=investigating&status=closed").await, [8, 9]);
    assert_eq!(numbers("?component=nothing").await, [0; 0]);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(READER, &format!("/v1/incidents?limit=3{cursor}")).await.json();
        assert_eq!(page["total"], 8);
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["number"].as_u64().unwrap()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn one_incident_is_found_by_id_and_by_number_with_its_version() {
    let world = World::new().await;
    let incident = world.incident(ONE, 4).await;
    let by_id = world.get(READER, &path(&incident, "")).await;
    let by_number = world.get(READER, "/v1/incidents/4").await;
    assert_eq!(by_id.json(), by_number.json());
    assert_eq!(by_id.header("etag"), Some("\"4\""));
    let json = by_id.json();
    assert_eq!(json["legal_transitions"], json!(["INVESTIGATING"]));
    for absent in ["rca", "acknowledged_at", "resolved_at", "merged_into", "split_from"] {
        assert_eq!(json.get(absent), Some(&Value::Null), "{absent}");
    }
    assert_eq!(
        (&json["children"], &json["links"], &json["version"]),
        (&json!([]), &json!([]), &json!(4))
    );
}

#[tokio::test]
async fn a_move_is_a_command_and_is_answered_with_the_incident_after_it() {
    let world = World::new().await;
    let before = world.incident(ONE, 1).await;
    let after =
        Incident { status: Status::Investigating, assignee: Some(AGENT.into()), ..before.clone() };
    world.script(vec![Effect::Incident(Box::new(after))], Outcome::Incident(before.id));
    let answer = world.patch(AGENT, &path(&before, "/state"), json!({"to": "INVESTIGATING"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("INVESTIGATING")));
    let command = world.submitted().remove(0);
    let to = Operation::SetState {
        incident: before.id,
        to: Status::Investigating,
        reason: String::new(),
    };
    assert_eq!((command.project, command.operation), (ONE, to));
    assert_eq!((command.actor.kind.as_str(), command.actor.name.as_str()), ("agent", AGENT));
}

#[tokio::test]
async fn every_refusal_of_the_engine_has_its_code() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let parent = IncidentId(9);
    let illegal = Refusal::IllegalTransition {
        from: Status::Open,
        to: Status::Closed,
        legal: vec![Status::Investigating],
    };
    let refusals = [
        (illegal, 409, "illegal_transition"),
        (Refusal::RcaRequired, 422, "rca_required"),
        (Refusal::ReasonRequired, 422, "reason_required"),
        (Refusal::PersonRequired, 403, "person_required"),
        (Refusal::FollowsParent(parent), 409, "follows_parent"),
        (Refusal::NotMergeable("why"), 422, "not_mergeable"),
        (Refusal::NotSplittable("why"), 422, "not_splittable"),
        (Refusal::StaleVersion { current: 4 }, 409, "stale_version"),
        (Refusal::Limit("links"), 422, "limit_reached"),
        (Refusal::IdempotencyMismatch, 422, "idempotency_key_reused"),
        (Refusal::NotFound, 409, "illegal_transition"),
    ];
    for (refusal, status, code) in refusals {
        world.script(Vec::new(), Outcome::Refused(refusal));
        let answer =
            world.patch(MANAGER, &path(&incident, "/state"), json!({"to": "CLOSED"})).await;
        answer.problem(status, code);
    }
}

#[tokio::test]
async fn an_illegal_move_says_from_where_to_where_and_what_is_legal() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let refusal = Refusal::IllegalTransition {
        from: Status::Open,
        to: Status::Resolved,
        legal: vec![Status::Investigating],
    };
    world.script(Vec::new(), Outcome::Refused(refusal));
    let answer = world.patch(MANAGER, &path(&incident, "/state"), json!({"to": "RESOLVED"})).await;
    let problem = answer.problem(409, "illegal_transition");
    assert_eq!((&problem["from"], &problem["to"]), (&json!("OPEN"), &json!("RESOLVED")));
    assert_eq!(problem["legal"], json!(["INVESTIGATING"]));
}

#[tokio::test]
async fn what_the_engine_has_let_go_of_is_refused_as_closed() {
    let world = World::new().await;
    let incident = world.incident_in(1, Status::Closed).await;
    world.script(Vec::new(), Outcome::Refused(Refusal::NotFound));
    let moved = world
        .patch(MANAGER, &path(&incident, "/state"), json!({"to": "OPEN", "reason": "again"}))
        .await;
    let problem = moved.problem(409, "illegal_transition");
    assert_eq!((&problem["from"], &problem["legal"]), (&json!("CLOSED"), &json!([])));
    world.script(Vec::new(), Outcome::Refused(Refusal::NotFound));
    let said = world.post(MANAGER, &path(&incident, "/comments"), json!({"text": "late"})).await;
    said.problem(409, "incident_closed");
}

#[tokio::test]
async fn a_state_that_cannot_be_read_never_becomes_a_command() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    for body in [
        json!({}),
        json!({"to": null}),
        json!({"to": "DONE"}),
        json!({"to": 3}),
        json!({"to": "OPEN", "why": "x"}),
    ] {
        let answer = world.patch(MANAGER, &path(&incident, "/state"), body).await;
        answer.problem(422, "invalid_fields");
    }
    assert_eq!(world.submitted(), []);
}

#[tokio::test]
async fn if_match_is_held_against_the_version_before_anything_is_submitted() {
    let world = World::new().await;
    let incident = world.incident(ONE, 5).await;
    let changes = [
        ("PATCH", "/state", json!({"to": "INVESTIGATING"})),
        ("POST", "/assign", json!({"assignee": "ada"})),
        ("POST", "/severity", json!({"severity": "P0"})),
    ];
    for (method, rest, body) in changes {
        for stale in ["\"4\"", "W/\"5\"", "5", "\"1\", \"2\""] {
            let change = with_header(
                request(method, &path(&incident, rest), MANAGER, Some(&body)),
                "if-match",
                stale,
            );
            let problem = world.send(change).await.problem(412, "precondition_failed");
            assert_eq!(problem["current"], 5);
        }
        assert_eq!(world.submitted(), []);
    }
    for (method, rest, body) in [("POST", "/assign", json!({"assignee": null}))] {
        for fresh in ["\"5\"", "*", "\"4\", \"5\""] {
            world.script(Vec::new(), Outcome::Incident(incident.id));
            let change = with_header(
                request(method, &path(&incident, rest), MANAGER, Some(&body)),
                "if-match",
                fresh,
            );
            assert_eq!(world.send(change).await.status, 200);
        }
    }
}

#[tokio::test]
async fn what_people_do_around_an_incident_becomes_its_command() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let id = incident.id;
    let done = [
        (
            "/assign",
            json!({"assignee": " ada "}),
            200,
            Operation::Assign { incident: id, assignee: Some("ada".into()) },
        ),
        (
            "/assign",
            json!({"assignee": null}),
            200,
            Operation::Assign { incident: id, assignee: None },
        ),
        (
            "/comments",
            json!({"text": "on it"}),
            201,
            Operation::Comment { incident: id, text: "on it".into() },
        ),
        (
            "/links",
            json!({"title": "Runbook", "url": "https://example.com/r"}),
            201,
            Operation::AddLink {
                incident: id,
                title: "Runbook".into(),
                url: "https://example.com/r".into(),
            },
        ),
        (
            "/severity",
            json!({"severity": "critical"}),
            200,
            Operation::SetSeverity { incident: id, severity: Some(Severity::P0) },
        ),
        (
            "/severity",
            json!({"severity": null}),
            200,
            Operation::SetSeverity { incident: id, severity: None },
        ),
    ];
    for (rest, body, status, operation) in done {
        world.script(Vec::new(), Outcome::Incident(id));
        let answer = world.post(MANAGER, &path(&incident, rest), body).await;
        assert_eq!(answer.status.as_u16(), status, "{rest}: {}", answer.text());
        assert_eq!(world.submitted().pop().map(|command| command.operation), Some(operation));
        assert_eq!(answer.json()["id"], id.to_string());
    }
}

#[tokio::test]
async fn bad_fields_are_refused_without_a_command() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let long = "x".repeat(65_537);
    let refused = [
        ("/assign", json!({}), "assignee missing"),
        ("/assign", json!({"assignee": ""}), "assignee empty"),
        ("/assign", json!({"assignee": "é".repeat(257)}), "assignee too_long"),
        ("/assign", json!({"assignee": 7}), "assignee wrong_type"),
        ("/comments", json!({"text": "  "}), "text missing"),
        ("/comments", json!({"text": "a\0b"}), "text invalid_character"),
        ("/comments", json!({"text": long}), "text too_long"),
        ("/links", json!({"url": "javascript:alert(1)"}), "url invalid_url"),
        ("/links", json!({"title": "x"}), "url missing"),
        ("/severity", json!({"severity": "loud"}), "severity unknown_value"),
        ("/severity", json!({}), "severity missing"),
        ("/merge", json!({"children": []}), "children missing"),
        ("/merge", json!({"children": ["99"]}), "children[0] unknown_value"),
        ("/split", json!({"signal_ids": ["x"]}), "signal_ids[0] invalid_id"),
        ("/split", json!({"signal_ids": "x"}), "signal_ids wrong_type"),
    ];
    for (rest, body, field) in refused {
        let answer = world.post(MANAGER, &path(&incident, rest), body).await;
        answer.problem(422, "invalid_fields");
        assert_eq!(answer.fields(), [field], "{rest}");
    }
    assert_eq!(world.submitted(), []);
}

#[tokio::test]
async fn children_to_merge_are_named_by_id_or_number() {
    let world = World::new().await;
    let parent = world.incident(ONE, 1).await;
    let (second, third) = (world.incident(ONE, 2).await, world.incident(ONE, 3).await);
    world.incident(TWO, 4).await;
    let twice = json!({"children": [second.id.to_string(), 2, "4"]});
    let refused = world.post(MANAGER, &path(&parent, "/merge"), twice).await;
    assert_eq!(refused.fields(), ["children[1] duplicate", "children[2] unknown_value"]);
    world.script(Vec::new(), Outcome::Incident(parent.id));
    let body = json!({"children": [second.id.to_string(), 3]});
    assert_eq!(world.post(MANAGER, &path(&parent, "/merge"), body).await.status, 200);
    let operation = Operation::Merge { into: parent.id, children: vec![second.id, third.id] };
    assert_eq!(world.submitted().pop().map(|command| command.operation), Some(operation));
}

#[tokio::test]
async fn signals_are_split_off_by_id_and_only_those_of_the_incident() {
    let world = World::new().await;
    let (first, other) = (world.incident(ONE, 1).await, world.incident(ONE, 2).await);
    world.signals(&first, 10..=12);
    world.signals(&other, 13..=13);
    let id = |seq: u128| SignalId(seq).to_string();
    let body = json!({"signal_ids": [id(10), id(13), id(99)]});
    let problem =
        world.post(MANAGER, &path(&first, "/split"), body).await.problem(422, "unknown_signals");
    assert_eq!(
        (&problem["unknown"], &problem["unknown_count"]),
        (&json!([id(13), id(99)]), &json!(2))
    );
    assert_eq!(world.submitted(), []);
    world.script(Vec::new(), Outcome::Incident(other.id));
    let body = json!({"signal_ids": [id(12), id(10), id(10)], "title": "the other half"});
    let answer = world.post(MANAGER, &path(&first, "/split"), body).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (201, &json!(other.id.to_string())));
    assert_eq!(answer.header("location"), Some(format!("/v1/incidents/{}", other.id).as_str()));
    let operation = Operation::Split {
        incident: first.id,
        signals: vec![Seq(10), Seq(12)],
        title: "the other half".into(),
    };
    assert_eq!(world.submitted().pop().map(|command| command.operation), Some(operation));
}

#[tokio::test]
async fn signals_are_listed_newest_first_with_those_of_children_and_of_moves() {
    let world = World::new().await;
    let parent = world.incident(ONE, 1).await;
    let child = Incident { merged_into: Some(parent.id), ..incident(ONE, 2) };
    let elsewhere = world.incident(ONE, 3).await;
    let moved = |seq, from: &Incident, to: &Incident| Effect::Moved {
        signal_seq: Seq(seq),
        project: ONE,
        from: Some(from.id),
        to: to.id,
    };
    world.apply(vec![Effect::Incident(Box::new(child.clone()))]).await;
    world.signals(&parent, 10..=12);
    world.signals(&child, 13..=14);
    world.signals(&elsewhere, 15..=16);
    world.apply(vec![moved(15, &elsewhere, &parent), moved(10, &parent, &elsewhere)]).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page =
            world.get(READER, &path(&parent, &format!("/signals?limit=2{cursor}"))).await.json();
        assert_eq!(page["total"], 5);
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()),
        );
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, [15, 14, 13, 12, 11]);
}

#[tokio::test]
async fn a_signal_shows_its_payload_as_it_was_sent() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    world.signals(&incident, [10]);
    let answer = world.get(READER, &path(&incident, "/signals")).await;
    assert!(answer.text().contains("\"payload\":{\"n\":  1.0},"), "{}", answer.text());
    let item = answer.json()["items"][0].clone();
    assert_eq!(
        (&item["labels"], &item["incident_id"]),
        (&json!({"team": "core"}), &json!(incident.id.to_string()))
    );
    assert_eq!((&item["reason"], &item["error_code"]), (&json!("open_incident"), &Value::Null));
    assert_eq!(item["received_at"], "2023-11-14T22:13:30.000000Z");
}

#[tokio::test]
async fn the_timeline_is_oldest_first_and_paged() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    world.apply((1..=5).map(|seq| comment(&incident, seq, &format!("said {seq}"))).collect()).await;
    let first = world.get(READER, &path(&incident, "/timeline?limit=3")).await.json();
    assert_eq!((first["total"].as_u64(), first["items"].as_array().unwrap().len()), (Some(5), 3));
    let row = &first["items"][0];
    assert_eq!(
        (&row["action"], &row["text"], &row["reason"]),
        (&json!("commented"), &json!("said 1"), &json!("by_hand"))
    );
    assert_eq!(row["actor"], json!({"kind": "person", "name": "ada"}));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest =
        world.get(READER, &path(&incident, &format!("/timeline?cursor={cursor}"))).await.json();
    let texts: Vec<_> =
        rest["items"].as_array().unwrap().iter().map(|row| row["text"].clone()).collect();
    assert_eq!(
        (texts, &rest["next_cursor"]),
        (vec![json!("said 4"), json!("said 5")], &Value::Null)
    );
}

#[tokio::test]
async fn an_idempotency_key_goes_with_the_command_bound_to_route_project_and_body() {
    let world = World::new().await;
    let (one, two) = (world.incident(ONE, 1).await, world.incident(ONE, 2).await);
    let say = async |incident: &Incident, text: &str, key: &str| {
        world.script(Vec::new(), Outcome::Incident(incident.id));
        let body = json!({"text": text});
        let request = request("POST", &path(incident, "/comments"), MANAGER, Some(&body));
        assert_eq!(world.send(with_header(request, "idempotency-key", key)).await.status, 201);
        world.submitted().pop().unwrap().idempotency.unwrap()
    };
    let first = say(&one, "a", "k").await;
    assert_eq!(say(&one, "a", "k").await, first);
    let other_body = say(&one, "b", "k").await;
    assert!(other_body.0 == first.0 && other_body.1 != first.1);
    assert_ne!(say(&one, "a", "l").await.0, first.0);
    assert_ne!(say(&two, "a", "k").await.0, first.0);
}
