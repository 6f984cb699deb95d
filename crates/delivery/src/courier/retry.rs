//! What becomes of a try: taken, tried again and when, or given up.
//!
//! Refuses to know: the clock and the dice (both are arguments), channels.
//!
//! Invariant: what is tried again is tried again before its deadline.

use model::{Duration, Timestamp, Verdict};

use super::ports::Chance;
use crate::channel::SentOutcome;

/// How long an endpoint is left alone at most because it said `Retry-After`.
pub const RETRY_AFTER_MOST: Duration = Duration::from_secs(3_600);

/// Waits between tries: exponential, capped, with full jitter, so that what failed together does not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first try.
    pub base: Duration,
    /// The longest wait ever.
    pub cap: Duration,
}

impl Backoff {
    /// The longest wait after try number `attempt`, from 1.
    #[must_use]
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(62);
        let micros = self.base.micros().saturating_mul(1_u64 << doublings);
        Duration::from_micros(micros).min(self.cap)
    }

    /// A wait after try number `attempt`: anything from nothing to the ceiling.
    pub fn wait(&self, attempt: u32, chance: &mut dyn Chance) -> Duration {
        let ceiling = self.ceiling(attempt).micros();
        Duration::from_micros(chance.below(ceiling.saturating_add(1)))
    }
}

/// How long until it is tried again where it is: never less than what the other side asked for.
#[must_use]
pub(super) fn wait(
    outcome: SentOutcome,
    attempt: u32,
    backoff: Backoff,
    chance: &mut dyn Chance,
) -> Duration {
    match outcome {
        SentOutcome::Delivered | SentOutcome::Refused => Duration::ZERO,
        SentOutcome::Retry { after } => {
            let asked = after.unwrap_or(Duration::ZERO).min(RETRY_AFTER_MOST);
            backoff.wait(attempt, chance).max(asked)
        }
    }
}

/// The verdict on a try that ended at `now`, and when it is tried again.
#[must_use]
pub(super) fn verdict(
    outcome: SentOutcome,
    wait: Duration,
    deadline: Timestamp,
    now: Timestamp,
) -> (Verdict, Option<Timestamp>) {
    match outcome {
        SentOutcome::Delivered => (Verdict::Delivered, None),
        SentOutcome::Refused => (Verdict::Dead, None),
        SentOutcome::Retry { .. } if now + wait > deadline => (Verdict::Dead, None),
        SentOutcome::Retry { .. } => (Verdict::Retry, Some(now + wait)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::courier::ports::Dice;
    use proptest::prelude::*;

    const BACKOFF: Backoff =
        Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(300) };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0) + Duration::from_secs(seconds)
    }

    fn retry(after: Option<u64>) -> SentOutcome {
        SentOutcome::Retry { after: after.map(Duration::from_secs) }
    }

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let ceilings: Vec<u64> =
            [1, 2, 3, 8, 9, 10, 64, u32::MAX].map(|n| BACKOFF.ceiling(n).secs()).to_vec();
        assert_eq!(ceilings, [1, 2, 4, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn each_outcome_has_its_verdict() {
        let deadline = at(1_000);
        for (outcome, wait, now, expected) in [
            (SentOutcome::Delivered, 0, 2_000, (Verdict::Delivered, None)),
            (SentOutcome::Refused, 0, 0, (Verdict::Dead, None)),
            (retry(None), 5, 10, (Verdict::Retry, Some(at(15)))),
            (retry(None), 5, 995, (Verdict::Retry, Some(at(1_000)))),
            (retry(None), 6, 995, (Verdict::Dead, None)),
            (retry(Some(991)), 991, 10, (Verdict::Dead, None)),
        ] {
            let wait = Duration::from_secs(wait);
            assert_eq!(verdict(outcome, wait, deadline, at(now)), expected, "{outcome:?} {now}");
        }
    }

    proptest! {
        #[test]
        fn a_wait_lies_between_what_was_asked_for_and_the_larger_of_that_and_the_ceiling(
            seed: u64, attempt in 1_u32..200, after in prop::option::of(0_u64..10_000),
        ) {
            let wait = wait(retry(after), attempt, BACKOFF, &mut Dice::new(seed));
            let asked = Duration::from_secs(after.unwrap_or(0)).min(RETRY_AFTER_MOST);
            prop_assert!(wait >= asked);
            prop_assert!(wait <= asked.max(BACKOFF.ceiling(attempt)));
        }
    }

    #[test]
    fn jitter_uses_the_whole_range() {
        let mut dice = Dice::new(7);
        let waits: Vec<u64> = (0..1_000).map(|_| BACKOFF.wait(4, &mut dice).micros()).collect();
        for eighth in 0..8_u64 {
            let range: std::ops::Range<u64> = eighth * 1_000_000..(eighth + 1) * 1_000_000;
            let inside = waits.iter().filter(|wait| range.contains(*wait)).count();
            assert!((60..=200).contains(&inside), "eighth {eighth}: {inside} of 1000");
        }
    }
}
