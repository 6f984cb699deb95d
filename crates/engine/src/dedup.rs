//! Given ids, remembered for a horizon of time and number.
//!
//! They lie in order of arrival; tables of their numbers find them. A number is a quarter of an id,
//! so the tables stay small enough to be near the processor, and every id is kept once. There are many
//! small tables instead of a large one, because a table that grows looks at everything in it: one of a
//! million ids would hold up the pipeline, and through it the doors, for tens of milliseconds.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use model::{ProjectId, SignalId, Timestamp, limits};

use crate::blocks::Blocks;

/// Tables among which the numbers are spread; a power of two.
const TABLES: usize = 1_024;

/// Ids a table has room for from the beginning: it need not grow before there are some ten thousand.
const FIRST_ROOM: usize = 14;

/// Ids dropped at once at the limit: together they wait for memory once, not each for itself.
const DROPPED_TOGETHER: usize = 64;

/// The ids applied within the horizon. Doors share one of their own, fed by what was applied.
#[derive(Debug)]
pub struct Dedup {
    order: Blocks<Applied>,
    /// The number of the id that is first in order; ids are numbered from 0, round and round.
    first: u32,
    /// Find the numbers of ids.
    numbers: Box<[HashTable<u32>]>,
    hasher: DefaultHashBuilder,
}

/// What became of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    /// It was not known.
    New,
    /// It was not known; to remember it, some still within their horizon were dropped.
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

impl Default for Dedup {
    fn default() -> Self {
        Self {
            order: Blocks::default(),
            first: 0,
            numbers: (0..TABLES).map(|_| HashTable::with_capacity(FIRST_ROOM)).collect(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Dedup {
    /// Whether the id was applied within the horizon.
    #[must_use]
    pub fn contains(&self, project: ProjectId, id: SignalId) -> bool {
        self.find(self.hash(project, id), project, id)
    }

    /// Remembers an id applied at `at`, and forgets what is past the horizon.
    pub fn remember(&mut self, project: ProjectId, id: SignalId, at: Timestamp) -> Remembered {
        self.forget(at);
        let hash = self.hash(project, id);
        if self.find(hash, project, id) {
            return Remembered::Known;
        }
        let at_limit = self.order.len() >= limits::DEDUP_IDS;
        if at_limit {
            (0..DROPPED_TOGETHER).for_each(|_| self.drop_oldest());
        }
        self.add(hash, Applied { at, project, id });
        if at_limit { Remembered::NewAtLimit } else { Remembered::New }
    }

    /// Forgets what is past the horizon at `now`.
    pub fn forget(&mut self, now: Timestamp) {
        let horizon = now - limits::DEDUP_HORIZON;
        while self.order.front().is_some_and(|oldest| oldest.at < horizon) {
            self.drop_oldest();
        }
    }

    /// Looks at the places of ids that will be remembered soon, for nothing but to have them near the
    /// processor: looks that do not depend on each other wait for memory together, where remembering
    /// one by one would wait for each.
    pub fn touch(&self, ids: impl Iterator<Item = (ProjectId, SignalId)>) {
        std::hint::black_box(ids.filter(|&(project, id)| self.contains(project, id)).count());
    }

    /// Everything remembered and when it was applied, oldest first.
    pub fn dated(&self) -> impl ExactSizeIterator<Item = (Timestamp, ProjectId, SignalId)> {
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
        self.numbers[table(hash)].find(hash, is_it).is_some()
    }

    fn add(&mut self, hash: u64, applied: Applied) {
        let number = self.first.wrapping_add(self.order.len() as u32);
        self.order.push_back(applied);
        let (order, first, hasher) = (&self.order, self.first, &self.hasher);
        self.numbers[table(hash)].insert_unique(hash, number, |&number| {
            let applied = &order[number.wrapping_sub(first) as usize];
            hasher.hash_one((applied.project, applied.id))
        });
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.order.front() else { return };
        let hash = self.hash(oldest.project, oldest.id);
        let first = self.first;
        if let Ok(found) = self.numbers[table(hash)].find_entry(hash, |&number| number == first) {
            found.remove();
        }
        self.order.pop_front();
        self.first = self.first.wrapping_add(1);
    }
}

/// Which table a hash belongs to, by bits that the tables themselves do not look at: they take the
/// lowest for the place and the highest for the mark.
fn table(hash: u64) -> usize {
    (hash >> 32) as usize % TABLES
}
