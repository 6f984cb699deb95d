//! The way into the journal: sheds while it is long, appends, and says what an error means to a
//! sender. Answers at once when it refuses.
//!
//! How long the queue is, the doors know themselves: what they have appended and not seen
//! acknowledged. So the road of every request asks the journal for nothing but the append.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use journal::{Append, Error, ErrorKind, Journal, Records, State};
use model::Severity;

use crate::code::Code;
use crate::problem::Problem;

/// From how full a queue on, in percent, which severities are still taken: P3 goes first.
const SHED_ABOVE: [(u64, Severity); 3] =
    [(90, Severity::P0), (75, Severity::P1), (50, Severity::P2)];

/// The doors' end of the journal.
pub(crate) struct Queue {
    journal: Arc<dyn Journal>,
    limit: Amount,
    waiting: Arc<Waiting>,
}

/// So many bytes in so many records.
#[derive(Clone, Copy)]
struct Amount {
    bytes: u64,
    records: u64,
}

/// What was appended and is not yet acknowledged.
#[derive(Default)]
struct Waiting {
    bytes: AtomicU64,
    records: AtomicU64,
}

/// An append on its way; resolves once it is durable or has failed.
pub(crate) struct Ticket {
    append: Append,
    journal: Arc<dyn Journal>,
    _place: Place,
}

/// An amount that counts as waiting until this is dropped.
struct Place {
    amount: Amount,
    waiting: Arc<Waiting>,
}

impl Queue {
    /// The limits are those of the journal's queue. What is not acknowledged is that queue and the
    /// commit being written, for which half as much again is allowed.
    pub(crate) fn new(journal: Arc<dyn Journal>, queue_bytes: u64, queue_records: u64) -> Self {
        let with_commit = |queue: u64| queue.max(1).saturating_add(queue / 2);
        let limit = Amount { bytes: with_commit(queue_bytes), records: with_commit(queue_records) };
        Self { journal, limit, waiting: Arc::default() }
    }

    /// Refuses while the queue is full, before any body is read.
    pub(crate) fn check_room(&self) -> Result<(), Problem> {
        if self.fill_percent() < 100 {
            return Ok(());
        }
        Err(Problem::new(Code::JournalFull, "the journal queue is full; try again"))
    }

    /// Appends records of which the most severe is `worst`.
    pub(crate) fn submit(&self, records: Records, worst: Severity) -> Result<Ticket, Problem> {
        let fill_percent = self.fill_percent();
        let mildest = SHED_ABOVE.iter().find(|(above, _)| fill_percent >= *above);
        if let Some((_, mildest)) = mildest.filter(|(_, mildest)| worst > *mildest) {
            let detail = format!("the queue is long; only {mildest} and worse is taken now");
            return Err(Problem::new(Code::Shed, detail));
        }
        let refused = |error| problem(&error, &*self.journal);
        let amount = Amount { bytes: records.bytes() as u64, records: records.len().into() };
        let append = self.journal.append(records).map_err(refused)?;
        let place = Place::take(amount, &self.waiting);
        Ok(Ticket { append, journal: Arc::clone(&self.journal), _place: place })
    }

    /// How full it is by bytes or by records, whichever is fuller.
    fn fill_percent(&self) -> u64 {
        let bytes = self.waiting.bytes.load(Ordering::Relaxed).saturating_mul(100);
        let records = self.waiting.records.load(Ordering::Relaxed).saturating_mul(100);
        (bytes / self.limit.bytes).max(records / self.limit.records)
    }
}

impl Place {
    fn take(amount: Amount, waiting: &Arc<Waiting>) -> Self {
        waiting.bytes.fetch_add(amount.bytes, Ordering::Relaxed);
        waiting.records.fetch_add(amount.records, Ordering::Relaxed);
        Self { amount, waiting: Arc::clone(waiting) }
    }
}

impl Future for Ticket {
    type Output = Result<(), Problem>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.append).poll(context);
        answer.map(|answer| match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(problem(&error, &*self.journal)),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.bytes.fetch_sub(self.amount.bytes, Ordering::Relaxed);
        self.waiting.records.fetch_sub(self.amount.records, Ordering::Relaxed);
    }
}

/// What an error of the journal means to a sender. Details stay in the server's log.
fn problem(error: &Error, journal: &dyn Journal) -> Problem {
    match error.kind() {
        ErrorKind::Full => Problem::new(Code::JournalFull, "the journal queue is full; try again"),
        ErrorKind::TooLarge => {
            let detail = "the records of this body are too large for one append; send fewer";
            Problem::new(Code::BodyTooLarge, detail)
        }
        ErrorKind::Closed => Problem::new(Code::ShuttingDown, "the server is stopping"),
        ErrorKind::Disk if is_disk_full(error, journal) => {
            Problem::new(Code::DiskFull, "the journal's disk is full; nothing was taken")
        }
        ErrorKind::Disk
        | ErrorKind::Empty
        | ErrorKind::Gone
        | ErrorKind::Ahead
        | ErrorKind::Corrupt
        | ErrorKind::Version
        | ErrorKind::Locked
        | ErrorKind::Io
        | ErrorKind::Options => {
            let detail = "the journal cannot make anything durable; nothing was acknowledged";
            Problem::new(Code::JournalFailed, detail)
        }
    }
}

fn is_disk_full(error: &Error, journal: &dyn Journal) -> bool {
    match error {
        Error::Disk { source: Some(source), .. } => {
            matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        }
        _ => matches!(journal.status().state, State::Full { .. }),
    }
}
