//! A time zone: what the clock on the wall says, and when it first says something.
//!
//! Zones come with the program and not from the machine, so that every machine gives the same answer.
//! Invariant: of two local times the later one never comes first, also where clocks are put back or a day is left out.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::limits;

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub(crate) fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone of that IANA name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// What the clock says at that instant.
    pub(crate) fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The first instant at which the clock says `local` or later: the first of two where clocks are put
    /// back, the first after the gap where they are put forward over it.
    pub(crate) fn first_at(&self, local: DateTime) -> Timestamp {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let read = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local),
            AmbiguousOffset::Gap { before, after } => {
                match (after.to_timestamp(local), before.to_timestamp(local)) {
                    (Ok(early), Ok(late)) => Ok(self.end_of_gap(early, late)),
                    (Err(error), _) | (_, Err(error)) => Err(error),
                }
            }
        };
        read.unwrap_or(at_the_edge(local))
    }

    /// The instant as calendar programs read a local time (RFC 5545, 3.3.5): the first of two where clocks
    /// are put back, as if they had not been put forward within a gap.
    pub(crate) fn nominal_at(&self, local: DateTime) -> Timestamp {
        self.0.to_ambiguous_timestamp(local).compatible().unwrap_or(at_the_edge(local))
    }

    /// Where between two instants the clock is put forward: in (early, late].
    fn end_of_gap(&self, early: Timestamp, late: Timestamp) -> Timestamp {
        let before = self.0.to_offset(early);
        self.0
            .following(early)
            .take_while(|transition| transition.timestamp() <= late)
            .find(|transition| transition.offset() != before)
            .map_or(late, |transition| transition.timestamp())
    }
}

/// For local times that no instant has: those at the very ends of the range.
fn at_the_edge(local: DateTime) -> Timestamp {
    if local.year() < limits::FIRST_YEAR { Timestamp::MIN } else { Timestamp::MAX }
}

/// The date so many days later; the end of the range where there is none.
pub(crate) fn days_later(date: Date, days: i64) -> Date {
    let hours =
        jiff::SignedDuration::from_hours(days.saturating_mul(24).clamp(-MOST_HOURS, MOST_HOURS));
    date.saturating_add(hours)
}

/// Hours of twenty thousand years, more than there are dates.
pub(crate) const MOST_HOURS: i64 = 20_000 * 366 * 24;

/// How many days later `date` is than `since`.
pub(crate) fn days_between(since: Date, date: Date) -> i64 {
    date.duration_since(since).as_hours() / 24
}

/// Minutes of a day in `HH:MM`; `24:00` is its end.
pub(crate) fn read_minutes(text: &str) -> Option<u16> {
    let &[h1, h2, b':', m1, m2] = text.as_bytes() else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= MINUTES_OF_DAY).then_some(all)
}

/// Minutes of a day of the clock on the wall.
pub(crate) const MINUTES_OF_DAY: u16 = 24 * 60;

/// A time of day from its minutes; its end is the beginning, of the next day.
pub(crate) fn time_of_day(minutes: u16) -> Time {
    let hour = i8::try_from(minutes / 60 % 24).unwrap_or(0);
    let minute = i8::try_from(minutes % 60).unwrap_or(0);
    Time::new(hour, minute, 0, 0).unwrap_or(Time::midnight())
}

/// The local time of so many minutes on that date.
pub(crate) fn on_date(date: Date, minutes: u16) -> DateTime {
    let date = if minutes == MINUTES_OF_DAY { days_later(date, 1) } else { date };
    date.to_datetime(time_of_day(minutes))
}

/// A local time, `2026-03-02T09:00` or `2026-03-02T09:00:30`, without zone or offset.
pub(crate) fn read_local(text: &str) -> Option<DateTime> {
    let shape_is = |shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => byte == wanted,
            })
    };
    if !shape_is("0000-00-00T00:00") && !shape_is("0000-00-00T00:00:00") {
        return None;
    }
    text.parse().ok().filter(|local: &DateTime| is_in_range(local.year()))
}

/// Whether a document may name that year.
pub(crate) fn is_in_range(year: i16) -> bool {
    (limits::FIRST_YEAR..=limits::LAST_YEAR).contains(&year)
}
