//! The circuit breaker of one endpoint: after so many failures in a row nothing is sent there but one
//! probe now and then, until something is taken again.
//!
//! Refuses to know: the clock (time is an argument), what a failure is.
//!
//! Invariant: while it is not closed at most one send is begun between two answers.

use model::{Duration, Timestamp};

/// Failures in a row after which it opens.
pub(super) const FAILURES: u32 = 5;
/// How long it stays open before the first probe.
pub(super) const PROBE_FIRST: Duration = Duration::from_secs(10);
/// How long it stays open at most; each failed probe doubles the wait up to here.
pub(super) const PROBE_MOST: Duration = Duration::from_secs(60);

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaker {
    /// Everything passes.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Nothing passes until the probe is due.
    Open {
        /// When a probe may be sent.
        until: Timestamp,
        /// How long this wait was.
        wait: Duration,
    },
    /// A probe is under way.
    HalfOpen {
        /// How long the wait before it was.
        wait: Duration,
    },
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// Anything.
    Free,
    /// One send, as a probe.
    Probe,
    /// Nothing until then.
    Until(Timestamp),
    /// Nothing until the probe that is under way has ended.
    Wait,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// What may pass at `now`.
    #[must_use]
    pub(super) fn permit(&self, now: Timestamp) -> Permit {
        match *self {
            Self::Closed { .. } => Permit::Free,
            Self::Open { until, .. } if until <= now => Permit::Probe,
            Self::Open { until, .. } => Permit::Until(until),
            Self::HalfOpen { .. } => Permit::Wait,
        }
    }

    /// A send was begun that the breaker let through.
    pub(super) fn began(&mut self) {
        if let Self::Open { wait, .. } = *self {
            *self = Self::HalfOpen { wait };
        }
    }

    /// Something was answered that says that the other side is there.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A send failed. What was begun before it opened and fails after changes nothing.
    pub(super) fn failed(&mut self, now: Timestamp) {
        *self = match *self {
            Self::Closed { failures } if failures + 1 < FAILURES => {
                Self::Closed { failures: failures + 1 }
            }
            Self::Closed { .. } => Self::Open { until: now + PROBE_FIRST, wait: PROBE_FIRST },
            Self::Open { until, wait } => Self::Open { until, wait },
            Self::HalfOpen { wait } => {
                let wait = Duration::from_micros(wait.micros() * 2).min(PROBE_MOST);
                Self::Open { until: now + wait, wait }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(0) + Duration::from_secs(seconds)
    }

    fn word(breaker: Breaker) -> String {
        match breaker {
            Breaker::Closed { failures } => format!("closed after {failures}"),
            Breaker::Open { until, .. } => format!("open until {}s", until.since(at(0)).secs()),
            Breaker::HalfOpen { wait } => format!("half open after {wait}"),
        }
    }

    /// A timeline: `second event`, one a line.
    fn check(timeline: &str, expected: &Expect) {
        let mut breaker = Breaker::default();
        let mut seen = String::new();
        for line in timeline.split(", ") {
            let (second, event) = line.split_once(' ').expect("`second event`");
            let now = at(second.parse().expect("a second"));
            match event {
                "begins" if matches!(breaker.permit(now), Permit::Free | Permit::Probe) => {
                    breaker.began();
                }
                "begins" => seen.push_str("refused: "),
                "fails" => breaker.failed(now),
                "is taken" => breaker.succeeded(),
                other => panic!("no event {other}"),
            }
            seen.push_str(&format!("{line}: {}\n", word(breaker)));
        }
        expected.assert_eq(&seen);
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_probe_that_is_taken_closes_it() {
        check(
            "0 fails, 1 fails, 2 is taken, 3 fails, 3 fails, 3 fails, 3 fails, 4 fails, 5 begins, \
             14 begins, 14 begins, 15 is taken",
            &expect![[r"
                0 fails: closed after 1
                1 fails: closed after 2
                2 is taken: closed after 0
                3 fails: closed after 1
                3 fails: closed after 2
                3 fails: closed after 3
                3 fails: closed after 4
                4 fails: open until 14s
                refused: 5 begins: open until 14s
                14 begins: half open after 10s
                refused: 14 begins: half open after 10s
                15 is taken: closed after 0
            "]],
        );
    }

    #[test]
    fn probes_that_fail_are_further_apart_up_to_a_minute() {
        check(
            "0 fails, 0 fails, 0 fails, 0 fails, 0 fails, 1 fails, 10 begins, 11 fails, 31 begins, \
             31 fails, 71 begins, 71 fails, 131 begins, 131 fails",
            &expect![[r"
                0 fails: closed after 1
                0 fails: closed after 2
                0 fails: closed after 3
                0 fails: closed after 4
                0 fails: open until 10s
                1 fails: open until 10s
                10 begins: half open after 10s
                11 fails: open until 31s
                31 begins: half open after 20s
                31 fails: open until 71s
                71 begins: half open after 40s
                71 fails: open until 131s
                131 begins: half open after 60s
                131 fails: open until 191s
            "]],
        );
    }

    proptest! {
        #[test]
        fn it_never_stays_open_longer_than_a_minute_and_never_lets_two_probes_pass(
            events in prop::collection::vec((0_u64..40, 0_u8..3), 1..200),
        ) {
            let mut breaker = Breaker::default();
            let mut now = at(0);
            let mut probing = false;
            for (pause, event) in events {
                now = now + Duration::from_secs(pause);
                match event {
                    0 => {
                        match breaker.permit(now) {
                            Permit::Probe => {
                                prop_assert!(!probing);
                                probing = true;
                                breaker.began();
                            }
                            Permit::Until(until) => {
                                prop_assert!(until > now && until <= now + PROBE_MOST);
                            }
                            Permit::Wait => prop_assert!(probing),
                            Permit::Free => breaker.began(),
                        }
                    }
                    1 => {
                        breaker.failed(now);
                        probing = false;
                    }
                    _ => {
                        breaker.succeeded();
                        probing = false;
                        prop_assert_eq!(breaker.permit(now), Permit::Free);
                    }
                }
            }
        }
    }
}
