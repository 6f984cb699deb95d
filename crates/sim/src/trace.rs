//! What happened: the last events of a run, or all of them as they come.

use std::collections::VecDeque;

/// Events kept for a report.
const KEPT: usize = 40;

/// The events of a run.
#[derive(Debug, Default)]
pub struct Trace {
    step: u64,
    events: VecDeque<String>,
    all: Option<fn(&str)>,
}

impl Trace {
    /// Keeps the last events; hands each to `all` as it comes, if given.
    #[must_use]
    pub fn new(all: Option<fn(&str)>) -> Self {
        Self { all, ..Self::default() }
    }

    /// The step whose events come now.
    pub fn step(&mut self, step: u64) {
        self.step = step;
    }

    /// Adds an event.
    pub fn say(&mut self, event: impl AsRef<str>) {
        let line = format!("{:>5}  {}", self.step, event.as_ref());
        if let Some(all) = self.all {
            all(&line);
        }
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(line);
    }

    /// The last events, oldest first.
    #[must_use]
    pub fn last(&self) -> Vec<String> {
        self.events.iter().cloned().collect()
    }
}
