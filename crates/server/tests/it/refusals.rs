//! What a door refuses, as it arrives over the wire: status, code, and the headers that go with it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Answer, Client, Given, Options, Server, eventually, text};

const JSON: (&str, &str) = ("content-type", "application/json");
const SIGNALS: &str = "/v1/signals";
const ALERTS: &str = "/api/v2/alerts";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// One input, and how it is refused.
struct Case<'a> {
    path: &'a str,
    headers: Headers<'a>,
    body: &'a [u8],
    status: u16,
    code: &'a str,
}

fn refused(client: &mut Client, case: &Case<'_>) -> Answer {
    let given = Given { headers: case.headers, body: case.body, ..Given::default() };
    let answer = client.send("POST", case.path, &given).expect("the server answers");
    assert_refusal(&answer, case.status, case.code);
    answer
}

/// A problem document, or what Alertmanager's clients read.
#[track_caller]
fn assert_refusal(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{code}: {}", answer.text());
    let body = answer.json();
    if answer.header("content-type") == Some("application/problem+json") {
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("/docs/errors/{code}"));
        assert!(!text(&body["detail"]).is_empty() && !text(&body["title"]).is_empty(), "{body}");
    } else {
        assert_eq!(body["code"], status, "{body}");
        assert!(text(&body["message"]).starts_with(&format!("{code}: ")), "{body}");
    }
    assert!(answer.header("x-request-id").is_some());
    let retry_after = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
    assert_eq!(retry_after.is_some(), [429, 503].contains(&status), "{answer:?}");
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{answer:?}");
}

#[test]
fn what_cannot_be_read_is_400_and_says_where() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let gzip = [JSON, ("content-encoding", "gzip")];
    let long_key = "k".repeat(256);
    let idempotency = [JSON, ("idempotency-key", long_key.as_str())];
    let cases: [(&str, Headers<'_>, &[u8], &str); 12] = [
        (SIGNALS, &[JSON], b"{\"component\":", "invalid_json"),
        (SIGNALS, &[JSON], b"\xff\xfe", "invalid_json"),
        (SIGNALS, &[JSON], b"[{\"component\":\"a\"},", "invalid_json"),
        (SIGNALS, &[JSON], b"", "empty_batch"),
        (SIGNALS, &[JSON], b"[]", "empty_batch"),
        (SIGNALS, &gzip, b"this is no gzip", "invalid_compression"),
        (SIGNALS, &idempotency, b"{\"component\":\"a\"}", "invalid_idempotency_key"),
        ("/v1/signals?projcet=default", &[JSON], b"{\"component\":\"a\"}", "unknown_parameter"),
        (SIGNALS, &[JSON], b"[{},{}]", "all_rejected"),
        (ALERTS, &[JSON], b"{", "invalid_json"),
        (
            "/v1/webhooks/alertmanager",
            &[JSON],
            b"{\"version\":\"3\",\"alerts\":[]}",
            "unsupported_version",
        ),
        ("/v1/webhooks/grafana", &[JSON], b"nonsense", "invalid_json"),
    ];
    for (path, headers, body, code) in cases {
        refused(&mut client, &Case { path, headers, body, status: 400, code });
    }
    let broken = b"{\"component\":\"a\",\n \"labels\": oops}";
    let case =
        Case { path: SIGNALS, headers: &[JSON], body: broken, status: 400, code: "invalid_json" };
    let detail = text(&refused(&mut client, &case).json()["detail"]);
    assert!(detail.contains("line 2"), "{detail}");
}

