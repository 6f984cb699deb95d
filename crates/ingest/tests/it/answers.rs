//! Requests and their answers: credentials, bodies, verdicts, in the words of each wire.

use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};
use http::Request;
use hyper::body::{Body, Frame};
use ingest::{Code, Door, Options};
use model::limits;

use crate::house::{House, post};

const SIGNAL: &str = r#"{"component":"db","id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7"}"#;

async fn check(path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>, expected: Expect) {
    expected.assert_eq(&House::new().post(path, headers, body).await.text());
}

#[tokio::test]
async fn a_signal_is_taken_and_durable() {
    let house = House::new();
    let said = house.post("/v1/signals", &[], SIGNAL).await;
    expect![[r#"
        202 application/json
        {"accepted":1,"duplicates":0,"rejected":[],"ids":[]}"#]]
    .assert_eq(&said.text());
    assert_eq!(house.journal.records().len(), 1);
    assert_eq!(house.metrics.accepted(Door::Signals), 1);
    assert_eq!(house.metrics.requests(Door::Signals), 1);
}

#[tokio::test]
async fn a_batch_is_answered_with_verdicts_or_with_counts() {
    let body = r#"[{"component":"a"},{"component":"b","id":"x"},{"component":"c"}]"#;
    let house = House::new();
    let said = house.post("/v1/signals", &[], body).await;
    let answer: serde_json::Value = serde_json::from_str(&said.body).expect("JSON");
    assert_eq!((said.status, answer["ids"].as_array().map(Vec::len)), (202, Some(2)));
    assert_eq!(answer["rejected"][0]["index"], 1);
    assert_eq!(answer["rejected"][0]["id"], "x");
    assert_eq!(answer["rejected"][0]["code"], "invalid_id");
    let minimal = [("prefer", "respond-async, return=minimal")];
    check(
        "/v1/signals",
        &minimal,
        body,
        expect![[r#"
        202 application/json
        {"accepted":2,"duplicates":0,"rejected":1}"#]],
    )
    .await;
}

#[tokio::test]
async fn duplicates_are_counted_and_not_appended() {
    let house = House::new();
    let id = model::SignalId::parse("018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7").unwrap();
    house.ids.0.lock().unwrap().insert(id);
    let said = house.post("/v1/signals", &[], SIGNAL).await;
    assert_eq!((said.status, house.journal.records().len()), (202, 0));
    assert_eq!(said.body, r#"{"accepted":0,"duplicates":1,"rejected":[],"ids":[]}"#);
}

#[tokio::test]
async fn when_nothing_is_valid_the_answer_is_a_problem_document() {
    check("/v1/signals", &[], "{}", expect![[r#"
        400 application/problem+json
        {"type":"/docs/errors/missing_component","title":"Component missing","status":400,"detail":"`component` (or `component_id`, `service`) is required","code":"missing_component","rejected":[{"index":0,"code":"missing_component","message":"`component` (or `component_id`, `service`) is required"}]}"#]]).await;
    check("/v1/signals", &[], "[1,2]", expect![[r#"
        400 application/problem+json
        {"type":"/docs/errors/all_rejected","title":"Every item was refused","status":400,"detail":"every one of 2 items was refused","code":"all_rejected","rejected":[{"index":0,"code":"not_an_object","message":"a signal is a JSON object"},{"index":1,"code":"not_an_object","message":"a signal is a JSON object"}]}"#]]).await;
    check("/v1/signals", &[], "[{\"component\":\"a\"}", expect![[r#"
        400 application/problem+json
        {"type":"/docs/errors/invalid_json","title":"Not valid JSON","status":400,"detail":"expected `,` or `]` at byte 18 (line 1, column 19)","code":"invalid_json"}"#]]).await;
}

#[tokio::test]
async fn credentials_are_asked_for_and_scopes_too() {
    let status = async |headers: &[(&str, &str)], path: &str| {
        let said = House::new().post(path, headers, SIGNAL).await;
        let answer: serde_json::Value = serde_json::from_str(&said.body).unwrap_or_default();
        (said.status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    let signals = "/v1/signals";
    for (headers, expected) in [
        (("authorization", "Bearer secret"), (202, "")),
        (("authorization", "Basic YW55OnNlY3JldA=="), (202, "")),
        (("x-api-key", "secret"), (202, "")),
        (("x-api-key", ""), (401, "missing_key")),
        (("x-api-key", "wrong"), (401, "unknown_key")),
        (("x-api-key", "expired"), (401, "expired_key")),
        (("x-api-key", "reader"), (403, "missing_scope")),
    ] {
        let (code, word) = status(&[headers], signals).await;
        assert_eq!((code, word.as_str()), expected, "{headers:?}");
    }
    check(signals, &[("authorization", "Digest x")], SIGNAL, expect![[r#"
        401 www-authenticate=Bearer realm="stormbell" application/problem+json
        {"type":"/docs/errors/missing_key","title":"No API key","status":401,"detail":"send the project's API key as `Authorization: Bearer KEY`, `X-API-Key: KEY` or as the password of basic authentication","code":"missing_key"}"#]]).await;
    let alerts = r#"[{"labels":{"alertname":"a"}}]"#;
    check("/k/secret/api/v2/alerts", &[], alerts, expect!["200 \n"]).await;
    check(
        "/k/wrong/api/v2/alerts",
        &[],
        alerts,
        expect![[r#"
        401 www-authenticate=Bearer realm="stormbell" application/json
        {"code":401,"message":"unknown_key: the key is not known"}"#]],
    )
    .await;
}

#[tokio::test]
async fn failed_credentials_are_limited_and_valid_ones_are_not() {
    let house = House::new();
    let wrong = [("x-api-key", "wrong")];
    for _ in 0..Options::default().failures_per_second {
        assert_eq!(house.post("/v1/signals", &wrong, SIGNAL).await.status, 401);
    }
    let said = house.post("/v1/signals", &wrong, SIGNAL).await;
    assert_eq!((said.status, said.header("retry-after")), (429, "1"));
    assert_eq!(house.post("/v1/signals", &[], SIGNAL).await.status, 202);
}

#[test]
fn paths_lead_to_their_doors() {
    assert_eq!(post("/v1/signals"), Some(Door::Signals));
    assert_eq!(post("/api/v2/alerts"), Some(Door::Alertmanager));
    assert_eq!(post("/v1/webhooks/alertmanager"), Some(Door::AlertmanagerWebhook));
    assert_eq!(post("/k/KEY/v1/webhooks/grafana"), Some(Door::GrafanaWebhook));
    assert_eq!(post("/k/KEY/v1/signals"), None);
    assert_eq!(post("/v1/signals/"), None);
    assert_eq!(ingest::Doors::route(&http::Method::GET, "/api/v2/alerts"), None);
}

#[tokio::test]
async fn what_is_not_spoken_is_said_with_a_hint() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    check("/v1/signals", &form, SIGNAL, expect![[r#"
        415 application/problem+json
        {"type":"/docs/errors/unsupported_media_type","title":"Content type not spoken","status":415,"detail":"content type `application/x-www-form-urlencoded` is not spoken here; send application/json or application/x-ndjson; with curl say `--json @FILE`, or add `-H 'Content-Type: application/json'`","code":"unsupported_media_type"}"#]]).await;
    check("/v1/signals", &[("content-encoding", "br")], SIGNAL, expect![[r#"
        415 accept-encoding=gzip, zstd application/problem+json
        {"type":"/docs/errors/unsupported_encoding","title":"Content encoding not spoken","status":415,"detail":"content encoding `br` is not spoken here; send gzip, zstd or none","code":"unsupported_encoding"}"#]]).await;
    let house = House::new();
    for (name, value, status) in [
        ("content-type", "text/plain", 415),
        ("content-type", "application/json; charset=utf-8", 202),
        ("content-type", "application/x-ndjson", 202),
        ("content-type", "application/cloudevents+json", 202),
        ("content-encoding", "identity", 202),
    ] {
        assert_eq!(
            house.post("/v1/signals", &[(name, value)], SIGNAL).await.status,
            status,
            "{value}"
        );
    }
}

#[tokio::test]
async fn a_query_may_name_the_project_and_nothing_else() {
    let house = House::new();
    let code = async |path: &str| {
        let said = house.post(path, &[], SIGNAL).await;
        let answer: serde_json::Value = serde_json::from_str(&said.body).expect("JSON");
        (said.status, answer["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(code("/v1/signals?project=shop&organization=acme").await.0, 202);
    assert_eq!(code("/v1/signals?project=other").await, (400, "project_mismatch".to_owned()));
    assert_eq!(code("/v1/signals?dry_run=1").await, (400, "unknown_parameter".to_owned()));
    let long = "k".repeat(limits::IDEMPOTENCY_KEY_BYTES + 1);
    let said = house.post("/v1/signals", &[("idempotency-key", &long)], SIGNAL).await;
    assert!(said.body.contains("invalid_idempotency_key"), "{}", said.body);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_bodies_are_read_and_bombs_stop_early() {
    let house = House::new();
    let body = format!("[{SIGNAL},{}]", r#"{"component":"x"}"#);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let bomb = vec![b' '; limits::BATCH_BYTES + 1];
    for (encoding, good, bomb) in
        [("gzip", gzip(body.as_bytes()), gzip(&bomb)), ("zstd", zstd(body.as_bytes()), zstd(&bomb))]
    {
        let headers = [("content-encoding", encoding)];
        let said = house.post("/v1/signals", &headers, good.clone()).await;
        assert_eq!((said.status, &said.body[..14]), (202, "{\"accepted\":2,"));
        let said = house.post("/v1/signals", &headers, bomb).await;
        assert_eq!((said.status, said.body.contains("body_too_large")), (413, true));
        let said = house.post("/v1/signals", &headers, good[..good.len() - 5].to_vec()).await;
        assert_eq!((said.status, said.body.contains("invalid_compression")), (400, true));
        let said = house.post("/v1/signals", &headers, SIGNAL).await;
        assert_eq!((said.status, said.body.contains("invalid_compression")), (400, true));
    }
}

/// A body that comes in pieces, claims a length, and breaks off or never ends if told so.
struct Pieces {
    pieces: Vec<&'static [u8]>,
    then: Then,
}

#[derive(Clone, Copy, PartialEq)]
enum Then {
    End,
    Break,
    Stall,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if !self.pieces.is_empty() {
            let piece = self.pieces.remove(0);
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece)))));
        }
        match self.then {
            Then::End => Poll::Ready(None),
            Then::Break => Poll::Ready(Some(Err("broken"))),
            Then::Stall => Poll::Pending,
        }
    }
}

async fn send_pieces(house: &House, pieces: Vec<&'static [u8]>, then: Then) -> (u16, String) {
    let request = Request::post("/v1/signals").header("x-api-key", "secret");
    let said = house.send(request.body(Pieces { pieces, then }).unwrap()).await;
    let answer: serde_json::Value = serde_json::from_str(&said.body).expect("JSON");
    (said.status, answer["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn bodies_may_come_in_pieces_but_not_break_off_or_stall() {
    let house =
        House::with(Options { body_timeout: Duration::from_millis(20), ..Options::default() });
    let pieces: Vec<&'static [u8]> = vec![b"{\"comp", b"onent\":", b"\"db\"}"];
    let ok = send_pieces(&house, pieces.clone(), Then::End).await;
    assert_eq!(ok, (202, String::new()));
    let broken = send_pieces(&house, pieces.clone(), Then::Break).await;
    assert_eq!(broken, (400, "body_incomplete".to_owned()));
    let stalled = send_pieces(&house, pieces, Then::Stall).await;
    assert_eq!(stalled, (408, "body_timeout".to_owned()));
    assert_eq!(house.journal.records().len(), 1);
}

#[tokio::test]
async fn a_body_above_the_limit_is_cut_off() {
    static MEBIBYTE: [u8; 1 << 20] = [b' '; 1 << 20];
    let house = House::new();
    let mut pieces: Vec<&'static [u8]> = vec![&MEBIBYTE; 16];
    pieces.push(b"{}");
    let cut = send_pieces(&house, pieces, Then::Stall).await;
    assert_eq!(cut, (413, "body_too_large".to_owned()));
    let declared = house.post("/v1/signals", &[], vec![b' '; limits::BATCH_BYTES + 1]).await;
    assert_eq!((declared.status, declared.header("connection")), (413, "close"));
}

#[tokio::test]
async fn large_bodies_are_decoded_aside_with_the_same_answer() {
    let house = House::new();
    let item = format!(r#"{{"component":"db","summary":"{}"}}"#, "x".repeat(1_000));
    let body = format!("[{}]", vec![item; 2_000].join(","));
    let said = house.post("/v1/signals", &[("prefer", "return=minimal")], body).await;
    assert_eq!(said.body, r#"{"accepted":2000,"duplicates":0,"rejected":0}"#);
    assert_eq!(house.journal.records().len(), 2_000);
}

#[tokio::test]
async fn prometheus_is_answered_as_alertmanager_answers() {
    let mixed = r#"[{"labels":{"alertname":"good"}},{"labels":{"1a":"x"}},{"labels":{}}]"#;
    let house = House::new();
    let said = house.post("/api/v2/alerts", &[], mixed).await;
    expect![[r#"
        400 application/json
        "invalid label set: invalid name \"1a\"; at least one label pair required""#]]
    .assert_eq(&said.text());
    assert_eq!(house.journal.records().len(), 1, "the valid one is taken");
    assert_eq!(house.metrics.rejected(Door::Alertmanager, Code::MissingLabels), 1);
    check("/api/v2/alerts", &[], "[]", expect!["200 \n"]).await;
    check(
        "/api/v2/alerts",
        &[],
        "[",
        expect![[r#"
            400 application/json
            {"code":400,"message":"invalid_json: expected a member or the closing bracket at byte 1 (line 1, column 2)"}"#]],
    )
    .await;
    check("/api/v2/alerts?active=true", &[], "[]", expect!["200 \n"]).await;
}

#[tokio::test]
async fn webhooks_are_answered_with_verdicts() {
    let body = r#"{"version":"4","alerts":[{"labels":{"alertname":"a"}},{}]}"#;
    check("/v1/webhooks/alertmanager", &[], body, expect![[r#"
        200 application/json
        {"accepted":1,"duplicates":0,"rejected":[{"index":1,"code":"missing_labels","message":"at least one label pair required"}],"ids":[]}"#]]).await;
    check("/k/secret/v1/webhooks/grafana", &[], body, expect![[r#"
        200 application/json
        {"accepted":1,"duplicates":0,"rejected":[{"index":1,"code":"missing_labels","message":"at least one label pair required"}],"ids":[]}"#]]).await;
}
