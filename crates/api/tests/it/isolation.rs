//! Isolation, on every operation of the OpenAPI document: with a key of another project, without a
//! key, and with a key that has none of the scopes.

use model::{DirectiveId, Effect, KeyId, Outcome};
use serde_json::{Value, json};

use crate::world::{ONE, SENDER, STRANGER, TWO, World, alert, comment, policy, request};

/// What stands in everything of project 1, and must never be seen elsewhere.
const MARK: &str = "of project 1";

struct Operation {
    method: String,
    path: String,
    public: bool,
}

async fn operations(world: &World) -> Vec<Operation> {
    let document = world.get("", "/v1/openapi.json").await.json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // The doors are another crate's, and tested there.
            if operation["tags"] == json!(["signals"])
                || (method == "post" && path.starts_with("/api/"))
            {
                continue;
            }
            let public = operation.get("security").is_some();
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                public,
            });
        }
    }
    assert!(operations.len() > 35, "{}", operations.len());
    operations
}

/// A body that is good for the operation.
fn body(path: &str) -> Value {
    match path.rsplit('/').next().unwrap() {
        "state" => json!({"to": "INVESTIGATING"}),
        "assign" => json!({"assignee": "ada"}),
        "comments" => json!({"text": "x"}),
        "links" => json!({"url": "https://example.com"}),
        "severity" => json!({"severity": "P0"}),
        "merge" => json!({"children": ["1"]}),
        "split" => json!({"signal_ids": ["00000000-0000-0000-0000-00000000000a"]}),
        "keys" => json!({"name": "x", "scopes": ["read"]}),
        "projects" | "grouping" => json!({"name": "x"}),
        "alertmanager" => json!({"route": {"receiver": "a"}, "receivers": [{"name": "a"}]}),
        _ if path.contains("/policies/") => json!({"name": "x"}),
        _ => json!({}),
    }
}

/// A world in which project 1 has one of everything, and project 2 a policy.
async fn full() -> (World, Vec<(&'static str, String)>) {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let policy_one = policy(ONE, 77, MARK);
    world
        .apply(vec![
            comment(&incident, 5, MARK),
            Effect::PolicySaved(Box::new(policy_one.clone())),
            Effect::PolicySaved(Box::new(policy(TWO, 88, "theirs"))),
            crate::silences::silenced(ONE, 66, MARK),
            alert(ONE, 1, Some(incident.id), &[("alertname", MARK)]),
        ])
        .await;
    world.signals(&incident, [10]);
    let ids = vec![
        ("/v1/incidents/", incident.id.to_string()),
        ("/v1/incidents/", "1".to_owned()),
        ("/v1/policies/grouping/", policy_one.id.to_string()),
        ("/v1/keys/", KeyId(1).to_string()),
        ("/api/v2/silence/", DirectiveId(66).to_string()),
    ];
    (world, ids)
}

/// The addresses of an operation, with the ids of what project 1 has.
fn addresses(operation: &Operation, ids: &[(&str, String)]) -> Vec<String> {
    if !operation.path.contains("{id}") {
        return vec![operation.path.clone()];
    }
    let fitting = ids.iter().filter(|(prefix, _)| operation.path.starts_with(prefix));
    let addresses: Vec<String> =
        fitting.map(|(_, id)| operation.path.replace("{id}", id)).collect();
    assert!(!addresses.is_empty(), "no id for {}", operation.path);
    addresses
}

#[tokio::test]
async fn a_key_of_another_project_sees_and_changes_nothing() {
    let (world, ids) = full().await;
    for operation in operations(&world).await.iter().filter(|operation| !operation.public) {
        for address in addresses(operation, &ids) {
            let body = body(&operation.path);
            let body = (!matches!(operation.method.as_str(), "GET" | "DELETE")).then_some(&body);
            if operation.path == "/v1/policies/grouping" && operation.method == "POST" {
                let outcome = Outcome::Policy { id: policy(TWO, 88, "").id, version: 1 };
                world.script(Vec::new(), outcome);
            }
            let answer = world.send(request(&operation.method, &address, STRANGER, body)).await;
            let what =
                format!("{} {address}: {} {}", operation.method, answer.status, answer.text());
            if operation.path.contains("{id}") {
                assert_eq!(answer.status, 404, "{what}");
                // Alertmanager's clients read errors as texts.
                let is_text =
                    answer.json().as_str().is_some_and(|it| it.starts_with("not_found: "));
                assert!(is_text || answer.json()["code"] == "not_found", "{what}");
            } else {
                assert!(answer.status.is_success() || answer.status == 403, "{what}");
            }
            assert!(!answer.text().contains(MARK) && !answer.text().contains("of-one"), "{what}");
        }
    }
    assert!(
        world.submitted().iter().all(|command| command.project == TWO),
        "{:?}",
        world.submitted()
    );
    let nested = world.get("", &format!("/k/{STRANGER}/api/v2/alerts")).await;
    assert_eq!((nested.status.as_u16(), nested.text()), (200, "[]\n".to_owned()));
}

#[tokio::test]
async fn what_exists_elsewhere_is_answered_as_what_exists_nowhere() {
    let (world, ids) = full().await;
    for operation in
        operations(&world).await.iter().filter(|operation| operation.path.contains("{id}"))
    {
        let body = body(&operation.path);
        let body = (!matches!(operation.method.as_str(), "GET" | "DELETE")).then_some(&body);
        let nowhere = operation.path.replace("{id}", "01890000-0000-7000-8000-000000000000");
        let nothing = world.send(request(&operation.method, &nowhere, STRANGER, body)).await.json();
        for address in addresses(operation, &ids) {
            let foreign =
                world.send(request(&operation.method, &address, STRANGER, body)).await.json();
            for member in ["status", "code", "title", "type"] {
                assert_eq!(foreign[member], nothing[member], "{} {address}", operation.method);
            }
        }
    }
}

#[tokio::test]
async fn nothing_but_what_is_public_answers_without_a_key_or_a_scope() {
    let (world, ids) = full().await;
    for operation in operations(&world).await {
        for address in addresses(&operation, &ids) {
            let body = body(&operation.path);
            let body = (!matches!(operation.method.as_str(), "GET" | "DELETE")).then_some(&body);
            let bare = world.send(request(&operation.method, &address, "", body)).await;
            let without_scope =
                world.send(request(&operation.method, &address, SENDER, body)).await;
            let what = format!("{} {address}", operation.method);
            if operation.public {
                assert!(bare.status != 401 && !bare.text().contains(MARK), "{what}");
            } else {
                assert_eq!(
                    (bare.status.as_u16(), without_scope.status.as_u16()),
                    (401, 403),
                    "{what}"
                );
                assert!(!without_scope.text().contains(MARK), "{what}");
            }
        }
    }
    assert_eq!(world.submitted(), []);
}
