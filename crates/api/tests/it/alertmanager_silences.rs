//! Silences as Alertmanager's clients make and read them, and what alerts show of them.

use model::directive::{Condition, Directive, DirectiveBody, Field, Inhibition, Op, Silence};
use model::{DirectiveId, Effect, Outcome, ProjectId, Refusal};
use serde_json::{Value, json};

use crate::world::{MANAGER, ONE, READER, STRANGER, TWO, World, alert, time};

/// The time of the world, and an hour around it, as silences write them.
const NOW: &str = "2023-11-14T22:30:00.000Z";
const EARLIER: &str = "2023-11-14T21:30:00.000Z";
const LATER: &str = "2023-11-14T23:30:00.000Z";
const LATEST: &str = "2023-11-15T23:30:00.000Z";

/// A silence of everything with a label `job`, in force.
pub(crate) fn silenced(project: ProjectId, id: u128, comment: &str) -> Effect {
    let condition = Condition {
        field: Field::Label("job".to_owned()),
        op: Op::Present,
        values: Vec::new(),
        negate: false,
    };
    let silence = Silence {
        conditions: vec![condition],
        starts_at: time(0),
        ends_at: time(100_000),
        created_by: "ada".to_owned(),
        comment: comment.to_owned(),
        maintenance: true,
        updated_at: time(0),
    };
    directive(project, id, DirectiveBody::Silence(silence))
}

fn directive(project: ProjectId, id: u128, body: DirectiveBody) -> Effect {
    let id = DirectiveId(id);
    Effect::DirectiveSaved(Box::new(Directive {
        id,
        project,
        name: String::new(),
        version: 1,
        body,
    }))
}

fn matcher(name: &str, value: &str, is_regex: bool, is_equal: bool) -> Value {
    json!({"name": name, "value": value, "isRegex": is_regex, "isEqual": is_equal})
}

fn silence(matchers: &[Value]) -> Value {
    json!({"matchers": matchers, "startsAt": EARLIER, "endsAt": LATER, "createdBy": "ada", "comment": "quiet"})
}

async fn made(world: &World, silence: Value) -> String {
    let answer = world.post(MANAGER, "/api/v2/silences", silence).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["silenceID"].as_str().unwrap().to_owned()
}

