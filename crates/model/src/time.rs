//! Points and spans of time as whole microseconds, and the short text form of a span (`"10s"`).
//!
//! Refuses to know what time it is now: a timestamp always comes from the journal or from a sender.

use std::fmt;
use std::ops::{Add, Sub};

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A span of time in microseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(u64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The span since `earlier`, or zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Duration {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs * 1_000_000)
    }

    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In microseconds.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// In whole seconds, rounded down.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Reads `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"1d"`, or a sequence such as `"1h30m"`.
    ///
    /// # Errors
    /// Anything else, or more than 10 years.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let refuse = || DurationError(text.chars().take(32).collect());
        let mut rest = text.trim();
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(refuse());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
            let value: u64 = rest[..digits].parse().map_err(|_| refuse())?;
            rest = &rest[digits..];
            let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let unit =
                UNITS.iter().find(|(name, _)| *name == &rest[..unit_end]).ok_or_else(refuse)?;
            total =
                value.checked_mul(unit.1).and_then(|v| total.checked_add(v)).ok_or_else(refuse)?;
            rest = &rest[unit_end..];
        }
        if total > 10 * 366 * 86_400_000_000 { Err(refuse()) } else { Ok(Self(total)) }
    }
}

/// Units from the largest down, with their microseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
];

/// The text is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration; write it as \"250ms\", \"10s\", \"5m\", \"2h\" or \"1d\"")]
pub struct DurationError(String);

/// Whole seconds as `"300s"`, anything finer as milliseconds: one unit, so that it reads back and
/// compares without arithmetic.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1_000_000) {
            write!(f, "{}s", self.secs())
        } else {
            write!(f, "{}ms", self.0 / 1_000)
        }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.0).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_they_are_written() {
        for text in ["250ms", "10s", "300s", "0s", "1500ms"] {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()), Ok(text.to_owned()));
        }
        for (text, written) in [("5m", "300s"), ("1h30m", "5400s"), ("1d", "86400s")] {
            assert_eq!(Duration::parse(text).map(|d| d.to_string()), Ok(written.to_owned()));
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused_with_the_text() {
        for text in ["", "10", "s", "-5s", "5 s", "1y", "99999999999999999999s", "9999999d"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }
}
