//! Schedules, calendars, and schedules as iCalendar files.

use serde_json::{Value, json};

use crate::world::{MANAGER, READER, World, id_of};

const ROUTE: &str = "/v1/schedules";

async fn with_schedule() -> (World, Value, [String; 2]) {
    let world = World::new().await;
    let (ada, _) = world.subscriber("Ada").await;
    let (bob, _) = world.subscriber("Bob").await;
    let layer = json!({"name": "weekly", "people": [ada, bob], "rotation": {"every": "1w"}, "start": "2023-11-13T00:00"});
    let body = json!({"name": "primary", "time_zone": "UTC", "layers": [layer]});
    let created = world.create(ROUTE, body).await;
    (world, created, [ada, bob])
}

#[tokio::test]
async fn a_schedule_is_created_read_replaced_and_removed() {
    let (world, created, [ada, _]) = with_schedule().await;
    let path = format!("{ROUTE}/{}", id_of(&created));
    assert_eq!((&created["name"], &created["version"]), (&json!("primary"), &json!(1)));
    assert_eq!(created["layers"][0]["people"][0], json!(ada));
    assert_eq!(world.get(READER, &path).await.json(), created);
    assert_eq!(world.get(READER, ROUTE).await.json(), json!({"items": [created]}));
    let replaced = world.put(MANAGER, &path, created.clone()).await;
    assert_eq!(
        (replaced.status.as_u16(), &replaced.json()["version"]),
        (200, &json!(2)),
        "{}",
        replaced.text()
    );
    world.put(MANAGER, &path, created.clone()).await.problem(409, "stale_version");
    let mut same = created;
    for echoed in ["id", "version", "updated_at"] {
        same.as_object_mut().unwrap().remove(echoed);
    }
    world.post(MANAGER, ROUTE, same).await.problem(409, "name_taken");
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    world.get(READER, &path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_schedule_says_who_is_on_call_and_its_shifts() {
    let (world, created, [ada, bob]) = with_schedule().await;
    let path = format!("{ROUTE}/{}", id_of(&created));
    let now = world.get(READER, &format!("{path}/on-call")).await.json();
    let expected = json!({
        "at": "2023-11-14T22:30:00.000000Z", "person": {"subscriber_id": ada, "name": "Ada"},
        "by": {"kind": "layer", "index": 0, "name": "weekly"},
    });
    assert_eq!(now, expected);
    let later = world.get(READER, &format!("{path}/on-call?at=2023-11-20T00:00:00Z")).await.json();
    assert_eq!(later["person"]["subscriber_id"], json!(bob));
    let before = world.get(READER, &format!("{path}/on-call?at=2023-01-01T00:00:00Z")).await.json();
    assert_eq!((&before["person"], &before["by"]), (&json!(null), &json!(null)));
    let span = format!("{path}/shifts?from=2023-11-14T00:00:00Z&until=2023-11-21T00:00:00Z");
    let shifts = world.get(READER, &span).await.json();
    let names: Vec<&str> = shifts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shift| shift["person"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Ada", "Bob"]);
    for query in [
        "from=x",
        "from=2024-01-01T00:00:00Z&until=2023-01-01T00:00:00Z",
        "until=2029-01-01T00:00:00Z",
    ] {
        world
            .get(READER, &format!("{path}/shifts?{query}"))
            .await
            .problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn every_bad_field_of_a_schedule_is_said() {
    let world = World::new().await;
    let nobody = "00000000-0000-0000-0000-000000000001";
    let layer = json!({"name": "a", "people": [nobody], "rotation": {"every": "1w"}, "start": "2026-03-02T09:00"});
    let refused = world
        .post(
            MANAGER,
            ROUTE,
            json!({"name": "x", "time_zone": "Nowhere/At-All", "layers": [layer]}),
        )
        .await;
    refused.problem(422, "invalid_fields");
    assert!(
        refused.fields().contains(&"layers[0].people[0] unknown_value".to_owned()),
        "{:?}",
        refused.fields()
    );
    assert!(
        refused.fields().iter().any(|field| field.starts_with("time_zone ")),
        "{:?}",
        refused.fields()
    );
}

#[tokio::test]
async fn a_schedule_is_a_feed_whose_key_may_stand_in_the_path_and_takes_over_another() {
    let (world, created, [_, bob]) = with_schedule().await;
    let path = format!("{ROUTE}/{}/ical", id_of(&created));
    let feed = world.get("", &format!("/k/{READER}{path}")).await;
    assert_eq!(
        (feed.status.as_u16(), feed.header("content-type")),
        (200, Some("text/calendar; charset=utf-8"))
    );
    assert!(
        feed.text().starts_with("BEGIN:VCALENDAR") && feed.text().contains("Ada"),
        "{}",
        feed.text()
    );
    let of_bob = world.get(READER, &format!("{path}?person={bob}")).await;
    assert!(!of_bob.text().contains("SUMMARY:Ada"), "{}", of_bob.text());
    let file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20231120T090000Z\r\n\
                DTEND:20231120T170000Z\r\nSUMMARY:bob\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\n\
                DTSTART:20231121T090000Z\r\nDTEND:20231121T170000Z\r\nSUMMARY:Nobody\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let imported = world.post_text(MANAGER, &path, "text/calendar", file).await;
    assert_eq!(imported.status, 200, "{}", imported.text());
    let report = imported.json();
    assert_eq!((&report["added"], &report["version"]), (&json!(1), &json!(2)));
    assert_eq!(report["problems"].as_array().map(Vec::len), Some(1), "{report}");
    let again = world.post_text(MANAGER, &path, "text/calendar", file).await.json();
    assert_eq!(
        (&again["added"], &again["unchanged"], &again["version"]),
        (&json!(0), &json!(1), &json!(2))
    );
    world
        .post_text(MANAGER, &path, "application/json", "{}")
        .await
        .problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_calendar_is_created_read_replaced_and_removed() {
    let world = World::new().await;
    let route = "/v1/calendars";
    let body = json!({"name": "nights", "time_zone": "UTC", "intervals": [{"times": [{"from": "00:00", "to": "06:00"}], "weekdays": ["monday:friday"]}]});
    let created = world.create(route, body).await;
    let path = format!("{route}/{}", id_of(&created));
    assert_eq!(world.get(READER, route).await.json(), json!({"items": [created]}));
    assert_eq!(world.put(MANAGER, &path, created.clone()).await.json()["version"], 2);
    let refused = world
        .put(
            MANAGER,
            &path,
            json!({"name": "nights", "time_zone": "UTC", "intervals": [{"weekdays": ["someday"]}]}),
        )
        .await;
    refused.problem(422, "invalid_fields");
    let (core, hook) = world.subscriber("core").await;
    let rule = json!({"subscriber_id": core, "name": "x", "on": ["opened"], "match_all": true, "endpoints": [hook], "muted_by": [created["id"]]});
    assert_eq!(world.create("/v1/rules", rule).await["muted_by"], json!([created["id"]]));
    assert_eq!(world.delete(MANAGER, &path).await.status, 204);
    world.get(READER, &path).await.problem(404, "not_found");
}
