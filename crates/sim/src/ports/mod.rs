//! The ports of the pipeline with what the simulator needs on top: a record of what was committed,
//! refusals on demand, and faults that can be planted to see that the checks find them.

mod channels;
mod delegated;
mod desk;
mod lake;
mod people;
mod snapshots;
mod store;

pub use channels::{Event, Manner, Sending, SimChannels};
pub use desk::{Desk, Taken};
pub use lake::SimLake;
pub use people::{
    ENDPOINTS, SimCalendars, calendar, endpoint, is_there, schedule, settle, subscriber,
};
pub use snapshots::SimSnapshots;
pub use store::{Committed, SimStore};

/// A mistake planted into the system on purpose, each caught by one check. A simulator that cannot
/// fail proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The store leaves out a `Filed` effect, so a counter lags behind.
    StoreDropsFiled,
    /// The store counts a signal twice.
    StoreCountsTwice,
    /// The store forgets a status, so a resolved incident looks open.
    StoreDropsMove,
    /// The store keeps a second open incident with the key of another.
    StoreOpensTwice,
    /// The store loses accepted analyses.
    StoreDropsRca,
    /// The store loses every other notification.
    StoreDropsNotification,
    /// The store forgets that something was delivered.
    StoreDropsReceipt,
    /// The store writes an incident into another project.
    StoreCrossesTenant,
    /// The store takes commits from an owner that was fenced.
    StoreIgnoresFencing,
    /// The lake loses a row.
    LakeLosesRow,
    /// The lake files a row under another project.
    LakeCrossesTenant,
    /// The journal acknowledges before the disk has the bytes.
    JournalAcknowledgesEarly,
    /// The journal's queue has no limit.
    JournalQueueUnbounded,
    /// Snapshots come back labelled with a later position than they were taken at.
    SnapshotIsStale,
    /// The pipeline hands over other effects than the entries give.
    EffectsDiffer,
}
