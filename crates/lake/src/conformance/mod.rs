//! What every backend of the lake must do, as cases that any backend can be put through.
//!
//! A case gets a place with an empty lake, and panics where the lake breaks its contract.

mod durability;
mod queries;
mod samples;

use std::sync::Arc;

use crate::Lake;

pub use samples::{Sample, append, query, sample};

/// Somewhere a lake lives, so that it can be opened again.
pub trait Place {
    /// Opens the lake that is there; an empty one the first time.
    fn open(&self) -> Arc<dyn Lake>;

    /// Ends a lake as a killed process would. Nobody else holds it.
    fn crash(&self, lake: Arc<dyn Lake>);
}

/// A case: its name as a sentence, and what it does.
pub type Case = (&'static str, fn(&dyn Place));

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    [queries::CASES, durability::CASES].concat()
}
