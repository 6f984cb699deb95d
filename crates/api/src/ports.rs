//! What the API asks of the rest of the house, as traits: the road of commands, the clock, the health
//! and the metrics. The server implements them; tests script them.

use std::sync::Arc;

use async_trait::async_trait;
use lake::Lake;
use model::{
    Access, Command, Duration, EndpointId, FieldError, Notification, Outcome, ProjectId, Timestamp,
};
use serde_json::Value;
use store::{ActiveAlerts, EndpointRow, Store};

/// Everything the API is wired to.
#[derive(Clone)]
pub struct Ports {
    /// Rows.
    pub store: Arc<dyn Store>,
    /// Signals.
    pub lake: Arc<dyn Lake>,
    /// Alerts that fire now.
    pub alerts: Arc<ActiveAlerts>,
    /// Keys.
    pub access: Arc<dyn Access>,
    /// The way of a command through the journal and the engine.
    pub road: Arc<dyn Road>,
    /// How each channel speaks.
    pub channels: Arc<dyn Channels>,
    /// To be told when keys have changed.
    pub keys_changed: Arc<dyn KeysChanged>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// How every part is.
    pub health: Arc<dyn HealthSource>,
    /// What is counted.
    pub metrics: Arc<dyn MetricsSource>,
    /// Whether the owner of an endpoint has to confirm it, whatever the request says.
    pub verify_endpoints: bool,
    /// What is running.
    pub build: Build,
}

/// The way of a command: journal, engine, store, and back.
#[async_trait]
pub trait Road: Send + Sync + 'static {
    /// Appends the command to the journal and waits until its effects are in the store.
    ///
    /// # Errors
    /// It was not taken ([`RoadError::Full`], [`RoadError::Disk`], [`RoadError::Closed`]), or it was and
    /// its outcome did not come in time ([`RoadError::TimedOut`]).
    async fn submit(&self, command: Command) -> Result<Outcome, RoadError>;

    /// Waits, within a bound, until everything durable at the time of the call is applied: every read
    /// does this first, so that a client reads its own writes.
    ///
    /// # Errors
    /// It did not get there in time, or never will.
    async fn caught_up(&self, patience: Patience) -> Result<(), RoadError>;
}

/// How long a read waits for what was acknowledged before it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as can be borne: people and scripts read their own writes.
    Long,
    /// Not at all in a storm, when more than [`model::limits::STORM_RECORDS`] records are ahead of it:
    /// who polls a list of alerts sees the next one soon, and waiting for all would only hold it up.
    ShortInStorms,
}

/// Why a command has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoadError {
    /// The journal's queue is full: nothing was kept.
    #[error("the journal's queue is full")]
    Full,
    /// The journal's disk refuses: nothing was kept.
    #[error("the journal's disk refuses writes")]
    Disk,
    /// The journal is closed: nothing was kept.
    #[error("the journal is closed")]
    Closed,
    /// The command is durable and will be applied; it was not in time.
    #[error(
        "the command is kept and will be applied, but was not within the time a request may take"
    )]
    TimedOut,
}

/// How each channel (webhook, e-mail, …) speaks: what its configuration must be, and a message sent or shown.
#[async_trait]
pub trait Channels: Send + Sync + 'static {
    /// The words of the channels there are.
    fn names(&self) -> &[&'static str];

    /// Checks a configuration as somebody sent it, and parts it from its secrets.
    ///
    /// # Errors
    /// Every bad field, named from the configuration on: `url`, `headers.x`. A channel that there is not
    /// is never asked for.
    fn check(&self, asked: &AskedConfig<'_>) -> Result<CheckedConfig, Vec<FieldError>>;

    /// Sends a test message to an endpoint, verified or not, and waits for the answer. Nothing is stored.
    async fn test(&self, endpoint: &EndpointRow, subscriber: &str) -> Tested;

    /// Sends an endpoint a message with a token that its owner hands in to confirm it, and waits for the answer.
    async fn challenge(
        &self,
        endpoint: &EndpointRow,
        subscriber: &str,
        now: Timestamp,
    ) -> Challenged;

    /// What a token of such a message confirms.
    ///
    /// # Errors
    /// It is no token of this server, or too old.
    fn claim(&self, token: &str, now: Timestamp) -> Result<Claim, TokenError>;

    /// A digest of where an endpoint sends to; `None` where that cannot be said.
    fn address(&self, endpoint: &EndpointRow) -> Option<[u8; 16]>;

    /// The message that an endpoint would be sent, as text: about `notification`, or about a sample.
    ///
    /// # Errors
    /// Every bad field of the configuration: a template that fails.
    fn preview(
        &self,
        endpoint: &EndpointRow,
        subscriber: &str,
        notification: Option<&Notification>,
    ) -> Result<String, Vec<FieldError>>;
}

/// The configuration of an endpoint as somebody sent it.
#[derive(Debug, Clone, Copy)]
pub struct AskedConfig<'a> {
    /// The channel.
    pub channel: &'a str,
    /// Whose.
    pub project: ProjectId,
    /// Which endpoint: its secrets are sealed for it alone.
    pub endpoint: EndpointId,
    /// What was sent. A secret that is not given, or given as `{"set": true}`, is that of `before`.
    pub config: &'a Value,
    /// The endpoint before the change, where there was one of the same channel.
    pub before: Option<&'a EndpointRow>,
}

