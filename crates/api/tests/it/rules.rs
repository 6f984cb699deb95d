//! Rules: created, changed, listed, and held against the past.

use model::effect::AuditAction;
use model::{
    Actor, AuditRow, DirectiveKind, Effect, Incident, Operation, Outcome, Reason, Refusal, Seq,
    Status,
};
use serde_json::{Value, json};

use crate::world::{AGENT, MANAGER, ONE, READER, World, id_of, request, time, with_header};

const ROUTE: &str = "/v1/rules";

fn rule(subscriber: &str, endpoint: &str) -> Value {
    json!({
        "subscriber_id": subscriber, "name": "databases", "on": ["incident.opened", "unacknowledged_for(5m)", "signal"],
        "match": [
            {"field": "component", "op": "glob", "value": "db-*"},
            {"field": "severity", "op": "at_least", "value": "P1"},
            {"field": "labels.team", "op": "one_of", "value": ["core", "edge"]},
            {"field": "labels.muted", "op": "present", "negate": true},
        ],
        "cel": "environment == 'prod'", "endpoints": [endpoint], "at_most": {"count": 3, "within": "1h"},
        "deadline": "12h",
    })
}

#[tokio::test]
async fn a_rule_is_created_with_everything_it_says_and_what_was_not_said() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let created = world.create(ROUTE, rule(&core, &hook)).await;
    let expected = json!({
        "id": created["id"], "subscriber_id": core, "name": "databases",
        "on": ["opened", "unacknowledged_for(300s)", "signal"],
        "match": [
            {"field": "component", "op": "glob", "value": "db-*", "negate": false},
            {"field": "severity", "op": "at_least", "value": "P1", "negate": false},
            {"field": "labels.team", "op": "one_of", "value": ["core", "edge"], "negate": false},
            {"field": "labels.muted", "op": "present", "value": null, "negate": true},
        ],
        "match_all": false, "cel": "environment == 'prod'", "endpoints": [hook], "on_call": [], "people": [],
        "escalation_id": null, "muted_by": [], "at_most": {"count": 3, "within": "3600s"}, "deadline": "43200s",
        "enabled": true, "version": 1,
    });
    assert_eq!(created, expected);
    let path = format!("{ROUTE}/{}", id_of(&created));
    let read = world.get(READER, &path).await;
    assert_eq!((read.header("etag"), read.json()), (Some("\"1\""), expected));
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_and_a_stale_version_is_a_conflict() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let created = world.create(ROUTE, rule(&core, &hook)).await;
    let path = format!("{ROUTE}/{}", id_of(&created));
    let again = world.put(MANAGER, &path, created.clone()).await;
    assert_eq!((again.status.as_u16(), &again.json()["version"]), (200, &json!(2)));
    let stale = world.put(MANAGER, &path, created.clone()).await;
    assert_eq!(stale.problem(409, "stale_version")["current"], 2);
    world.script(Vec::new(), Outcome::Refused(Refusal::StaleVersion { current: 3 }));
    let raced = world.put(MANAGER, &path, rule(&core, &hook)).await;
    assert_eq!(raced.problem(409, "stale_version")["current"], 3);
    let missed = with_header(request("PUT", &path, MANAGER, Some(&created)), "if-match", "\"1\"");
    world.send(missed).await.problem(412, "precondition_failed");
}

#[tokio::test]
async fn a_rule_is_put_out_of_force_and_removed() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let id = id_of(&world.create(ROUTE, rule(&core, &hook)).await);
    let path = format!("{ROUTE}/{id}");
    let off = world.patch(MANAGER, &path, json!({"enabled": false, "version": 1})).await.json();
    assert_eq!(
        (&off["enabled"], &off["version"], &off["deadline"]),
        (&json!(false), &json!(2), &json!("43200s"))
    );
    assert_eq!(world.patch(MANAGER, &path, json!({})).await.fields(), ["enabled missing"]);
    world
        .patch(MANAGER, &path, json!({"enabled": true, "version": 1}))
        .await
        .problem(409, "stale_version");
    world.delete(MANAGER, &format!("{path}?version=1")).await.problem(409, "stale_version");
    world.delete(AGENT, &path).await.problem(403, "missing_scope");
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    assert_eq!(world.directive(DirectiveKind::Rule, &id).await, None);
    world.delete(MANAGER, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_rule_for_everything_must_say_so_and_every_bad_field_is_said_at_once() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let send = async |body| {
        let answer = world.post(MANAGER, ROUTE, body).await;
        answer.problem(422, "invalid_fields");
        answer.fields()
    };
    let mut bare =
        json!({"subscriber_id": core, "name": "x", "on": ["opened"], "endpoints": [hook]});
    assert_eq!(send(bare.clone()).await, ["match missing"]);
    bare["match_all"] = json!(true);
    world.create(ROUTE, bare).await;
    assert_eq!(
        send(json!({})).await,
        [
            "endpoints missing",
            "match missing",
            "name missing",
            "on missing",
            "subscriber_id missing"
        ]
    );
    let nobody = "00000000-0000-0000-0000-000000000001";
    let bad = json!({
        "subscriber_id": nobody, "name": 7, "on": ["opened", "sometimes", "incident.opened"],
        "match": [{"field": "colour", "op": "equals", "value": "x"}, {"field": "summary", "op": "regex", "value": "("}],
        "cel": "environment ==", "endpoints": [nobody, "x", hook, hook], "on_call": [nobody], "people": [nobody],
        "escalation_id": nobody, "muted_by": [nobody], "at_most": {"count": 0}, "deadline": "0s", "enabled": "yes",
        "severity": "P0",
    });
    let expected = [
        "at_most.count out_of_range",
        "at_most.within missing",
        "cel invalid_expression",
        "deadline out_of_range",
        "enabled wrong_type",
        "endpoints[0] unknown_value",
        "endpoints[1] unknown_value",
        "endpoints[3] duplicate",
        "escalation_id unknown_value",
        "match[0].field unknown_value",
        "match[1].value invalid_regex",
        "muted_by[0] unknown_value",
        "name wrong_type",
        "on[1] unknown_value",
        "on[2] duplicate",
        "on_call[0] unknown_value",
        "people[0] unknown_value",
        "severity unknown_field",
        "subscriber_id unknown_value",
    ];
    assert_eq!(send(bad).await, expected);
}

