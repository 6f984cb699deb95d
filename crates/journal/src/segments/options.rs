//! What an operator may set, with limits.
//!
//! Every size has a bound that is checked once, when the journal opens.

use std::time::Duration;

use super::format::{BATCH_HEADER_BYTES, BLOCK_BYTES};
use crate::{Durability, Error, MAX_RECORD_BYTES, Records};

/// Smallest segment, in bytes.
pub const MIN_SEGMENT_BYTES: u64 = 4 << 10;
/// Largest segment, in bytes.
pub const MAX_SEGMENT_BYTES: u64 = 1 << 30;
/// Space in a segment that is not for the body of a batch.
const OVERHEAD_BYTES: u64 = 2 * BLOCK_BYTES as u64 + BATCH_HEADER_BYTES as u64;

/// Who runs the commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drive {
    /// A writer thread, and one that prepares and removes files.
    #[default]
    Threads,
    /// The caller, with [`super::SegmentJournal::step`]; deterministic, for the simulator.
    Manual,
}

/// How a [`super::SegmentJournal`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Who runs the commits.
    pub drive: Drive,
    /// Size of a new segment; a multiple of 512 from 4 KiB to 1 GiB. Default 64 MiB.
    pub segment_bytes: u64,
    /// A group commit takes no further append beyond this. Default 8 MiB.
    pub batch_bytes: u64,
    /// Bytes that may wait; more are refused. Default 64 MiB.
    pub queue_bytes: u64,
    /// Records that may wait; more are refused. Default 65 536.
    pub queue_records: u64,
    /// Largest payload of one record. Default and maximum 17 MiB.
    pub max_record_bytes: usize,
    /// Released segments older than this are removed. Default 24 hours.
    pub max_age: Option<Duration>,
    /// The oldest released segments are removed while all take more than this. Default 8 GiB.
    pub max_bytes: Option<u64>,
    /// Opening reads and verifies every segment that holds records from this one on. Of older
    /// segments only header and footer are checked; a reader still verifies what it returns.
    /// Default 0: everything.
    pub verify_from: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Disk,
            drive: Drive::Threads,
            segment_bytes: 64 << 20,
            batch_bytes: 8 << 20,
            queue_bytes: 64 << 20,
            queue_records: 65_536,
            max_record_bytes: MAX_RECORD_BYTES,
            max_age: Some(Duration::from_hours(24)),
            max_bytes: Some(8 << 30),
            verify_from: 0,
        }
    }
}

impl Options {
    /// Largest append, in bytes of frames: what fits into one segment and into the queue.
    pub fn max_append_bytes(&self) -> u64 {
        (self.segment_bytes - OVERHEAD_BYTES).min(self.queue_bytes)
    }

    /// Whether a journal can be opened with them.
    ///
    /// # Errors
    /// An option is out of its range; it is named.
    pub fn validate(&self) -> Result<(), Error> {
        require(is_segment_size(self.segment_bytes), "segment_bytes", SEGMENT_RULE)?;
        require(self.batch_bytes > 0, "batch_bytes", "must be above 0")?;
        require(self.queue_bytes > 0, "queue_bytes", "must be above 0")?;
        require(self.queue_records > 0, "queue_records", "must be above 0")?;
        let record = self.max_record_bytes;
        require((1..=MAX_RECORD_BYTES).contains(&record), "max_record_bytes", RECORD_RULE)
    }

    /// Refuses records that could never be written.
    pub(super) fn check(&self, records: &Records) -> Result<(), Error> {
        if records.is_empty() {
            return Err(Error::Empty);
        }
        let (record, append) = (records.largest_bytes() as u64, records.bytes() as u64);
        if record > self.max_record_bytes as u64 {
            let limit = self.max_record_bytes as u64;
            return Err(Error::TooLarge { what: "record", bytes: record, limit });
        }
        let limit = self.max_append_bytes();
        if append > limit {
            return Err(Error::TooLarge { what: "append", bytes: append, limit });
        }
        Ok(())
    }

    /// Bytes of a body a group commit collects at most, unless one append alone is larger.
    pub(super) fn group_bytes(&self) -> u64 {
        self.batch_bytes.min(self.segment_bytes - OVERHEAD_BYTES)
    }
}

/// Whether a segment can have so many bytes.
pub(super) fn is_segment_size(bytes: u64) -> bool {
    (MIN_SEGMENT_BYTES..=MAX_SEGMENT_BYTES).contains(&bytes) && bytes.is_multiple_of(512)
}

const SEGMENT_RULE: &str = "must be a multiple of 512 from 4 KiB to 1 GiB";
const RECORD_RULE: &str = "must be from 1 byte to 17 MiB";

fn require(holds: bool, name: &'static str, what: &'static str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Options { name, what }) }
}
