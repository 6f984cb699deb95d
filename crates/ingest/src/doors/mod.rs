//! The thin transport of the doors that speak HTTP: credentials, limits, the body, the decoder of
//! the door, the journal, the answer. It refuses to know what stands in a body.
//!
//! Invariant: an answer that says `accepted` is given after the records are durable; a refusal is
//! given without waiting for anything but the body.

pub mod alertmanager;
pub mod alertmanager_webhook;
pub mod grafana_webhook;
pub mod grpc;
mod message_body;
pub mod signals;
pub mod webhook;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use hyper::body::Body;
use journal::Journal;
use model::{Access, Grant, KeyId, Severity, Timestamp, limits};

pub use message_body::MessageBody;

use crate::answer::{self, Answer};
use crate::batch::Batch;
use crate::body;
use crate::body_memory::Memory;
use crate::code::Code;
use crate::credential;
use crate::metrics::Metrics;
use crate::order::{Order, Terms};
use crate::ports::{Applied, Clock, Pressure};
use crate::problem::Problem;
use crate::queue::Queue;
use crate::rate::{self, Buckets};

/// One wire format that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// `POST /v1/signals`.
    Signals,
    /// `POST /api/v2/alerts`.
    Alertmanager,
    /// `POST /v1/webhooks/alertmanager`.
    AlertmanagerWebhook,
    /// `POST /v1/webhooks/grafana`.
    GrafanaWebhook,
    /// gRPC `stormbell.v1.Ingest/Stream`.
    Grpc,
}

/// What can be set.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Bytes of all bodies in memory at once, decompressed ones included.
    pub body_bytes: usize,
    /// Bytes that the journal's queue holds. Shedding begins when about half of this, or of
    /// `queue_records`, waits.
    pub queue_bytes: u64,
    /// Records that the journal's queue holds.
    pub queue_records: u64,
    /// Items per second from one source address; `None` is no limit.
    pub source_rate_per_second: Option<u32>,
    /// Failed credentials per second from one source address, before they are answered with 429.
    pub failures_per_second: u32,
}

/// The doors: everything between a wire and the journal.
pub struct Doors {
    options: Options,
    access: Arc<dyn Access>,
    applied: Arc<dyn Applied>,
    pressure: Arc<dyn Pressure>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    queue: Queue,
    memory: Arc<Memory>,
    key_buckets: Buckets<KeyId>,
    source_buckets: Buckets<IpAddr>,
    failure_buckets: Buckets<IpAddr>,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 5] = [
        Self::Signals,
        Self::Alertmanager,
        Self::AlertmanagerWebhook,
        Self::GrafanaWebhook,
        Self::Grpc,
    ];

    /// The name in metrics and in the documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signals => "signals",
            Self::Alertmanager => "alertmanager",
            Self::AlertmanagerWebhook => "alertmanager_webhook",
            Self::GrafanaWebhook => "grafana_webhook",
            Self::Grpc => "grpc",
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_timeout: Duration::from_secs(30),
            body_bytes: 256 << 20,
            queue_bytes: 64 << 20,
            queue_records: 64 << 10,
            source_rate_per_second: None,
            failures_per_second: 10,
        }
    }
}

