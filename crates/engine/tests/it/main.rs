//! The engine from outside: timelines read as text, and properties over random entries.

mod alerts;
mod closed;
mod commands;
mod directives;
mod golden;
mod grouping;
mod holding;
mod invariants;
mod isolation;
mod lifecycle;
mod merging;
mod policies;
mod properties;
mod rca;
mod render;
mod script;
mod telling;
mod timeline;
mod workload;
