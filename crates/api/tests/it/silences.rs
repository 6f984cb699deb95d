//! Silences and maintenance windows.

use serde_json::json;

use crate::world::{MANAGER, ONE, READER, World, alert, id_of};

const ROUTE: &str = "/v1/silences";

#[tokio::test]
async fn a_silence_is_created_changed_and_let_expire_but_never_removed() {
    let world = World::new().await;
    let wanted = json!([{"field": "labels.team", "op": "regex", "value": "co.*", "negate": false}]);
    let body = json!({"match": wanted, "ends_at": "2030-01-01T00:00:00Z", "comment": "planned"});
    let created = world.create(ROUTE, body).await;
    let expected = json!({
        "id": created["id"], "name": "", "match": wanted, "starts_at": "2023-11-14T22:30:00.000000Z",
        "ends_at": "2030-01-01T00:00:00.000000Z", "created_by": "manager-of-one", "comment": "planned",
        "maintenance": false, "state": "active", "updated_at": "2023-11-14T22:30:00.000000Z", "version": 1,
    });
    assert_eq!(created, expected);
    let path = format!("{ROUTE}/{}", id_of(&created));
    let mut later = created.clone();
    later["starts_at"] = json!("2029-01-01T00:00:00Z");
    later["maintenance"] = json!(true);
    let later = world.put(MANAGER, &path, later).await.json();
    assert_eq!((&later["state"], &later["version"]), (&json!("pending"), &json!(2)));
    world.put(MANAGER, &path, created).await.problem(409, "stale_version");
    world.delete(MANAGER, &format!("{path}?version=1")).await.problem(409, "stale_version");
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    let expired = world.get(READER, &path).await.json();
    assert_eq!(
        (&expired["state"], &expired["ends_at"]),
        (&json!("expired"), &json!("2023-11-14T22:30:00.000000Z"))
    );
    let commands = world.submitted().len();
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    assert_eq!(world.submitted().len(), commands, "what has expired stays as it is");
    assert_eq!(world.get(READER, ROUTE).await.json()["total"], 1);
}

#[tokio::test]
async fn a_silence_needs_a_condition_an_end_ahead_and_a_comment() {
    let world = World::new().await;
    let cases = [
        (json!({}), vec!["comment missing", "ends_at missing", "match missing"]),
        (
            json!({"match": [{"field": "summary", "op": "regex", "value": "("}], "ends_at": "2020-01-01T00:00:00Z", "comment": "x"}),
            vec!["ends_at in_the_past", "match[0].value invalid_regex"],
        ),
        (
            json!({"match": [], "starts_at": "2029-01-02T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z", "comment": "x"}),
            vec!["ends_at before_start", "match missing"],
        ),
    ];
    for (body, expected) in cases {
        let refused = world.post(MANAGER, ROUTE, body).await;
        refused.problem(422, "invalid_fields");
        assert_eq!(refused.fields(), expected);
    }
}

#[tokio::test]
async fn a_preview_shows_what_would_be_hidden_now() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    world.incident(ONE, 2).await;
    world
        .apply(vec![
            alert(ONE, 1, Some(incident.id), &[("team", "core")]),
            alert(ONE, 2, None, &[("team", "edge")]),
        ])
        .await;
    let preview = format!("{ROUTE}/preview");
    let wanted = json!({"match": [{"field": "labels.team", "op": "regex", "value": "cor."}]});
    let shown = world.post(READER, &preview, wanted).await.json();
    assert_eq!((&shown["alert_count"], &shown["incident_count"]), (&json!(1), &json!(1)));
    let expected = json!({"fingerprint": "0000000000000001", "summary": "", "labels": {"team": "core"}, "incident_id": incident.id.to_string()});
    assert_eq!(shown["alerts"], json!([expected]));
    assert_eq!(shown["incidents"][0]["id"], json!(incident.id.to_string()));
    assert_eq!(world.post(READER, &preview, json!({})).await.fields(), ["match missing"]);
    assert_eq!(world.submitted(), []);
}
