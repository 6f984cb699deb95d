//! What saving and removing rows of the directory has in common: why the store refused.

use store::ErrorKind;

use crate::problem::{Code, Problem, stale_version};

/// What there is, read again after the store refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// The version of the row, where it is there.
    pub(crate) version: Option<u64>,
    /// Whether another row has the name.
    pub(crate) name_taken: bool,
}

/// Whether reading again can say more about the error.
pub(crate) fn is_conflict(error: &store::Error) -> bool {
    error.kind() == ErrorKind::Conflict
}

/// Why a row was not saved that was expected at a version (or to be new), in the words of the API.
pub(crate) fn not_saved(error: store::Error, expected: Option<u64>, now: Now) -> Problem {
    if !is_conflict(&error) {
        return error.into();
    }
    match (expected, now.version) {
        (Some(expected), Some(current)) if expected != current => stale_version(current),
        _ if now.name_taken => {
            Problem::new(Code::NameTaken, "something of this kind has the name already")
        }
        _ => Problem::new(Code::LimitReached, error.to_string()),
    }
}

/// Why a row was not removed.
pub(crate) fn not_removed(
    error: store::Error,
    expected: Option<u64>,
    current: Option<u64>,
) -> Problem {
    if !is_conflict(&error) {
        return error.into();
    }
    match (expected, current) {
        (Some(expected), Some(current)) if expected != current => stale_version(current),
        _ => Problem::new(Code::InUse, error.to_string()),
    }
}
