//! Given ids, remembered for a horizon of time and number.

use std::collections::VecDeque;

use hashbrown::HashSet;
use model::{ProjectId, SignalId, Timestamp, limits};

/// The ids applied within the horizon. Doors share one of their own, fed by what was applied.
#[derive(Debug, Default)]
pub struct Dedup {
    known: HashSet<(ProjectId, SignalId)>,
    order: VecDeque<(Timestamp, ProjectId, SignalId)>,
}

/// What became of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// It was not known.
    New,
    /// It was not known; to remember it, one still within its horizon was dropped.
    NewAtLimit,
    /// It was known.
    Known,
}

impl Dedup {
    /// Whether the id was applied within the horizon.
    #[must_use]
    pub fn contains(&self, project: ProjectId, id: SignalId) -> bool {
        self.known.contains(&(project, id))
    }

    /// Remembers an id applied at `at`, and forgets what is past the horizon.
    pub fn remember(&mut self, project: ProjectId, id: SignalId, at: Timestamp) -> Remembered {
        let horizon = at - limits::DEDUP_HORIZON;
        while self.order.front().is_some_and(|&(then, ..)| then < horizon) {
            self.drop_oldest();
        }
        if !self.known.insert((project, id)) {
            return Remembered::Known;
        }
        self.order.push_back((at, project, id));
        if self.order.len() > limits::DEDUP_IDS {
            self.drop_oldest();
            return Remembered::NewAtLimit;
        }
        Remembered::New
    }

    /// Everything remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (ProjectId, SignalId)> {
        self.order.iter().map(|&(_, project, id)| (project, id))
    }

    pub(crate) fn dated(&self) -> impl ExactSizeIterator<Item = (Timestamp, ProjectId, SignalId)> {
        self.order.iter().copied()
    }

    fn drop_oldest(&mut self) {
        if let Some((_, project, id)) = self.order.pop_front() {
            self.known.remove(&(project, id));
        }
    }
}
