//! Rules of recurrence: every so many days or weeks, on these days, up to then or so often.
//!
//! Refuses rules by months and years, and every part it does not know: a rule half obeyed would put the
//! wrong person on call.

use jiff::civil::Weekday;

use super::moment::{Moment, moment};
use crate::zone::Zone;

/// A rule of recurrence.
#[derive(Debug, Clone)]
pub(super) struct Recurrence {
    /// How it repeats.
    pub(super) frequency: Frequency,
    /// Every so many days or weeks; at least 1.
    pub(super) interval: i64,
    /// Only on these days; any, or that of the start, where empty.
    pub(super) weekdays: Vec<Weekday>,
    /// The day a week begins with.
    pub(super) week_start: Weekday,
    /// The last time, inclusive.
    pub(super) until: Option<Moment>,
    /// How often, the start included.
    pub(super) count: Option<u64>,
}

/// How something repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
}

impl Frequency {
    /// Days of one period.
    pub(super) const fn days(self) -> i64 {
        match self {
            Self::Daily => 1,
            Self::Weekly => 7,
        }
    }
}

/// Reads the value of an `RRULE`; `zone` is that of the start.
pub(super) fn recurrence(text: &str, zone: &Zone) -> Result<Recurrence, String> {
    let mut frequency = None;
    let mut rule = Recurrence {
        frequency: Frequency::Daily,
        interval: 1,
        weekdays: Vec::new(),
        week_start: Weekday::Monday,
        until: None,
        count: None,
    };
    for part in text.trim().to_ascii_uppercase().split(';').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(|| bad(part))?;
        match name {
            "FREQ" => frequency = Some(read_frequency(value)?),
            "INTERVAL" => rule.interval = number(value).ok_or_else(|| bad(part))?,
            "COUNT" => rule.count = Some(number(value).ok_or_else(|| bad(part))?.unsigned_abs()),
            "UNTIL" => rule.until = Some(moment(value, zone)?),
            "WKST" => rule.week_start = weekday(value).ok_or_else(|| bad(part))?,
            "BYDAY" => {
                let days: Option<Vec<_>> = value.split(',').map(weekday).collect();
                rule.weekdays = days.ok_or_else(|| bad(part))?;
            }
            _ => return Err(bad(part)),
        }
    }
    if rule.count.is_some() && rule.until.is_some() {
        return Err("a rule of recurrence has COUNT or UNTIL, not both".to_owned());
    }
    rule.frequency = frequency.ok_or("a rule of recurrence must have FREQ")?;
    Ok(rule)
}

fn bad(part: &str) -> String {
    format!("a rule of recurrence with {part:?} is not understood")
}

fn read_frequency(value: &str) -> Result<Frequency, String> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        _ => Err(format!("recurrence is understood when it is DAILY or WEEKLY, not {value:?}")),
    }
}

/// A number from 1 to a million.
fn number(value: &str) -> Option<i64> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|number| is_number && (1..=1_000_000).contains(number))
}

fn weekday(value: &str) -> Option<Weekday> {
    match value.trim() {
        "MO" => Some(Weekday::Monday),
        "TU" => Some(Weekday::Tuesday),
        "WE" => Some(Weekday::Wednesday),
        "TH" => Some(Weekday::Thursday),
        "FR" => Some(Weekday::Friday),
        "SA" => Some(Weekday::Saturday),
        "SU" => Some(Weekday::Sunday),
        _ => None,
    }
}
