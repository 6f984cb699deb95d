//! The channels from outside: every one against a server that speaks its protocol and takes nothing that the
//! original would not take.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod channels;
mod messages;
mod servers;
