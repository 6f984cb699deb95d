//! Everything that can be wrong with a request, whatever it is about.

use api::RoadError;
use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::{MANAGER, ONE, READER, SENDER, World, request, with_header};

#[tokio::test]
async fn a_request_without_a_valid_key_is_challenged() {
    let world = World::new().await;
    for (key, code) in [("", "missing_key"), ("made-up", "unknown_key")] {
        let answer = world.get(key, "/v1/incidents").await;
        answer.problem(401, code);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"stormbell\""));
    }
    let basic = with_header(request("GET", "/v1/incidents", "", None), "authorization", "Basic !");
    world.send(basic).await.problem(401, "missing_key");
    let problem = world.get(SENDER, "/v1/incidents").await.problem(403, "missing_scope");
    assert_eq!(problem["scopes"], json!(["read"]));
}

#[tokio::test]
async fn a_key_is_taken_from_every_place_it_may_stand() {
    let world = World::new().await;
    let header = with_header(request("GET", "/v1/incidents", "", None), "x-api-key", READER);
    assert_eq!(world.send(header).await.status, 200);
    // `user:reader-of-one`
    let basic = with_header(
        request("GET", "/v1/incidents", "", None),
        "authorization",
        "Basic dXNlcjpyZWFkZXItb2Ytb25l",
    );
    assert_eq!(world.send(basic).await.status, 200);
    assert_eq!(world.get("", &format!("/k/{READER}/api/v2/alerts")).await.status, 200);
    assert_eq!(world.get("", "/k/made-up/api/v2/alerts").await.status, 401);
    world.get("", &format!("/k/{READER}/v1/incidents")).await.problem(404, "no_such_route");
}

