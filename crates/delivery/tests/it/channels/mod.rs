//! One suite for all channels, and for each what only it does.

mod checking;
mod conformance;
mod console;
mod email;
mod guard;
mod slack;
mod tls;
mod verification;
mod webhook;
