//! Default routes follow endpoints, and say whether they are in force.

use api::RoadError;
use serde_json::{Value, json};

use crate::world::{MANAGER, READER, World, id_of};

const ROUTE: &str = "/v1/default-routes";

async fn endpoint(world: &World, subscriber: &str, channel: &str) -> String {
    let body =
        json!({"subscriber_id": subscriber, "channel": channel, "name": channel, "config": {}});
    id_of(&world.create("/v1/endpoints", body).await)
}

/// Severities and endpoints of every route of a subscriber, by severity.
async fn listed(world: &World, subscriber: &str) -> Vec<(Value, Value)> {
    let page = world.get(READER, &format!("{ROUTE}?subscriber={subscriber}")).await.json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(page["total"], items.len());
    let mut found: Vec<_> = items
        .iter()
        .map(|item| (item["match"][0]["value"].clone(), item["endpoints"].clone()))
        .collect();
    found.sort_by_key(|(severities, _)| severities.to_string());
    found
}

#[tokio::test]
async fn default_routes_follow_the_endpoints_of_each_subscriber() {
    let world = World::new().await;
    let core = id_of(&world.create("/v1/subscribers", json!({"name": "core"})).await);
    let other = id_of(&world.create("/v1/subscribers", json!({"name": "other"})).await);
    let (low, middle, high) = (json!(["P3"]), json!(["P1", "P2"]), json!(["P0"]));
    endpoint(&world, &core, "alertmanager").await;
    assert_eq!(listed(&world, &core).await, []);
    let console = endpoint(&world, &core, "console").await;
    let all = json!([console]);
    assert_eq!(
        listed(&world, &core).await,
        [(high.clone(), all.clone()), (middle.clone(), all.clone()), (low.clone(), all.clone())]
    );
    let slack = endpoint(&world, &core, "slack").await;
    let chat = json!([slack]);
    assert_eq!(
        listed(&world, &core).await,
        [(high.clone(), chat.clone()), (middle.clone(), chat.clone()), (low.clone(), all.clone())]
    );
    let page = endpoint(&world, &core, "pagerduty").await;
    assert_eq!(
        listed(&world, &core).await,
        [(high.clone(), json!([page])), (middle.clone(), chat), (low, all)]
    );
    assert_eq!(listed(&world, &other).await, []);
    for gone in [&console, &slack] {
        assert_eq!(world.delete(MANAGER, &format!("/v1/endpoints/{gone}")).await.status, 204);
    }
    assert_eq!(listed(&world, &core).await, [(high.clone(), json!([page]))]);
    let path = format!("/v1/endpoints/{page}");
    let mut moved = world.get(READER, &path).await.json();
    moved["subscriber_id"] = json!(other);
    assert_eq!(world.put(MANAGER, &path, moved).await.status, 200);
    assert_eq!(listed(&world, &core).await, []);
    assert_eq!(listed(&world, &other).await, [(high, json!([page]))]);
}

#[tokio::test]
async fn they_are_in_force_while_there_is_no_rule_and_are_not_rules_themselves() {
    let world = World::new().await;
    let (core, hook) = world.subscriber("core").await;
    endpoint(&world, &core, "console").await;
    assert_eq!(world.get(READER, ROUTE).await.json()["in_force"], true);
    assert_eq!(world.get(READER, "/v1/rules").await.json()["total"], 0);
    let rule = json!({
        "subscriber_id": core, "name": "mine", "on": ["opened"], "match_all": true,
        "endpoints": [hook], "enabled": false,
    });
    world.create("/v1/rules", rule).await;
    let page = world.get(READER, ROUTE).await.json();
    assert_eq!((&page["in_force"], &page["total"]), (&json!(false), &json!(3)));
}

#[tokio::test]
async fn an_endpoint_is_saved_also_where_its_routes_can_follow_only_later() {
    let world = World::new().await;
    let core = id_of(&world.create("/v1/subscribers", json!({"name": "core"})).await);
    world.api.keep_default_routes().await;
    world.script_failure(RoadError::Full);
    let console = endpoint(&world, &core, "console").await;
    assert_eq!(listed(&world, &core).await, []);
    world.api.keep_default_routes().await;
    assert_eq!(listed(&world, &core).await.len(), 3);
    assert_eq!(listed(&world, &core).await[0].1, json!([console]));
}

#[tokio::test]
async fn an_endpoint_gets_its_routes_when_its_owner_has_confirmed_it() {
    let world = World::new().await;
    let core = id_of(&world.create("/v1/subscribers", json!({"name": "core"})).await);
    let console = endpoint(&world, &core, "console").await;
    let body = json!({
        "subscriber_id": core, "channel": "slack", "name": "team", "config": {}, "verify": true,
    });
    let slack = id_of(&world.create("/v1/endpoints", body).await);
    let all = json!([console]);
    assert_eq!(listed(&world, &core).await[0].1, all);
    let token = world.channels.tokens.lock().unwrap()[0].clone();
    let confirmed = world.post(READER, "/v1/endpoints/verify", json!({"token": token})).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let routes = listed(&world, &core).await;
    assert_eq!((&routes[0].1, &routes[2].1), (&json!([slack]), &all));
}
