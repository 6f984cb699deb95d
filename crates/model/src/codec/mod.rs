//! The form in which entries stand in the journal. `docs/formats/entry.md` is its page.
//!
//! A record is `kind u8 | version u8 | body`. Integers are little endian, lengths and counts LEB128,
//! text is UTF-8. A kind and version once written stay readable for ever: golden files hold the line.
//! Decoding borrows from the record, never panics, and refuses what it does not fully understand.

mod directive;
mod entry;
mod incident;
mod notification;
mod operation;
pub mod wire;

pub use directive::{read_directive, read_target, write_directive, write_target};
pub use entry::{decode, encode, read_signal, write_signal};
pub use incident::{read_incident, write_incident};
pub use notification::{
    read_notice, read_notification, read_receipt, write_notice, write_notification, write_receipt,
};
pub use operation::{read_policy, write_policy};

/// Why a record could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It ends too early.
    #[error("record ends at byte {at}, inside {what}")]
    Truncated {
        /// Offset in the record.
        at: usize,
        /// What was being read.
        what: &'static str,
    },
    /// It goes on after its end.
    #[error("record has {extra} bytes after its end")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A kind or version this build does not know.
    #[error("record of kind {kind}, version {version} is not known to this version of stormbell")]
    Unknown {
        /// The kind.
        kind: u8,
        /// The version.
        version: u8,
    },
    /// A value that cannot be.
    #[error("invalid {what} at byte {at}")]
    Invalid {
        /// Offset in the record.
        at: usize,
        /// What it should have been.
        what: &'static str,
    },
}
