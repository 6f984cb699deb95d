//! Delivery: takes what is due out of the outbox, renders it, sends it, and says in the journal what
//! became of it.
//!
//! Refuses to know: the engine, how a notification came to be due.

pub mod channel;
pub mod courier;

pub use courier::{Courier, Sender};
