//! The simulated world: disk, clock, journal, store, lake, snapshots and pipeline, and what can be
//! done to them.
//!
//! No thread, no real clock, no real disk: the journal's writer is driven by hand, and futures are
//! polled where they stand. Invariant: what is appended is either in `in_flight`, in the ledger, or
//! was refused.

mod death;
mod faults;
mod flow;
mod post;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use journal::fault::FaultDisk;
use journal::{Answer, Append, Disk, Journal, ManualClock, Reader, SegmentJournal};
use model::Timestamp;
use pipeline::{Pipeline, Ports};
use store::PartitionId;

use crate::invariant::Checked;
use crate::ledger::Ledger;
use crate::ports::{Planted, SimChannels, SimLake, SimSnapshots, SimStore, Taken};
use crate::random::Random;
use crate::swarm::Swarm;
use crate::trace::Trace;

pub use death::Death;
pub(crate) use death::{Refusal, Start};
pub(crate) use faults::Fault;
pub(crate) use flow::Attempt;

/// The partition everything is about.
pub(crate) const PARTITION: PartitionId = PartitionId(0);
/// When every run begins: an ordinary moment, in microseconds.
const EPOCH_MICROS: i64 = 1_760_000_000_000_000;

/// The system under test, and what surrounds it.
pub struct World {
    /// What the seed picked.
    pub swarm: Swarm,
    /// The disk under the journal.
    pub disk: FaultDisk,
    /// The clock of everything.
    pub clock: Arc<ManualClock>,
    /// The store.
    pub store: Arc<SimStore>,
    /// The lake.
    pub lake: Arc<SimLake>,
    /// Engine snapshots.
    pub snapshots: Arc<SimSnapshots>,
    /// What was acknowledged.
    pub ledger: Ledger,
    /// What happened.
    pub trace: Trace,
    pub(crate) random: Random,
    planted: Option<Planted>,
    mount: Arc<dyn Disk>,
    alive: Option<Alive>,
    in_flight: Vec<InFlight>,
    post: post::Post,
    now_micros: i64,
    /// How often the system died.
    pub(crate) deaths: u64,
    /// How often what only the world can see was checked.
    pub(crate) checked: Checked,
    /// The lake or the place of snapshots was told to refuse.
    snapshots_refused: bool,
    /// First position of the newest batch of the journal.
    last_batch: u64,
}

/// An append that has no answer yet, and to whom that is handed on.
struct InFlight {
    append: Append,
    records: Vec<Vec<u8>>,
    answer: Option<Answer>,
}

impl From<Taken> for InFlight {
    fn from(Taken { append, records, answer }: Taken) -> Self {
        Self { append, records, answer: Some(answer) }
    }
}

/// What lives between two deaths.
struct Alive {
    journal: Arc<SegmentJournal>,
    pipeline: Pipeline,
    /// Reads what becomes durable, as a stranger would.
    tail: Box<dyn Reader>,
}

impl World {
    /// A world in which nothing happened; nothing runs yet.
    #[must_use]
    pub fn new(swarm: Swarm, random: Random, planted: Option<Planted>, trace: Trace) -> Self {
        let mut random = random;
        let disk = FaultDisk::new(random.bits());
        let mount = disk.mount();
        let post = post::Post::new(&swarm, Random::new(random.bits()));
        let world = Self {
            swarm,
            disk,
            clock: Arc::new(ManualClock::new(EPOCH_MICROS)),
            store: Arc::new(SimStore::new(planted)),
            lake: Arc::new(SimLake::new(planted)),
            snapshots: Arc::new(SimSnapshots::new(planted)),
            ledger: Ledger::default(),
            trace,
            random,
            planted,
            mount,
            alive: None,
            in_flight: Vec::new(),
            post,
            now_micros: EPOCH_MICROS,
            deaths: 0,
            checked: Checked::default(),
            snapshots_refused: false,
            last_batch: 0,
        };
        world.settle_people();
        world
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now_micros)
    }

    /// Moves the clock, forward or back.
    pub fn move_clock(&mut self, micros: i64) {
        self.now_micros = (self.now_micros + micros).max(1);
        self.clock.set(self.now_micros);
        self.owe(micros);
    }

    /// The other side of every endpoint.
    #[must_use]
    pub fn channels(&self) -> &SimChannels {
        &self.post.channels
    }

    /// The pipeline that runs.
    ///
    /// # Panics
    /// Nothing runs: a mistake of the simulator.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.alive().pipeline
    }

    /// The journal that runs.
    ///
    /// # Panics
    /// Nothing runs: a mistake of the simulator.
    #[must_use]
    pub fn journal(&self) -> &SegmentJournal {
        &self.alive().journal
    }

    fn alive(&self) -> &Alive {
        self.alive.as_ref().expect("the simulator acts on a system that runs")
    }

    fn alive_mut(&mut self) -> &mut Alive {
        self.alive.as_mut().expect("the simulator acts on a system that runs")
    }

    fn ports(&self, journal: Arc<dyn Journal>) -> Ports {
        Ports {
            journal,
            store: self.store.clone(),
            lake: self.lake.clone(),
            snapshots: self.snapshots.clone(),
            clock: self.clock.clone(),
        }
    }
}

/// Runs a future that never waits.
///
/// # Panics
/// It waits: something in the simulated world does what only the real one may.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    peek(future).expect("nothing in the simulated world waits")
}

/// What a future has to say now, if anything.
pub(crate) fn peek<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
