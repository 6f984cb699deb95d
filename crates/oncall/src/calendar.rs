//! A calendar: whether one of its intervals holds at an instant, by the clock on the wall.
//!
//! An interval holds while each of its kinds of ranges that is given has one that fits, both ends of a
//! range included, times of day without their end: what Alertmanager's time intervals mean. Unlike there,
//! a month in which clocks are put forward keeps its last day.
//! Refuses to know what is mute then.

use jiff::Timestamp;
use jiff::civil::DateTime;
use model::FieldError;

use crate::calendar_check;
use crate::complaints;
use crate::document::CalendarDocument;
use crate::zone::Zone;

/// When rules are mute: a checked [`CalendarDocument`].
#[derive(Debug, Clone)]
pub struct Calendar {
    pub(crate) name: String,
    pub(crate) intervals: Vec<Interval>,
}

/// Holds while every list in it has a range that fits; an empty list always fits.
#[derive(Debug, Clone)]
pub(crate) struct Interval {
    pub(crate) zone: Zone,
    /// Minutes of the day; the last is exclusive.
    pub(crate) times: Vec<Range>,
    /// Days since Sunday.
    pub(crate) weekdays: Vec<Range>,
    /// From 1, or from -1 for the last.
    pub(crate) days_of_month: Vec<Range>,
    /// From 1.
    pub(crate) months: Vec<Range>,
    pub(crate) years: Vec<Range>,
}

/// From one number to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: i32,
    pub(crate) last: i32,
}

impl Calendar {
    /// Checks a document.
    ///
    /// # Errors
    /// Every field that is not as it must be.
    pub fn new(document: &CalendarDocument) -> Result<Self, Vec<FieldError>> {
        calendar_check::check(document)
    }

    /// Reads and checks the JSON of a document.
    ///
    /// # Errors
    /// As [`Calendar::new`]; one error of the whole document, its field empty, where it is no such JSON.
    pub fn from_json(json: &str) -> Result<Self, Vec<FieldError>> {
        Self::new(&complaints::from_json(json)?)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether one of its intervals holds at that instant.
    #[must_use]
    pub fn is_in_force(&self, at: Timestamp) -> bool {
        self.intervals.iter().any(|interval| interval.holds(interval.zone.local(at)))
    }
}

impl Interval {
    fn holds(&self, local: DateTime) -> bool {
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let weekday = i32::from(local.date().weekday().to_sunday_zero_offset());
        let days = i32::from(local.date().days_in_month());
        let day = i32::from(local.day());
        let fits = |ranges: &[Range], value: i32| {
            ranges.is_empty() || ranges.iter().any(|range| range.includes(value))
        };
        (self.times.is_empty()
            || self.times.iter().any(|range| range.first <= minute && minute < range.last))
            && fits(&self.weekdays, weekday)
            && (self.days_of_month.is_empty()
                || self.days_of_month.iter().any(|range| range.in_month(days).includes(day)))
            && fits(&self.months, i32::from(local.month()))
            && fits(&self.years, i32::from(local.year()))
    }
}

impl Range {
    fn includes(self, value: i32) -> bool {
        self.first <= value && value <= self.last
    }

    /// Its days counted from the first in a month of so many. What is before or after the month has no
    /// day in it, so nothing needs to be cut off.
    fn in_month(self, days: i32) -> Self {
        let from_start = |day: i32| if day < 0 { days + day + 1 } else { day };
        Self { first: from_start(self.first), last: from_start(self.last) }
    }
}