#[tokio::test]
async fn the_list_is_paged_and_can_be_of_one_subscriber() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let (edge, _) = world.subscriber("edge").await;
    let mut ids = Vec::new();
    for owner in [&core, &core, &edge, &core] {
        ids.push(id_of(&world.create(ROUTE, rule(owner, &hook)).await));
    }
    let mut seen = Vec::new();
    let mut path = format!("{ROUTE}?limit=3");
    loop {
        let page = world.get(READER, &path).await.json();
        assert_eq!(page["total"], 4);
        seen.extend(page["items"].as_array().unwrap().iter().map(id_of));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{ROUTE}?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ids);
    let of_edge = world.get(READER, &format!("{ROUTE}?subscriber={edge}")).await.json();
    assert_eq!((of_edge["total"].as_u64(), id_of(&of_edge["items"][0])), (Some(1), ids[2].clone()));
    world.get(READER, &format!("{ROUTE}?cursor=abc")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_repeated_request_is_left_to_the_engine() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let body = rule(&core, &hook);
    let ask = with_header(request("POST", ROUTE, MANAGER, Some(&body)), "idempotency-key", "k");
    assert_eq!(world.send(ask).await.status, 201);
    let command = world.submitted().pop().unwrap();
    assert!(command.idempotency.is_some());
    assert!(matches!(command.operation, Operation::PutDirective { expected_version: None, .. }));
}

fn moved(incident: &Incident, seq: u64, from: Status, to: Status) -> Effect {
    audited(incident, seq, AuditAction::Moved { from, to })
}

fn audited(incident: &Incident, seq: u64, action: AuditAction) -> Effect {
    Effect::Audited(Box::new(AuditRow {
        seq: Seq(seq),
        index: 0,
        project: incident.project,
        incident: Some(incident.id),
        at: time(seq),
        actor: Actor::system(),
        action,
        reason: Reason::ByHand,
        text: String::new(),
    }))
}

#[tokio::test]
async fn a_dry_run_says_what_would_have_been_told() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    world.incident(ONE, 2).await;
    world
        .apply(vec![
            audited(&incident, 1, AuditAction::Opened),
            moved(&incident, 400, Status::Open, Status::Investigating),
            moved(&incident, 500, Status::Investigating, Status::Resolved),
        ])
        .await;
    world.signals(&incident, 1..=6);
    let tried = json!({
        "on": ["signal", "opened", "resolved", "closed", "unacknowledged_for(60s)"],
        "match": [{"field": "component", "op": "equals", "value": "db-1"}, {"field": "labels.team", "op": "equals", "value": "core"}],
    });
    let run = world.post(READER, "/v1/rules/test", json!({"rule": tried})).await;
    assert_eq!(run.status, 200, "{}", run.text());
    let run = run.json();
    assert_eq!((&run["matched_signals"], &run["matched_incidents"]), (&json!(6), &json!(1)));
    assert_eq!(
        (&run["would_have_sent"], &run["scanned"], &run["truncated"]),
        (&json!(9), &json!(6), &json!(false))
    );
    let newest = json!({
        "subject": {"kind": "incident", "id": incident.id.to_string()}, "at": "2023-11-14T22:21:40.000000Z",
        "transition": "resolved", "summary": incident.title,
    });
    assert_eq!(run["examples"][0], newest);
    assert_eq!(run["examples"].as_array().unwrap().len(), 9);
    let mut seldom = tried.clone();
    seldom["at_most"] = json!({"count": 2, "within": "1h"});
    let seldom = world.post(READER, "/v1/rules/test", json!({"rule": seldom})).await.json();
    assert_eq!(seldom["would_have_sent"], 2);
    assert_eq!(world.submitted(), [], "nothing is changed");
}

#[tokio::test]
async fn a_dry_run_takes_a_rule_that_there_is_and_looks_back_as_far_as_it_is_told() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let id = id_of(&world.create(ROUTE, rule(&core, &hook)).await);
    let run =
        world.post(READER, "/v1/rules/test", json!({"rule_id": id, "hours": 168})).await.json();
    assert_eq!((&run["matched_signals"], &run["examples"]), (&json!(0), &json!([])));
    let cases = [
        (json!({}), vec!["rule missing"]),
        (json!({"rule_id": "x", "hours": 0}), vec!["hours out_of_range", "rule_id unknown_value"]),
        (
            json!({"rule_id": id, "rule": {}, "hours": 169}),
            vec!["hours out_of_range", "rule contradiction"],
        ),
        (
            json!({"rule": {"on": ["never"], "match": [{}]}}),
            vec![
                "rule.match[0].field missing",
                "rule.match[0].op missing",
                "rule.on[0] unknown_value",
            ],
        ),
    ];
    for (body, expected) in cases {
        let answer = world.post(READER, "/v1/rules/test", body.clone()).await;
        answer.problem(422, "invalid_fields");
        assert_eq!(answer.fields(), expected, "{body}");
    }
}
