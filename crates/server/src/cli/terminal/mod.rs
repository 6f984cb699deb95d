//! What a person types and sees: what a command is given, how results look, how work shows that it goes on, how a
//! command ends when it does not end well.
//!
//! Refuses to know: servers.

pub(super) mod failure;
pub(super) mod input;
pub(super) mod output;
pub(super) mod progress;
pub(super) mod table;
pub(super) mod times;
