//! What the courier stands between: the outbox it leases from, the channels it sends through, the journal it
//! reports to, and what it asks on the way.
//!
//! Refuses to know: who implements them; the product, tests and the simulator each bring their own.

use std::sync::Arc;

use async_trait::async_trait;
use journal::{Clock, Journal};
use model::{IncidentId, ProjectId, ScheduleId, Seq, SubscriberId, Timestamp};
use store::{Directory, Outbox, Store};
use tokio::sync::{Notify, watch};

use super::digest::DIGEST_MESSAGES;
use crate::channel::{Endpoint, Message, Sent};

/// Sends one message once; never panics, and bounds its own time where it can.
#[async_trait]
pub trait Sender: Send + Sync {
    /// Sends `message` to `endpoint` and says how that ended.
    async fn send(&self, endpoint: &Endpoint, message: &Message<'_>) -> Sent;

    /// How many notifications one message of a channel tells of at most, each of them shown; 1 where it takes no
    /// digests.
    fn told_at_once(&self, _channel: &str) -> u32 {
        DIGEST_MESSAGES
    }
}

/// Who is on call, and which calendars are in force.
#[async_trait]
pub trait Calendars: Send + Sync {
    /// Who is on call by a schedule at `now`, in order of precedence; empty where nobody is.
    async fn on_call(
        &self,
        project: ProjectId,
        schedule: ScheduleId,
        now: Timestamp,
    ) -> Result<Vec<SubscriberId>, CalendarError>;

    /// The name of a calendar if it is in force at `moment`: what becomes due then by rules that name it is mute. Two
    /// moments of one minute have the same answer.
    async fn mutes(
        &self,
        project: ProjectId,
        calendar: ScheduleId,
        moment: Timestamp,
    ) -> Result<Option<String>, CalendarError>;
}

/// Why a calendar gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// There is none, or it cannot be read: asking again does not help until somebody changes it.
    #[error("{0}")]
    Unreadable(String),
    /// The store did not answer; ask again later.
    #[error("the store did not answer")]
    Store(#[from] store::Error),
}

/// Whether somebody has incidents. Every [`Store`] can say so.
#[async_trait]
pub trait Incidents: Send + Sync {
    /// Whether somebody has taken an incident up, or it is over; `false` where there is none.
    async fn is_taken(
        &self,
        project: ProjectId,
        incident: IncidentId,
    ) -> Result<bool, store::Error>;
}

#[async_trait]
impl<S: Store> Incidents for S {
    async fn is_taken(
        &self,
        project: ProjectId,
        incident: IncidentId,
    ) -> Result<bool, store::Error> {
        let view = self.incident(project, incident).await?;
        Ok(view.is_some_and(|view| !view.incident.is_untaken()))
    }
}

/// Where jitter comes from.
pub trait Chance: Send {
    /// A number below `bound`, which is above 0, each as likely as any other.
    fn below(&mut self, bound: u64) -> u64;
}

/// Numbers that a seed decides (SplitMix64): good enough for jitter, useless for secrets.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl Chance for Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The high half of the product: no number is favoured by more than one in 2^64 / bound.
        ((u128::from(mixed) * u128::from(bound)) >> 64) as u64
    }
}

/// How the pipeline tells the courier that there is something to do.
#[derive(Debug, Clone)]
pub struct News {
    /// Told (`notify_one`) after each commit that held notifications, receipts or replays. Being told more often
    /// costs a look at the outbox; being told less often costs up to `Options::poll`.
    pub due: Arc<Notify>,
    /// The last position whose effects are in the store; moved before `due` is told.
    pub applied: watch::Receiver<Seq>,
}

/// Everything the courier stands between.
pub struct Ports {
    /// What is due.
    pub outbox: Arc<dyn Outbox + Send + Sync>,
    /// Endpoints and who owns them.
    pub directory: Arc<dyn Directory + Send + Sync>,
    /// Where incidents stand.
    pub incidents: Arc<dyn Incidents>,
    /// Who is on call, and what is mute.
    pub calendars: Arc<dyn Calendars>,
    /// Where receipts are written.
    pub journal: Arc<dyn Journal>,
    /// What sends.
    pub sender: Arc<dyn Sender>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where jitter comes from.
    pub chance: Box<dyn Chance>,
    /// How it is woken.
    pub news: News,
}
