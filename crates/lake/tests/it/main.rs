//! The lake from outside: the contract on both backends, damage, the golden file, scans against a model.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backends;
mod damage;
mod golden;
mod local;
mod model_based;
mod places;
