//! Subscribers.

use serde_json::json;

use crate::world::{AGENT, MANAGER, READER, World, id_of, request, with_header};

const ROUTE: &str = "/v1/subscribers";

#[tokio::test]
async fn a_subscriber_is_created_read_replaced_and_removed() {
    let world = World::new().await;
    let created = world.create(ROUTE, json!({"name": " core "})).await;
    assert_eq!(created["name"], "core");
    assert_eq!((&created["contacts"], &created["version"]), (&json!([]), &json!(1)));
    let path = format!("{ROUTE}/{}", id_of(&created));
    assert_eq!(world.get(READER, &path).await.json(), created);
    assert_eq!(world.get(READER, ROUTE).await.json(), json!({"items": [created]}));
    let changed = world.put(MANAGER, &path, json!({"name": "edge", "version": 1})).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, Some("\"2\"")));
    assert_eq!(changed.json()["name"], "edge");
    assert_eq!(changed.json()["created_at"], created["created_at"]);
    assert_eq!(
        world.put(MANAGER, &path, changed.json()).await.status,
        200,
        "what was read is sent back"
    );
    assert_eq!(world.delete(MANAGER, &format!("{path}?version=3")).await.status, 204);
    world.get(READER, &path).await.problem(404, "not_found");
    world.delete(MANAGER, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn contacts_are_endpoints_in_order() {
    let world = World::new().await;
    let (ada, hook) = world.subscriber("ada").await;
    let path = format!("{ROUTE}/{ada}");
    let contacts = json!([{"endpoint_id": hook}, {"endpoint_id": hook, "after": "5m"}]);
    let saved =
        world.put(MANAGER, &path, json!({"name": "ada", "contacts": contacts})).await.json();
    let expected =
        json!([{"endpoint_id": hook, "after": "0s"}, {"endpoint_id": hook, "after": "300s"}]);
    assert_eq!(saved["contacts"], expected);
    let bad = json!({"name": "", "contacts": [
        {"endpoint_id": "x"}, {"endpoint_id": "00000000-0000-0000-0000-000000000001"}, {"after": "soon"}, 7,
    ], "colour": "red"});
    let refused = world.put(MANAGER, &path, bad).await;
    refused.problem(422, "invalid_fields");
    let expected = [
        "colour unknown_field",
        "contacts[0].endpoint_id unknown_value",
        "contacts[1].endpoint_id unknown_value",
        "contacts[2].after invalid_duration",
        "contacts[2].endpoint_id missing",
        "contacts[3] wrong_type",
        "name missing",
    ];
    assert_eq!(refused.fields(), expected);
}

#[tokio::test]
async fn a_stale_change_a_taken_name_and_one_who_still_owns_something_are_conflicts() {
    let world = World::new().await;
    let (core, _) = world.subscriber("core").await;
    let edge = world.create(ROUTE, json!({"name": "edge"})).await;
    world.post(MANAGER, ROUTE, json!({"name": "core"})).await.problem(409, "name_taken");
    let path = format!("{ROUTE}/{}", id_of(&edge));
    world.put(MANAGER, &path, json!({"name": "core"})).await.problem(409, "name_taken");
    let stale = world.put(MANAGER, &path, json!({"name": "x", "version": 7})).await;
    assert_eq!(stale.problem(409, "stale_version")["current"], 1);
    world.delete(MANAGER, &format!("{path}?version=7")).await.problem(409, "stale_version");
    let body = json!({"name": "x"});
    let missed = with_header(request("PUT", &path, MANAGER, Some(&body)), "if-match", "\"9\"");
    world.send(missed).await.problem(412, "precondition_failed");
    world.delete(MANAGER, &format!("{ROUTE}/{core}")).await.problem(409, "in_use");
}

#[tokio::test]
async fn a_repeated_request_creates_once_and_only_who_manages_creates() {
    let world = World::new().await;
    let ask =
        |body| with_header(request("POST", ROUTE, MANAGER, Some(body)), "idempotency-key", "k");
    let body = json!({"name": "core"});
    let first = world.send(ask(&body)).await;
    let again = world.send(ask(&body)).await;
    assert_eq!((first.status.as_u16(), first.json()), (201, again.json()));
    world.send(ask(&json!({"name": "edge"}))).await.problem(422, "idempotency_key_reused");
    world.post(AGENT, ROUTE, body).await.problem(403, "missing_scope");
}