async fn listed(world: &World, query: &str) -> Vec<Value> {
    let answer = world.get(READER, &format!("/api/v2/silences{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

async fn state(world: &World, id: &str) -> String {
    let answer = world.get(READER, &format!("/api/v2/silence/{id}")).await.json();
    answer["status"]["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_silence_is_made_read_and_expired() {
    let world = World::new().await;
    let id = made(&world, silence(&[matcher("job", "db", false, true)])).await;
    let expected = json!({
        "id": id, "status": {"state": "active"}, "updatedAt": NOW, "comment": "quiet", "createdBy": "ada",
        "startsAt": NOW, "endsAt": LATER, "matchers": [matcher("job", "db", false, true)],
    });
    assert_eq!(world.get(READER, &format!("/api/v2/silence/{id}")).await.json(), expected);
    assert_eq!(listed(&world, "").await, [expected]);
    for _ in 0..2 {
        let answer = world.delete(MANAGER, &format!("/api/v2/silence/{id}")).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (200, String::new()));
        assert_eq!(state(&world, &id).await, "expired");
    }
    assert_eq!(world.submitted().len(), 2, "one that is over is not ended again");
    let nested = world.get("", &format!("/k/{READER}/api/v2/silence/{id}")).await;
    assert_eq!(nested.status, 200, "{}", nested.text());
}

#[tokio::test]
async fn what_alertmanager_refuses_is_refused_in_its_words() {
    let world = World::new().await;
    let with = |name: &str, value: Value| {
        let mut body = silence(&[matcher("job", "db", false, true)]);
        body[name] = value;
        body
    };
    let empty = "at least one matcher must not match the empty string";
    let cases = [
        (with("matchers", json!([])), "at least one matcher required"),
        (with("matchers", json!([matcher("a", "", false, true)])), empty),
        (
            with(
                "matchers",
                json!([matcher("a", ".*", true, true), matcher("b", "x?", true, true)]),
            ),
            empty,
        ),
        (
            with("matchers", json!([matcher("1a", "x", false, true)])),
            "invalid label matcher 0: invalid label name \"1a\"",
        ),
        (
            with("matchers", json!([matcher("a", "(", true, true)])),
            "invalid label matcher 0: invalid regular expression \"(\"",
        ),
        (with("endsAt", json!(EARLIER)), "start time must be before end time"),
        (with("startsAt", json!(LATEST)), "start time must be before end time"),
        (with("endsAt", json!("2023-11-14T21:40:00Z")), "end time can't be in the past"),
        (with("endsAt", json!("soon")), "endsAt is not an RFC 3339 time"),
        (with("comment", Value::Null), "comment in body is required"),
        (with("createdBy", Value::Null), "createdBy in body is required"),
    ];
    for (body, expected) in cases {
        let answer = world.post(MANAGER, "/api/v2/silences", body.clone()).await;
        let text = answer.json().as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.status, 400, "{body}: {text}");
        assert!(text.starts_with("invalid_silence: ") && text.contains(expected), "{body}: {text}");
    }
    let negated = with("matchers", json!([matcher("a", "", false, false)]));
    made(&world, negated).await;
    let answer = world.post(READER, "/api/v2/silences", with("comment", json!("x"))).await;
    assert_eq!(answer.status, 403);
    let many: Vec<Value> =
        (0..33).map(|number| matcher(&format!("l{number}"), "x", false, true)).collect();
    assert_eq!(world.post(MANAGER, "/api/v2/silences", silence(&many)).await.status, 400);
}

#[tokio::test]
async fn a_change_that_would_rewrite_what_was_hidden_makes_another_silence() {
    let world = World::new().await;
    let db = matcher("job", "db", false, true);
    let id = made(&world, silence(std::slice::from_ref(&db))).await;
    let mut sent = world.get(READER, &format!("/api/v2/silence/{id}")).await.json();
    sent["comment"] = json!("longer");
    sent["endsAt"] = json!(LATEST);
    assert_eq!(made(&world, sent.clone()).await, id);
    let changed = world.get(READER, &format!("/api/v2/silence/{id}")).await.json();
    assert_eq!((&changed["comment"], &changed["endsAt"]), (&json!("longer"), &json!(LATEST)));
    sent["matchers"] = json!([matcher("job", "web", false, true)]);
    let other = made(&world, sent.clone()).await;
    assert_ne!(other, id);
    assert_eq!([state(&world, &id).await, state(&world, &other).await], ["expired", "active"]);
    sent["matchers"] = json!([db]);
    let third = made(&world, sent.clone()).await;
    assert!(third != id && third != other, "one that is over is not begun again");
    for unknown in ["nope", "00000000-0000-0000-0000-000000000001"] {
        sent["id"] = json!(unknown);
        let answer = world.post(MANAGER, "/api/v2/silences", sent.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (404, json!("not_found: silence not found"))
        );
        for method in ["GET", "DELETE"] {
            let path = format!("/api/v2/silence/{unknown}");
            let answer = world.send(crate::world::request(method, &path, MANAGER, None)).await;
            assert_eq!(answer.status, 404, "{method} {unknown}");
        }
    }
}

#[tokio::test]
async fn a_pending_silence_moves_and_expires_without_ever_having_begun() {
    let world = World::new().await;
    let mut body = silence(&[matcher("job", "db", false, true)]);
    body["startsAt"] = json!(LATER);
    body["endsAt"] = json!(LATEST);
    let id = made(&world, body.clone()).await;
    assert_eq!(state(&world, &id).await, "pending");
    body["id"] = json!(id);
    body["startsAt"] = json!("2023-11-15T00:30:00.000Z");
    assert_eq!(made(&world, body).await, id);
    world.delete(MANAGER, &format!("/api/v2/silence/{id}")).await;
    let over = world.get(READER, &format!("/api/v2/silence/{id}")).await.json();
    assert_eq!((&over["status"]["state"], &over["startsAt"]), (&json!("expired"), &over["endsAt"]));
}

#[tokio::test]
async fn a_change_meanwhile_is_looked_at_and_tried_again() {
    let world = World::new().await;
    let id = made(&world, silence(&[matcher("job", "db", false, true)])).await;
    world.script(Vec::new(), Outcome::Refused(Refusal::StaleVersion { current: 2 }));
    let mut sent = world.get(READER, &format!("/api/v2/silence/{id}")).await.json();
    sent["comment"] = json!("tried twice");
    assert_eq!(made(&world, sent).await, id);
    assert_eq!(world.submitted().len(), 3);
    assert_eq!(listed(&world, "").await[0]["comment"], "tried twice");
    world.script(Vec::new(), Outcome::Refused(Refusal::Limit("silences")));
    let body = silence(&[matcher("job", "db", false, true)]);
    let answer = world.post(MANAGER, "/api/v2/silences", body).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("exceeded maximum number of silences"), "{}", answer.text());
}

#[tokio::test]
async fn silences_are_listed_by_state_and_filtered_word_for_word() {
    let world = World::new().await;
    let with = |value: &str, starts_at: &str, ends_at: &str| {
        let mut body =
            silence(&[matcher("job", value, false, true), matcher("a", "x|y", true, false)]);
        (body["startsAt"], body["endsAt"]) = (json!(starts_at), json!(ends_at));
        body
    };
    let last = made(&world, with("1", EARLIER, LATEST)).await;
    let first = made(&world, with("2", EARLIER, LATER)).await;
    let pending = made(&world, with("3", LATER, LATEST)).await;
    let over = made(&world, with("4", EARLIER, LATER)).await;
    world.delete(MANAGER, &format!("/api/v2/silence/{over}")).await;
    let ids = |silences: Vec<Value>| -> Vec<String> {
        silences.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = [first.clone(), last, pending, over];
    assert_eq!(ids(listed(&world, "").await), all);
    assert_eq!(ids(listed(&world, "?filter=job%3D%222%22&filter=a!~x%7Cy").await), [first]);
    assert_eq!(ids(listed(&world, "?filter=a!~%22x%7Cy%22").await), all);
    for none in ["?filter=a%3D~x%7Cy", "?filter=job%3D~2", "?filter=a!~x", "?filter=b%3Dx"] {
        assert_eq!(listed(&world, none).await, Vec::<Value>::new(), "{none}");
    }
    assert_eq!(world.get(READER, "/api/v2/silences?filter=job").await.status, 400);
    assert_eq!(world.get(STRANGER, "/api/v2/silences").await.json(), json!([]));
}

async fn statuses(world: &World, query: &str) -> Vec<(String, Value)> {
    let alerts = world.get(READER, &format!("/api/v2/alerts{query}")).await.json();
    let alerts = alerts.as_array().unwrap().clone();
    alerts
        .into_iter()
        .map(|alert| {
            (alert["fingerprint"].as_str().unwrap()[14..].to_owned(), alert["status"].clone())
        })
        .collect()
}

fn fingerprints(statuses: &[(String, Value)]) -> Vec<&str> {
    statuses.iter().map(|(fingerprint, _)| fingerprint.as_str()).collect()
}

#[tokio::test]
async fn alerts_and_groups_show_what_holds_them_back() {
    let world = World::new().await;
    let incident = world.incident(ONE, 1).await;
    let cluster = |name: &'static str, severity: &'static str| {
        [("alertname", name), ("cluster", "one"), ("severity", severity)]
    };
    world
        .apply(vec![
            alert(ONE, 0xa0, Some(incident.id), &cluster("Down", "critical")),
            alert(ONE, 0xb0, Some(incident.id), &cluster("Slow", "warning")),
            alert(
                ONE,
                0xc0,
                None,
                &[("alertname", "Slow"), ("cluster", "two"), ("severity", "warning")],
            ),
            alert(TWO, 0xd0, None, &cluster("Slow", "warning")),
        ])
        .await;
    let plain = statuses(&world, "").await;
    let active = json!({"state": "active", "silencedBy": [], "inhibitedBy": []});
    assert_eq!(plain[0].1, active);
    let severity = |word: &str| {
        vec![Condition {
            field: Field::Label("severity".to_owned()),
            op: Op::Equals,
            values: vec![word.to_owned()],
            negate: false,
        }]
    };
    let inhibition = Inhibition {
        source: severity("critical"),
        target: severity("warning"),
        equal: vec![Field::Label("cluster".to_owned())],
        enabled: true,
    };
    let inhibition = directive(ONE, 5, DirectiveBody::Inhibition(inhibition));
    world.apply(vec![inhibition]).await;
    let id = made(&world, silence(&[matcher("alertname", "Slo.", true, true)])).await;
    let held = |inhibited: &[&str]| json!({"state": "suppressed", "silencedBy": [&id], "inhibitedBy": inhibited});
    let shown = statuses(&world, "").await;
    assert_eq!(fingerprints(&shown), ["a0", "b0", "c0"]);
    assert_eq!(
        (&shown[0].1, &shown[1].1, &shown[2].1),
        (&active, &held(&["00000000000000a0"]), &held(&[]))
    );
    let cases: [(&str, &[&str]); 5] = [
        ("?silenced=false", &["a0"]),
        ("?inhibited=false", &["a0", "c0"]),
        ("?active=false", &["b0", "c0"]),
        ("?active=false&inhibited=false", &["c0"]),
        ("?silenced=true&inhibited=true&active=false&filter=cluster%3Done", &["b0"]),
    ];
    for (query, expected) in cases {
        assert_eq!(fingerprints(&statuses(&world, query).await), expected, "{query}");
    }
    let groups = world.get(READER, "/api/v2/alerts/groups").await.json();
    assert_eq!(groups[0]["alerts"][1]["status"], held(&["00000000000000a0"]));
    let groups = world.get(READER, "/api/v2/alerts/groups?silenced=false").await.json();
    assert_eq!(groups[0]["alerts"].as_array().unwrap().len(), 1);
    world.delete(MANAGER, &format!("/api/v2/silence/{id}")).await;
    let shown = statuses(&world, "").await;
    assert_eq!(shown[2].1["state"], "unprocessed");
    assert_eq!(shown[1].1["inhibitedBy"], json!(["00000000000000a0"]));
    let theirs = world.get(STRANGER, "/api/v2/alerts").await.json();
    assert_eq!(theirs[0]["status"]["state"], "unprocessed");
}
