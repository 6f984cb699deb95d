//! The newest rows found so far, at most as many as the page needs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Where a row that was picked is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Copied already.
    Ready(usize),
    /// In a full block of the hot buffer.
    Block(usize, usize),
    /// In a file: the file, its row group, the row of that.
    File(usize, usize, usize),
}

/// Keeps the highest positions.
pub(super) struct Picks {
    wanted: usize,
    lowest_first: BinaryHeap<Reverse<(u64, Place)>>,
}

impl Picks {
    pub(super) fn new(wanted: usize) -> Self {
        Self { wanted, lowest_first: BinaryHeap::new() }
    }

    /// Whether a row at `seq` would be kept.
    pub(super) fn wants(&self, seq: u64) -> bool {
        if self.lowest_first.len() < self.wanted {
            return true;
        }
        self.lowest_first.peek().is_some_and(|Reverse((lowest, _))| seq > *lowest)
    }

    pub(super) fn offer(&mut self, seq: u64, place: Place) {
        if self.wants(seq) {
            if self.lowest_first.len() == self.wanted {
                self.lowest_first.pop();
            }
            self.lowest_first.push(Reverse((seq, place)));
        }
    }

    /// What was picked, newest first, each position once.
    pub(super) fn newest_first(self) -> Vec<(u64, Place)> {
        let sorted = self.lowest_first.into_sorted_vec();
        let mut picked: Vec<_> = sorted.into_iter().map(|Reverse(pick)| pick).collect();
        picked.dedup_by_key(|(seq, _)| *seq);
        picked
    }
}
