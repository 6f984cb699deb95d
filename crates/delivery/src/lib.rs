//! Delivery: takes what is due out of the outbox, renders it, sends it, and says in the journal what
//! became of it.
//!
//! Refuses to know: the engine, how a notification came to be due.

pub mod channel;
pub mod channels;
pub(crate) mod client;
pub mod courier;
pub(crate) mod rendering;
pub mod seal;
pub mod template;
pub mod token;

pub use channels::{Challenged, ChannelOptions, Channels, Checked, Console, Preview, opens};
pub use client::ClientError;
pub use courier::{Courier, Sender};
pub use seal::{Seal, SealError};
pub use token::{Address, Claim, TokenError};
