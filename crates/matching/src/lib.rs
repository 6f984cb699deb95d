//! Matching: what a rule, a silence or an inhibition fits.
//!
//! [`check_rule`] says everything that is wrong with a rule, [`CompiledRule`] explains one, [`Conjunction`]
//! is a silence or a side of an inhibition, [`Glob`] a pattern with wildcards, and [`Rules`] finds which of
//! the hundreds of thousands of rules of a project fit, on the path of every signal.
//!
//! Refuses to know: input and output, time, SQL, HTTP, and what follows from a match. Invariants: the
//! same rules and facts give the same answer, in order of ids; no text, pattern or payload makes it
//! panic, or work without a bound.

#![deny(clippy::float_arithmetic)]

mod cel;
mod condition;
mod facts;
mod glob;
pub mod payload;
mod rule;
mod rules;

pub use condition::{Binding, Conjunction, check_conditions};
pub use facts::{Facts, Standing};
pub use glob::Glob;
pub use rule::{CompiledRule, Fit, cel_cost, check_rule};
pub use rules::Rules;
