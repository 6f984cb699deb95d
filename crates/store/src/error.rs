//! What can go wrong with the store.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    kind: ErrorKind,
    what: String,
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
        Self { kind, what: what.into(), source: None }
    }

    /// An error with its cause.
    #[must_use]
    pub fn caused(
        kind: ErrorKind,
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { kind, what: what.into(), source: Some(source.into()) }
    }

    /// What callers tell apart.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
