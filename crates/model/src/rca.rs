//! The root cause analysis without which an incident does not close.
//!
//! This is only its shape; whether one is complete is decided in `engine::rca`, in one function.

use crate::signal::closed_words;
use crate::time::Timestamp;

closed_words! {
    /// What was at the root.
    RootCauseCategory {
        /// A defect in code.
        CodeDefect = 0, "CODE_DEFECT",
        /// Machines, network, power.
        Infrastructure = 1, "INFRASTRUCTURE",
        /// A change of configuration.
        ConfigChange = 2, "CONFIG_CHANGE",
        /// Something outside.
        ExternalDependency = 3, "EXTERNAL_DEPENDENCY",
        /// Too little of something.
        Capacity = 4, "CAPACITY",
        /// A person's error.
        HumanError = 5, "HUMAN_ERROR",
        /// None of these.
        Other = 6, "OTHER",
    }
}

/// A root cause analysis as submitted: every field may be missing or wrong, the gate says which.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rca {
    /// One of [`RootCauseCategory`], as text.
    pub root_cause_category: String,
    /// What was done about it.
    pub fix_applied: String,
    /// What will keep it from coming back.
    pub prevention_steps: String,
    /// When it began; the first signal where not said.
    pub incident_start: Option<Timestamp>,
    /// When it ended; now where not said.
    pub incident_end: Option<Timestamp>,
    /// Notes on the course of events.
    pub timeline_note: String,
    /// What remains to be done.
    pub action_items: Vec<ActionItem>,
}

/// Something that remains to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionItem {
    /// What.
    pub title: String,
    /// By whom.
    pub owner: String,
    /// By when: a date, `YYYY-MM-DD`.
    pub due: String,
}

/// One field that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, with an index where it is in a list: `action_items[0].owner`.
    pub field: String,
    /// A stable word: `missing`, `too_short`, `unknown_value`, `before_start`, `too_long`, …
    pub code: &'static str,
    /// A sentence for a person.
    pub message: String,
}

impl FieldError {
    /// A field error.
    #[must_use]
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
