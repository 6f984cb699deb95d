//! Durable ordered bytes.
//!
//! A journal takes batches of opaque records, stamps each record with a sequence number and each
//! commit with a time, makes them durable, and only then says so. Readers replay exactly what was
//! acknowledged, in order, unaltered. It refuses to know what a record means.
//!
//! Invariant: an acknowledged record is returned unaltered by every later reader until retention
//! removes it, or the journal refuses to open and says where it is damaged.

mod append;
mod clock;
pub mod conformance;
pub mod disk;
mod error;
pub mod fault;
mod frame;
mod journal;
mod records;
pub mod segments;

pub use append::{Answer, Append};
pub use clock::{Clock, ManualClock, SystemClock};
pub use disk::{Disk, RealDisk};
pub use error::{Corruption, Error, ErrorKind};
pub use journal::{Appended, Batch, Durability, Journal, Reader, State, Status};
pub use records::Records;
pub use segments::{Options, Recovery, SegmentJournal};

/// Largest payload of one record, in bytes: 17 MiB, a 16 MiB body and its envelope.
pub const MAX_RECORD_BYTES: usize = 17 << 20;

/// Locks a mutex; after a panic elsewhere the data is still what the last holder left, and every
/// holder in this crate leaves it whole.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
