//! What a schedule answers besides its shifts, and which questions it refuses.

use jiff::{SignedDuration, Timestamp};
use oncall::{Error, Origin};

use crate::instants::{at, person};
use crate::written::schedule;

#[test]
fn a_question_may_span_400_days_and_no_more() {
    let schedule = schedule("zone UTC\nlayer days: a b every 1d from 2026-01-01T00:00");
    let from = at("2026-01-01T00:00:00Z");
    let days = |days: i64| from + SignedDuration::from_hours(24 * days);
    assert_eq!(schedule.shifts(from, days(400)).expect("400 days").len(), 400);
    assert_eq!(
        schedule.shifts(from, days(400) + SignedDuration::from_nanos(1)),
        Err(Error::SpanTooLong)
    );
    assert_eq!(schedule.shifts(from, days(-1)), Err(Error::Backwards));
    assert_eq!(schedule.shifts(from, from), Ok(Vec::new()));
    assert_eq!(schedule.shifts(Timestamp::MIN, Timestamp::MAX), Err(Error::SpanTooLong));
}

#[test]
fn an_answer_has_ten_thousand_shifts_and_no_more() {
    let lines = "zone UTC
        layer hours: a b every 1h from 2026-01-01T00:00
        layer halves: c every 1d from 2026-01-01T00:00
        only 12:15-12:45";
    let schedule = schedule(lines);
    let from = at("2026-01-01T00:00:00Z");
    let until = from + SignedDuration::from_hours(24 * 400);
    assert_eq!(schedule.shifts(from, until), Err(Error::TooManyShifts));
    let until = from + SignedDuration::from_hours(24 * 384);
    assert_eq!(schedule.shifts(from, until).expect("26 a day").len(), 26 * 384);
}

#[test]
fn the_ends_of_time_have_an_answer() {
    let schedule = schedule(
        "zone Pacific/Apia
         layer days: a b every 1d from 1970-01-01T00:00
         only 22:00-06:00
         layer hours: c every 1h from 2200-12-31T23:59",
    );
    assert_eq!(schedule.on_call(Timestamp::MIN), None);
    assert_eq!(schedule.on_call(Timestamp::MAX), Some(person("c")));
    let day = SignedDuration::from_hours(24);
    assert_eq!(schedule.shifts(Timestamp::MAX - day, Timestamp::MAX).expect("a day").len(), 1);
    assert_eq!(schedule.shifts(Timestamp::MIN, Timestamp::MIN + day), Ok(Vec::new()));
}

#[test]
fn a_schedule_says_by_what_somebody_is_on_call_and_whom_it_names() {
    let schedule = schedule(
        "zone UTC
         layer first: b a b every 1d from 2026-01-01T00:00
         layer second: c every 1d from 2027-01-01T00:00
         override d 2026-02-01T00:00 2026-02-02T00:00",
    );
    let by = |text: &str| schedule.on_call_by(at(text)).map(|found| (found.person, found.origin));
    assert_eq!(by("2025-12-31T23:59:59Z"), None);
    assert_eq!(by("2026-01-01T00:00:00Z"), Some((person("b"), Origin::Layer(0))));
    assert_eq!(by("2026-02-01T12:00:00Z"), Some((person("d"), Origin::Override(0))));
    assert_eq!(by("2027-01-01T00:00:00Z"), Some((person("c"), Origin::Layer(1))));
    assert_eq!(schedule.people(), ["a", "b", "c", "d"].map(person));
    assert_eq!(schedule.name(), "Platform");
    assert_eq!((schedule.layer_name(1), schedule.layer_name(2)), (Some("second"), None));
}

#[test]
fn an_override_is_in_whole_seconds_from_its_start_to_before_its_end() {
    let schedule = schedule("zone UTC\noverride a 2026-02-01T00:00:00Z 2026-02-01T00:00:01Z");
    assert_eq!(schedule.on_call(at("2026-01-31T23:59:59.999999999Z")), None);
    assert_eq!(schedule.on_call(at("2026-02-01T00:00:00Z")), Some(person("a")));
    assert_eq!(schedule.on_call(at("2026-02-01T00:00:00.999999999Z")), Some(person("a")));
    assert_eq!(schedule.on_call(at("2026-02-01T00:00:01Z")), None);
}
