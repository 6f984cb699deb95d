//! What the doors ask of the rest of the server: which ids were applied, whether to refuse, and
//! what time it is. Each is answered from memory: all of them stand on the road of every request.

use std::time::{SystemTime, UNIX_EPOCH};

use model::{ProjectId, SignalId, Timestamp};

use crate::code::Code;

/// Which given ids the engine has applied within the dedup horizon. It may forget, never invent:
/// the engine decides, this only makes the count in the answer true and saves the journal a record.
pub trait Applied: Send + Sync + 'static {
    /// Whether the signal was applied.
    fn contains(&self, project: ProjectId, signal: SignalId) -> bool;
}

/// Whether the server can take anything at all now.
pub trait Pressure: Send + Sync + 'static {
    /// Why not, if not. Called once per request and batch.
    fn refuse(&self) -> Option<Refusal>;
}

/// What time it is.
pub trait Clock: Send + Sync + 'static {
    /// Now; may jump in either direction.
    fn now(&self) -> Timestamp;
}

/// Why the server takes nothing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The journal's disk is full.
    DiskFull,
    /// The journal has failed.
    JournalFailed,
    /// The engine lags more than [`model::limits::LAG_RECORDS`] behind the journal.
    EngineLag,
    /// The server is stopping.
    ShuttingDown,
}

impl Refusal {
    /// The code it is answered with.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::DiskFull => Code::DiskFull,
            Self::JournalFailed => Code::JournalFailed,
            Self::EngineLag => Code::EngineLag,
            Self::ShuttingDown => Code::ShuttingDown,
        }
    }
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.map_or(0, |span| i64::try_from(span.as_micros()).unwrap_or(i64::MAX));
        Timestamp::from_micros(micros)
    }
}
