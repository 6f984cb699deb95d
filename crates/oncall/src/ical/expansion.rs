//! The times at which an event takes place, within a span.
//!
//! Refuses to know persons. Bounded: every day and week that is looked at is taken from a budget that all
//! events of a file share.

use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, Timestamp};

use super::event::{Event, Except, Length};
use super::moment::{Moment, instant};
use super::recurrence::{Frequency, Recurrence};
use crate::limits;
use crate::restriction::{Span, days_since_monday};
use crate::zone::{days_between, days_later};

/// Why an event is not expanded.
pub(super) enum Refused {
    /// It takes no time at all, or ends before it begins.
    Empty,
    /// It lasts longer than a span may.
    TooLong,
    /// The budget is spent.
    TooManySteps,
}

/// The times of an event that overlap `within`, ascending by start; each whole, not cut. Those of `replaced`
/// are told by other events.
pub(super) fn times(
    event: &Event,
    replaced: Option<&Except>,
    within: Span,
    steps: &mut usize,
) -> Result<Vec<Span>, Refused> {
    let first = span(event, event.start.local);
    if first.end <= first.start {
        return Err(Refused::Empty);
    }
    if first.end.duration_since(first.start) > SignedDuration::from_hours(24 * limits::SPAN_DAYS) {
        return Err(Refused::TooLong);
    }
    let starts = match &event.recurrence {
        Some(rule) => starts(event, rule, first, within, steps)?,
        None => vec![event.start.local],
    };
    let spans = starts.into_iter().filter_map(|local| {
        let span = span(event, local);
        let has = |except: &Except| except.has(span.start, local.date());
        let takes_place = !has(&event.except) && !replaced.is_some_and(has);
        let overlaps = span.start < within.end && within.start < span.end;
        (takes_place && overlaps && span.start < span.end).then_some(span)
    });
    Ok(spans.collect())
}

/// When it begins and ends if it begins at that local time. An end given in the zone of the start is at
/// the same local time each time, so that turns that follow each other do so also when clocks change.
fn span(event: &Event, local: DateTime) -> Span {
    let Moment { local: first, zone, all_day } = &event.start;
    let start = instant(local, zone, *all_day);
    let end = match &event.length {
        Length::Until(end) if local == *first => end.at(),
        Length::Until(end) if end.zone == *zone => {
            instant(local.saturating_add(end.local.duration_since(*first)), zone, *all_day)
        }
        Length::Until(end) => {
            let lasts = end.at().duration_since(event.start.at());
            start.saturating_add(lasts).unwrap_or(Timestamp::MAX)
        }
        Length::Lasting(duration) => {
            let date = days_later(local.date(), duration.days);
            let day = instant(date.to_datetime(local.time()), zone, *all_day);
            day.saturating_add(SignedDuration::from_secs(duration.seconds))
                .unwrap_or(Timestamp::MAX)
        }
    };
    Span { start, end }
}

/// The local starts by the rule, from one that may still last when `within` begins.
fn starts(
    event: &Event,
    rule: &Recurrence,
    first: Span,
    within: Span,
    steps: &mut usize,
) -> Result<Vec<DateTime>, Refused> {
    let start = event.start.local;
    let lasts = first.end.duration_since(first.start).as_hours() / 24 + 2;
    let earliest = days_later(event.start.zone.local(within.start).date(), -lasts);
    let last = days_later(event.start.zone.local(within.end).date(), 1);
    let length = rule.frequency.days() * rule.interval;
    let base = period_base(start.date(), rule);
    // Only a count needs those that are over.
    let skipped = if rule.count.is_some() {
        0
    } else {
        days_between(base, earliest).div_euclid(length).max(0)
    };
    let mut date = days_later(base, skipped * length);
    let mut left = rule.count.unwrap_or(u64::MAX);
    let mut found = Vec::new();
    while date <= last {
        for day in days_of_period(date, start, rule) {
            *steps = steps.checked_sub(1).ok_or(Refused::TooManySteps)?;
            let local = day.to_datetime(start.time());
            if left == 0 || is_over(event, rule, local) {
                return Ok(found);
            }
            left -= 1;
            if day >= earliest && day <= last {
                found.push(local);
            }
        }
        *steps = steps.checked_sub(1).ok_or(Refused::TooManySteps)?;
        date = days_later(date, length);
    }
    Ok(found)
}

/// The first day of the period that the start is in.
fn period_base(start: Date, rule: &Recurrence) -> Date {
    match rule.frequency {
        Frequency::Daily => start,
        Frequency::Weekly => {
            let since = |weekday| i64::from(days_since_monday(weekday));
            let days = since(start.weekday()) - since(rule.week_start);
            days_later(start, -days.rem_euclid(7))
        }
    }
}

/// The days of the period that begins on `date` on which it takes place, ascending. The start always counts.
fn days_of_period(date: Date, start: DateTime, rule: &Recurrence) -> impl Iterator<Item = Date> {
    let start = start.date();
    (0..rule.frequency.days()).map(move |days| days_later(date, days)).filter(move |day| {
        let fits = if rule.weekdays.is_empty() {
            rule.frequency == Frequency::Daily || day.weekday() == start.weekday()
        } else {
            rule.weekdays.contains(&day.weekday())
        };
        *day == start || fits && *day > start
    })
}

fn is_over(event: &Event, rule: &Recurrence, local: DateTime) -> bool {
    rule.until.as_ref().is_some_and(|until| {
        if until.all_day {
            local.date() > until.local.date()
        } else {
            instant(local, &event.start.zone, event.start.all_day) > until.at()
        }
    })
}
