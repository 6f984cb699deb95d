//! Isolation, on every operation of the OpenAPI document: with a key of another project, without a
//! key, and with a key that has none of the scopes.

use model::{DirectiveId, Effect, KeyId, Outcome, Verdict};
use serde_json::{Value, json};

use crate::told::{opened, tried};
use crate::world::{ONE, SENDER, STRANGER, TWO, World, alert, comment, id_of, policy, request};

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
        "subscribers" => json!({"name": "x"}),
        "replay" => json!({"all": true}),
        "rules" | "endpoints" | "escalations" | "inhibitions" => json!({"name": "x"}),
        "test" if path == "/v1/rules/test" => {
            json!({"rule": {"on": ["opened"], "match_all": true}})
        }
        "silences" if path.starts_with("/api/") => json!({}),
        "preview" if path == "/v1/silences/preview" => {
            json!({"match": [{"field": "component", "op": "equals", "value": "db-1"}]})
        }
        "silences" => json!({
            "match": [{"field": "component", "op": "equals", "value": "db-1"}],
            "ends_at": "2030-01-01T00:00:00Z", "comment": "x",
        }),
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
            crate::alertmanager_silences::silenced(ONE, 66, MARK),
            alert(ONE, 1, Some(incident.id), &[("alertname", MARK)]),
        ])
        .await;
    world.signals(&incident, [10]);
    let mut ids = of_rules(&world).await;
    ids.extend([
        ("/v1/incidents/", incident.id.to_string()),
        ("/v1/incidents/", "1".to_owned()),
        ("/incidents/", incident.id.to_string()),
        ("/v1/policies/grouping/", policy_one.id.to_string()),
        ("/v1/keys/", KeyId(1).to_string()),
        ("/api/v2/silence/", DirectiveId(66).to_string()),
    ]);
    let (subscriber, endpoint) = (ids[0].1.clone(), ids[1].1.clone());
    let notification = opened(&incident, &subscriber, &endpoint, &[]);
    world.tell(&[&notification]).await;
    world.apply(vec![tried(&notification, 1, Verdict::Dead, 500, MARK)]).await;
    ids.push(("/v1/notifications/", notification.id.to_string()));
    (world, ids)
}

/// One of everything that says who is told; the subscriber first, then its endpoint.
async fn of_rules(world: &World) -> Vec<(&'static str, String)> {
    let (subscriber, endpoint) = world.subscriber(MARK).await;
    let condition = json!([{"field": "summary", "op": "equals", "value": MARK}]);
    let rule = json!({"subscriber_id": subscriber, "name": MARK, "on": ["opened"], "match": condition, "endpoints": [endpoint]});
    let silence = json!({"match": condition, "ends_at": "2030-01-01T00:00:00Z", "comment": MARK});
    let escalation = json!({"name": MARK, "steps": [{"endpoints": [endpoint]}]});
    let inhibition = json!({"name": MARK, "source": condition, "target": condition});
    let layer = json!({"name": "a", "people": [subscriber], "rotation": {"every": "1w"}, "start": "2026-03-02T09:00"});
    let schedule = json!({"name": MARK, "time_zone": "UTC", "layers": [layer]});
    let calendar =
        json!({"name": MARK, "time_zone": "UTC", "intervals": [{"weekdays": ["sunday"]}]});
    let mut ids = vec![("/v1/subscribers/", subscriber), ("/v1/endpoints/", endpoint)];
    let documents = [
        ("/v1/rules/", rule),
        ("/v1/silences/", silence),
        ("/v1/escalations/", escalation),
        ("/v1/inhibitions/", inhibition),
        ("/v1/schedules/", schedule),
        ("/v1/calendars/", calendar),
    ];
    for (place, document) in documents {
        let created = world.create(place.trim_end_matches('/'), document).await;
        ids.push((place, id_of(&created)));
    }
    world.road.submitted.lock().unwrap().clear();
    ids
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
                let refused = [400, 403, 415, 422].contains(&answer.status.as_u16());
                assert!(answer.status.is_success() || refused, "{what}");
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
        let nothing = world.send(request(&operation.method, &nowhere, STRANGER, body)).await;
        for address in addresses(operation, &ids) {
            let foreign = world.send(request(&operation.method, &address, STRANGER, body)).await;
            if operation.public {
                assert_eq!(foreign.text(), nothing.text(), "{} {address}", operation.method);
                continue;
            }
            let (foreign, nothing) = (foreign.json(), nothing.json());
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

#[tokio::test]
async fn what_another_project_has_cannot_be_referred_to_or_explained() {
    let (world, ids) = full().await;
    let id = |place: &str| ids.iter().find(|(known, _)| *known == place).unwrap().1.clone();
    let (subscriber, endpoint) = (id("/v1/subscribers/"), id("/v1/endpoints/"));
    let rule = json!({
        "subscriber_id": subscriber, "name": "x", "on": ["opened"], "match_all": true, "endpoints": [endpoint],
        "on_call": [id("/v1/schedules/")], "people": [subscriber], "escalation_id": id("/v1/escalations/"),
        "muted_by": [id("/v1/calendars/")],
    });
    let refused = world.send(request("POST", "/v1/rules", STRANGER, Some(&rule))).await;
    let expected = [
        "endpoints[0] unknown_value",
        "escalation_id unknown_value",
        "muted_by[0] unknown_value",
        "on_call[0] unknown_value",
        "people[0] unknown_value",
        "subscriber_id unknown_value",
    ];
    assert_eq!(refused.fields(), expected);
    let queries = [
        format!("/v1/explain?subject=notification:{}", id("/v1/notifications/")),
        format!("/v1/explain?subject={}", id("/v1/incidents/")),
        format!("/v1/explain?subject=incident:1&subscriber={subscriber}"),
        format!("/v1/notifications?incident={}", id("/v1/incidents/")),
        format!("/v1/rules/export?subscriber={subscriber}"),
    ];
    for path in queries {
        world.get(STRANGER, &path).await.problem(404, "not_found");
    }
    for path in ["/v1/notifications", "/v1/dead-letters"] {
        let filtered = format!("{path}?subscriber={subscriber}");
        assert_eq!(world.get(STRANGER, &filtered).await.json()["total"], 0, "{path}");
    }
}
