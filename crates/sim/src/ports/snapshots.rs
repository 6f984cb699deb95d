//! Engine snapshots in memory, as files of a directory behave: saving may fail, the newest may be
//! missing after a power cut.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::Snapshot;
use model::Seq;
use pipeline::Snapshots;
use pipeline::snapshots::KEPT;

use super::Planted;

/// The snapshots of the simulated world.
#[derive(Debug, Default)]
pub struct SimSnapshots {
    state: Mutex<State>,
    planted: Option<Planted>,
}

#[derive(Debug, Default)]
struct State {
    kept: BTreeMap<Seq, Snapshot>,
    refuses: bool,
}

impl SimSnapshots {
    /// No snapshots yet, with a planted mistake if there is one.
    #[must_use]
    pub fn new(planted: Option<Planted>) -> Self {
        Self { state: Mutex::default(), planted }
    }

    /// Lets saving fail, or work again.
    pub fn refuse(&self, refuses: bool) {
        self.state().refuses = refuses;
    }

    /// Loses the newest snapshot if an older one is left: what the journal was kept for. Says whether it did.
    pub fn lose_newest(&self) -> bool {
        let mut state = self.state();
        state.kept.len() > 1 && state.kept.pop_last().is_some()
    }

    /// Loses them all: what was released of the journal is out of reach.
    pub fn lose_all(&self) {
        self.state().kept.clear();
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state().kept.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshots for SimSnapshots {
    fn save(&self, seq: Seq, snapshot: &Snapshot) -> io::Result<()> {
        let mut state = self.state();
        if state.refuses {
            return Err(io::Error::other("told to fail"));
        }
        let stale = state.kept.values().next_back().cloned();
        let snapshot = match (self.planted, stale) {
            (Some(Planted::SnapshotIsStale), Some(stale)) => relabelled(stale, snapshot),
            _ => snapshot.clone(),
        };
        state.kept.insert(seq, snapshot);
        while state.kept.len() > KEPT {
            state.kept.pop_first();
        }
        Ok(())
    }

    fn newest(&self, seq: Seq) -> io::Result<Option<(Seq, Snapshot)>> {
        let state = self.state();
        Ok(state.kept.range(..=seq).next_back().map(|(&seq, snapshot)| (seq, snapshot.clone())))
    }

    fn oldest(&self) -> io::Result<Option<Seq>> {
        Ok(self.state().kept.keys().next().copied())
    }
}

/// The state of an old snapshot under the position and time of a new one: version, position, time, rest.
fn relabelled(mut old: Snapshot, new: &Snapshot) -> Snapshot {
    const HEAD_BYTES: usize = 1 + 8 + 8;
    old.0[..HEAD_BYTES].copy_from_slice(&new.0[..HEAD_BYTES]);
    old
}
