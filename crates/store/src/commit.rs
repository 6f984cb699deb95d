//! What the pipeline hands to the store: the effects of a run of entries, and where they lead.

use model::{Effects, Seq, Timestamp};

/// One engine's share of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(pub u32);

/// A batch of effects and the positions before and after it.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Whose effects they are.
    pub partition: PartitionId,
    /// Where the writer believes the store stands.
    pub expected: Seq,
    /// Where it stands afterwards.
    pub through: Seq,
    /// The journal's time of the last entry.
    pub at: Timestamp,
    /// The effects, in order.
    pub effects: &'a Effects,
}
