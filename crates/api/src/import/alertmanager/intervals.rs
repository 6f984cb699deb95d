//! Time intervals as calendars during which rules are mute. What a route names as its active times becomes a
//! calendar of all other times.
//!
//! Refuses to know what day it is, and how a calendar is read: that is `oncall`.

use oncall::{CalendarDocument, IntervalDocument, TimesDocument};

use super::configuration::{Configuration, Route};
use super::plan::{Plan, PlannedCalendar};
use super::report::{Report, Verdict};

/// Intervals that a calendar of all other times may come to.
const OUTSIDE: usize = oncall::limits::INTERVALS;
const FIRST_YEAR: u32 = oncall::limits::FIRST_YEAR.unsigned_abs() as u32;
const LAST_YEAR: u32 = oncall::limits::LAST_YEAR.unsigned_abs() as u32;
const MINUTES: u32 = 24 * 60;
const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
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

/// The calendars of all time intervals.
pub(super) fn map(configuration: &Configuration<'_>, report: &mut Report) -> Vec<PlannedCalendar> {
    let mut planned = Vec::new();
    for (key, node) in &configuration.intervals {
        let super::super::yaml::Content::List(items) = &node.content else { continue };
        for (index, item) in items.iter().enumerate() {
            let element = format!("{key}[{index}]");
            match oncall::from_alertmanager(&item.json()) {
                Ok(documents) => {
                    for document in documents {
                        let into = vec![format!("calendar {}", document.name)];
                        report.add(element.as_str(), item.line, Verdict::Mapped, into, "");
                        planned.push(PlannedCalendar { name: document.name.clone(), document });
                    }
                }
                Err(errors) => {
                    let why: Vec<String> = errors
                        .iter()
                        .map(|error| format!("{}: {}", error.field, error.message))
                        .collect();
                    report.unsupported(element, item.line, why.join("; "));
                }
            }
        }
    }
    planned
}

/// The names of the calendars that mute a route; a calendar of the times outside of its active ones is added
/// to the plan where there is none yet.
///
/// # Errors
/// Those times cannot be said as a calendar.
pub(super) fn mute(
    configuration: &Configuration<'_>,
    route: &Route,
    plan: &mut Plan,
) -> Result<Vec<String>, String> {
    let mapped = |plan: &Plan, name: &str| -> Result<CalendarDocument, String> {
        let found = plan.calendars.iter().find(|calendar| calendar.name == name);
        let found = found.map(|calendar| calendar.document.clone());
        found.ok_or_else(|| format!("the time interval `{name}` could not be mapped"))
    };
    let mut muted_by = Vec::new();
    for name in &route.mute {
        muted_by.push(mapped(plan, name)?.name);
    }
    if !route.active.is_empty() {
        let mut name = format!("outside {}", route.active.join(", "));
        while configuration.interval_names.contains(&name) {
            name.insert_str(0, "always ");
        }
        if !plan.calendars.iter().any(|calendar| calendar.name == name) {
            let active: Result<Vec<_>, _> =
                route.active.iter().map(|name| mapped(plan, name)).collect();
            let document = outside(&name, &active?)?;
            if document.intervals.is_empty() {
                // There is no time outside.
                return Ok(muted_by);
            }
            plan.calendars.push(PlannedCalendar { name: name.clone(), document });
        }
        muted_by.push(name);
    }
    muted_by.sort_unstable();
    muted_by.dedup();
    Ok(muted_by)
}

/// All times at which none of the calendars holds.
///
/// # Errors
/// Their zones differ, days are counted from the end of the month, or it would be too many intervals.
pub(super) fn outside(
    name: &str,
    calendars: &[CalendarDocument],
) -> Result<CalendarDocument, String> {
    let zone_of = |calendar: &CalendarDocument, interval: &IntervalDocument| {
        interval.time_zone.clone().unwrap_or_else(|| calendar.time_zone.clone())
    };
    let zoned: Vec<(String, &IntervalDocument)> = calendars
        .iter()
        .flat_map(|calendar| calendar.intervals.iter().map(move |it| (zone_of(calendar, it), it)))
        .collect();
    let time_zone = zoned.first().map_or_else(|| "UTC".to_owned(), |(zone, _)| zone.clone());
    if zoned.iter().any(|(zone, _)| *zone != time_zone) {
        return Err(
            "active times in several time zones have no calendar of all other times".to_owned()
        );
    }
    let mut rest = vec![Span::always()];
    for (_, interval) in &zoned {
        let span = Span::read(interval)?;
        rest = rest.iter().flat_map(|piece| piece.without(&span)).collect();
        if rest.len() > OUTSIDE {
            return Err(format!("the times outside come to more than {OUTSIDE} intervals"));
        }
    }
    let intervals = rest.iter().map(Span::write).collect();
    Ok(CalendarDocument { name: name.to_owned(), time_zone, intervals })
}

