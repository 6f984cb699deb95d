//! Health, readiness and metrics, which need no key.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_healthy_server_says_so_everywhere() {
    let world = World::new().await;
    for path in ["/livez", "/readyz", "/healthz", "/metrics", "/-/healthy", "/-/ready"] {
        assert_eq!(world.get("", path).await.status, 200, "{path}");
    }
    assert_eq!(world.get("", "/-/ready").await.text(), "OK");
    let health = world.get("", "/healthz").await.json();
    let part = json!({"name": "journal", "status": "up", "latency_us": 7, "detail": null});
    assert_eq!(
        (&health["status"], &health["parts"], &health["durability"]),
        (&json!("up"), &json!([part]), &json!("disk"))
    );
    let metrics = world.get("", "/metrics").await;
    assert_eq!(metrics.text(), "stormbell_up 1\n");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[tokio::test]
async fn a_server_that_cannot_acknowledge_is_alive_and_not_ready() {
    let world = World::new().await;
    *world.health.trouble.lock().unwrap() = Some("the disk is full".to_owned());
    assert_eq!(world.get("", "/livez").await.status, 200);
    let ready = world.get("", "/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.json()),
        (503, json!({"ready": false, "reason": "the disk is full"}))
    );
    let alertmanager = world.get("", "/-/ready").await;
    assert_eq!(
        (alertmanager.status.as_u16(), alertmanager.text()),
        (503, "the disk is full".to_owned())
    );
    let health = world.get("", "/healthz").await;
    assert_eq!((health.status.as_u16(), &health.json()["status"]), (200, &json!("degraded")));
    *world.health.down.lock().unwrap() = true;
    assert_eq!(world.get("", "/healthz").await.status, 503);
}
