//! Keys and projects.

use serde_json::json;

use crate::world::{AGENT, MANAGER, READER, STRANGER, World, request, with_header};

#[tokio::test]
async fn a_key_works_from_the_answer_on_and_is_shown_once() {
    let world = World::new().await;
    let body = json!({"name": "ci", "scopes": ["read"], "expires_at": "2030-01-01T00:00:00Z", "rate_per_second": 50});
    let made = world.post(MANAGER, "/v1/keys", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let json = made.json();
    let secret = json["key"].as_str().unwrap();
    assert!(secret.starts_with(json["prefix"].as_str().unwrap()));
    assert_eq!(
        (&json["scopes"], &json["rate_per_second"], &json["project"]),
        (&json!(["read"]), &json!(50), &json!(1))
    );
    assert_eq!(world.get(secret, "/v1/incidents").await.status, 200);
    world.post(secret, "/v1/keys", json!({})).await.problem(403, "missing_scope");
    let list = world.get(MANAGER, "/v1/keys").await;
    assert!(!list.text().contains(secret));
    assert!(
        list.json()["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key["id"] == json["id"] && key.get("key").is_none())
    );
}

#[tokio::test]
async fn a_revoked_key_stops_before_the_answer_and_stays_listed() {
    let world = World::new().await;
    let made =
        world.post(MANAGER, "/v1/keys", json!({"name": "ci", "scopes": ["read"]})).await.json();
    let path = format!("/v1/keys/{}", made["id"].as_str().unwrap());
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    world.get(made["key"].as_str().unwrap(), "/v1/incidents").await.problem(401, "revoked_key");
    let list = world.get(MANAGER, "/v1/keys").await.json();
    let row = list["items"].as_array().unwrap().iter().find(|key| key["id"] == made["id"]).unwrap();
    assert!(row["revoked_at"].is_string());
    world
        .delete(MANAGER, "/v1/keys/00000000-0000-0000-0000-00000000ffff")
        .await
        .problem(404, "not_found");
    world.delete(MANAGER, "/v1/keys/x").await.problem(404, "not_found");
}

#[tokio::test]
async fn every_bad_field_of_a_key_is_said_at_once() {
    let world = World::new().await;
    let body = json!({"scopes": ["read", "write", 3], "expires_at": "2000-01-01T00:00:00Z", "rate_per_second": 0, "project": 99, "x": 1});
    let answer = world.post(MANAGER, "/v1/keys", body).await;
    answer.problem(422, "invalid_fields");
    let expected = [
        "expires_at in_the_past",
        "name missing",
        "project unknown_value",
        "rate_per_second out_of_range",
        "scopes[1] unknown_value",
        "scopes[2] wrong_type",
        "x unknown_field",
    ];
    assert_eq!(answer.fields(), expected);
    assert_eq!(
        world.post(MANAGER, "/v1/keys", json!({"name": "x", "scopes": []})).await.fields(),
        ["scopes missing"]
    );
}

#[tokio::test]
async fn the_installation_makes_projects_and_keys_for_them() {
    let world = World::new().await;
    let made =
        world.post(MANAGER, "/v1/projects", json!({"organization": "acme", "name": "shop"})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let project = made.json()["id"].as_u64().unwrap();
    world
        .post(MANAGER, "/v1/projects", json!({"organization": "acme", "name": "shop"}))
        .await
        .problem(409, "name_taken");
    let key = world
        .post(
            MANAGER,
            "/v1/keys",
            json!({"name": "theirs", "scopes": ["manage", "read"], "project": project}),
        )
        .await;
    let secret = key.json()["key"].as_str().unwrap().to_owned();
    let seen = world.get(&secret, "/v1/projects").await.json();
    assert_eq!(
        (seen["items"].as_array().unwrap().len(), &seen["items"][0]["name"]),
        (1, &json!("shop"))
    );
    assert_eq!(
        world.get(MANAGER, "/v1/projects").await.json()["items"].as_array().unwrap().len(),
        3
    );
    let listed = world.get(MANAGER, &format!("/v1/keys?project={project}")).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    world.get(MANAGER, "/v1/keys?project=77").await.problem(404, "not_found");
    world
        .delete(MANAGER, "/v1/keys/00000000-0000-0000-0000-000000000001?project=77")
        .await
        .problem(404, "not_found");
    let own = world.post(MANAGER, "/v1/projects", json!({"name": "mine"})).await.json();
    assert_eq!(own["organization"], "default");
}

#[tokio::test]
async fn other_projects_do_not_exist_for_anybody_else() {
    let world = World::new().await;
    world
        .post(STRANGER, "/v1/projects", json!({"name": "x"}))
        .await
        .problem(403, "administrator_required");
    world.get(STRANGER, "/v1/keys?project=1").await.problem(404, "not_found");
    world
        .delete(STRANGER, "/v1/keys/00000000-0000-0000-0000-000000000001?project=1")
        .await
        .problem(404, "not_found");
    let made = world
        .post(STRANGER, "/v1/keys", json!({"name": "x", "scopes": ["read"], "project": 1}))
        .await;
    assert_eq!(made.fields(), ["project unknown_value"]);
    for key in [AGENT, READER] {
        world.get(key, "/v1/keys").await.problem(403, "missing_scope");
        world.get(key, "/v1/projects").await.problem(403, "missing_scope");
        world.post(key, "/v1/projects", json!({"name": "x"})).await.problem(403, "missing_scope");
    }
}

#[tokio::test]
async fn a_repeated_request_makes_one_key_and_is_answered_with_it() {
    let world = World::new().await;
    let body = json!({"name": "ci", "scopes": ["read"]});
    let ask = |body: &serde_json::Value| {
        with_header(request("POST", "/v1/keys", MANAGER, Some(body)), "idempotency-key", "k")
    };
    let (first, again) = tokio::join!(world.send(ask(&body)), world.send(ask(&body)));
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json(), again.json());
    let other = json!({"name": "cd", "scopes": ["read"]});
    world.send(ask(&other)).await.problem(422, "idempotency_key_reused");
    let named = world.get(MANAGER, "/v1/keys").await.json();
    assert_eq!(
        named["items"].as_array().unwrap().iter().filter(|key| key["name"] == "ci").count(),
        1
    );
}