#[tokio::test]
async fn an_answer_never_repeats_a_key_that_stands_in_the_path() {
    let world = World::new().await;
    for path in ["/k/KEY/v1/incidents", "//k/KEY/api/v2/alerts", "/K/KEY/api/v2/alerts", "/v1/KEY"]
    {
        let asked = path.replace("KEY", "sb_never0repeated");
        let problem = world.get("", &asked).await.problem(404, "no_such_route");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(&format!("`{}`", path.replace("KEY", "…"))), "{detail}");
    }
    let answer = world.delete("", "/k/sb_never0repeated/api/v2/status").await;
    assert_eq!(answer.status, 405);
    assert!(!answer.text().contains("never0repeated"), "{}", answer.text());
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there_are_problems_too() {
    let world = World::new().await;
    for path in
        ["/", "/v1", "/v2/incidents", "/v1/incidents/", "/v1/incidents/1/nothing", "/api/v3/x"]
    {
        world.get(READER, path).await.problem(404, "no_such_route");
    }
    let answer = world.delete(MANAGER, "/v1/incidents").await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    for door in ["/v1/signals", "/v1/webhooks/alertmanager", "/v1/webhooks/grafana"] {
        let answer = world.get(READER, door).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for id in ["%ff", "%00", "0", "99", "99999999999999999999", "18446744073709551615"] {
        let answer = world.get(READER, &format!("/v1/incidents/{id}")).await;
        let (status, code) =
            if id == "%ff" { (400, "invalid_parameter") } else { (404, "not_found") };
        answer.problem(status, code);
    }
    world.get(READER, "/docs/errors/nonsense").await.problem(404, "no_such_route");
}

#[tokio::test]
async fn unknown_and_bad_parameters_are_refused_everywhere() {
    let world = World::new().await;
    world.incident(ONE, 1).await;
    let unknown = [
        "/v1/incidents?service=x",
        "/v1/incidents/1?x=1",
        "/v1/incidents/1/signals?status=OPEN",
        "/v1/incidents/1/timeline?x",
        "/v1/incidents/1/rca/draft?x=",
        "/v1/policies/grouping?x=1",
        "/v1/policies/grouping/x?x=1",
        "/v1/keys?x=1",
        "/v1/projects?x=1",
    ];
    for path in unknown {
        let problem = world.get(MANAGER, path).await.problem(400, "unknown_parameter");
        assert!(problem["known"].is_array() && problem["parameter"].is_string(), "{path}");
    }
    let bad = [
        "status=DONE",
        "severity=loud",
        "severity=P0,loud",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=1&limit=2",
        "component=a&component=b",
        "q=%00",
    ];
    for query in bad {
        let problem = world
            .get(READER, &format!("/v1/incidents?{query}"))
            .await
            .problem(400, "invalid_parameter");
        assert_eq!(problem["parameter"].as_str(), query.split('=').next(), "{query}");
    }
}

#[tokio::test]
async fn cursors_that_were_not_handed_out_for_the_list_are_refused() {
    let world = World::new().await;
    for number in 1..=3 {
        world.incident(ONE, number).await;
    }
    let page = world.get(READER, "/v1/incidents?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(world.get(READER, &format!("/v1/incidents?cursor={cursor}")).await.status, 200);
    for path in ["/v1/incidents/1/signals", "/v1/incidents/1/timeline"] {
        world.get(READER, &format!("{path}?cursor={cursor}")).await.problem(400, "invalid_cursor");
    }
    for garbage in ["x", &cursor[1..], "%00", &cursor.replace('0', "1")] {
        world
            .get(READER, &format!("/v1/incidents?cursor={garbage}"))
            .await
            .problem(400, "invalid_cursor");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_problems() {
    let world = World::new().await;
    world.incident(ONE, 1).await;
    let send = async |kind: &str, body: Vec<u8>| {
        let mut request = Request::post("/v1/incidents/1/comments")
            .header("authorization", format!("Bearer {MANAGER}"));
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        world.send(request.body(Body::from(body)).unwrap()).await
    };
    for body in ["", "{", "[]", "null", "\"x\"", "{\"text\":\"\u{1}\"}", "{} {}"] {
        send("application/json", body.into()).await.problem(400, "invalid_json");
    }
    send("application/json", vec![0xff, 0xfe]).await.problem(400, "invalid_json");
    send("application/json", "[".repeat(100_000).into_bytes()).await.problem(400, "invalid_json");
    for kind in ["", "text/plain", "application/x-www-form-urlencoded"] {
        send(kind, b"{}".to_vec()).await.problem(415, "unsupported_media_type");
    }
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    let problem = send("application/json; charset=utf-8", large.into_bytes())
        .await
        .problem(413, "body_too_large");
    assert_eq!(problem["limit_bytes"], 1 << 20);
    let compressed = with_header(
        request("POST", "/v1/incidents/1/comments", MANAGER, Some(&json!({}))),
        "content-encoding",
        "gzip",
    );
    world.send(compressed).await.problem(415, "unsupported_media_type");
    assert_eq!(world.submitted(), []);
}

#[tokio::test]
async fn an_idempotency_key_must_have_a_sane_length() {
    let world = World::new().await;
    world.incident(ONE, 1).await;
    for key in ["", &"k".repeat(256)] {
        let body = json!({"text": "x"});
        let ask = request("POST", "/v1/incidents/1/comments", MANAGER, Some(&body));
        world
            .send(with_header(ask, "idempotency-key", key))
            .await
            .problem(400, "invalid_idempotency_key");
    }
}

#[tokio::test]
async fn what_the_road_cannot_take_is_503_with_a_time_to_come_back() {
    let world = World::new().await;
    world.incident(ONE, 1).await;
    let errors = [
        (RoadError::Full, "journal_full"),
        (RoadError::Disk, "disk_full"),
        (RoadError::Closed, "shutting_down"),
        (RoadError::TimedOut, "outcome_unknown"),
    ];
    for (error, code) in errors {
        world.script_failure(error);
        let answer = world.post(MANAGER, "/v1/incidents/1/comments", json!({"text": "x"})).await;
        answer.problem(503, code);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn a_read_that_cannot_catch_up_is_answered_and_says_so() {
    let world = World::new().await;
    world.incident(ONE, 1).await;
    assert_eq!(world.get(READER, "/v1/incidents").await.header("stormbell-behind"), None);
    *world.road.behind.lock().unwrap() = Some(RoadError::TimedOut);
    let answer = world.get(READER, "/v1/incidents").await;
    assert_eq!((answer.status.as_u16(), answer.header("stormbell-behind")), (200, Some("true")));
}

#[tokio::test]
async fn a_request_keeps_its_id_and_gets_one_where_it_has_none() {
    let world = World::new().await;
    let carried = with_header(request("GET", "/v1/incidents", "", None), "x-request-id", "trace-1");
    assert_eq!(world.send(carried).await.problem(401, "missing_key")["instance"], "trace-1");
    let strange = with_header(request("GET", "/livez", "", None), "x-request-id", "a b\"c");
    let answer = world.send(strange).await;
    assert_eq!(answer.header("x-request-id").map(str::len), Some(36));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
