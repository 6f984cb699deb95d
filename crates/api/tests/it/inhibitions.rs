//! Inhibitions.

use serde_json::json;

use crate::world::{MANAGER, READER, World, id_of};

const ROUTE: &str = "/v1/inhibitions";

#[tokio::test]
async fn an_inhibition_is_created_read_replaced_and_removed() {
    let world = World::new().await;
    let source = json!([{"field": "severity", "op": "equals", "value": "P0", "negate": false}]);
    let target =
        json!([{"field": "severity", "op": "one_of", "value": ["P2", "P3"], "negate": false}]);
    let body = json!({"name": "worse known", "source": source, "target": target, "equal": ["component", "labels.cluster"]});
    let created = world.create(ROUTE, body).await;
    let expected = json!({
        "id": created["id"], "name": "worse known", "source": source, "target": target,
        "equal": ["component", "labels.cluster"], "enabled": true, "version": 1,
    });
    assert_eq!(created, expected);
    let path = format!("{ROUTE}/{}", id_of(&created));
    assert_eq!(world.get(READER, ROUTE).await.json()["items"], json!([created]));
    let mut off = created;
    off["enabled"] = json!(false);
    let replaced = world.put(MANAGER, &path, off).await.json();
    assert_eq!((&replaced["enabled"], &replaced["version"]), (&json!(false), &json!(2)));
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    world.get(READER, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn both_sides_are_needed_and_checked() {
    let world = World::new().await;
    let body = json!({"name": "x", "source": [{"field": "severity", "op": "at_least", "value": "loud"}], "equal": ["component", "service", "colour"]});
    let refused = world.post(MANAGER, ROUTE, body).await;
    refused.problem(422, "invalid_fields");
    let expected = [
        "equal[1] duplicate",
        "equal[2] unknown_value",
        "source[0].value unknown_value",
        "target missing",
    ];
    assert_eq!(refused.fields(), expected);
}
