//! The `Journal` trait and its words: what every backend promises.
//!
//! [`crate::conformance`] is the executable form of this page.

use std::time::Duration;

use crate::frame::{FRAME_BYTES, Frames};
use crate::{Append, Error, Records};

/// Where the records of one append came to lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Sequence number of the first record; the others follow without a gap. The first ever is 1.
    pub first_seq: u64,
    /// How many records.
    pub count: u32,
    /// The commit's time in microseconds since the Unix epoch; never goes back along the journal.
    pub at: i64,
}

/// Durable ordered bytes.
pub trait Journal: Send + Sync + 'static {
    /// Queues the records as one unit; the returned future resolves once they are durable.
    ///
    /// # Errors
    /// At once and without waiting: `Full` when the queue is at its limit, `Disk` when the journal
    /// has stopped acknowledging, `TooLarge`, `Empty` or `Closed`. Nothing was taken then.
    fn append(&self, records: Records) -> Result<Append, Error>;

    /// Sequence number after the last durable record: the first one readers cannot see yet.
    fn durable_end(&self) -> u64;

    /// First sequence number still retained.
    fn start(&self) -> u64;

    /// A reader that begins with record `from`, which may be `durable_end()`.
    ///
    /// # Errors
    /// `Gone` below [`Journal::start`], `Ahead` above [`Journal::durable_end`], `Io`.
    fn reader(&self, from: u64) -> Result<Box<dyn Reader>, Error>;

    /// Blocks the calling thread until `durable_end() > seq`, the timeout passes or the journal
    /// closes; returns `durable_end()`.
    fn wait(&self, seq: u64, timeout: Duration) -> u64;

    /// Everything below `before` is kept elsewhere; retention may remove it. Never goes back.
    fn release(&self, before: u64);

    /// How the journal is, for health answers.
    fn status(&self) -> Status;

    /// Makes everything queued durable, marks a clean shutdown and stops. Idempotent; blocks.
    fn close(&self);
}

/// Replays a journal in order. Never blocks the writer.
pub trait Reader: Send {
    /// The next durable batch, or `None` when caught up. Checksums are verified.
    ///
    /// # Errors
    /// `Corrupt` on damaged bytes, `Gone` when retention overtook the reader, `Io`. The position
    /// stays where it was.
    fn next(&mut self) -> Result<Option<Batch>, Error>;

    /// Sequence number of the next record this reader returns.
    fn position(&self) -> u64;
}

/// Records that became durable together, in one owned buffer.
#[derive(Debug, Clone)]
pub struct Batch {
    first_seq: u64,
    at: i64,
    count: u32,
    body: Vec<u8>,
}

/// What an acknowledgement is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Acknowledged records survive a power cut.
    #[default]
    Disk,
    /// Acknowledged records survive the death of the process only; for development.
    Os,
}

/// Whether the journal acknowledges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It does.
    Ok,
    /// The disk is full; acknowledges again by itself when space returns.
    Full {
        /// Since when, in microseconds since the Unix epoch.
        since: i64,
        /// What failed.
        what: String,
    },
    /// The disk failed; stays so until the journal is opened again.
    Failed {
        /// Since when, in microseconds since the Unix epoch.
        since: i64,
        /// What failed.
        what: String,
    },
    /// It was closed.
    Closed,
}

/// How a journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether it acknowledges.
    pub state: State,
    /// What an acknowledgement is worth.
    pub durability: Durability,
    /// Records waiting to be written.
    pub queue_records: u64,
    /// Bytes waiting to be written.
    pub queue_bytes: u64,
    /// First sequence number still retained.
    pub start: u64,
    /// Sequence number after the last durable record.
    pub durable_end: u64,
    /// Bytes the segments take on disk, preallocated space included.
    pub disk_bytes: u64,
    /// Bytes free on that disk, where it can be told.
    pub free_bytes: Option<u64>,
    /// Number of segments.
    pub segments: u64,
    /// How long the last sync took.
    pub last_sync: Duration,
}

impl Batch {
    /// A batch of records that begin with `first_seq`; for backends that hold [`Records`].
    pub fn new(first_seq: u64, at: i64, records: Records) -> Self {
        Self { first_seq, at, count: records.len(), body: records.into_bytes() }
    }

    /// A batch of verified frames.
    pub(crate) fn from_frames(first_seq: u64, at: i64, count: u32, body: Vec<u8>) -> Self {
        Self { first_seq, at, count, body }
    }

    /// Sequence number of the first record.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Sequence number after the last record.
    pub fn end_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count)
    }

    /// Time of the commit, in microseconds since the Unix epoch.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// How many records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of all payloads.
    pub fn bytes(&self) -> usize {
        self.body.len() - FRAME_BYTES * self.count as usize
    }

    /// The records, each with its sequence number.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (self.first_seq..).zip(Frames::new(&self.body).map(|frame| frame.payload))
    }
}
