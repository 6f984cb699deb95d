//! Notifications: who was told what, when, where, with what result.

use model::Verdict;
use serde_json::json;

use crate::told::{fired, opened, silenced, tried};
use crate::world::{ONE, READER, World, id_of, signal};

const ROUTE: &str = "/v1/notifications";

#[tokio::test]
async fn a_notification_shows_every_try_and_in_full_its_deliveries_and_message() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let (core, hook) = world.subscriber("core").await;
    let told = opened(&incident, &core, &hook, &["00000000-0000-0000-0000-000000000007"]);
    world.tell(&[&told]).await;
    world
        .apply(vec![
            tried(&told, 1, Verdict::Retry, 503, "later"),
            tried(&told, 2, Verdict::Delivered, 204, ""),
        ])
        .await;
    let path = format!("{ROUTE}/{}", told.id);
    let one = world.get(READER, &path).await.json();
    let target = json!({"kind": "endpoint", "id": hook});
    let first = json!({
        "target": target, "endpoint_id": hook, "attempt": 1, "began_at": "2023-11-14T22:15:01.000000Z", "took_ms": 1,
        "verdict": "retry", "status": 503, "answer": "later", "next_at": "2023-11-14T22:16:40.000000Z",
    });
    assert_eq!(one["attempts"][0], first);
    assert_eq!(
        (&one["status"], &one["transition"], &one["held"]),
        (&json!("delivered"), &json!("opened"), &json!(null))
    );
    assert_eq!(one["subject"], json!({"kind": "incident", "id": incident.id.to_string()}));
    assert_eq!(one["incident_id"], json!(incident.id.to_string()));
    assert_eq!(one["rule_ids"], json!(["00000000-0000-0000-0000-000000000007"]));
    assert!(one["delivered_at"].is_string());
    assert_eq!(
        (&one["deliveries"][0]["target"], &one["deliveries"][0]["status"]),
        (&target, &json!("delivered"))
    );
    assert_eq!(one["message"]["incident"]["id"], json!(incident.id.to_string()));
    let list = world.get(READER, ROUTE).await.json();
    assert_eq!((&list["total"], &list["items"][0]["attempts"][0]), (&json!(1), &first));
    assert_eq!(list["items"][0]["message"], json!(null));
    world.get(READER, &format!("{ROUTE}/x")).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_list_is_filtered_and_paged() {
    let world = World::new().await;
    let (one, two) = (world.incident(ONE, 1).await, world.incident(ONE, 2).await);
    let (core, hook) = world.subscriber("core").await;
    let (edge, _) = world.subscriber("edge").await;
    let told = [
        opened(&one, &core, &hook, &[]),
        silenced(opened(&one, &edge, &hook, &[]), 9),
        fired(&one, &signal(50), &core, &hook, &[]),
        opened(&two, &core, &hook, &[]),
    ];
    world.tell(&told.iter().collect::<Vec<_>>()).await;
    world.apply(vec![tried(&told[3], 1, Verdict::Dead, 410, "gone")]).await;
    let total = async |query: String| {
        let answer = world.get(READER, &format!("{ROUTE}?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.json()["total"].as_u64().unwrap()
    };
    assert_eq!(total(String::new()).await, 4);
    assert_eq!(total(format!("subscriber={core}")).await, 3);
    assert_eq!(total("incident=1".to_owned()).await, 3, "its signals included");
    assert_eq!(total(format!("signal={}", signal(50).id)).await, 1);
    for (status, expected) in [("pending", 2), ("dead", 1), ("held", 1), ("delivered", 0)] {
        assert_eq!(total(format!("status={status}")).await, expected, "{status}");
    }
    let held = world.get(READER, &format!("{ROUTE}?status=held")).await.json();
    assert_eq!(held["items"][0]["held"]["reason"], "silenced");
    let of_incident = world.get(READER, "/v1/incidents/1/notifications?limit=2").await.json();
    assert_eq!(
        (of_incident["total"].as_u64(), of_incident["items"].as_array().unwrap().len()),
        (Some(3), 2)
    );
    let cursor = of_incident["next_cursor"].as_str().unwrap();
    let rest = world
        .get(READER, &format!("/v1/incidents/1/notifications?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    assert_ne!(id_of(&rest["items"][0]), id_of(&of_incident["items"][0]));
    for query in ["status=lost", "signal=x", "subscriber=x", "limit=0"] {
        world.get(READER, &format!("{ROUTE}?{query}")).await.problem(400, "invalid_parameter");
    }
    world.get(READER, &format!("{ROUTE}?incident=99")).await.problem(404, "not_found");
    world.get(READER, "/v1/incidents/99/notifications").await.problem(404, "not_found");
}
