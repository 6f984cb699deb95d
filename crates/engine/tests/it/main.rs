//! The engine from outside: timelines read as text, and properties over random entries.

mod alerts;
mod commands;
mod grouping;
mod isolation;
mod lifecycle;
mod merging;
mod policies;
mod rca;
mod render;
mod script;
mod timeline;
