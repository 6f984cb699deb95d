//! The way to a server and what it answers: requests, pages, documents, names in place of ids, conditions and
//! targets as words.
//!
//! Refuses to know: which command asks.

pub(super) mod client;
pub(super) mod conditions;
pub(super) mod documents;
pub(super) mod names;
pub(super) mod pages;
pub(super) mod told;
pub(super) mod upload;
