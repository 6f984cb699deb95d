//! Escalation policies.

use model::{DirectiveBody, DirectiveKind, Duration, Target};
use serde_json::json;

use crate::world::{MANAGER, READER, World, id_of};

const ROUTE: &str = "/v1/escalations";

#[tokio::test]
async fn a_policy_is_created_read_replaced_and_removed() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let body = json!({"name": "pages", "steps": [{"endpoints": [hook]}, {"after": "10m", "people": [core]}], "repeat": 2});
    let created = world.create(ROUTE, body).await;
    let steps = json!([
        {"after": "0s", "endpoints": [hook], "on_call": [], "people": []},
        {"after": "600s", "endpoints": [], "on_call": [], "people": [core]},
    ]);
    let expected =
        json!({"id": created["id"], "name": "pages", "steps": steps, "repeat": 2, "version": 1});
    assert_eq!(created, expected);
    let id = id_of(&created);
    match world.directive(DirectiveKind::Escalation, &id).await.map(|directive| directive.body) {
        Some(DirectiveBody::Escalation(policy)) => {
            assert_eq!(policy.steps[1].after, Duration::from_secs(600));
            assert!(matches!(policy.steps[1].targets[..], [Target::Person(_)]));
        }
        other => panic!("{other:?}"),
    }
    let path = format!("{ROUTE}/{id}");
    assert_eq!(world.get(READER, ROUTE).await.json()["items"], json!([created]));
    let replaced = world.put(MANAGER, &path, created.clone()).await.json();
    assert_eq!(replaced["version"], 2);
    world.put(MANAGER, &path, created).await.problem(409, "stale_version");
    let rule = json!({"subscriber_id": core, "name": "x", "on": ["opened"], "match_all": true, "escalation_id": id});
    assert_eq!(world.create("/v1/rules", rule).await["escalation_id"], json!(id));
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    world.get(READER, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn every_bad_step_is_said_with_its_place() {
    let world = World::new().await;
    let body =
        json!({"name": "x", "steps": [{"after": "soon"}, {"endpoints": ["x"]}, 7], "repeat": 101});
    let refused = world.post(MANAGER, ROUTE, body).await;
    refused.problem(422, "invalid_fields");
    let expected = [
        "repeat out_of_range",
        "steps[0].after invalid_duration",
        "steps[0].endpoints missing",
        "steps[1].endpoints[0] unknown_value",
        "steps[2] wrong_type",
    ];
    assert_eq!(refused.fields(), expected);
    let empty = world.post(MANAGER, ROUTE, json!({"name": "x", "steps": []})).await;
    assert_eq!(empty.fields(), ["steps missing"]);
}
