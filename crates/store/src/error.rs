//! What can go wrong with the store.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    kind: ErrorKind,
    what: String,
    current_version: Option<u64>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The store does not stand where the writer thinks: another owner wrote.
    Fenced,
    /// What was to be created exists already, or has changed meanwhile.
    Conflict,
    /// No such row.
    NotFound,
    /// The disk is full or refuses.
    Disk,
    /// The stored data is not readable.
    Corrupt,
    /// Anything else the database says.
    Database,
}

impl Error {
    /// An error without cause.
    #[must_use]
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), current_version: None, source: None }
    }

    /// A conflict because the row has version `current`, which is not the one expected.
    #[must_use]
    pub fn stale(what: impl Into<String>, current: u64) -> Self {
        Self { current_version: Some(current), ..Self::new(ErrorKind::Conflict, what) }
    }

    /// An error with its cause.
    #[must_use]
    pub fn caused(
        kind: ErrorKind,
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(source.into()), ..Self::new(kind, what) }
    }

    /// What callers tell apart.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The version the row has, of a conflict because it is another than the one expected.
    #[must_use]
    pub fn current_version(&self) -> Option<u64> {
        self.current_version
    }
}
