//! What can go wrong, as one closed list.
//!
//! Errors are cheap to clone, because one failed commit answers every append that was in it.

use std::io;
use std::sync::Arc;

/// Where a journal is damaged, and what a reader expected to find there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corruption {
    /// Name of the damaged file inside the journal directory.
    pub segment: String,
    /// Byte offset of the first damaged batch or block in that file.
    pub offset: u64,
    /// Sequence number of the record that should begin there; 0 where no record is concerned.
    pub expected_seq: u64,
    /// What is wrong, in words.
    pub what: String,
}

/// The kind of an [`Error`], for callers that choose an answer by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The queue is at its limit; try again later.
    Full,
    /// The journal has stopped acknowledging: the disk is full or failing.
    Disk,
    /// A record or an append is over the limit.
    TooLarge,
    /// The journal is closed.
    Closed,
    /// The append holds no record.
    Empty,
    /// The position was removed by retention.
    Gone,
    /// The position lies beyond what the journal holds.
    Ahead,
    /// Bytes on disk are damaged.
    Corrupt,
    /// The files were written by a newer version.
    Version,
    /// Another process has the journal open.
    Locked,
    /// An operation on the disk failed outside the acknowledgement path.
    Io,
    /// An option has no usable value.
    Options,
}

/// Everything this crate can fail with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The queue is at its limit; nothing was taken.
    #[error("the journal queue is full: {records} records of {bytes} bytes are waiting")]
    Full {
        /// Records waiting.
        records: u64,
        /// Bytes waiting.
        bytes: u64,
    },
    /// The journal has stopped acknowledging.
    #[error("the journal does not acknowledge: {what}")]
    Disk {
        /// What failed, and what it takes to go on.
        what: Arc<str>,
        /// The error of the operating system.
        #[source]
        source: Option<Arc<io::Error>>,
    },
    /// A record or an append is over the limit; nothing was taken.
    #[error("{what} of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// `record` or `append`.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The journal is closed, or its writer stopped before it answered.
    #[error("the journal is closed")]
    Closed,
    /// The append holds no record.
    #[error("an append needs at least one record")]
    Empty,
    /// Retention removed the position.
    #[error("record {seq} is gone: the journal starts at {start}")]
    Gone {
        /// The position asked for.
        seq: u64,
        /// The first record still retained.
        start: u64,
    },
    /// The position lies beyond the end: the journal is shorter than the caller remembers.
    #[error("record {seq} is ahead of the journal, which ends before {end}")]
    Ahead {
        /// The position asked for.
        seq: u64,
        /// Sequence number after the last durable record.
        end: u64,
    },
    /// Bytes on disk are damaged; the journal does not go on by itself.
    #[error(
        "journal file {} is damaged at byte {} (expected record {}): {}; \
         restore it from a backup, or cut it there with `stormbell doctor --salvage-journal`",
        .0.segment, .0.offset, .0.expected_seq, .0.what
    )]
    Corrupt(Box<Corruption>),
    /// The files were written by a newer version.
    #[error("journal file {file} has format version {version}, this program reads up to 1")]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
    },
    /// Another process has the journal open.
    #[error("the journal in {place} is in use: {holder}")]
    Locked {
        /// The journal directory.
        place: String,
        /// Who holds it, as far as it can be told.
        holder: String,
    },
    /// An operation on the disk failed.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: Arc<str>,
        /// The error of the operating system.
        #[source]
        source: Arc<io::Error>,
    },
    /// An option has no usable value.
    #[error("journal option {name}: {what}")]
    Options {
        /// The option.
        name: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Error {
    /// The kind, for callers that choose by it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Full { .. } => ErrorKind::Full,
            Self::Disk { .. } => ErrorKind::Disk,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Closed => ErrorKind::Closed,
            Self::Empty => ErrorKind::Empty,
            Self::Gone { .. } => ErrorKind::Gone,
            Self::Ahead { .. } => ErrorKind::Ahead,
            Self::Corrupt(_) => ErrorKind::Corrupt,
            Self::Version { .. } => ErrorKind::Version,
            Self::Locked { .. } => ErrorKind::Locked,
            Self::Io { .. } => ErrorKind::Io,
            Self::Options { .. } => ErrorKind::Options,
        }
    }

    /// The damage, if that is what this error is about.
    pub fn corruption(&self) -> Option<&Corruption> {
        if let Self::Corrupt(corruption) = self { Some(corruption) } else { None }
    }

    /// An [`Error::Io`] that says what was tried.
    pub(crate) fn io(what: impl Into<Arc<str>>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source: Arc::new(source) }
    }
}