impl Doors {
    /// Doors in front of a journal. `metrics` is shared with whoever shows it.
    #[must_use]
    pub fn new(
        options: Options,
        journal: Arc<dyn Journal>,
        access: Arc<dyn Access>,
        applied: Arc<dyn Applied>,
        pressure: Arc<dyn Pressure>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            queue: Queue::new(journal, options.queue_bytes, options.queue_records),
            memory: Arc::new(Memory::new(options.body_bytes)),
            key_buckets: Buckets::new(limits::RATE_CREDENTIALS),
            source_buckets: Buckets::new(limits::RATE_SOURCES),
            failure_buckets: Buckets::new(limits::RATE_SOURCES),
            options,
            access,
            applied,
            pressure,
            clock,
            metrics,
        }
    }

    /// The door at a path, without or with a key in it; `None` where there is none.
    #[must_use]
    pub fn route(method: &Method, path: &str) -> Option<Door> {
        if method != Method::POST {
            return None;
        }
        if path == "/v1/signals" {
            return Some(Door::Signals);
        }
        match credential::in_path(path).map_or(path, |(_, rest)| rest) {
            "/api/v2/alerts" => Some(Door::Alertmanager),
            "/v1/webhooks/alertmanager" => Some(Door::AlertmanagerWebhook),
            "/v1/webhooks/grafana" => Some(Door::GrafanaWebhook),
            _ => None,
        }
    }

    /// Takes a request at a door, from reading its body to its answer. `peer` is the address the
    /// request came from.
    pub async fn handle<B>(&self, door: Door, request: Request<B>, peer: Option<IpAddr>) -> Answer
    where
        B: Body<Data = Bytes>,
    {
        let (head, body) = request.into_parts();
        let metrics = &self.metrics;
        match self.take(door, &head, body, peer).await {
            Ok(batch) => {
                metrics.count_batch(door, &batch);
                answer::taken(door, &batch, door == Door::Signals && Terms::wants_minimal(&head))
            }
            Err(problem) => {
                metrics.count_refusal(door, problem.code, problem.batch.as_deref());
                answer::refused(door, &problem)
            }
        }
    }

    async fn take<B>(
        &self,
        door: Door,
        head: &Parts,
        body: B,
        peer: Option<IpAddr>,
    ) -> Result<Batch, Problem>
    where
        B: Body<Data = Bytes>,
    {
        let (grant, terms) = match self.admit(door, head, peer) {
            Ok(admitted) => admitted,
            Err(problem) => {
                body::discard(body).await;
                return Err(problem);
            }
        };
        let mut share = self.memory.share();
        let body = body::collect(body, &mut share, self.options.body_timeout).await?;
        // A body may have taken its time, so the time of its signals is asked for after it.
        let now = self.now();
        let order = Order { door, terms, body, share, grant: Arc::clone(&grant), now };
        let batch = order.decode(&self.applied).await?;
        self.settle(door, batch, &grant, peer, now).await
    }

    /// What can be said of a request before its body: room, key, rate, and what its head asks for.
    fn admit(
        &self,
        door: Door,
        head: &Parts,
        peer: Option<IpAddr>,
    ) -> Result<(Arc<Grant>, Terms), Problem> {
        let now = self.now();
        self.check_room()?;
        let key = credential::in_headers(&head.headers);
        let path_key = || credential::in_path(head.uri.path()).map(|(key, _)| key);
        let grant = self.authenticate(key.as_deref().or_else(path_key), peer, now)?;
        self.check_rate(&grant, peer, now)?;
        Ok((grant, Terms::of(door, head)?))
    }

    /// Charges for the items of a batch and makes the accepted ones durable.
    async fn settle(
        &self,
        door: Door,
        mut batch: Batch,
        grant: &Grant,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Batch, Problem> {
        self.charge(grant, peer, now, batch.items());
        if batch.is_all_rejected() && door != Door::Alertmanager {
            return Err(Problem::all_rejected(batch));
        }
        if let Some(worst) = batch.worst {
            self.submit(&mut batch, worst)?.await?;
        }
        Ok(batch)
    }

    /// The time by the doors' clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Counters, which the gRPC door counts in too.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Which given ids were applied.
    pub(crate) fn applied(&self) -> &dyn Applied {
        &*self.applied
    }

    /// The body of a gRPC request, its messages counted among the bodies in memory and bounded in time as those of
    /// the other doors are.
    #[must_use]
    pub fn message_body<B>(&self, body: B) -> MessageBody<B> {
        MessageBody::new(body, self.memory.share(), self.options.body_timeout)
    }

    /// A credential failed at `path`, which is no door's: counts it among the failures of its address, and answers
    /// in its place where there were too many.
    #[must_use]
    pub fn failed_elsewhere(&self, path: &str, peer: IpAddr) -> Option<Answer> {
        let problem = self.count_failure(peer, self.now()).err()?;
        let alertmanager = path.contains("/api/v2/");
        let words = if alertmanager { Door::Alertmanager } else { Door::Signals };
        Some(answer::refused(words, &problem))
    }

    /// Counts a failed credential, or refuses where its address has failed too often.
    fn count_failure(&self, peer: IpAddr, now: Timestamp) -> Result<(), Problem> {
        let (source, buckets) = (rate::source(peer), &self.failure_buckets);
        buckets.check(&source, now).map_err(|retry_after_ms| {
            let detail = "too many failed credentials from this address";
            Problem::until(Code::TooManyFailures, detail, retry_after_ms)
        })?;
        buckets.charge(&source, now, 1, self.options.failures_per_second);
        Ok(())
    }

    /// Refuses while the server can take nothing at all.
    pub(crate) fn check_room(&self) -> Result<(), Problem> {
        if let Some(refusal) = self.pressure.refuse() {
            let code = refusal.code();
            return Err(Problem::new(code, code.title()));
        }
        self.queue.check_room()
    }

    /// The grant behind a key. Failures are limited per source address, so that nobody guesses.
    pub(crate) fn authenticate(
        &self,
        key: Option<&str>,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Arc<Grant>, Problem> {
        let denied = match credential::grant(&*self.access, key, now) {
            Ok(grant) => return Ok(grant),
            Err(denied) => denied,
        };
        if let Some(peer) = peer.filter(|_| denied.code != Code::MissingScope) {
            self.count_failure(peer, now)?;
        }
        Err(denied)
    }

    /// Refuses while the bucket of the key or of the source address is empty.
    pub(crate) fn check_rate(
        &self,
        grant: &Grant,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        if grant.rate_per_second.is_some() {
            self.key_buckets.check(&grant.key, now).map_err(|retry_after_ms| {
                let detail = "the key's rate limit is reached";
                Problem::until(Code::RateLimited, detail, retry_after_ms)
            })?;
        }
        if let (Some(_), Some(peer)) = (self.options.source_rate_per_second, peer) {
            let checked = self.source_buckets.check(&rate::source(peer), now);
            checked.map_err(|retry_after_ms| {
                let detail = "the rate limit of this address is reached";
                Problem::until(Code::SourceRateLimited, detail, retry_after_ms)
            })?;
        }
        Ok(())
    }

    /// Takes `items` tokens from the buckets of the key and of the source address.
    pub(crate) fn charge(&self, grant: &Grant, peer: Option<IpAddr>, now: Timestamp, items: u32) {
        if let Some(per_second) = grant.rate_per_second {
            self.key_buckets.charge(&grant.key, now, items, per_second);
        }
        if let (Some(per_second), Some(peer)) = (self.options.source_rate_per_second, peer) {
            self.source_buckets.charge(&rate::source(peer), now, items, per_second);
        }
    }

    /// Hands the records of a batch to the journal.
    pub(crate) fn submit(
        &self,
        batch: &mut Batch,
        worst: Severity,
    ) -> Result<crate::queue::Ticket, Problem> {
        self.queue.submit(std::mem::take(&mut batch.records), worst)
    }
}
