//! Counters per door and outcome, for the server's `/metrics`. Labels come from closed enums only.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::batch::Batch;
use crate::code::Code;
use crate::doors::Door;

/// Counters of all doors since the start.
#[derive(Debug)]
pub struct Metrics {
    doors: [Counters; Door::ALL.len()],
}

/// Counters of one door.
#[derive(Debug)]
struct Counters {
    requests: AtomicU64,
    accepted: AtomicU64,
    duplicates: AtomicU64,
    rejected: [AtomicU64; Code::ALL.len()],
    refused: [AtomicU64; Code::ALL.len()],
}

impl Default for Metrics {
    fn default() -> Self {
        Self { doors: std::array::from_fn(|_| Counters::new()) }
    }
}

impl Counters {
    fn new() -> Self {
        Self {
            requests: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            rejected: std::array::from_fn(|_| AtomicU64::new(0)),
            refused: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Metrics {
    /// Requests, or batches of a stream, that were answered.
    #[must_use]
    pub fn requests(&self, door: Door) -> u64 {
        read(&self.counters(door).requests)
    }

    /// Items that were made durable.
    #[must_use]
    pub fn accepted(&self, door: Door) -> u64 {
        read(&self.counters(door).accepted)
    }

    /// Items that had been applied before.
    #[must_use]
    pub fn duplicates(&self, door: Door) -> u64 {
        read(&self.counters(door).duplicates)
    }

    /// Items that were refused for this reason.
    #[must_use]
    pub fn rejected(&self, door: Door, code: Code) -> u64 {
        read(&self.counters(door).rejected[code as usize])
    }

    /// Requests, or batches of a stream, that were refused whole for this reason. What was shed is
    /// here, under the codes that are answered with 503.
    #[must_use]
    pub fn refused(&self, door: Door, code: Code) -> u64 {
        read(&self.counters(door).refused[code as usize])
    }

    /// Counts the verdicts on a batch that was taken.
    pub(crate) fn count_batch(&self, door: Door, batch: &Batch) {
        let counters = self.counters(door);
        add(&counters.requests, 1);
        add(&counters.accepted, batch.accepted);
        add(&counters.duplicates, batch.duplicates);
        self.count_rejections(door, batch);
    }

    /// Counts a request that was refused whole, with the verdicts that led to it, if any.
    pub(crate) fn count_refusal(&self, door: Door, code: Code, batch: Option<&Batch>) {
        let counters = self.counters(door);
        add(&counters.requests, 1);
        add(&counters.refused[code as usize], 1);
        if let Some(batch) = batch {
            self.count_rejections(door, batch);
        }
    }

    fn count_rejections(&self, door: Door, batch: &Batch) {
        for &(code, count) in &batch.rejected_by {
            add(&self.counters(door).rejected[code as usize], count);
        }
    }

    fn counters(&self, door: Door) -> &Counters {
        &self.doors[door as usize]
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counter: &AtomicU64, count: u32) {
    if count > 0 {
        counter.fetch_add(u64::from(count), Ordering::Relaxed);
    }
}
