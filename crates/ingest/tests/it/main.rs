//! The doors as a sender meets them: every refused input, every answer, the journal they fill.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod answers;
mod documents;
mod fuzz;
mod house;
mod overload;
mod signals;
mod streams;
