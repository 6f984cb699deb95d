//! Alertmanager's API v2, but for the door of alerts and silences.

use model::{AlertLease, Effect, IdentityKey};
use serde_json::{Value, json};

use crate::world::{ONE, READER, SENDER, TWO, World, alert, policy, time};

async fn with_alerts() -> World {
    let world = World::new().await;
    let (first, second) = (world.incident(ONE, 1).await, world.incident(ONE, 2).await);
    let labels = |name: &'static str, instance: &'static str| {
        [("alertname", name), ("env", "prod"), ("instance", instance), ("service", "db-1")]
    };
    world
        .apply(vec![
            alert(ONE, 0xb0, Some(second.id), &labels("Slow", "y")),
            alert(ONE, 0xa0, Some(first.id), &labels("Down", "x")),
            alert(ONE, 0xc0, Some(first.id), &labels("Down", "z")),
            alert(ONE, 0xd0, None, &labels("Flaps", "x")),
            alert(TWO, 0xe0, None, &labels("Foreign", "x")),
        ])
        .await;
    world
}

async fn fingerprints(world: &World, query: &str) -> Vec<String> {
    let answer = world.get(READER, &format!("/api/v2/alerts{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["fingerprint"].as_str().unwrap()[14..].to_owned())
        .collect()
}

#[tokio::test]
async fn an_alert_has_the_shape_of_alertmanager() {
    let world = with_alerts().await;
    let answer = world.get(READER, "/api/v2/alerts").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let expected = json!({
        "fingerprint": "00000000000000a0", "startsAt": "2023-11-14T22:13:21.000Z", "endsAt": "2023-11-14T22:18:20.000Z",
        "updatedAt": "2023-11-14T22:13:22.000Z", "annotations": {"summary": "it is down"},
        "generatorURL": "http://prometheus/graph",
        "labels": {"alertname": "Down", "env": "prod", "instance": "x", "service": "db-1"},
        "receivers": [{"name": "stormbell"}], "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
    });
    let json = answer.json();
    assert_eq!(json[0], expected);
    assert_eq!(json[3]["status"]["state"], "unprocessed");
    assert_eq!(fingerprints(&world, "").await, ["a0", "b0", "c0", "d0"]);
}

#[tokio::test]
async fn alerts_are_filtered_as_alertmanager_filters() {
    let world = with_alerts().await;
    let cases: [(&str, &[&str]); 12] = [
        ("?filter=alertname%3D%22Down%22", &["a0", "c0"]),
        ("?filter=alertname%3DDown&filter=instance%3D~x%7Cy", &["a0"]),
        ("?filter=alertname!=Down", &["b0", "d0"]),
        ("?filter=instance!~x", &["b0", "c0"]),
        ("?active=false", &["d0"]),
        ("?unprocessed=false", &["a0", "b0", "c0"]),
        ("?active=maybe", &["d0"]),
        ("?silenced=false&inhibited=false", &["a0", "b0", "c0", "d0"]),
        ("?receiver=storm.*", &["a0", "b0", "c0", "d0"]),
        ("?receiver=storm", &[]),
        ("?unheard=of", &["a0", "b0", "c0", "d0"]),
        ("?filter=nothing%3Dx", &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(fingerprints(&world, query).await, expected, "{query}");
    }
    assert_eq!(world.get(READER, "/api/v2/alerts?receiver=storm").await.text(), "[]\n");
    for query in ["filter=Down", "filter=a%3D~%5B", "receiver=%5B"] {
        let answer = world.get(READER, &format!("/api/v2/alerts?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (400, Some("application/json"))
        );
        assert!(
            answer.json().as_str().is_some_and(|text| text.starts_with("invalid_parameter: ")),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_renewal_and_a_resolution_show_in_the_next_answer() {
    let world = with_alerts().await;
    assert_eq!(fingerprints(&world, "").await.len(), 4);
    let lease = AlertLease { fingerprint: 0xa0, starts_at: time(1), ends_at: time(400) };
    world
        .apply(vec![Effect::AlertRenewed {
            project: ONE,
            identity: IdentityKey(0xa0),
            lease,
            at: time(100),
        }])
        .await;
    let renewed = world.get(READER, "/api/v2/alerts").await.json();
    assert_eq!(renewed[0]["endsAt"], "2023-11-14T22:20:00.000Z");
    assert_eq!(renewed[0]["updatedAt"], "2023-11-14T22:15:00.000Z");
    let resolved = Effect::AlertResolved {
        project: ONE,
        identity: IdentityKey(0xa0),
        reason: model::Reason::AllResolved,
        at: time(101),
    };
    world.apply(vec![resolved]).await;
    assert_eq!(fingerprints(&world, "").await, ["b0", "c0", "d0"]);
}

#[tokio::test]
async fn groups_are_incidents_with_the_labels_of_their_key() {
    let world = with_alerts().await;
    let mut by_name = policy(ONE, 7, "by name");
    by_name.key = vec![model::KeyField::Label("alertname".into())];
    world.apply(vec![Effect::PolicySaved(Box::new(by_name))]).await;
    let groups = world.get(READER, "/api/v2/alerts/groups").await.json();
    let shown: Vec<(Value, usize)> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["labels"].clone(), group["alerts"].as_array().unwrap().len()))
        .collect();
    let labels = |name: &str| json!({"alertname": name, "env": "prod", "service": "db-1"});
    assert_eq!(shown, [(labels("Down"), 2), (labels("Slow"), 1)]);
    assert_eq!(groups[0]["receiver"], json!({"name": "stormbell"}));
    assert_eq!(groups[0]["alerts"][0]["fingerprint"], "00000000000000a0");
    let filtered = world.get(READER, "/api/v2/alerts/groups?filter=instance%3Dz").await.json();
    assert_eq!(
        (filtered.as_array().unwrap().len(), filtered[0]["alerts"].as_array().unwrap().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn the_rest_of_the_reading_side_answers_as_clients_expect() {
    let world = World::new().await;
    let status = world.get(READER, "/api/v2/status").await.json();
    assert_eq!(
        (&status["cluster"]["status"], &status["versionInfo"]["version"]),
        (&json!("disabled"), &json!("0.25.0"))
    );
    assert_eq!(status["versionInfo"]["revision"], "stormbell 0.1.0 abc");
    for required in ["branch", "buildDate", "buildUser", "goVersion", "revision"] {
        assert!(status["versionInfo"][required].is_string(), "{required}");
    }
    assert!(status["config"]["original"].as_str().unwrap().contains("receiver: stormbell"));
    assert_eq!(world.get(READER, "/api/v2/receivers").await.json(), json!([{"name": "stormbell"}]));
    for path in ["/api/v2/silences", "/api/v2/alerts", "/api/v2/alerts/groups"] {
        assert_eq!(world.get(READER, path).await.json(), json!([]), "{path}");
    }
}

#[tokio::test]
async fn errors_are_strings_as_alertmanager_writes_them() {
    let world = World::new().await;
    for (key, status, code) in [("", 401, "missing_key"), (SENDER, 403, "missing_scope")] {
        for path in [
            "/api/v2/alerts",
            "/api/v2/alerts/groups",
            "/api/v2/status",
            "/api/v2/receivers",
            "/api/v2/silences",
        ] {
            let answer = world.get(key, path).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("content-type")),
                (status, Some("application/json"))
            );
            assert!(answer.json().as_str().unwrap().starts_with(code), "{path}");
        }
    }
    assert_eq!(world.get(READER, "/api/v2/nothing").await.status, 404);
}

#[tokio::test]
async fn ten_thousand_groups_are_the_same_bytes_for_every_poll() {
    let world = World::new().await;
    let alerts = (0..10_000_u64).map(|number| {
        let instance = number.to_string();
        alert(
            ONE,
            number,
            Some(crate::world::incident(ONE, number).id),
            &[("alertname", "Down"), ("instance", &instance)],
        )
    });
    world.apply(alerts.collect()).await;
    let polls = (0..25).map(|_| world.get(READER, "/api/v2/alerts/groups"));
    let mut answers = Vec::new();
    for poll in polls {
        answers.push(poll.await.bytes);
    }
    assert!(answers.iter().all(|bytes| *bytes == answers[0]));
    let groups: Value = serde_json::from_slice(&answers[0]).unwrap();
    assert_eq!(groups.as_array().unwrap().len(), 10_000);
}
