//! How often one endpoint is sent to at most: a token bucket that holds a second's worth.
//!
//! Refuses to know: the clock (time is an argument).
//!
//! Invariant: in any span of `t` seconds at most `max(1, rate) + rate × t` are taken.

use model::{Duration, Timestamp};

/// A bucket that fills at a rate and holds what comes in a second, at least one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    per_second: f64,
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket. `per_second` is above zero.
    #[must_use]
    pub(super) fn new(per_second: f64, now: Timestamp) -> Self {
        Self { per_second, tokens: per_second.max(1.0), at: now }
    }

    /// How many may be taken at `now`.
    pub(super) fn available(&mut self, now: Timestamp) -> u32 {
        self.fill(now);
        // A token filled in steps may come out a hair below one.
        let whole = (self.tokens + 1e-6).floor();
        if whole >= f64::from(u32::MAX) { u32::MAX } else { whole as u32 }
    }

    /// Takes `count`, which were available.
    pub(super) fn take(&mut self, count: u32) {
        self.tokens = (self.tokens - f64::from(count)).max(0.0);
    }

    /// When the next one may be taken.
    #[must_use]
    pub(super) fn next(&self) -> Timestamp {
        let missing = (1.0 - self.tokens).max(0.0);
        self.at + Duration::from_micros((missing / self.per_second * 1e6).ceil() as u64)
    }

    fn fill(&mut self, now: Timestamp) {
        let passed = now.since(self.at).micros() as f64 / 1e6;
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second.max(1.0));
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(micros: u64) -> Timestamp {
        Timestamp::from_micros(0) + Duration::from_micros(micros)
    }

    #[test]
    fn a_second_s_worth_goes_at_once_and_then_one_at_a_time() {
        let mut bucket = Bucket::new(4.0, at(0));
        assert_eq!(bucket.available(at(0)), 4);
        bucket.take(4);
        assert_eq!(bucket.available(at(0)), 0);
        assert_eq!(bucket.next(), at(250_000));
        assert_eq!(bucket.available(at(250_000)), 1);
    }

    #[test]
    fn less_than_one_a_second_still_lets_one_pass() {
        let mut bucket = Bucket::new(0.1, at(0));
        assert_eq!(bucket.available(at(0)), 1);
        bucket.take(1);
        assert_eq!(bucket.next(), at(10_000_000));
        assert_eq!(bucket.available(at(9_999_000)), 0);
        assert_eq!(bucket.available(at(10_000_000)), 1);
    }

    proptest! {
        #[test]
        fn no_span_sees_more_than_the_rate_allows(
            per_second in 0.05_f64..200.0,
            pauses in prop::collection::vec(0_u64..3_000_000, 1..100),
        ) {
            let mut bucket = Bucket::new(per_second, at(0));
            let (mut now, mut taken) = (0_u64, 0_u64);
            for pause in pauses {
                now += pause;
                let count = bucket.available(at(now));
                bucket.take(count);
                taken += u64::from(count);
                let most = per_second.max(1.0) + per_second * now as f64 / 1e6;
                prop_assert!(taken as f64 <= most + 0.01, "{taken} in {now} µs");
                let next = bucket.next().micros() as u64;
                prop_assert!(bucket.available(at(next.max(now))) >= 1, "one is there when it said");
                now = next.max(now);
            }
        }
    }
}
