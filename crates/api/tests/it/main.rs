//! The API from outside: requests into the router, with a store and a lake in memory and a road that
//! answers what a test scripts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alertmanager;
mod alertmanager_import;
mod alertmanager_silences;
mod channels;
mod dead_letters;
mod default_routes;
mod dry_runs;
mod endpoints;
mod errors;
mod escalations;
mod exchange;
mod explain;
mod health;
mod incident_page;
mod incidents;
mod inhibitions;
mod isolation;
mod keys;
mod notifications;
mod openapi;
mod policies;
mod rca;
mod rules;
mod schedules;
mod silences;
mod subscribers;
mod told;
mod verification;
mod world;
