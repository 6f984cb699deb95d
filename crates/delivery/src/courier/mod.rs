//! The courier: leases what is due, sends it, and says in the journal what became of it.
//!
//! Refuses to know: how a message looks, how a channel speaks, how a notification came to be due.
//!
//! Invariant: at least once. What was leased stays in the courier's hands until its receipt is durable and applied, so a
//! message goes out twice only where the other side's yes was not heard (too late, lost, a stop), where the process died
//! between it and a durable receipt, or where several servers share an outbox and a receipt took longer than its lease.

mod ahead;
mod breaker;
mod cache;
mod digest;
mod dispatch;
mod flights;
mod lanes;
mod meters;
mod options;
mod plan;
mod ports;
mod rate;
mod receipts;
mod resolve;
mod retry;
mod run;
#[cfg(test)]
mod tests;
mod waiting;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{Duration, Timestamp};
use tokio::time::Instant;

pub use digest::{DIGEST_MESSAGES, Rule as DigestRule};
pub use meters::{ChannelLabel, Handle, METRICS, Meters, Spans, Standing};
pub use options::{ENDPOINT_CONCURRENCY_MOST, Options, Settings};
pub use ports::{CalendarError, Calendars, Chance, Dice, Incidents, News, Ports, Sender};
pub use retry::{Backoff, RETRY_AFTER_MOST};

use cache::Cache;
use flights::Flights;
use lanes::{Lanes, Place};
use receipts::{Held, Receipts};
use resolve::Resolver;
use waiting::Waiting;

/// Why a courier ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing that is sent would ever be settled.
    #[error("the pipeline has ended")]
    PipelineEnded,
}

/// Leases, sends and reports, until it is stopped. Dropping it is a crash: nothing is lost by that, and what was
/// under way is sent again.
pub struct Courier {
    ports: Ports,
    options: Options,
    handle: Arc<Handle>,
    resolver: Resolver,
    lanes: Lanes,
    flights: Flights,
    receipts: Receipts,
    held: Held,
    /// Endpoints for which what was leased is sent as one.
    folding: HashSet<Place>,
    /// How many of what was leased may begin at once, by endpoint.
    granted: HashMap<Place, u32>,
    waiting: Waiting,
    /// Slots of what is about to be leased.
    reserved: u32,
    /// Whether somebody got no slot because others have them all.
    is_scarce: bool,
    /// Targets asked for in one look.
    breadth: usize,
    look_at: Instant,
    looked_at: Instant,
    look_apart: std::time::Duration,
    /// When a journal that refused is asked again.
    write_at: Option<Instant>,
    trouble: Option<Arc<str>>,
    /// The time the lanes go by: the wall clock's when it began, and from there on steady.
    began: (Timestamp, Instant),
}

impl Courier {
    /// A courier between these, which does nothing until it runs. To be called inside a tokio runtime.
    #[must_use]
    pub fn new(ports: Ports, options: Options) -> Self {
        let now = Instant::now();
        let cache = Cache::new(&ports, &options);
        let incidents = Arc::clone(&ports.incidents);
        let began = (Timestamp::from_micros(ports.clock.now_us()), now);
        Self {
            handle: Arc::default(),
            resolver: Resolver { cache, incidents },
            lanes: Lanes::new(&options),
            flights: Flights::default(),
            receipts: Receipts::new(Arc::clone(&ports.journal)),
            held: Held::default(),
            folding: HashSet::new(),
            granted: HashMap::new(),
            waiting: Waiting::default(),
            reserved: 0,
            is_scarce: false,
            breadth: run::TARGETS_FIRST,
            look_at: now,
            looked_at: now,
            look_apart: run::span(options.look_apart),
            write_at: None,
            trouble: None,
            began,
            ports,
            options,
        }
    }

    /// What others see of it.
    #[must_use]
    pub fn handle(&self) -> Arc<Handle> {
        Arc::clone(&self.handle)
    }

    /// What time it is; may jump.
    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.ports.clock.now_us())
    }

    /// A time that never jumps, for spans between two moments of this courier.
    fn steady(&self) -> Timestamp {
        let (at, begun) = self.began;
        let passed = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        at + Duration::from_micros(passed)
    }
}
