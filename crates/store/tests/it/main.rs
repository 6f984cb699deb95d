//! The store from outside: both backends under one list of cases, its files, its crashes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod conformance;
mod crash;
mod files;
