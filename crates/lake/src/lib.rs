//! The lake keeps everything: every signal with the incident it was filed under, in columns.
//!
//! Refuses to know: HTTP, the store, the engine, the journal. It is told rows and asked for pages.
//!
//! Invariant: a row is readable as soon as `append` returns, and durable once `durable()` has passed it.

pub mod conformance;
mod disk;
mod error;
mod file;
mod hot;
mod local;
mod manifest;
mod memory;
mod scan;

use model::{IdentityKey, IncidentId, ProjectId, Reason, Seq, Signal, SignalId, Timestamp};

pub use error::{Error, ErrorKind};
pub use local::salvage::{Salvaged, Verified, salvage, verify};
pub use local::{Compaction, LocalLake, Options};
pub use manifest::{FileInfo, MANIFEST_FILE, Manifest};
pub use memory::MemoryLake;

/// Rows that one page holds at most, whatever the query asks for.
pub const PAGE_ROWS: usize = model::limits::SPLIT_SIGNALS;
/// Bytes of signals after which a page ends early, with `next` set: 32 MiB.
pub const PAGE_BYTES: usize = 32 << 20;

/// What every backend of the lake does. One conformance suite, [`conformance`], holds them all to it.
///
/// Calls block: on memory for `append`, `advance`, `durable` and `status`, on the disk for the rest.
pub trait Lake: Send + Sync + 'static {
    /// Takes rows in ascending order of position; they are readable when it returns, and durable once
    /// [`Lake::durable`] has passed them. Rows at or below the last position taken are ignored, so a
    /// replay is harmless. Never waits for the disk.
    ///
    /// # Errors
    /// [`ErrorKind::Full`] when more is waiting for the disk than the limit allows: the rows before the
    /// first that did not fit were taken, the rest were not, and the same call can be made again later.
    /// [`ErrorKind::Closed`] after [`Lake::close`].
    fn append(&self, rows: &[Row<'_>]) -> Result<(), Error>;

    /// Everything at or below is in files that survive a crash, or had no row. Recovered when opened.
    fn durable(&self) -> Seq;

    /// Says that every row at or below `through` was appended, so that positions without rows do not hold
    /// back [`Lake::durable`]. Rows at or below it are ignored from now on.
    fn advance(&self, through: Seq);

    /// Writes everything taken so far and waits for it; answers what is durable now.
    ///
    /// # Errors
    /// [`ErrorKind::Disk`] when the disk refuses; nothing is lost and it can be called again.
    fn flush(&self) -> Result<Seq, Error>;

    /// A page of signals, newest first, with every row whose append returned before.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`], with the path, when a file that the answer needs is damaged.
    fn signals(&self, query: &SignalQuery) -> Result<SignalPage, Error>;

    /// How it stands.
    fn status(&self) -> Status;

    /// Merges the small files that are due now, in every partition once.
    ///
    /// # Errors
    /// A file cannot be read or written; what was merged before it stays merged.
    fn compact(&self) -> Result<CompactionReport, Error>;

    /// The files that hold what is durable. They stay in place for as long as the answer is kept.
    fn manifest(&self) -> Manifest;

    /// Flushes, and stops what runs in the background. Appending fails from now on.
    ///
    /// # Errors
    /// As [`Lake::flush`]; it is closed all the same.
    fn close(&self) -> Result<(), Error>;
}

/// One row to keep: a signal and where it was filed.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Its position in the journal; rows come in ascending order and each position once.
    pub seq: Seq,
    /// Whose.
    pub project: ProjectId,
    /// The journal's stamp.
    pub received_at: Timestamp,
    /// The signal.
    pub signal: &'a Signal<'a>,
    /// Its identity.
    pub identity: IdentityKey,
    /// The incident it was filed under.
    pub incident: Option<IncidentId>,
    /// Why there.
    pub reason: Reason,
}

/// A kept row, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSignal {
    /// Its position in the journal.
    pub seq: Seq,
    /// The journal's stamp.
    pub received_at: Timestamp,
    /// The signal.
    pub signal: Signal<'static>,
    /// Its identity.
    pub identity: IdentityKey,
    /// The incident it was filed under.
    pub incident: Option<IncidentId>,
    /// Why there.
    pub reason: Reason,
}

/// Which signals, newest first. All conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalQuery {
    /// Whose.
    pub project: ProjectId,
    /// Filed under any of these incidents; `None` means all of the project.
    pub incidents: Option<Vec<IncidentId>>,
    /// Positions that count as filed there although they were filed elsewhere. Means nothing, as
    /// `moved_out`, where `incidents` is `None`.
    pub moved_in: Vec<Seq>,
    /// Positions that no longer count as filed there; one that is in `moved_in` too counts.
    pub moved_out: Vec<Seq>,
    /// Only these ids; empty means any. (Splitting looks signals up by id.)
    pub ids: Vec<SignalId>,
    /// Received at or after.
    pub from: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// Rows of the page, at most [`PAGE_ROWS`]; a page ends early after [`PAGE_BYTES`].
    pub limit: usize,
    /// Only positions before this one: where the page before ended.
    pub before: Option<Seq>,
}

/// A page of signals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignalPage {
    /// The rows, newest first.
    pub items: Vec<StoredSignal>,
    /// Where the next page starts.
    pub next: Option<Seq>,
    /// How many rows fit the query in all, not only from the cursor on.
    pub total: u64,
}

/// How a lake stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Rows readable and not yet in files.
    pub hot_rows: u64,
    /// Memory they take, in bytes.
    pub hot_bytes: u64,
    /// What `hot_bytes` may reach before `append` answers [`ErrorKind::Full`].
    pub hot_limit_bytes: u64,
    /// Files.
    pub files: u64,
    /// Their rows.
    pub file_rows: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// The last position taken.
    pub taken: Seq,
    /// As [`Lake::durable`].
    pub durable: Seq,
    /// When it was last written to, by this process.
    pub last_flush_at: Option<Timestamp>,
    /// Why the last flush failed; `None` after one that did not.
    pub flush_error: Option<String>,
    /// Merges done by this process.
    pub compactions: u64,
    /// Why the last compaction failed; `None` after one that did not.
    pub compaction_error: Option<String>,
}

/// What one round of compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactionReport {
    /// Merges.
    pub merges: u64,
    /// Files merged.
    pub files_in: u64,
    /// Files they became.
    pub files_out: u64,
    /// Rows written.
    pub rows: u64,
    /// Rows dropped because another file held the same position.
    pub duplicates: u64,
}

/// Bytes of the parts of a signal that have no fixed size.
pub(crate) fn text_bytes(signal: &Signal<'_>) -> usize {
    let labels: usize = signal.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
    let links: usize = signal.links.iter().map(|link| link.len()).sum();
    signal.component.len()
        + signal.environment.len()
        + signal.source.len()
        + signal.error_code.len()
        + signal.trace_id.len()
        + signal.summary.len()
        + signal.payload.len()
        + labels
        + links
}
