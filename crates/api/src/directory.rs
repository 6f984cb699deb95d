//! What saving and removing rows of the directory has in common: why the store refused.

use store::ErrorKind;

use crate::problem::{Code, Problem, stale_version};

/// Whether the store refused because of something that is there, and not of an old version.
pub(crate) fn is_in_the_way(error: &store::Error) -> bool {
    error.kind() == ErrorKind::Conflict && error.current_version().is_none()
}

/// Why a row was not saved, in the words of the API; `name_taken` says whether another row has its name.
pub(crate) fn not_saved(error: store::Error, name_taken: bool) -> Problem {
    match error.current_version() {
        Some(current) => stale_version(current),
        None if name_taken => Problem::new(Code::NameTaken, error.to_string()),
        None if is_in_the_way(&error) => Problem::new(Code::LimitReached, error.to_string()),
        None => error.into(),
    }
}

/// Why a row was not removed.
pub(crate) fn not_removed(error: store::Error) -> Problem {
    match error.current_version() {
        Some(current) => stale_version(current),
        None if is_in_the_way(&error) => Problem::new(Code::InUse, error.to_string()),
        None => error.into(),
    }
}
