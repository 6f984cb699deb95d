//! The tests of this crate, in one binary.

mod cel;
mod checks;
mod conditions;
mod hostile;
mod index;
mod payload;
mod samples;
