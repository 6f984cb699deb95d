//! The check of a calendar's document: complains of every bad field at once, by its path.
//!
//! What is refused is what Alertmanager refuses, and a month that no year has.

use model::FieldError;

use crate::calendar::{Calendar, Interval, Range};
use crate::complaints::Complaints;
use crate::document::{CalendarDocument, IntervalDocument, TimesDocument};
use crate::limits;
use crate::schedule_check::read_zone;
use crate::zone::{Zone, read_minutes};

/// The calendar that the document describes.
pub(crate) fn check(document: &CalendarDocument) -> Result<Calendar, Vec<FieldError>> {
    let mut complaints = Complaints::default();
    complaints.name("name", &document.name);
    let zone = read_zone(&mut complaints, "time_zone", &document.time_zone);
    let reading = zone.clone().unwrap_or(Zone::utc());
    let mut intervals = Vec::new();
    if document.intervals.is_empty() {
        complaints.add("intervals", "missing", "must have at least one interval");
    } else if complaints.fits("intervals", document.intervals.len(), limits::INTERVALS) {
        for (index, interval) in document.intervals.iter().enumerate() {
            let path = format!("intervals[{index}]");
            intervals.extend(check_interval(&mut complaints, &path, interval, &reading));
        }
    }
    complaints.or(Some(Calendar { name: document.name.clone(), intervals }))
}

fn check_interval(
    complaints: &mut Complaints,
    path: &str,
    interval: &IntervalDocument,
    zone: &Zone,
) -> Option<Interval> {
    let zone = match &interval.time_zone {
        Some(name) => read_zone(complaints, &format!("{path}.time_zone"), name),
        None => Some(zone.clone()),
    };
    let mut times = Vec::new();
    let field = format!("{path}.times");
    if complaints.fits(field.as_str(), interval.times.len(), limits::RANGES) {
        for (index, one) in interval.times.iter().enumerate() {
            times.extend(check_times(complaints, &format!("{field}[{index}]"), one));
        }
    }
    let mut ranges = |name: &str, texts: &[String], kind: Kind| {
        let field = format!("{path}.{name}");
        if !complaints.fits(field.as_str(), texts.len(), limits::RANGES) {
            return Vec::new();
        }
        let texts = texts.iter().enumerate();
        texts
            .filter_map(|(index, text)| kind.check(complaints, format!("{field}[{index}]"), text))
            .collect()
    };
    Some(Interval {
        times,
        weekdays: ranges("weekdays", &interval.weekdays, Kind::Weekdays),
        days_of_month: ranges("days_of_month", &interval.days_of_month, Kind::DaysOfMonth),
        months: ranges("months", &interval.months, Kind::Months),
        years: ranges("years", &interval.years, Kind::Years),
        zone: zone?,
    })
}

fn check_times(complaints: &mut Complaints, path: &str, times: &TimesDocument) -> Option<Range> {
    let mut read = |name: &str, text: &str| {
        let field = format!("{path}.{name}");
        complaints.take(read_minutes(text), field, text, "a time of day, such as 09:00 or 24:00")
    };
    let (from, to) = (read("from", &times.from), read("to", &times.to));
    let (from, to) = (from?, to?);
    if from >= to {
        complaints.add(format!("{path}.to"), "before_start", "must be after `from`");
        return None;
    }
    Some(Range { first: i32::from(from), last: i32::from(to) })
}

/// What a range is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Weekdays,
    DaysOfMonth,
    Months,
    Years,
}

impl Kind {
    /// Reads `first:last` or a single member, in any case.
    fn check(self, complaints: &mut Complaints, field: String, text: &str) -> Option<Range> {
        let lower = text.to_ascii_lowercase();
        let (first, last) = lower.split_once(':').unwrap_or((&lower, &lower));
        let ends = self.member(first).zip(self.member(last));
        let (first, last) = complaints.take(ends, field.as_str(), text, self.wanted())?;
        let in_order =
            if self == Self::DaysOfMonth { may_follow(first, last) } else { first <= last };
        if !in_order {
            complaints.add(field, "before_start", format!("{text:?} ends before it begins"));
            return None;
        }
        Some(Range { first, last })
    }

    fn member(self, text: &str) -> Option<i32> {
        let number = || text.parse::<i32>().ok();
        let named = |names: &[&str]| names.iter().position(|name| *name == text);
        let index = |names: &[&str]| named(names).and_then(|index| i32::try_from(index).ok());
        match self {
            Self::Weekdays => index(&WEEKDAYS),
            Self::DaysOfMonth => number().filter(|day| *day != 0 && (-31..=31).contains(day)),
            Self::Months => index(&MONTHS)
                .map(|index| index + 1)
                .or_else(|| number().filter(|month| (1..=12).contains(month))),
            Self::Years => number(),
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Weekdays => "a weekday or a range of them, such as monday:friday",
            Self::DaysOfMonth => {
                "a day or a range from 1 to 31 or from -31 to -1, such as 1:5, -3:-1"
            }
            Self::Months => "a month or a range of them, such as january:march, 12",
            Self::Years => "a year or a range of them, such as 2026:2027",
        }
    }
}

/// Whether a range of days can have a day in it, in a month of 28 at least. One that begins counted from
/// the end must end so too: otherwise it would be in order in some months only.
fn may_follow(first: i32, last: i32) -> bool {
    const SHORTEST_MONTH: i32 = 28;
    let from_start = |day: i32| if day < 0 { SHORTEST_MONTH + day } else { day };
    !(first < 0 && last > 0) && from_start(first) <= from_start(last)
}

/// The days of the week; the first is Sunday.
const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// The months.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