/// A configuration that is as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedConfig {
    /// JSON to show to people; where there is a secret it holds `{"set": true}` in its place.
    pub config: String,
    /// The secrets, sealed; empty where there are none.
    pub secrets: Vec<u8>,
}

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// Whether the other side took the message.
    pub delivered: bool,
    /// The status of the protocol; 0 where there was none.
    pub status: u16,
    /// What was answered or what went wrong, bounded, never a secret.
    pub answer: String,
    /// How long it took.
    pub took: Duration,
}

/// What came of a challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenged {
    /// What came of sending it.
    pub tested: Tested,
    /// Whether the other side answered with the token, which confirms the endpoint.
    pub confirmed: bool,
    /// Until when the token is good.
    pub expires_at: Timestamp,
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose endpoint.
    pub project: ProjectId,
    /// Which.
    pub endpoint: EndpointId,
    /// Where it sent to when the token was made.
    pub address: [u8; 16],
}

/// Why a token confirms nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is none of this server's.
    #[error("it is no token of this server")]
    Unknown,
    /// It is too old.
    #[error("the token is too old")]
    Expired,
}

/// The time of day.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Told when keys were made or revoked; returns when every later request sees it.
#[async_trait]
pub trait KeysChanged: Send + Sync + 'static {
    /// Reads the keys again.
    ///
    /// # Errors
    /// The store could not be read.
    async fn keys_changed(&self) -> Result<(), store::Error>;
}

/// How every part is.
#[async_trait]
pub trait HealthSource: Send + Sync + 'static {
    /// Whether signals can be acknowledged durably now.
    ///
    /// # Errors
    /// Why not, in a sentence.
    async fn ready(&self) -> Result<(), String>;

    /// How every part is.
    async fn health(&self) -> Health;
}

/// What is counted, in the text form Prometheus reads.
pub trait MetricsSource: Send + Sync + 'static {
    /// Appends everything to `out`.
    fn render(&self, out: &mut String);
}

/// What is running, since when.
#[derive(Debug, Clone)]
pub struct Build {
    /// `0.1.0`
    pub version: String,
    /// The commit, where known.
    pub revision: String,
    /// When the process started.
    pub started_at: Timestamp,
}

/// How everything is.
#[derive(Debug, Clone)]
pub struct Health {
    /// The parts.
    pub parts: Vec<PartHealth>,
    /// Records that wait to be made durable.
    pub queue_records: u64,
    /// Records the engine is behind the journal.
    pub engine_lag_records: u64,
    /// Records the lake is behind the journal.
    pub lake_lag_records: u64,
    /// Bytes left on the disk that holds the data; `None` where not known.
    pub disk_left_bytes: Option<u64>,
    /// `disk`, or `os` where an acknowledgement does not wait for the disk.
    pub durability: &'static str,
}

/// How one part is.
#[derive(Debug, Clone)]
pub struct PartHealth {
    /// `journal`, `engine`, `store`, `lake`, …
    pub name: &'static str,
    /// Up, degraded or down.
    pub status: PartStatus,
    /// How long it took to answer, in microseconds; `None` where nothing was asked.
    pub latency_us: Option<u64>,
    /// A sentence where there is something to say; empty otherwise.
    pub detail: String,
}

/// Up, degraded or down, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartStatus {
    /// It does what it should.
    Up,
    /// It does, but not as it should.
    Degraded,
    /// It does not.
    Down,
}

impl PartStatus {
    /// The word as the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}
