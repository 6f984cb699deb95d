//! Given ids, remembered for a horizon of time and number.
//!
//! They lie in order of arrival; a table of their numbers finds them. A number is a quarter of an id,
//! so the table stays small enough to be near the processor, and every id is kept once.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use model::{ProjectId, SignalId, Timestamp, limits};

/// The ids applied within the horizon. Doors share one of their own, fed by what was applied.
#[derive(Debug, Default)]
pub struct Dedup {
    order: VecDeque<Applied>,
    /// The number of the id that is first in order; ids are numbered from 0, round and round.
    first: u32,
    /// Finds the numbers of ids.
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
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

/// An id that was applied, and when.
#[derive(Debug, Clone, Copy)]
struct Applied {
    at: Timestamp,
    project: ProjectId,
    id: SignalId,
}

// Numbers never run into those still remembered.
const _: () = assert!(limits::DEDUP_IDS < u32::MAX as usize);

impl Dedup {
    /// Whether the id was applied within the horizon.
    #[must_use]
    pub fn contains(&self, project: ProjectId, id: SignalId) -> bool {
        self.find(self.hash(project, id), project, id)
    }

    /// Remembers an id applied at `at`, and forgets what is past the horizon.
    pub fn remember(&mut self, project: ProjectId, id: SignalId, at: Timestamp) -> Remembered {
        let horizon = at - limits::DEDUP_HORIZON;
        while self.order.front().is_some_and(|oldest| oldest.at < horizon) {
            self.drop_oldest();
        }
        let hash = self.hash(project, id);
        if self.find(hash, project, id) {
            return Remembered::Known;
        }
        let at_limit = self.order.len() >= limits::DEDUP_IDS;
        if at_limit {
            self.drop_oldest();
        }
        self.add(hash, Applied { at, project, id });
        if at_limit { Remembered::NewAtLimit } else { Remembered::New }
    }

    /// Everything remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (ProjectId, SignalId)> {
        self.order.iter().map(|applied| (applied.project, applied.id))
    }

    pub(crate) fn dated(&self) -> impl ExactSizeIterator<Item = (Timestamp, ProjectId, SignalId)> {
        self.order.iter().map(|applied| (applied.at, applied.project, applied.id))
    }

    fn hash(&self, project: ProjectId, id: SignalId) -> u64 {
        self.hasher.hash_one((project, id))
    }

    fn find(&self, hash: u64, project: ProjectId, id: SignalId) -> bool {
        let is_it = |&number: &u32| {
            let applied = &self.order[number.wrapping_sub(self.first) as usize];
            applied.id == id && applied.project == project
        };
        self.numbers.find(hash, is_it).is_some()
    }

    fn add(&mut self, hash: u64, applied: Applied) {
        let number = self.first.wrapping_add(self.order.len() as u32);
        self.order.push_back(applied);
        let (order, first, hasher) = (&self.order, self.first, &self.hasher);
        self.numbers.insert_unique(hash, number, |&number| {
            let applied = &order[number.wrapping_sub(first) as usize];
            hasher.hash_one((applied.project, applied.id))
        });
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.order.front() else { return };
        let hash = self.hash(oldest.project, oldest.id);
        if let Ok(found) = self.numbers.find_entry(hash, |&number| number == self.first) {
            found.remove();
        }
        self.order.pop_front();
        self.first = self.first.wrapping_add(1);
    }
}
