//! Where the engine is known to fall short of the domain page. Each constant goes with its fix: set
//! it to `false`, and the simulator holds the engine to the page.

/// An alert that waited for `open_when` belongs to the incident it helped to open, and resolves it;
/// the list of alerts goes on showing it without incident, for no effect says that it has one.
pub(crate) const LISTED_ALERTS_KEEP_NO_INCIDENT: bool = true;

/// What doors count duplicates by is dated by the batch or the restart and not by the entry, so an id
/// that is applied again beyond the horizon may be forgotten there while the engine remembers it.
/// Only the number of duplicates in an answer depends on it.
pub(crate) const DOORS_FORGET_IDS_APPLIED_AGAIN: bool = true;
