//! Rows of the tables to words of the model and back, one module per table.
//!
//! Conversions are by hand; serde is for the private shapes of JSON columns only. Invariant: what is
//! written reads back equal, and what cannot be read is an error that names the row.

pub(super) mod alert;
pub(super) mod analysis;
pub(super) mod audit;
pub(super) mod delivery;
pub(super) mod directive;
pub(super) mod incident;
pub(super) mod notification;
pub(super) mod policy;
pub(super) mod receipt;

use serde::Serialize;

/// The text of a JSON column.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs of text and numbers always serialize")
}
