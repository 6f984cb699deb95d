//! A bar on standard error for work that takes a while; nothing where standard error is no terminal.

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::times;

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

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
