//! What can go wrong with the lake.

use std::io;
use std::path::Path;

/// An error of the lake. It names the file it is about.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    kind: ErrorKind,
    what: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// More waits for the disk than the limit allows; try again later.
    Full,
    /// The disk is full, failing, or refuses.
    Disk,
    /// A file is damaged or missing.
    Corrupt,
    /// The files were written by a newer version.
    Version,
    /// Another process has the lake open.
    Locked,
    /// The lake is closed.
    Closed,
    /// An option has no usable value.
    Options,
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

    /// The error and its causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }

    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the lake is closed")
    }

    pub(crate) fn disk(what: &str, path: &Path, source: io::Error) -> Self {
        Self::caused(ErrorKind::Disk, format!("cannot {what} {}", path.display()), source)
    }

    pub(crate) fn corrupt(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::Corrupt, format!("lake file {} is damaged: {what}", path.display()))
    }

    /// The writer of a file failed: only the disk can be the reason.
    pub(crate) fn writing(path: &Path, source: parquet::errors::ParquetError) -> Self {
        Self::caused(ErrorKind::Disk, format!("cannot write {}", path.display()), source)
    }

    /// The reader of a file failed: the disk refuses, or what it gave makes no sense.
    pub(crate) fn reading(
        path: &Path,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let kind = if refused_by_disk(&source) { ErrorKind::Disk } else { ErrorKind::Corrupt };
        Self::caused(kind, format!("cannot read lake file {}", path.display()), source)
    }
}

/// Whether an error of the operating system is among the causes.
fn refused_by_disk(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.raw_os_error().is_some();
        }
        next = error.source();
    }
    false
}
