use crate::world::*;
#[tokio::test]
async fn serve_tmp() {
    let world = World::new().await;
    let i = world.incident(ONE, 1).await;
    world.apply(vec![alert(ONE, 0xa0, Some(i.id), &[("alertname","Down"),("instance","x"),("service","db-1")]), alert(ONE, 0xb0, None, &[("alertname","Flap")])]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:39555").await.unwrap();
    let app = world.router.clone();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    // timing
    let w2 = World::new().await;
    let alerts = (0..10_000_u64).map(|n| { let instance = n.to_string(); alert(ONE, n, Some(incident(ONE, n).id), &[("alertname", "Down"), ("instance", &instance), ("service","db-1")]) });
    w2.apply(alerts.collect()).await;
    for _ in 0..3 { let t = std::time::Instant::now(); let a = w2.get(READER, "/api/v2/alerts/groups").await; eprintln!("groups {} bytes {:?}", a.bytes.len(), t.elapsed()); }
    let lease = model::AlertLease { fingerprint: 5, starts_at: time(1), ends_at: time(400) };
    w2.apply(vec![model::Effect::AlertRenewed { project: ONE, identity: model::IdentityKey(5), lease, at: time(100) }]).await;
    for _ in 0..2 { let t = std::time::Instant::now(); let a = w2.get(READER, "/api/v2/alerts/groups").await; eprintln!("after renewal: groups {} bytes {:?}", a.bytes.len(), t.elapsed()); }
    for _ in 0..2 { let t = std::time::Instant::now(); let a = w2.get(READER, "/api/v2/alerts?filter=instance%3D~1.*").await; eprintln!("filtered {} bytes {:?}", a.bytes.len(), t.elapsed()); }
    tokio::time::sleep(std::time::Duration::from_secs(25)).await;
}
