//! Schedules and calendars against slow readings of their definitions, near changes of the clocks.

use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use oncall::{
    Calendar, CalendarDocument, IntervalDocument, LayerDocument, OnCall, OverrideDocument,
    RestrictionDocument, RotationDocument, Schedule, ScheduleDocument, TimesDocument,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::instants::{person, zone};

/// Zones and local dates of theirs a few days before clocks change.
const CHANGES: [(&str, &str); 14] = [
    ("Europe/Berlin", "2026-03-26"),
    ("Europe/Berlin", "2026-10-22"),
    ("America/New_York", "2026-03-05"),
    ("America/New_York", "2026-10-29"),
    ("Australia/Lord_Howe", "2026-04-02"),
    ("Australia/Lord_Howe", "2026-10-01"),
    ("Asia/Kathmandu", "2026-06-01"),
    ("Asia/Kathmandu", "1985-12-29"),
    ("Pacific/Apia", "2011-12-27"),
    ("Pacific/Kwajalein", "1993-08-18"),
    ("America/St_Johns", "2006-10-26"),
    ("America/Havana", "2026-03-05"),
    ("America/Sao_Paulo", "2018-11-01"),
    ("UTC", "2026-02-26"),
];

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn time_of_day() -> impl Strategy<Value = String> {
    let usual = select(vec![
        "00:00", "01:30", "01:45", "02:00", "02:15", "02:30", "03:00", "09:00", "23:59",
    ]);
    prop_oneof![
        usual.prop_map(str::to_owned),
        (0..24, 0..60).prop_map(|(h, m)| format!("{h:02}:{m:02}"))
    ]
}

fn restriction() -> impl Strategy<Value = RestrictionDocument> {
    let days = subsequence(DAYS.to_vec(), 0..=7);
    let end = prop_oneof![4 => time_of_day(), 1 => Just("24:00".to_owned())];
    (days, time_of_day(), end).prop_filter_map("an empty span", |(days, from, to)| {
        let days = days.into_iter().map(str::to_owned).collect();
        (from != to).then_some(RestrictionDocument { days, from, to })
    })
}

fn people() -> impl Strategy<Value = Vec<String>> {
    vec(select(vec!["a", "b", "c"]).prop_map(|letter| person(letter).to_string()), 1..4)
}

fn layer(date: &'static str) -> impl Strategy<Value = LayerDocument> {
    let every = select(vec!["1d", "2d", "1w", "1h", "7h", "12h"]);
    let over = proptest::option::of(time_of_day());
    let parts = (people(), every, time_of_day(), over, vec(restriction(), 0..3));
    parts.prop_map(move |(people, every, start, over, restrictions)| LayerDocument {
        name: "layer".to_owned(),
        people,
        rotation: RotationDocument { every: every.to_owned() },
        start: format!("{date}T{start}"),
        hand_over: over.filter(|_| !every.ends_with('h')),
        restrictions,
    })
}

fn override_near(from: Timestamp) -> impl Strategy<Value = OverrideDocument> {
    (select(vec!["d", "e"]), 0_i64..600_000, 1_i64..100_000).prop_map(move |(who, start, lasts)| {
        let start = from + SignedDuration::from_secs(start);
        let end = start + SignedDuration::from_secs(lasts);
        OverrideDocument {
            person: person(who).to_string(),
            start: start.to_string(),
            end: end.to_string(),
        }
    })
}

/// Midnight of a local date.
fn midnight(zone_name: &str, date: &str) -> Timestamp {
    let local: DateTime = format!("{date}T00:00").parse().expect("a local time");
    zone(zone_name).to_timestamp(local).expect("an instant")
}

/// A schedule, and an instant up to a day before its start.
pub(crate) fn schedules() -> impl Strategy<Value = (Schedule, Timestamp)> {
    select(CHANGES.to_vec()).prop_flat_map(|(zone_name, date)| {
        let from = midnight(zone_name, date);
        let parts = (vec(layer(date), 0..4), vec(override_near(from), 0..5), 0_i64..86_400);
        parts.prop_map(move |(layers, overrides, before)| {
            let (name, time_zone) = ("x".to_owned(), zone_name.to_owned());
            let document = ScheduleDocument { name, time_zone, layers, overrides };
            let schedule = Schedule::new(&document).expect("a good schedule");
            (schedule, from - SignedDuration::from_secs(before))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn shifts_tile_and_agree_with_single_instants(
        (schedule, from) in schedules(),
        seconds in 0_i64..900_000,
    ) {
        let until = from + SignedDuration::from_secs(seconds);
        let shifts = schedule.shifts(from, until).expect("shifts");
        let mut instants = vec![from, until - SignedDuration::from_nanos(1)];
        let mut previous = from;
        for (index, shift) in shifts.iter().enumerate() {
            prop_assert!(previous <= shift.start && shift.start < shift.end && shift.end <= until);
            if let Some(before) = index.checked_sub(1).map(|index| shifts[index]) {
                let same = (before.person, before.origin) == (shift.person, shift.origin);
                prop_assert!(before.end < shift.start || !same, "two shifts that are one");
            }
            previous = shift.end;
            for edge in [shift.start, shift.end] {
                let nanosecond = SignedDuration::from_nanos(1);
                instants.extend([edge - nanosecond, edge, edge + nanosecond]);
            }
        }
        let step = SignedDuration::from_secs(17 * 60 + 13);
        let mut at = from;
        while at < until {
            instants.push(at);
            at += step;
        }
        for at in instants.into_iter().filter(|at| from <= *at && *at < until) {
            let index = shifts.partition_point(|shift| shift.end <= at);
            let found = shifts.get(index).filter(|shift| shift.start <= at);
            let found = found.map(|shift| OnCall { person: shift.person, origin: shift.origin });
            prop_assert_eq!(schedule.on_call_by(at), found, "at {}", at);
        }
    }

    /// A turn changes when the clock first says the time of the hand-over or a later one.
    #[test]
    fn turns_of_days_follow_the_clock_on_the_wall(
        (zone_name, date) in select(CHANGES.to_vec()),
        start in time_of_day(),
        over in time_of_day(),
        days in 1_i64..4,
    ) {
        let text = format!("zone {zone_name}\nlayer l: a b c d e f every {days}d from {date}T{start} over {over}");
        let schedule = crate::written::schedule(&text);
        let start: DateTime = format!("{date}T{start}").parse().expect("a local time");
        let first: DateTime = format!("{date}T{over}").parse().expect("a local time");
        let clock = zone(zone_name);
        let mut at = midnight(zone_name, date) - SignedDuration::from_hours(3);
        let mut latest = clock.to_datetime(at);
        let mut turns: Option<usize> = None;
        for _ in 0..(8 * 1_440) {
            latest = latest.max(clock.to_datetime(at));
            if latest >= start {
                let mut turn = turns.unwrap_or(0);
                let begins = |turn: usize| {
                    let days = i64::try_from(turn).expect("a small number") * days;
                    first.saturating_add(SignedDuration::from_hours(24 * days))
                };
                while begins(turn + 1) <= latest {
                    turn += 1;
                }
                turns = Some(turn);
            }
            let expected = turns.map(|turn| person(["a", "b", "c", "d", "e", "f"][turn % 6]));
            prop_assert_eq!(schedule.on_call(at), expected, "at {}", at);
            at += SignedDuration::from_mins(1);
        }
    }

    #[test]
    fn calendars_agree_with_a_slow_reading_minute_by_minute(
        (zone_name, date) in select(CHANGES.to_vec()),
        interval in interval(),
    ) {
        let document = CalendarDocument {
            name: "x".to_owned(),
            time_zone: zone_name.to_owned(),
            intervals: vec![interval.clone()],
        };
        let calendar = Calendar::new(&document).expect("a good calendar");
        let clock = zone(zone_name);
        let mut at = midnight(zone_name, date);
        for _ in 0..(10 * 1_440) {
            let expected = slow_reading(&interval, clock.to_datetime(at));
            prop_assert_eq!(calendar.is_in_force(at), expected, "at {}", at);
            at += SignedDuration::from_mins(1);
        }
    }
}

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

fn range(low: i32, high: i32) -> impl Strategy<Value = String> {
    (low..=high, low..=high).prop_map(|(a, b)| format!("{}:{}", a.min(b), a.max(b)))
}

fn interval() -> impl Strategy<Value = IntervalDocument> {
    let times = (time_of_day(), time_of_day()).prop_filter_map("an empty span", |(a, b)| {
        (a != b).then(|| TimesDocument { from: a.clone().min(b.clone()), to: a.max(b) })
    });
    let weekdays = (0_usize..7, 0_usize..7)
        .prop_map(|(a, b)| format!("{}:{}", WEEKDAYS[a.min(b)], WEEKDAYS[a.max(b)]));
    let days = prop_oneof![
        range(1, 31),
        range(-31, -1),
        (1_i32..=13, -15_i32..=-1).prop_map(|(first, last)| format!("{first}:{last}")),
        (-31_i32..=-1).prop_map(|day| day.to_string()),
    ];
    let years = prop_oneof![range(2_020, 2_030), range(1_980, 2_015)];
    let lists = (
        vec(times, 0..3),
        vec(weekdays, 0..2),
        vec(days, 0..3),
        vec(range(1, 12), 0..2),
        vec(years, 0..2),
    );
    lists.prop_map(|(times, weekdays, days_of_month, months, years)| IntervalDocument {
        time_zone: None,
        times,
        weekdays,
        days_of_month,
        months,
        years,
    })
}

/// Alertmanager's words for it: ranges written out as sets, ends of days of the month cut to the month.
fn slow_reading(interval: &IntervalDocument, local: DateTime) -> bool {
    let ends = |text: &str| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        (first.to_owned(), last.to_owned())
    };
    let numbers = |text: &str| {
        let (first, last) = ends(text);
        (first.parse::<i32>().expect("a number"), last.parse::<i32>().expect("a number"))
    };
    let any = |texts: &[String], fits: &dyn Fn(&str) -> bool| {
        texts.is_empty() || texts.iter().any(|text| fits(text))
    };
    let clock = format!("{:02}:{:02}", local.hour(), local.minute());
    let today = match local.date().weekday() {
        Weekday::Sunday => 0,
        Weekday::Monday => 1,
        Weekday::Tuesday => 2,
        Weekday::Wednesday => 3,
        Weekday::Thursday => 4,
        Weekday::Friday => 5,
        Weekday::Saturday => 6,
    };
    let in_month = i32::from(local.date().days_in_month());
    (interval.times.is_empty()
        || interval.times.iter().any(|one| one.from <= clock && clock < one.to))
        && any(&interval.weekdays, &|text| {
            let (first, last) = ends(text);
            let position =
                |name: &str| WEEKDAYS.iter().position(|day| *day == name).expect("a weekday");
            (position(&first)..=position(&last)).any(|day| day == today)
        })
        && any(&interval.days_of_month, &|text| {
            let (first, last) = numbers(text);
            let from_start = |day: i32| if day < 0 { in_month + day + 1 } else { day };
            let (first, last) = (from_start(first), from_start(last));
            let days = first.clamp(-in_month, in_month)..=last.clamp(-in_month, in_month);
            first <= in_month && days.into_iter().any(|day| day == i32::from(local.day()))
        })
        && any(&interval.months, &|text| {
            let (first, last) = numbers(text);
            (first..=last).any(|month| month == i32::from(local.month()))
        })
        && any(&interval.years, &|text| {
            let (first, last) = numbers(text);
            (first..=last).any(|year| year == i32::from(local.year()))
        })
}
