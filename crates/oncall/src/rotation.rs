//! A rotation: when turns change, and whose turn it is.
//!
//! Refuses to know the people and when the layer is in force. Turns of days and weeks change at the same
//! local time on both sides of a change of the clocks; turns of hours are as long as a stopwatch says.
//! Invariant: the hand-overs never go back, so the last that is not after an instant decides.

use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use crate::limits;
use crate::zone::{MOST_HOURS, Zone, days_between};

/// How long a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    /// Calendar days.
    Days(i64),
    /// Hours that pass.
    Hours(i64),
}

impl Every {
    /// Reads `2w`, `1d`, `12h` within the limits.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let unit = text.chars().next_back()?;
        let digits = text.strip_suffix(unit)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count: i64 = digits.parse().ok().filter(|count| *count > 0)?;
        let within = |count: i64, limit: i64| (count <= limit).then_some(count);
        match unit {
            'w' => within(count.checked_mul(7)?, limits::TURN_DAYS).map(Self::Days),
            'd' => within(count, limits::TURN_DAYS).map(Self::Days),
            'h' => within(count, limits::TURN_HOURS).map(Self::Hours),
            _ => None,
        }
    }
}

/// When turns change.
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    every: Every,
    start: DateTime,
    start_at: Timestamp,
    hand_over: Time,
}

impl Rotation {
    /// The first turn begins at `start`; the later ones at `hand_over`, the time of day of `start` unless
    /// turns are counted in days.
    pub(crate) fn new(every: Every, start: DateTime, hand_over: Time, zone: &Zone) -> Self {
        Self { every, start, start_at: zone.first_at(start), hand_over }
    }

    /// When the turn of that number begins; the first is 0.
    pub(crate) fn begins(&self, turn: i64, zone: &Zone) -> Timestamp {
        if turn <= 0 {
            return self.start_at;
        }
        match self.every {
            Every::Days(days) => {
                let hours = turn.saturating_mul(days).saturating_mul(24).min(MOST_HOURS);
                let date = self.start.date().checked_add(SignedDuration::from_hours(hours));
                // A turn after the last date there is never begins.
                date.map_or(Timestamp::MAX, |date| zone.first_at(date.to_datetime(self.hand_over)))
            }
            Every::Hours(hours) => {
                let hours = SignedDuration::from_hours(turn.saturating_mul(hours).min(MOST_HOURS));
                self.start_at.saturating_add(hours).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// The turn at that instant; none before the first.
    pub(crate) fn turn(&self, at: Timestamp, zone: &Zone) -> Option<i64> {
        if at < self.start_at {
            return None;
        }
        match self.every {
            Every::Days(days) => {
                let passed = days_between(self.start.date(), zone.local(at).date());
                // One more, for a clock that was put back over a hand-over that had been.
                let mut turn = passed.div_euclid(days).max(0) + 1;
                while turn > 0 && self.begins(turn, zone) > at {
                    turn -= 1;
                }
                Some(turn)
            }
            Every::Hours(hours) => {
                let passed = at.duration_since(self.start_at).as_hours();
                Some(passed.div_euclid(hours))
            }
        }
    }
}
