//! The tests of this crate, in one binary.

mod cel;
mod checks;
mod conditions;
mod crowds;
mod hostile;
mod index;
mod payload;
mod samples;