/// An interval as sets of numbers, one for each of its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Span([Numbers; 5]);

/// Ranges of numbers, ascending, apart, each with its ends; within what the list can hold at all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbers {
    whole: (u32, u32),
    ranges: Vec<(u32, u32)>,
}

impl Span {
    fn always() -> Self {
        let whole = [(0, MINUTES - 1), (0, 6), (1, 31), (1, 12), (FIRST_YEAR, LAST_YEAR)];
        Self(whole.map(|whole| Numbers { whole, ranges: vec![whole] }))
    }

    fn read(interval: &IntervalDocument) -> Result<Self, String> {
        let Self([minutes, weekdays, days, months, years]) = Self::always();
        let times = interval.times.iter().map(|times| {
            let (from, to) = (minute(&times.from), minute(&times.to));
            let range = from.zip(to.and_then(|to| to.checked_sub(1)));
            range.ok_or_else(|| format!("`{}` to `{}` is no time", times.from, times.to))
        });
        let times: Result<Vec<_>, String> = times.collect();
        let named = |names: &'static [&'static str], first: u32| {
            move |text: &str| {
                let at = names.iter().position(|name| text.trim().eq_ignore_ascii_case(name));
                at.and_then(|at| u32::try_from(at).ok()).map(|at| at + first)
            }
        };
        let number = |text: &str| text.trim().parse().ok();
        let month = |text: &str| named(&MONTHS, 1)(text).or_else(|| number(text));
        Ok(Self([
            minutes.only(times?),
            weekdays.only(ranges(&interval.weekdays, named(&WEEKDAYS, 0))?),
            days.only(ranges(&interval.days_of_month, number)?),
            months.only(ranges(&interval.months, month)?),
            years.only(ranges(&interval.years, number)?),
        ]))
    }

    /// What of this is not in the other, in pieces that are apart.
    fn without(&self, other: &Self) -> Vec<Self> {
        let (mut pieces, mut shared) = (Vec::new(), self.clone());
        for at in 0..self.0.len() {
            let mut piece = shared.clone();
            piece.0[at] = shared.0[at].and(&other.0[at].others());
            if !piece.0[at].ranges.is_empty() {
                pieces.push(piece);
            }
            shared.0[at] = shared.0[at].and(&other.0[at]);
            if shared.0[at].ranges.is_empty() {
                break;
            }
        }
        pieces
    }

    fn write(&self) -> IntervalDocument {
        let [minutes, weekdays, days, months, years] = &self.0;
        let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let times = minutes
            .said()
            .iter()
            .map(|&(from, to)| TimesDocument { from: clock(from), to: clock(to + 1) });
        let plain = |number: u32| number.to_string();
        IntervalDocument {
            time_zone: None,
            times: times.collect(),
            weekdays: weekdays.texts(|at| WEEKDAYS[at as usize].to_owned()),
            days_of_month: days.texts(plain),
            months: months.texts(plain),
            years: years.texts(plain),
        }
    }
}

impl Numbers {
    /// These ranges; everything where there are none.
    fn only(self, mut ranges: Vec<(u32, u32)>) -> Self {
        if ranges.is_empty() {
            return self;
        }
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for (from, to) in ranges {
            match joined.last_mut() {
                Some((_, end)) if from <= *end + 1 => *end = to.max(*end),
                Some(_) | None => joined.push((from, to)),
            }
        }
        Self { ranges: joined, ..self }.and(&self)
    }

    fn others(&self) -> Self {
        let (mut ranges, mut next) = (Vec::new(), self.whole.0);
        for &(from, to) in &self.ranges {
            if from > next {
                ranges.push((next, from - 1));
            }
            next = to + 1;
        }
        if next <= self.whole.1 {
            ranges.push((next, self.whole.1));
        }
        Self { ranges, whole: self.whole }
    }

