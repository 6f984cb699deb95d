//! Requests over HTTP: path, query, headers, credentials, compression, and the answer.
//!
//! Held: no request makes the doors fail; the answer is JSON of its door and its codes fit its
//! status; what it calls accepted is in the journal; a compressed body is answered as a plain one,
//! and one that swells is refused; the memory of a body is given back.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use ingest::{Clock, Code, Door, Doors, Metrics, Options, Pressure, Refusal};
use journal::{Append, Appended, Durability, Error, Journal, Reader, Records, State, Status};
use model::{Access, Denied, Grant, Timestamp};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::seeds;
use crate::surroundings::{NOW, OneApplied, grant};

/// One body of 16 MiB and what it takes to find that it is too large.
const BODY_BYTES: usize = 17 << 20;

/// What becomes of the body: as it is, declared compressed, or compressed here.
const CODINGS: [(&str, bool); 5] =
    [("", false), ("gzip", false), ("zstd", false), ("gzip", true), ("zstd", true)];

/// Query, content type, content encoding, idempotency key, authorization, then the body.
const TEXTS: [&str; 5] = [
    "\n\n\n\n\n{\"component\":\"a\",\"labels\":{\"k\":\"v\"}}",
    "organization=acme&project=shop\napplication/x-ndjson; charset=utf-8\nidentity\nkey-1\nBearer secret\n{\"component\":\"a\"}\n{\"x\":1}",
    "project=7\napplication/cloudevents+json\n\n\nBasic YTpzZWNyZXQ=\n[{\"component\":\"a\"},{}]",
    "\napplication/json\n\n\n\n[{\"labels\":{\"alertname\":\"a\"}},{\"labels\":{}}]",
    "\n\n\n\n\n{\"version\":\"4\",\"alerts\":[{\"labels\":{\"alertname\":\"a\"}}]}",
];

/// Requests behind two bytes: the first chooses the door, the second the coding.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::with_choice(&[b"00", b"13", b"24", b"30", b"50"], &TEXTS);
    let head = b"\n\n\n\n\n";
    let swollen = vec![b' '; 1 << 20];
    seeds.push([b"01", &head[..], &compress("gzip", b"{\"component\":\"a\"}")].concat());
    seeds.push([b"02", &head[..], &compress("zstd", b"{\"component\":\"a\"}")].concat());
    seeds.push([b"01", &head[..], &compress("gzip", &swollen)].concat());
    seeds.push([b"02", &head[..], &compress("zstd", &swollen)].concat());
    seeds
}

/// Sends the request and inspects the answer.
pub fn check(input: &[u8]) {
    let [door, coding, text @ ..] = input else { return };
    let mut parts = text.splitn(6, |&byte| byte == b'\n');
    let head: [&[u8]; 5] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default();
    let (encoding, is_plain) = CODINGS[usize::from(coding % CODINGS.len() as u8)];
    if !is_plain {
        send(*door, &head, encoding, body.to_vec());
        return;
    }
    let compressed = send(*door, &head, encoding, compress(encoding, body));
    let plain = send(*door, &head, "identity", body.to_vec());
    assert_eq!(compressed, plain, "compression changes the answer");
}

/// What an answer comes to, without the ids it made up.
type Outcome = (u16, Option<String>, u32);

fn send(door: u8, head: &[&[u8]; 5], encoding: &str, body: Vec<u8>) -> Option<Outcome> {
    let request = request(door, head, encoding, body)?;
    let door = Doors::route(request.method(), request.uri().path())?;
    let before = HOUSE.journal.records.load(Ordering::Relaxed);
    let answer = HOUSE.runtime.block_on(async {
        let (head, body) = HOUSE.doors.handle(door, request, None).await.into_parts();
        Response::from_parts(head, body.collect().await.expect("in memory").to_bytes())
    });
    let appended = HOUSE.journal.records.load(Ordering::Relaxed) - before;
    Some(inspect(door, &answer, appended))
}

