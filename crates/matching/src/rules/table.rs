//! Finds numbers by the hash of what they stand for.
//!
//! Refuses to know what that is: who asks compares. Invariant: it grows in small parts, each of its own
//! accord, so that no change waits for all numbers to be placed anew; and it is never walked.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

/// Parts of the table, a power of two.
const PARTS: usize = 256;

#[derive(Debug)]
pub(super) struct Table {
    parts: Vec<HashTable<(u64, u32)>>,
    hasher: DefaultHashBuilder,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            parts: (0..PARTS).map(|_| HashTable::new()).collect(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl Table {
    pub(super) fn hash(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }

    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.parts[part(hash)]
            .find(hash, |&(other, number)| other == hash && is_it(number))
            .map(|&(_, number)| number)
    }

    pub(super) fn insert(&mut self, hash: u64, number: u32) {
        self.parts[part(hash)].insert_unique(hash, (hash, number), |&(hash, _)| hash);
    }

    pub(super) fn remove(&mut self, hash: u64, number: u32) {
        let found = self.parts[part(hash)].find_entry(hash, |&(_, other)| other == number);
        if let Ok(entry) = found {
            entry.remove();
        }
    }
}

/// Bits that hashbrown uses neither for the place in a part nor for its tags.
fn part(hash: u64) -> usize {
    (hash >> 40) as usize % PARTS
}
