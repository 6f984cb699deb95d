//! The channels from outside: every one against a server that speaks its protocol and takes nothing that the
//! original would not take.

mod channels;
mod messages;
mod servers;
