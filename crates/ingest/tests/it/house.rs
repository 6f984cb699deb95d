//! Doors with everything behind them faked: a journal that does what it is told, a clock that
//! stands still, two keys and a memory of applied ids.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use ingest::{Applied, Clock, Context, Doors, Media, Metrics, Mint, Options, Pressure, Refusal};
use journal::{Append, Appended, Error, Journal, Reader, Records, State, Status};
use model::{
    Access, Denied, Entry, Grant, KeyId, ProjectId, Scope, Scopes, SignalId, Timestamp, codec,
};

/// 2026-11-20T13:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_795_179_600_000_000);

/// What the journal does with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mode {
    /// Takes it.
    #[default]
    Take,
    /// Takes it and answers when it is told to.
    Hold,
    /// Refuses at once: the queue is full.
    Full,
    /// Refuses at once: the disk is full.
    DiskFull,
    /// Takes it and fails later.
    FailLater,
    /// Refuses at once: closed.
    Closed,
    /// Refuses at once: too large.
    TooLarge,
}

#[derive(Default)]
pub(crate) struct FakeJournal {
    state: Mutex<FakeState>,
}

#[derive(Default)]
struct FakeState {
    mode: Mode,
    records: Vec<Vec<u8>>,
    held: Vec<journal::Answer>,
}

impl FakeJournal {
    pub(crate) fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    pub(crate) fn held(&self) -> usize {
        self.state.lock().unwrap().held.len()
    }

    pub(crate) fn release(&self) {
        for answer in self.state.lock().unwrap().held.drain(..) {
            answer.send(Ok(Appended { first_seq: 1, count: 1, at: 0 }));
        }
    }

    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().records.clone()
    }
}

fn disk_error(kind: io::ErrorKind) -> Error {
    Error::Disk { what: "write".into(), source: Some(Arc::new(kind.into())) }
}

impl Journal for FakeJournal {
    fn append(&self, records: Records) -> Result<Append, Error> {
        let mut state = self.state.lock().unwrap();
        let (answer, append) = Append::pair();
        let done = Appended { first_seq: 1, count: records.len(), at: 0 };
        match state.mode {
            Mode::Take => answer.send(Ok(done)),
            Mode::Hold => state.held.push(answer),
            Mode::Full => return Err(Error::Full { records: 1, bytes: 1 }),
            Mode::DiskFull => return Err(disk_error(io::ErrorKind::StorageFull)),
            Mode::FailLater => {
                answer.send(Err(disk_error(io::ErrorKind::Other)));
                return Ok(append);
            }
            Mode::Closed => return Err(Error::Closed),
            Mode::TooLarge => {
                return Err(Error::TooLarge { what: "append", bytes: 2, limit: 1 });
            }
        }
        state.records.extend(records.iter().map(<[u8]>::to_vec));
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
            durability: journal::Durability::Disk,
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

/// Keys by their secrets: `secret` may ingest, `limited` only ten a second, `reader` only read.
#[derive(Default)]
pub(crate) struct Keys {
    revoked: Mutex<HashSet<String>>,
}

impl Keys {
    pub(crate) fn revoke(&self, secret: &str) {
        self.revoked.lock().unwrap().insert(secret.to_owned());
    }
}

pub(crate) fn grant() -> Grant {
    Grant {
        key: KeyId(1),
        project: ProjectId(7),
        project_name: "shop".to_owned(),
        organization_name: "acme".to_owned(),
        name: "a key".to_owned(),
        scopes: [Scope::Ingest].into_iter().collect::<Scopes>(),
        rate_per_second: None,
    }
}

impl Access for Keys {
    fn grant(&self, secret: &str, _now: Timestamp) -> Result<Arc<Grant>, Denied> {
        if self.revoked.lock().unwrap().contains(secret) {
            return Err(Denied::Revoked);
        }
        let grant = grant();
        match secret {
            "secret" => Ok(Arc::new(grant)),
            "limited" => Ok(Arc::new(Grant { key: KeyId(2), rate_per_second: Some(10), ..grant })),
            "reader" => {
                let scopes = [Scope::Read].into_iter().collect();
                Ok(Arc::new(Grant { key: KeyId(3), scopes, ..grant }))
            }
            "expired" => Err(Denied::Expired),
            _ => Err(Denied::Unknown),
        }
    }
}

#[derive(Default)]
pub(crate) struct Ids(pub(crate) Mutex<HashSet<SignalId>>);

impl Applied for Ids {
    fn contains(&self, _project: ProjectId, signal: SignalId) -> bool {
        self.0.lock().unwrap().contains(&signal)
    }
}

#[derive(Default)]
pub(crate) struct Gauge(pub(crate) Mutex<Option<Refusal>>);

impl Pressure for Gauge {
    fn refuse(&self) -> Option<Refusal> {
        *self.0.lock().unwrap()
    }
}

pub(crate) struct Still(pub(crate) Mutex<Timestamp>);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Doors with all that is behind them.
pub(crate) struct House {
    pub(crate) doors: Arc<Doors>,
    pub(crate) journal: Arc<FakeJournal>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) ids: Arc<Ids>,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) clock: Arc<Still>,
    pub(crate) metrics: Arc<Metrics>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let journal = Arc::new(FakeJournal::default());
        let keys = Arc::new(Keys::default());
        let ids = Arc::new(Ids::default());
        let gauge = Arc::new(Gauge::default());
        let clock = Arc::new(Still(Mutex::new(NOW)));
        let metrics = Arc::new(Metrics::default());
        let doors = Arc::new(Doors::new(
            options,
            journal.clone(),
            keys.clone(),
            ids.clone(),
            gauge.clone(),
            clock.clone(),
            metrics.clone(),
        ));
        Self { doors, journal, keys, ids, gauge, clock, metrics }
    }

    /// Sends a request with the key `secret`, unless `headers` hold another.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Said {
        let mut request = Request::post(path);
        let has_key = |name: &str| matches!(name, "authorization" | "x-api-key");
        if !path.starts_with("/k/") && !headers.iter().any(|(name, _)| has_key(name)) {
            request = request.header("x-api-key", "secret");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(body.into())).unwrap()).await
    }

    pub(crate) async fn send<B>(&self, request: Request<B>) -> Said
    where
        B: hyper::body::Body<Data = Bytes>,
    {
        let door = Doors::route(request.method(), request.uri().path()).expect("a door");
        let peer = Some([10, 0, 0, 1].into());
        Said::of(self.doors.handle(door, request, peer).await).await
    }
}

/// An answer, as text.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Said {
    async fn of(answer: Response<Full<Bytes>>) -> Self {
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("in memory").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status, the headers that matter, and the body.
    pub(crate) fn text(&self) -> String {
        let mut text = self.status.to_string();
        for name in ["retry-after", "www-authenticate", "accept-encoding", "connection"] {
            if self.headers.contains_key(name) {
                write!(text, " {name}={}", self.header(name)).unwrap();
            }
        }
        format!("{text} {}\n{}", self.header("content-type"), self.body)
    }
}

/// What a decoder is told in tests without transport.
pub(crate) fn context<'a>(grant: &'a Grant, applied: &'a Ids, media: Media) -> Context<'a> {
    Context {
        now: NOW,
        grant,
        applied,
        mint: Mint::new(NOW, 0),
        media,
        idempotency_key: None,
        claim: ingest::Claim::default(),
    }
}

pub(crate) fn decode_entry(record: &[u8]) -> Entry<'_> {
    codec::decode(record).expect("a record that a door wrote")
}

pub(crate) fn post(path: &str) -> Option<ingest::Door> {
    Doors::route(&Method::POST, path)
}
