//! Grouping policies.

use model::{Effect, GroupingPolicy, Mode, Operation, Outcome, PolicyId, Refusal};
use serde_json::json;

use crate::world::{AGENT, MANAGER, ONE, READER, TWO, World, policy, request, with_header};

const ROUTE: &str = "/v1/policies/grouping";

async fn with_policy() -> (World, GroupingPolicy, String) {
    let world = World::new().await;
    let policy = policy(ONE, 77, "databases");
    world.apply(vec![Effect::PolicySaved(Box::new(policy.clone()))]).await;
    let path = format!("{ROUTE}/{}", policy.id);
    (world, policy, path)
}

#[tokio::test]
async fn the_list_ends_with_the_built_in_policy() {
    let (world, policy, path) = with_policy().await;
    let list = world.get(READER, ROUTE).await.json();
    let expected = json!({
        "id": policy.id.to_string(), "name": "databases", "matcher": {}, "key": ["environment", "component"], "mode": "ongoing",
        "window": "10s", "cap": 100, "quiet": "60s", "reopen_within": "300s", "open_when": {"count": 1, "within": "0s"},
        "auto_lifecycle": false, "resolve_with_alerts": true, "position": 5, "version": 3, "built_in": false,
    });
    assert_eq!(list["items"][0], expected);
    assert_eq!(
        (&list["items"][1]["built_in"], &list["items"][1]["position"]),
        (&json!(true), &json!(null))
    );
    let one = world.get(READER, &path).await;
    assert_eq!((one.header("etag"), one.json()), (Some("\"3\""), expected));
}

#[tokio::test]
async fn a_policy_is_created_after_all_others_and_answered_with_its_address() {
    let (world, _, _) = with_policy().await;
    let created = policy(ONE, 88, "caches");
    let outcome = Outcome::Policy { id: created.id, version: 1 };
    world.script(vec![Effect::PolicySaved(Box::new(created.clone()))], outcome);
    let body = json!({"name": "caches", "matcher": {"component": "cache-*", "labels.team": ["a", "b"]}, "mode": "window", "cap": 7});
    let answer = world.post(MANAGER, ROUTE, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("location"), Some(format!("{ROUTE}/{}", created.id).as_str()));
    match world.submitted().pop().map(|command| command.operation) {
        Some(Operation::PutPolicy { policy, expected_version: None }) => {
            assert_eq!(
                (policy.project, policy.mode, policy.cap, policy.position),
                (ONE, Mode::Window, 7, 6)
            );
            assert_ne!(policy.id, GroupingPolicy::DEFAULT_ID);
            assert_eq!(policy.matcher.0.len(), 2);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_and_a_stale_version_is_a_conflict() {
    let (world, before, path) = with_policy().await;
    let read = world.get(READER, &path).await.json();
    world.script(Vec::new(), Outcome::Policy { id: before.id, version: 4 });
    assert_eq!(world.put(MANAGER, &path, read.clone()).await.status, 200);
    match world.submitted().pop().map(|command| command.operation) {
        Some(Operation::PutPolicy { policy, expected_version }) => {
            assert_eq!(
                (GroupingPolicy { version: 3, ..*policy }, expected_version),
                (before.clone(), Some(3))
            );
        }
        other => panic!("{other:?}"),
    }
    world.script(Vec::new(), Outcome::Refused(Refusal::StaleVersion { current: 4 }));
    let stale = world.put(MANAGER, &path, read.clone()).await;
    assert_eq!(stale.problem(409, "stale_version")["current"], 4);
    let stale = with_header(request("PUT", &path, MANAGER, Some(&read)), "if-match", "\"2\"");
    world.send(stale).await.problem(412, "precondition_failed");
    let mut foreign = read;
    foreign["id"] = json!(PolicyId(1).to_string());
    assert_eq!(world.put(MANAGER, &path, foreign).await.fields(), ["id mismatch"]);
}

#[tokio::test]
async fn a_policy_is_removed_at_the_version_that_was_seen() {
    let (world, policy, path) = with_policy().await;
    let remove = |expected_version| Operation::DeletePolicy { id: policy.id, expected_version };
    for (query, expected) in [("", None), ("?version=3", Some(3))] {
        world.script(Vec::new(), Outcome::Policy { id: policy.id, version: 3 });
        let answer = world.delete(MANAGER, &format!("{path}{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.bytes.len()), (204, 0));
        assert_eq!(
            world.submitted().pop().map(|command| command.operation),
            Some(remove(expected))
        );
    }
    let stale = with_header(request("DELETE", &path, MANAGER, None), "if-match", "\"9\"");
    world.send(stale).await.problem(412, "precondition_failed");
    world.delete(MANAGER, &format!("{path}?version=x")).await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn the_built_in_policy_cannot_be_changed_and_others_do_not_exist() {
    let (world, ..) = with_policy().await;
    let built_in = format!("{ROUTE}/{}", GroupingPolicy::DEFAULT_ID);
    assert_eq!(world.get(READER, &built_in).await.json()["built_in"], true);
    world.put(MANAGER, &built_in, json!({"name": "x"})).await.problem(409, "built_in_policy");
    world.delete(MANAGER, &built_in).await.problem(409, "built_in_policy");
    let foreign = policy(TWO, 99, "foreign");
    world.apply(vec![Effect::PolicySaved(Box::new(foreign.clone()))]).await;
    for id in [foreign.id.to_string(), PolicyId(5).to_string(), "x".to_owned()] {
        let path = format!("{ROUTE}/{id}");
        world.get(READER, &path).await.problem(404, "not_found");
        world.put(MANAGER, &path, json!({"name": "x"})).await.problem(404, "not_found");
        world.delete(MANAGER, &path).await.problem(404, "not_found");
    }
    assert_eq!(world.submitted(), []);
}

#[tokio::test]
async fn only_who_manages_changes_policies_and_bad_ones_are_refused_whole() {
    let (world, _, path) = with_policy().await;
    world.post(AGENT, ROUTE, json!({"name": "x"})).await.problem(403, "missing_scope");
    world.put(AGENT, &path, json!({"name": "x"})).await.problem(403, "missing_scope");
    world.delete(AGENT, &path).await.problem(403, "missing_scope");
    let answer = world.post(MANAGER, ROUTE, json!({"mode": "x", "window": "0s", "quiet": 5})).await;
    answer.problem(422, "invalid_fields");
    assert_eq!(
        answer.fields(),
        ["mode unknown_value", "name missing", "quiet wrong_type", "window out_of_range"]
    );
    world.script(Vec::new(), Outcome::Refused(Refusal::Limit("grouping policies of a project")));
    world.post(MANAGER, ROUTE, json!({"name": "x"})).await.problem(422, "limit_reached");
}
