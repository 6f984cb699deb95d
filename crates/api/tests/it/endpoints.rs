//! Endpoints: configuration in, secrets never out.

use model::{EndpointId, ProjectId};
use serde_json::json;
use store::Directory;

use crate::told::opened;
use crate::world::{MANAGER, ONE, READER, World, request};

const ROUTE: &str = "/v1/endpoints";

/// The sealed secret of an endpoint, as the store holds it.
async fn sealed(world: &World, id: &str) -> Vec<u8> {
    let id = EndpointId::parse(id).unwrap();
    world.store.endpoint(ProjectId(1), id).await.unwrap().unwrap().secrets
}

#[tokio::test]
async fn an_endpoint_never_shows_its_secret_and_keeps_it_where_none_is_given() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let path = format!("{ROUTE}/{hook}");
    let read = world.get(READER, &path).await;
    assert!(!read.text().contains("hush"), "{}", read.text());
    let document = read.json();
    assert_eq!(
        document["config"],
        json!({"url": "https://example.com/hook", "secret": {"set": true}})
    );
    assert_eq!(
        (&document["subscriber_id"], &document["channel"]),
        (&json!(core), &json!("webhook"))
    );
    assert!(document["verified_at"].is_string());
    let before = sealed(&world, &hook).await;
    let kept = world.put(MANAGER, &path, document.clone()).await;
    assert_eq!(
        (kept.status.as_u16(), kept.header("etag")),
        (200, Some("\"2\"")),
        "{}",
        kept.text()
    );
    assert_eq!(sealed(&world, &hook).await, before);
    let mut changed = document;
    changed["config"]["secret"] = json!("another");
    changed["version"] = json!(2);
    assert_eq!(world.put(MANAGER, &path, changed.clone()).await.status, 200);
    assert_ne!(sealed(&world, &hook).await, before);
    changed["channel"] = json!("console");
    changed["config"] = json!({});
    changed["version"] = json!(3);
    let moved = world.put(MANAGER, &path, changed).await.json();
    assert_eq!((&moved["config"], sealed(&world, &hook).await), (&json!({}), Vec::new()));
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    world.get(READER, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn every_bad_field_is_said_those_of_the_configuration_among_them() {
    let world = World::new().await;
    let (core, _) = world.subscriber("core").await;
    let send = async |body| {
        let answer = world.post(MANAGER, ROUTE, body).await;
        answer.problem(422, "invalid_fields");
        answer.fields()
    };
    assert_eq!(
        send(json!({"channel": "pigeon", "config": 7})).await,
        ["channel unknown_value", "config wrong_type", "name missing", "subscriber_id missing"]
    );
    let nobody = "00000000-0000-0000-0000-000000000001";
    assert_eq!(
        send(json!({"subscriber_id": nobody, "name": "x", "channel": "webhook", "config": {}, "verified_at": "x"})).await,
        ["config.url missing", "subscriber_id unknown_value"]
    );
    assert_eq!(
        send(json!({"subscriber_id": core, "name": "x", "channel": "webhook"})).await,
        ["config missing"]
    );
}

#[tokio::test]
async fn the_list_can_be_of_one_subscriber() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    world.subscriber("edge").await;
    assert_eq!(world.get(READER, ROUTE).await.json()["items"].as_array().unwrap().len(), 2);
    let of_core = world.get(READER, &format!("{ROUTE}?subscriber={core}")).await.json();
    assert_eq!(of_core["items"].as_array().unwrap().len(), 1);
    assert_eq!(of_core["items"][0]["id"], json!(hook));
    world.get(READER, &format!("{ROUTE}?subscriber=x")).await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn a_test_is_sent_and_a_preview_is_shown() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let path = format!("{ROUTE}/{hook}");
    let tested = world.post(MANAGER, &format!("{path}/test"), json!({})).await;
    let expected =
        json!({"delivered": true, "status": 204, "answer": "core hook of core", "took_ms": 12});
    assert_eq!((tested.status.as_u16(), tested.json()), (200, expected));
    world.post(READER, &format!("{path}/test"), json!({})).await.problem(403, "missing_scope");
    let preview = format!("{path}/preview");
    let sample = world.post(READER, &preview, json!({})).await.json();
    assert_eq!(sample, json!({"preview": "to core: a sample"}));
    let unsaid = world.send(request("POST", &preview, READER, None)).await;
    assert_eq!((unsaid.status.as_u16(), unsaid.json()), (200, sample));
    let incident = world.incident(ONE, 1).await;
    let notification = opened(&incident, &core, &hook, &[]);
    world.tell(&[&notification]).await;
    let about = json!({"notification_id": notification.id.to_string()});
    let shown = world.post(READER, &preview, about).await.json();
    assert_eq!(shown["preview"], format!("to core: {}", notification.notice.name));
    let nothing = world.post(READER, &preview, json!({"notification_id": "x"})).await;
    assert_eq!(nothing.fields(), ["notification_id unknown_value"]);
    let broken = json!({"subscriber_id": core, "name": "b", "channel": "webhook", "config": {"url": "broken"}});
    let broken = world.create(ROUTE, broken).await;
    let path = format!("{ROUTE}/{}/preview", broken["id"].as_str().unwrap());
    let refused = world.post(READER, &path, json!({})).await;
    assert_eq!(refused.fields(), ["config.template invalid_template"]);
}

#[tokio::test]
async fn an_owner_that_is_not_there_is_said() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    let path = format!("{ROUTE}/{hook}");
    let mut document = world.get(READER, &path).await.json();
    document["subscriber_id"] = json!("00000000-0000-0000-0000-000000000001");
    let refused = world.put(MANAGER, &path, document.clone()).await;
    refused.problem(422, "invalid_fields");
    assert_eq!(refused.fields(), ["subscriber_id unknown_value"]);
    document["subscriber_id"] = json!(core);
    assert_eq!(world.put(MANAGER, &path, document).await.status, 200);
}
