//! A bar on standard error for work that takes a while; nothing where standard error is no terminal.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::times;

/// How often a sign of life moves.
const TICK: Duration = Duration::from_millis(120);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes.
    Bytes,
    /// Journal entries.
    Entries,
    /// Signals.
    Signals,
}

/// Work under way.
pub(crate) struct Progress {
    bar: ProgressBar,
    unit: Unit,
}

impl Progress {
    /// Work that has not begun.
    pub(crate) fn new(unit: Unit) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:32} {percent:>3} %  {msg}  {eta} left")
        {
            bar.set_style(style);
        }
        Self { bar, unit }
    }

    /// Says something above the bar.
    pub(crate) fn say(&self, text: &str) {
        say_above(&self.bar, text);
    }

    /// So much is done, of so much.
    pub(crate) fn show(&self, done: u64, of: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_length(of);
        self.bar.set_position(done);
        self.bar.set_message(match self.unit {
            Unit::Bytes => format!("{} of {}", HumanBytes(done), HumanBytes(of)),
            Unit::Entries => format!("{} of {} entries", times::grouped(done), times::grouped(of)),
            Unit::Signals => format!("{} of {} signals", times::grouped(done), times::grouped(of)),
        });
    }
}

/// Says something on standard error, above a bar that may stand there.
pub(crate) fn say_above(bar: &ProgressBar, text: &str) {
    bar.suspend(|| {
        // Where standard error is closed there is nobody left to tell.
        let _nobody_reads = writeln!(io::stderr(), "{text}");
    });
}

/// Work of which only its end is known: one request that takes a while.
pub(crate) struct Waiting(ProgressBar);

impl Waiting {
    /// Work that has begun.
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