#[test]
fn an_item_that_is_wrong_is_refused_by_name_and_its_neighbours_are_taken() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let many_labels: Vec<_> = (0..65).map(|number| (format!("l{number}"), json!("x"))).collect();
    let many_labels = Value::Object(many_labels.into_iter().collect());
    let cases = [
        (json!(7), "not_an_object"),
        (json!({ "component": 7 }), "wrong_type"),
        (json!({ "component": "a", "service": "b" }), "conflicting_fields"),
        (json!({ "component": "a", "project": "other" }), "project_mismatch"),
        (json!({ "summary": "x" }), "missing_component"),
        (json!({ "component": "  " }), "missing_component"),
        (json!({ "component": "a", "id": "7" }), "invalid_id"),
        (json!({ "component": "a", "incident_id": "7" }), "invalid_incident_id"),
        (json!({ "component": "a", "component_type": "TOASTER" }), "invalid_component_type"),
        (json!({ "component": "a", "kind": "x" }), "invalid_kind"),
        (json!({ "component": "a", "severity": "P9" }), "invalid_severity"),
        (json!({ "component": "a", "status": "x" }), "invalid_status"),
        (json!({ "component": "a", "occurred_at": "yesterday" }), "invalid_occurred_at"),
        (json!({ "component": "a", "occurred_at": "2990-01-01T00:00:00Z" }), "occurred_in_future"),
        (json!({ "component": "a\u{0}" }), "text_with_nul"),
        (json!({ "component": "a".repeat(257) }), "name_too_long"),
        (json!({ "component": "a", "summary": "a".repeat(4_097) }), "summary_too_long"),
        (json!({ "component": "a", "labels": many_labels }), "too_many_labels"),
        (json!({ "component": "a", "labels": { "x": null } }), "invalid_label"),
        (json!({ "component": "a", "labels": { "": "x" } }), "invalid_label_name"),
        (json!({ "component": "a", "labels": { "x".repeat(129): "x" } }), "label_name_too_long"),
        (json!({ "component": "a", "labels": { "x": "x".repeat(2_049) } }), "label_value_too_long"),
        (json!({ "component": "a", "payload": "x".repeat(256 << 10) }), "payload_too_large"),
        (json!({ "component": "a", "links": vec!["https://x"; 17] }), "too_many_links"),
        (json!({ "component": "a", "links": ["x".repeat(2_049)] }), "link_too_long"),
    ];
    let good = json!({ "component": "good" });
    let mut batch = Vec::new();
    for (item, code) in &cases {
        let answer = client.post(SIGNALS, &json!([item]));
        assert_refusal(&answer, 400, code);
        assert_eq!(answer.json()["rejected"][0]["index"], 0);
        batch.extend([item.clone(), good.clone()]);
    }
    let answer = client.post(SIGNALS, &json!(batch)).expect_status(202).json();
    assert_eq!(answer["accepted"], cases.len());
    let rejected = answer["rejected"].as_array().expect("a list");
    let verdicts: Vec<_> =
        rejected.iter().map(|one| (one["index"].as_u64(), &one["code"])).collect();
    let codes: Vec<_> = cases.iter().map(|(_, code)| json!(code)).collect();
    let expected: Vec<_> = codes.iter().zip(0..).map(|(code, at)| (Some(at * 2), code)).collect();
    assert_eq!(verdicts, expected);
}

#[test]
fn what_is_too_large_is_413_however_it_is_packed() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let said = [JSON, ("content-length", "16777217")];
    let bomb = zeros_packed(17 << 20);
    let gzip = [JSON, ("content-encoding", "gzip")];
    let many = "{\"component\":\"a\"}\n".repeat(65_537);
    let lines = [("content-type", "application/x-ndjson")];
    let heavy = json!({ "component": "a", "x": "x".repeat(1 << 20) }).to_string();
    let cases: [(Headers<'_>, &[u8], &str); 4] = [
        (&said, b"", "body_too_large"),
        (&gzip, &bomb, "body_too_large"),
        (&lines, many.as_bytes(), "too_many_signals"),
        (&[JSON], heavy.as_bytes(), "signal_too_large"),
    ];
    for (headers, body, code) in cases {
        refused(&mut client, &Case { path: SIGNALS, headers, body, status: 413, code });
    }
    client.post(SIGNALS, &json!({ "component": "a" })).expect_status(202);
}

/// Many blanks as gzip: small on the wire.
fn zeros_packed(length: usize) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![b' '; length]).expect("memory can be written");
    packer.finish().expect("memory can be written")
}

#[test]
fn what_is_not_spoken_is_415_and_says_what_is() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let body = b"{\"component\":\"a\"}";
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        let headers = &[("content-type", kind)];
        let (status, code) = (415, "unsupported_media_type");
        refused(&mut client, &Case { path: SIGNALS, headers, body, status, code });
    }
    for encoding in ["br", "gzip, gzip", "deflate"] {
        let headers = &[JSON, ("content-encoding", encoding)];
        let (status, code) = (415, "unsupported_encoding");
        let answer = refused(&mut client, &Case { path: SIGNALS, headers, body, status, code });
        assert_eq!(answer.header("accept-encoding"), Some("gzip, zstd"));
    }
}

