//! What stops the loop.

/// An error of the loop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal cannot be read.
    #[error("cannot read the journal")]
    Journal(#[from] journal::Error),
    /// The store refuses.
    #[error("the store refuses")]
    Store(#[from] store::Error),
    /// The lake refuses.
    #[error("the lake refuses")]
    Lake(#[from] lake::Error),
    /// A record of the journal cannot be understood.
    #[error("record {seq} of the journal cannot be understood")]
    Record {
        /// Its position.
        seq: u64,
        /// Why.
        source: model::codec::Error,
    },
    /// The journal ends before what the store or the lake has applied: it was cut or replaced.
    #[error(
        "the journal ends before record {journal_end}, but the store or the lake has applied records up to \
         {applied}: the journal was cut or belongs to others; restore all three from one backup"
    )]
    JournalShorter {
        /// The first position that the journal does not hold.
        journal_end: u64,
        /// The position that was applied.
        applied: u64,
    },
    /// The journal begins after what is needed: no snapshot reaches back far enough.
    #[error(
        "the journal begins with record {start}, and no snapshot reaches it: record {needed} is needed; \
         restore from a backup"
    )]
    Gap {
        /// The first record the journal holds.
        start: u64,
        /// The first record that is needed.
        needed: u64,
    },
    /// A snapshot cannot be saved or read.
    #[error("engine snapshot: {what}")]
    Snapshot {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// What a supervisor does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Another owner has the partition: stop, and do not try again.
    Fenced,
    /// It may pass: the disk is full, the database is busy.
    Passing,
    /// Nothing that waiting cures.
    Fatal,
}

impl Error {
    /// What a supervisor does about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => match error.kind() {
                store::ErrorKind::Fenced => ErrorKind::Fenced,
                store::ErrorKind::Disk
                | store::ErrorKind::Database
                | store::ErrorKind::Conflict => ErrorKind::Passing,
                store::ErrorKind::NotFound | store::ErrorKind::Corrupt => ErrorKind::Fatal,
            },
            Self::Lake(error) if is_passing(error) => ErrorKind::Passing,
            Self::Lake(_)
            | Self::Journal(_)
            | Self::Record { .. }
            | Self::JournalShorter { .. }
            | Self::Gap { .. }
            | Self::Snapshot { .. } => ErrorKind::Fatal,
        }
    }
}

/// Whether the lake may take the same rows a little later.
pub(crate) fn is_passing(error: &lake::Error) -> bool {
    match error.kind() {
        lake::ErrorKind::Full | lake::ErrorKind::Disk => true,
        lake::ErrorKind::Corrupt
        | lake::ErrorKind::Version
        | lake::ErrorKind::Locked
        | lake::ErrorKind::Closed
        | lake::ErrorKind::Options => false,
    }
}
