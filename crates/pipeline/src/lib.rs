//! The one loop: journal → engine → lake and store → whoever waits.
//!
//! Refuses to know HTTP. Holds together what the rooms promise apart: effects and position are
//! committed in one transaction, a commit against a position that is not ours stops the loop
//! (fencing), and nobody hears "applied" before the store and the lake have it.
//!
//! Where to look: `open` restores a snapshot and replays the suffix, `step` is one batch, `run` is
//! the thread with its lingering, ticks and snapshots.

mod error;
mod handle;
mod ids;
mod meters;
mod open;
mod run;
pub mod snapshots;
mod step;

use std::sync::Arc;

use engine::Engine;
use journal::{Clock, Journal, Reader};
use lake::Lake;
use model::{Effects, Seq};
use store::{ActiveAlerts, PartitionId, Store};

pub use error::{Error, ErrorKind};
pub use handle::{Handle, Waiting};
pub use ids::AppliedIds;
pub use meters::{Meters, Violation};
pub use open::Opened;
pub use run::{Observer, Options, Running};
pub use snapshots::{DirSnapshots, MemorySnapshots, Snapshots};
pub use step::Step;

/// What the loop stands between.
#[derive(Clone)]
pub struct Ports {
    /// The truth of what happened.
    pub journal: Arc<dyn Journal>,
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// Where everything is kept.
    pub lake: Arc<dyn Lake>,
    /// Where engine snapshots are kept.
    pub snapshots: Arc<dyn Snapshots>,
    /// The time, for deadlines only: what is applied carries the journal's.
    pub clock: Arc<dyn Clock>,
}

/// One partition's loop, opened and caught up, driven by [`Pipeline::step`] or [`Pipeline::run`].
pub struct Pipeline {
    ports: Ports,
    partition: PartitionId,
    engine: Engine,
    reader: Box<dyn Reader>,
    /// Of what is applied and not yet committed.
    effects: Effects,
    handle: Arc<Handle>,
    /// The position of the last snapshot handed to be saved.
    snapshot_at: Seq,
    /// What is applied to the engine and not yet in the store.
    uncommitted: Option<step::Uncommitted>,
    /// What is read and not applied yet, because it tells more than fits into one commit.
    unfinished: Option<step::Unfinished>,
}

impl Pipeline {
    /// What others see of the loop: positions, outcomes, ids, alerts, meters.
    #[must_use]
    pub fn handle(&self) -> Arc<Handle> {
        Arc::clone(&self.handle)
    }

    /// The engine as it stands.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn alerts(&self) -> &ActiveAlerts {
        &self.handle.alerts
    }
}