#[test]
fn without_a_good_key_nothing_is_taken() {
    let server = Server::start(Options::default());
    let mut client = server.client();
    let body: &[u8] = b"{\"component\":\"a\"}";
    let given = Given { headers: &[JSON], body, without_key: true };
    for path in [SIGNALS, ALERTS, "/v1/webhooks/alertmanager", "/v1/webhooks/grafana"] {
        let answer = client.send("POST", path, &given).expect("the server answers");
        assert_refusal(&answer, 401, "missing_key");
    }
    let mut stranger = Client::new(server.http(), "sb_nobody_knows_this_key");
    assert_refusal(&stranger.post(SIGNALS, &json!({})), 401, "unknown_key");
    let reader = json!({ "name": "reader", "scopes": ["read"] });
    let made = client.post("/v1/keys", &reader).expect_status(201).json();
    let mut reader = Client::new(server.http(), &text(&made["key"]));
    assert_refusal(&reader.post(SIGNALS, &json!({ "component": "a" })), 403, "missing_scope");
    reader.get("/v1/incidents").expect_status(200);
    let sender = json!({ "name": "sender", "scopes": ["ingest"] });
    let made = client.post("/v1/keys", &sender).expect_status(201).json();
    let mut sender = Client::new(server.http(), &text(&made["key"]));
    sender.post(SIGNALS, &json!({ "component": "a" })).expect_status(202);
    assert_eq!(sender.get("/v1/incidents").status, 403);
    let path = format!("/v1/keys/{}", text(&made["id"]));
    let revoked = client.send("DELETE", &path, &Given::default()).expect("the server answers");
    assert!(revoked.status < 300, "{}", revoked.text());
    assert_refusal(&sender.post(SIGNALS, &json!({ "component": "a" })), 401, "revoked_key");
}

#[test]
fn who_guesses_keys_is_slowed_down_and_a_good_key_from_there_still_works() {
    let server = Server::start(Options::default());
    let mut stranger = Client::new(server.http(), "sb_a_guess");
    let slowed = eventually("guessing is slowed down", Duration::from_secs(20), || {
        let answer = stranger.post(SIGNALS, &json!({ "component": "a" }));
        (answer.status != 401).then_some(answer)
    });
    assert_refusal(&slowed, 429, "too_many_failures");
    // The API counts with the doors, and says it in the words of whoever is asked.
    assert_refusal(&stranger.get("/v1/incidents"), 429, "too_many_failures");
    let silences = stranger.get("/api/v2/silences");
    assert_eq!(silences.status, 429);
    let words = text(&silences.json()["message"]);
    assert!(words.starts_with("too_many_failures"), "{words}");
    server.client().post(SIGNALS, &json!({ "component": "a" })).expect_status(202);
    server.client().get("/v1/incidents").expect_status(200);
}

#[test]
fn who_sends_faster_than_allowed_is_429_with_retry_after() {
    let arguments = vec!["--rate-per-source".to_owned(), "20".to_owned()];
    let server = Server::start(Options { arguments, ..Options::default() });
    let mut client = server.client();
    let batch = json!(vec![json!({ "component": "a" }); 200]);
    client.post(SIGNALS, &batch).expect_status(202);
    let answer = client.post(SIGNALS, &batch);
    assert_refusal(&answer, 429, "source_rate_limited");

    let server = Server::start(Options::default());
    let limited = json!({ "name": "slow", "scopes": ["ingest"], "rate_per_second": 20 });
    let made = server.client().post("/v1/keys", &limited).expect_status(201).json();
    let mut client = Client::new(server.http(), &text(&made["key"]));
    client.post(SIGNALS, &batch).expect_status(202);
    assert_refusal(&client.post(SIGNALS, &batch), 429, "rate_limited");
    server.client().post(SIGNALS, &batch).expect_status(202);
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let server = Server::start(Options::default());
    let mut stream = TcpStream::connect(server.http()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(50))).expect("it can be set");
    let head = format!(
        "POST /v1/signals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        server.key()
    );
    stream.write_all(head.as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"body_timeout\""), "{answer}");
}
