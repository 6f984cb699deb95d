//! Fuzz targets: one module for each decoder, with seeds to begin with and a property to break.
//!
//! A module's `check` takes any bytes whatever and panics where a promise of the decoder does not
//! hold; libFuzzer looks for such bytes, led by what they make the code do. `docs/testing.md` says
//! how to run them. Everything is deterministic: the same bytes always do the same.

pub mod alertmanager;
pub mod calendars;
pub mod conditions;
pub mod entries;
pub mod grpc;
pub mod journal;
pub mod requests;
pub mod seeds;
pub mod signals;
pub mod snapshots;
pub mod times;
pub mod webhooks;
pub mod words;

mod oracle;
mod surroundings;
mod verdicts;

pub use libfuzzer_sys::fuzz_target;

/// Makes a program of a module: libFuzzer around its `check`, begun with its `seeds`.
#[macro_export]
macro_rules! target {
    ($module:ident) => {
        $crate::fuzz_target!(
            init: $crate::seeds::write(&$crate::$module::seeds()),
            |input: &[u8]| $crate::$module::check(input)
        );
    };
}