    fn and(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        for &(from, to) in &self.ranges {
            for &(others_from, others_to) in &other.ranges {
                let (from, to) = (from.max(others_from), to.min(others_to));
                if from <= to {
                    ranges.push((from, to));
                }
            }
        }
        Self { ranges, whole: self.whole }
    }

    /// The ranges, or none where that is everything.
    fn said(&self) -> &[(u32, u32)] {
        if self.ranges == [self.whole] { &[] } else { &self.ranges }
    }

    fn texts(&self, text: impl Fn(u32) -> String) -> Vec<String> {
        let range = |&(from, to): &(u32, u32)| match from == to {
            true => text(from),
            false => format!("{}:{}", text(from), text(to)),
        };
        self.said().iter().map(range).collect()
    }
}

/// The minute of the day.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
    (hours <= 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn ranges(
    texts: &[String],
    number: impl Fn(&str) -> Option<u32>,
) -> Result<Vec<(u32, u32)>, String> {
    let mut ranges = Vec::new();
    for text in texts {
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        let Some((from, to)) = number(from).zip(number(to)) else {
            return Err(format!(
                "`{text}`: days counted from the end of a month have no calendar of all other days"
            ));
        };
        if from > to {
            return Err(format!("`{text}` begins after its end"));
        }
        ranges.push((from, to));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(lists: [&[&str]; 5]) -> IntervalDocument {
        let [times, weekdays, days_of_month, months, years] = lists;
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let times = times.iter().map(|text| {
            let (from, to) = text.split_once('-').unwrap();
            TimesDocument { from: from.to_owned(), to: to.to_owned() }
        });
        IntervalDocument {
            time_zone: None,
            times: times.collect(),
            weekdays: owned(weekdays),
            days_of_month: owned(days_of_month),
            months: owned(months),
            years: owned(years),
        }
    }

    fn calendar(zone: &str, intervals: Vec<IntervalDocument>) -> CalendarDocument {
        CalendarDocument { name: "active".to_owned(), time_zone: zone.to_owned(), intervals }
    }

    /// Every hour and a half of four years.
    fn instants() -> impl Iterator<Item = jiff::Timestamp> {
        let begin: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        (0..4 * 365 * 16).map(move |step| begin + jiff::SignedDuration::from_mins(step * 90))
    }

    #[test]
    fn outside_is_whenever_the_others_do_not_hold() {
        let office = interval([&["09:00-17:30"], &["monday:friday"], &[], &[], &[]]);
        let night = interval([&["00:00-06:00", "22:00-24:00"], &[], &[], &[], &[]]);
        let quarter = interval([
            &[],
            &["saturday"],
            &["1:7", "31"],
            &["january:march", "12"],
            &["2027:2028"],
        ]);
        let cases = [
            vec![office.clone()],
            vec![office.clone(), night.clone()],
            vec![quarter.clone()],
            vec![office, night, quarter],
            vec![interval([&[], &[], &[], &[], &[]])],
        ];
        for intervals in cases {
            let zone = "Europe/Berlin";
            let active = calendar(zone, intervals.clone());
            let rest = outside("rest", std::slice::from_ref(&active)).unwrap();
            let holds = oncall::Calendar::new(&active).unwrap();
            if rest.intervals.is_empty() {
                assert!(instants().all(|at| held(&holds, at)), "{intervals:?}");
                continue;
            }
            let rest = oncall::Calendar::new(&rest).unwrap();
            for at in instants() {
                assert_ne!(held(&holds, at), held(&rest, at), "{at}: {intervals:?}");
            }
        }
    }

    fn held(calendar: &oncall::Calendar, at: jiff::Timestamp) -> bool {
        calendar.is_in_force(at)
    }

    #[test]
    fn what_has_no_calendar_of_all_other_times_says_so() {
        let last = interval([&[], &[], &["-3:-1"], &[], &[]]);
        let any = || interval([&["09:00-10:00"], &[], &[], &[], &[]]);
        assert!(outside("x", &[calendar("UTC", vec![last])]).is_err());
        let zones = [calendar("UTC", vec![any()]), calendar("Asia/Tokyo", vec![any()])];
        assert!(outside("x", &zones).is_err());
    }
}
