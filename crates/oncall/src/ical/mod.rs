//! Shifts as iCalendar files (RFC 5545): written for other programs to subscribe to, and read from theirs.
//!
//! Refuses to know HTTP: a file is bytes that somebody else sends or fetched.
//! Invariant of writing: the same schedule and span give the same bytes. Of reading: what could not be
//! understood is told with its line; nothing is left out in silence.

mod duration;
mod event;
mod expansion;
mod lines;
mod moment;
mod read;
mod recurrence;
mod write;

pub use read::{Import, Imported, ImportedShift, Problem, ReadError, read};
pub use write::{Feed, write};

/// What carries the id of the person, so that a file can be read again without guessing.
const PERSON_PROPERTY: &str = "X-STORMBELL-PERSON";