fn inspect(door: Door, answer: &Response<Bytes>, appended: u32) -> Outcome {
    let (status, body) = (answer.status(), answer.body());
    assert!(!status.is_server_error(), "{status}: {}", String::from_utf8_lossy(body));
    if door == Door::Alertmanager && body.is_empty() {
        assert_eq!(status.as_u16(), 200);
        return (200, None, appended);
    }
    let value: Value = serde_json::from_slice(body).expect("an answer is JSON");
    let code = value["code"].as_str().map(str::to_owned);
    if let Some(accepted) = value["accepted"].as_u64() {
        assert!(status.is_success());
        assert_eq!(accepted, u64::from(appended), "what is accepted is in the journal");
    } else if door != Door::Alertmanager {
        let known = Code::ALL.iter().find(|known| Some(known.as_str()) == code.as_deref());
        let known = known.unwrap_or_else(|| panic!("no code is called {code:?}"));
        assert_eq!((known.status(), appended), (status, 0), "{known}");
    } else {
        assert!(status.is_client_error());
    }
    (status.as_u16(), code, appended)
}

/// The request; `None` where http has no such thing.
fn request(
    door: u8,
    head: &[&[u8]; 5],
    encoding: &str,
    body: Vec<u8>,
) -> Option<Request<Full<Bytes>>> {
    let [query, content_type, own_encoding, idempotency_key, authorization] = *head;
    let path = match door & 3 {
        0 => "/v1/signals",
        1 => "/api/v2/alerts",
        2 => "/v1/webhooks/alertmanager",
        _ => "/v1/webhooks/grafana",
    };
    let key = if door & 4 == 0 { "" } else { "/k/secret" };
    let query = std::str::from_utf8(query).ok()?;
    let mark = if query.is_empty() { "" } else { "?" };
    let mut request = Request::post(format!("{key}{path}{mark}{query}"));
    if authorization.is_empty() {
        request = request.header("x-api-key", "secret");
    }
    let encoding = if encoding.is_empty() { own_encoding } else { encoding.as_bytes() };
    let headers = [
        ("content-type", content_type),
        ("content-encoding", encoding),
        ("idempotency-key", idempotency_key),
        ("authorization", authorization),
    ];
    for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(name, value);
    }
    request.body(Full::new(body.into())).ok()
}

fn compress(encoding: &str, body: &[u8]) -> Vec<u8> {
    if encoding == "zstd" {
        return zstd::encode_all(body, 1).expect("in memory");
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).expect("in memory");
    encoder.finish().expect("in memory")
}

/// The doors, with everything behind them faked; the same for all requests, so that what one of
/// them does not give back is missed by the next.
struct House {
    doors: Doors,
    journal: Arc<Counter>,
    runtime: Runtime,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let journal = Arc::new(Counter::default());
    let options = Options {
        body_bytes: BODY_BYTES,
        // Nobody waits for a failed credential to be allowed again.
        failures_per_second: u32::MAX,
        ..Options::default()
    };
    let doors = Doors::new(
        options,
        journal.clone(),
        Arc::new(OneKey),
        Arc::new(OneApplied),
        Arc::new(NoPressure),
        Arc::new(Still),
        Arc::new(Metrics::default()),
    );
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    House { doors, journal, runtime }
});

struct OneKey;

impl Access for OneKey {
    fn grant(&self, secret: &str, _now: Timestamp) -> Result<Arc<Grant>, Denied> {
        if secret == "secret" { Ok(Arc::new(grant())) } else { Err(Denied::Unknown) }
    }
}

struct NoPressure;

impl Pressure for NoPressure {
    fn refuse(&self) -> Option<Refusal> {
        None
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A journal that takes everything and counts it.
#[derive(Default)]
struct Counter {
    records: AtomicU32,
}

impl Journal for Counter {
    fn append(&self, records: Records) -> Result<Append, Error> {
        let (answer, append) = Append::pair();
        let first_seq = self.records.fetch_add(records.len(), Ordering::Relaxed);
        answer.send(Ok(Appended { first_seq: first_seq.into(), count: records.len(), at: 0 }));
        Ok(append)
    }

    fn durable_end(&self) -> u64 {
        1
    }

    fn start(&self) -> u64 {
        1
    }

    fn reader(&self, _from: u64) -> Result<Box<dyn Reader>, Error> {
        Err(Error::Closed)
    }

    fn wait(&self, _seq: u64, _timeout: Duration) -> u64 {
        1
    }

    fn release(&self, _before: u64) {}

    fn status(&self) -> Status {
        Status {
            state: State::Ok,
            durability: Durability::Disk,
            queue_records: 0,
            queue_bytes: 0,
            start: 1,
            durable_end: 1,
            disk_bytes: 0,
            free_bytes: None,
            segments: 1,
            last_sync: Duration::ZERO,
        }
    }

    fn close(&self) {}
}
