//! The given ids that were applied, shared with the doors so that they can count duplicates without
//! asking the engine.
//!
//! Each is dated by the entry that brought it, as in the engine. Invariant: what is remembered here is
//! what the engine remembers, less what is past the horizon of the last entry applied.

use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use engine::Dedup;
use model::{ProjectId, SignalId, Timestamp};

/// Ids noted before the doors get a look again: some 50 µs.
const TURN: usize = 256;

/// Given ids applied within the dedup horizon.
#[derive(Debug, Default)]
pub struct AppliedIds(RwLock<Dedup>);

impl AppliedIds {
    /// Whether the id was applied within the horizon, as of the last entry applied.
    #[must_use]
    pub fn contains(&self, project: ProjectId, id: SignalId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(project, id)
    }

    /// Notes ids with the times of their entries, in the order of the journal, and forgets what is past
    /// the horizon at `now`, the time of the last entry.
    pub(crate) fn note(&self, ids: &[(Timestamp, ProjectId, SignalId)], now: Timestamp) {
        for turn in ids.chunks(TURN) {
            let mut dedup = self.write();
            dedup.touch(turn.iter().map(|&(_, project, id)| (project, id)));
            for &(at, project, id) in turn {
                dedup.remember(project, id, at);
            }
        }
        self.write().forget(now);
    }

    fn write(&self) -> RwLockWriteGuard<'_, Dedup> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use model::limits;

    use super::*;

    const HERE: ProjectId = ProjectId(1);
    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    #[test]
    fn an_id_is_dated_by_its_entry_and_not_by_the_end_of_its_batch() {
        let later = START + model::Duration::from_secs(60);
        let ids = AppliedIds::default();
        ids.note(&[(START, HERE, SignalId(1)), (later, HERE, SignalId(2))], later);
        let horizon = START + limits::DEDUP_HORIZON;
        ids.note(&[], horizon);
        assert!(ids.contains(HERE, SignalId(1)), "the horizon itself is within");
        ids.note(&[], horizon + model::Duration::from_micros(1));
        assert!(!ids.contains(HERE, SignalId(1)));
        assert!(ids.contains(HERE, SignalId(2)));
    }

    #[test]
    fn an_id_applied_again_beyond_the_horizon_is_dated_anew() {
        let again = START + limits::DEDUP_HORIZON + model::Duration::from_micros(1);
        let ids = AppliedIds::default();
        // One batch, as a replay reads it.
        ids.note(&[(START, HERE, SignalId(1)), (again, HERE, SignalId(1))], again);
        ids.note(&[], again + limits::DEDUP_HORIZON);
        assert!(ids.contains(HERE, SignalId(1)));
        ids.note(&[], again + limits::DEDUP_HORIZON + model::Duration::from_micros(1));
        assert!(!ids.contains(HERE, SignalId(1)));
    }
}
