//! The API from outside: requests into the router, with a store and a lake in memory and a road that
//! answers what a test scripts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alertmanager;
mod alertmanager_import;
mod document;
mod errors;
mod health;
mod incidents;
mod isolation;
mod keys;
mod policies;
mod rca;
mod silences;
mod world;
