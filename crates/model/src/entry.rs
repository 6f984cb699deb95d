//! What the journal holds: the closed list of everything that can change anything.

use crate::alert::AlertLease;
use crate::command::Command;
use crate::id::ProjectId;
use crate::notification::Receipt;
use crate::signal::Signal;

/// One entry of the journal. Its codec is [`crate::codec`]; its position and time are the journal's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A signal arrived.
    Signal {
        /// Whose.
        project: ProjectId,
        /// The signal.
        signal: Signal<'a>,
    },
    /// An alert arrived: a signal with a start and a lease.
    Alert {
        /// Whose.
        project: ProjectId,
        /// Start and lease.
        lease: AlertLease,
        /// The signal.
        signal: Signal<'a>,
    },
    /// Somebody asked for something.
    Command(Box<Command>),
    /// Time has passed a deadline.
    Tick,
    /// Delivery says what became of one try.
    Receipt(Box<Receipt>),
}
