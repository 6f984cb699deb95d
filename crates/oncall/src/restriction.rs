//! Restrictions: on which days and between which times a layer is in force.
//!
//! Refuses to know turns and people. A span begins and ends when the clock first says so, as a hand-over
//! does, so that spans that follow each other leave nothing between them when clocks change.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};

use crate::zone::{Zone, days_later, on_date};

/// A span of some days of the week.
#[derive(Debug, Clone)]
pub(crate) struct Restriction {
    /// By days since Monday.
    pub(crate) days: [bool; 7],
    /// Minutes of the day it begins.
    pub(crate) from: u16,
    /// Minutes of the day it ends: the next day where it is not after `from`.
    pub(crate) to: u16,
}

/// A span of time, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
}

impl Restriction {
    /// The span that begins on that date.
    fn on(&self, date: Date, zone: &Zone) -> Option<Span> {
        if !self.days[usize::from(days_since_monday(date.weekday()))] {
            return None;
        }
        let last = if self.to > self.from { date } else { days_later(date, 1) };
        let start = zone.first_at(on_date(date, self.from));
        let end = zone.first_at(on_date(last, self.to));
        (start < end).then_some(Span { start, end })
    }
}

/// Whether one of them holds; no restriction at all always does.
pub(crate) fn hold(restrictions: &[Restriction], at: Timestamp, zone: &Zone) -> bool {
    if restrictions.is_empty() {
        return true;
    }
    let today = zone.local(at).date();
    // A span begun yesterday may last; one of tomorrow may have begun before the clock was put back.
    (-1..=1).map(|days| days_later(today, days)).any(|date| {
        let spans = restrictions.iter().filter_map(|restriction| restriction.on(date, zone));
        spans.into_iter().any(|span| span.start <= at && at < span.end)
    })
}

/// The spans in which one of them holds, within `within`: ascending, apart from each other.
pub(crate) fn spans(restrictions: &[Restriction], within: Span, zone: &Zone) -> Vec<Span> {
    if restrictions.is_empty() {
        return vec![within];
    }
    let mut date = days_later(zone.local(within.start).date(), -2);
    let last = days_later(zone.local(within.end).date(), 2);
    let mut found = Vec::new();
    while date <= last {
        found.extend(restrictions.iter().filter_map(|restriction| restriction.on(date, zone)));
        let next = days_later(date, 1);
        if next == date {
            break;
        }
        date = next;
    }
    found.sort_unstable();
    joined(found, within)
}

/// Ascending spans, those that touch made one, cut to `within`.
fn joined(spans: Vec<Span>, within: Span) -> Vec<Span> {
    let mut result: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        let start = span.start.max(within.start);
        let end = span.end.min(within.end);
        if start >= end {
            continue;
        }
        match result.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            Some(_) | None => result.push(Span { start, end }),
        }
    }
    result
}

/// 0 for Monday to 6 for Sunday.
pub(crate) fn days_since_monday(weekday: Weekday) -> u8 {
    u8::try_from(weekday.to_monday_zero_offset()).unwrap_or(0)
}
