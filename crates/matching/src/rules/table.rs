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
    /// Half of the hash, which tells nearly all apart, and the number: two small words, because the table
    /// is what is read first and at random.
    parts: Vec<HashTable<(u32, u32)>>,
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
        let half = half(hash);
        self.parts[part(half)]
            .find(spread(half), |&(other, number)| other == half && is_it(number))
            .map(|&(_, number)| number)
    }

    pub(super) fn insert(&mut self, hash: u64, number: u32) {
        let half = half(hash);
        let part = &mut self.parts[part(half)];
        part.insert_unique(spread(half), (half, number), |&(half, _)| spread(half));
    }

    pub(super) fn remove(&mut self, hash: u64, number: u32) {
        let half = half(hash);
        let found = self.parts[part(half)].find_entry(spread(half), |&(_, other)| other == number);
        if let Ok(entry) = found {
            entry.remove();
        }
    }
}

const fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A whole hash again, whose first bits, last bits and middle depend on all of the half.
const fn spread(half: u32) -> u64 {
    let mixed = (half as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

/// Bits that hashbrown uses neither for the place in a part nor for its tags.
fn part(half: u32) -> usize {
    (spread(half) >> 40) as usize % PARTS
}
