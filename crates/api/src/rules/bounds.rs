//! What a dry run may take: one at a time in a project, for so long, and only while somebody waits for it.
//!
//! Refuses to know what it looks at. Invariant: a project's place is free again as soon as the run that had it
//! has ended, however it ended.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Duration, ProjectId, Timestamp};

use crate::ports::Clock;

/// How long a dry run looks at most; what it has found by then is the answer.
const LOOKS: Duration = Duration::from_secs(10);

/// The projects that have a dry run.
#[derive(Debug, Default, Clone)]
pub(crate) struct DryRuns(Arc<Mutex<BTreeSet<ProjectId>>>);

/// A dry run that goes on, and when it has to stop.
pub(super) struct Going {
    runs: DryRuns,
    project: ProjectId,
    clock: Arc<dyn Clock>,
    began: Timestamp,
    left: Arc<AtomicBool>,
}

/// Whoever waits for a dry run, which stops when this is gone.
pub(super) struct Waiting(Arc<AtomicBool>);

impl DryRuns {
    /// Begins the dry run of a project; `None` while another goes on.
    pub(super) fn begin(
        &self,
        project: ProjectId,
        clock: Arc<dyn Clock>,
    ) -> Option<(Going, Waiting)> {
        if !self.projects().insert(project) {
            return None;
        }
        let (began, left) = (clock.now(), Arc::new(AtomicBool::new(false)));
        let waiting = Waiting(Arc::clone(&left));
        Some((Going { runs: self.clone(), project, clock, began, left }, waiting))
    }

    fn projects(&self) -> MutexGuard<'_, BTreeSet<ProjectId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Going {
    /// When it began.
    pub(super) fn began(&self) -> Timestamp {
        self.began
    }

    /// Whether it has to stop: it has looked for long enough, nobody waits, or the clock was set back.
    pub(super) fn is_over(&self) -> bool {
        let now = self.clock.now();
        self.left.load(Ordering::Relaxed) || now < self.began || now.since(self.began) >= LOOKS
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        self.runs.projects().remove(&self.project);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    struct Hand(AtomicI64);

    impl Hand {
        fn show(&self, second: i64) {
            self.0.store(second, Ordering::Relaxed);
        }
    }

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::Relaxed) * 1_000_000)
        }
    }

    #[test]
    fn one_goes_on_in_a_project_until_it_has_ended() {
        let (runs, clock) = (DryRuns::default(), Arc::new(Hand(AtomicI64::new(100))));
        let begin = |project| runs.begin(ProjectId(project), Arc::clone(&clock) as Arc<dyn Clock>);
        let (one, waiting) = begin(1).unwrap();
        assert!(begin(1).is_none() && begin(2).is_some());
        drop(waiting);
        assert!(one.is_over() && begin(1).is_none(), "it has yet to notice that nobody waits");
        drop(one);
        assert!(begin(1).is_some());
    }

    #[test]
    fn it_stops_after_a_while_and_when_the_clock_is_set_back() {
        let (runs, clock) = (DryRuns::default(), Arc::new(Hand(AtomicI64::new(100))));
        let begun = runs.begin(ProjectId(1), Arc::clone(&clock) as Arc<dyn Clock>);
        let (going, _waiting) = begun.unwrap();
        for (second, over) in [(100, false), (109, false), (110, true), (3, true)] {
            clock.show(second);
            assert_eq!(going.is_over(), over, "{second}");
        }
    }
}
