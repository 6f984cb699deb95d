//! What is wrong with a document, all of it at once, by the path of each field.

use expect_test::{Expect, expect};
use model::FieldError;
use oncall::{Calendar, Schedule};

use crate::instants::{at, zone};

fn shown(errors: Vec<FieldError>) -> String {
    errors
        .iter()
        .map(|error| format!("{}: {}: {}\n", error.field, error.code, error.message))
        .collect()
}

fn check_schedule(json: &str, expected: Expect) {
    expected.assert_eq(&shown(Schedule::from_json(json).expect_err("a bad document")));
}

fn check_calendar(json: &str, expected: Expect) {
    expected.assert_eq(&shown(Calendar::from_json(json).expect_err("a bad document")));
}

#[test]
fn every_bad_field_of_a_schedule_is_told_at_once() {
    check_schedule(
        r#"{"name": " ", "time_zone": "Europe/Atlantis", "layers": [
            {"name": "", "people": ["ada", "00000000-0000-0000-0000-00000000000a", ""],
             "rotation": {"every": "0w"}, "start": "2026-02-30T09:00", "hand_over": "24:00",
             "restrictions": [{"days": ["mon", "Monday"], "from": "9:00", "to": "17:00"},
                              {"from": "09:00", "to": "09:00"}]},
            {"name": "hours", "people": [], "rotation": {"every": "12h"}, "start": "2026-03-02T09:00",
             "hand_over": "10:00"}],
          "overrides": [{"person": "x", "start": "2026-03-02T09:00+01:00", "end": "2026-03-02T07:00:00Z"},
                        {"person": "00000000-0000-0000-0000-00000000000a", "start": "yesterday"}]}"#,
        expect![[r#"
            name: missing: must not be empty
            time_zone: unknown_value: must be the IANA name of a time zone, such as Europe/Berlin, not "Europe/Atlantis"
            layers[0].name: missing: must not be empty
            layers[0].people[0]: malformed: must be the id of a subscriber, a UUID, not "ada"
            layers[0].people[2]: missing: must be the id of a subscriber, a UUID
            layers[0].rotation.every: malformed: must be a number of weeks, days or hours, such as 1w, 1d, 12h, of at most 366 days, not "0w"
            layers[0].start: malformed: must be a local date and time, such as 2026-03-02T09:00, not "2026-02-30T09:00"
            layers[0].hand_over: malformed: must be a time of day, such as 09:00, not "24:00"
            layers[0].restrictions[0].days[1]: malformed: must be one of mon tue wed thu fri sat sun, not "Monday"
            layers[0].restrictions[0].from: malformed: must be a time of day, such as 09:00, not "9:00"
            layers[0].restrictions[1].to: conflict: must differ from `from`; a whole day is from 00:00 to 24:00
            layers[1].people: missing: must name at least one person
            layers[1].hand_over: conflict: a rotation that counts hours begins at `start`; leave `hand_over` out
            overrides[0].person: malformed: must be the id of a subscriber, a UUID, not "x"
            overrides[0].end: before_start: must be after `start`
            overrides[1].start: malformed: must be whole seconds, with an offset (2026-03-02T09:00:00Z) or local (2026-03-02T09:00), not "yesterday"
            overrides[1].end: missing: must be whole seconds, with an offset (2026-03-02T09:00:00Z) or local (2026-03-02T09:00)
        "#]],
    );
}

#[test]
fn an_empty_schedule_says_what_it_needs() {
    check_schedule(
        "{}",
        expect![[r#"
        name: missing: must not be empty
        time_zone: missing: must be the IANA name of a time zone, such as Europe/Berlin
    "#]],
    );
    check_schedule(
        r#"{"name": "x", "time_zone": "UTC", "layers": [{}]}"#,
        expect![[r#"
        layers[0].name: missing: must not be empty
        layers[0].people: missing: must name at least one person
        layers[0].rotation.every: missing: must be a number of weeks, days or hours, such as 1w, 1d, 12h, of at most 366 days
        layers[0].start: missing: must be a local date and time, such as 2026-03-02T09:00
    "#]],
    );
}

#[test]
fn a_field_nobody_knows_is_refused() {
    check_schedule(
        r#"{"name": "x", "zone": "UTC"}"#,
        expect![[r#"
        : malformed: unknown field `zone`, expected one of `name`, `time_zone`, `layers`, `overrides` at line 1 column 20
    "#]],
    );
    check_calendar(
        r#"{"name": "x", "intervals": [{"time": []}]}"#,
        expect![[r#"
        : malformed: unknown field `time`, expected one of `time_zone`, `times`, `weekdays`, `days_of_month`, `months`, `years` at line 1 column 35
    "#]],
    );
}

#[test]
fn turns_are_counted_in_days_weeks_or_hours_within_a_year() {
    let start = r#"{"name": "x", "time_zone": "UTC", "layers": [{"name": "l", "start": "2026-03-02T09:00",
        "people": ["00000000-0000-0000-0000-00000000000a"], "rotation": {"every": ""#;
    for (every, good) in [
        ("1w", true),
        ("52w", true),
        ("53w", false),
        ("366d", true),
        ("367d", false),
        ("8784h", true),
        ("8785h", false),
        ("1", false),
        ("d", false),
        ("-1d", false),
        ("+1d", false),
        ("1m", false),
        ("1.5d", false),
        ("99999999999999999999w", false),
        ("9223372036854775807w", false),
        ("1ü", false),
    ] {
        let json = format!("{start}{every}\"}}}}]}}");
        assert_eq!(Schedule::from_json(&json).is_ok(), good, "{every}");
    }
}

#[test]
fn there_is_a_limit_to_every_list() {
    let layers = vec!["{}"; 17].join(",");
    check_schedule(
        &format!(r#"{{"name": "x", "time_zone": "UTC", "layers": [{layers}]}}"#),
        expect![[r#"
            layers: too_many: at most 16, not 17
        "#]],
    );
    let overrides = vec!["{}"; 1_001].join(",");
    check_schedule(
        &format!(r#"{{"name": "x", "time_zone": "UTC", "overrides": [{overrides}]}}"#),
        expect![[r#"
            overrides: too_many: at most 1000, not 1001
        "#]],
    );
    let people = vec!["\"\""; 65].join(",");
    let restrictions = vec!["{}"; 33].join(",");
    check_schedule(
        &format!(
            r#"{{"name": "x", "time_zone": "UTC", "layers": [{{"name": "l", "people": [{people}],
            "rotation": {{"every": "1d"}}, "start": "2026-03-02T09:00", "restrictions": [{restrictions}]}}]}}"#
        ),
        expect![[r#"
            layers[0].people: too_many: at most 64, not 65
            layers[0].restrictions: too_many: at most 32, not 33
        "#]],
    );
}

#[test]
fn every_bad_field_of_a_calendar_is_told_at_once() {
    check_calendar(
        r#"{"name": "", "time_zone": "", "intervals": [
            {"time_zone": "Local", "times": [{"from": "17:00", "to": "09:00"}, {"from": "25:00"}],
             "weekdays": ["saturday:sunday", "mon", "monday:tuesday:friday", ""],
             "days_of_month": ["0", "32", "-32:-1", "-3:3", "5:1", "-1:-3", "1:-31", "15:-20", "28:-1"],
             "months": ["december:january", "13", "smarch"],
             "years": ["2027:2026", "soon"]}]}"#,
        expect![[r#"
            name: missing: must not be empty
            time_zone: missing: must be the IANA name of a time zone, such as Europe/Berlin
            intervals[0].time_zone: unknown_value: must be the IANA name of a time zone, such as Europe/Berlin, not "Local"
            intervals[0].times[0].to: before_start: must be after `from`
            intervals[0].times[1].from: malformed: must be a time of day, such as 09:00 or 24:00, not "25:00"
            intervals[0].times[1].to: missing: must be a time of day, such as 09:00 or 24:00
            intervals[0].weekdays[0]: before_start: "saturday:sunday" ends before it begins
            intervals[0].weekdays[1]: malformed: must be a weekday or a range of them, such as monday:friday, not "mon"
            intervals[0].weekdays[2]: malformed: must be a weekday or a range of them, such as monday:friday, not "monday:tuesday:friday"
            intervals[0].weekdays[3]: missing: must be a weekday or a range of them, such as monday:friday
            intervals[0].days_of_month[0]: malformed: must be a day or a range from 1 to 31 or from -31 to -1, such as 1:5, -3:-1, not "0"
            intervals[0].days_of_month[1]: malformed: must be a day or a range from 1 to 31 or from -31 to -1, such as 1:5, -3:-1, not "32"
            intervals[0].days_of_month[2]: malformed: must be a day or a range from 1 to 31 or from -31 to -1, such as 1:5, -3:-1, not "-32:-1"
            intervals[0].days_of_month[3]: before_start: "-3:3" ends before it begins
            intervals[0].days_of_month[4]: before_start: "5:1" ends before it begins
            intervals[0].days_of_month[5]: before_start: "-1:-3" ends before it begins
            intervals[0].days_of_month[6]: before_start: "1:-31" ends before it begins
            intervals[0].days_of_month[7]: before_start: "15:-20" ends before it begins
            intervals[0].days_of_month[8]: before_start: "28:-1" ends before it begins
            intervals[0].months[0]: before_start: "december:january" ends before it begins
            intervals[0].months[1]: malformed: must be a month or a range of them, such as january:march, 12, not "13"
            intervals[0].months[2]: malformed: must be a month or a range of them, such as january:march, 12, not "smarch"
            intervals[0].years[0]: before_start: "2027:2026" ends before it begins
            intervals[0].years[1]: malformed: must be a year or a range of them, such as 2026:2027, not "soon"
        "#]],
    );
    check_calendar(
        "{}",
        expect![[r#"
        name: missing: must not be empty
        time_zone: missing: must be the IANA name of a time zone, such as Europe/Berlin
        intervals: missing: must have at least one interval
    "#]],
    );
}

#[test]
fn a_document_is_written_as_it_was_read() {
    let json = r#"{"name":"x","time_zone":"UTC","layers":[{"name":"l","people":["00000000-0000-0000-0000-00000000000a"],"rotation":{"every":"1d"},"start":"2026-03-02T09:00"}]}"#;
    let document: oncall::ScheduleDocument = serde_json::from_str(json).expect("a document");
    assert_eq!(serde_json::to_string(&document).expect("json"), json);
}

/// The blocks of JSON in the page about schedules and calendars.
fn examples() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/oncall.md");
    let blocks = page.split("```json\n").skip(1);
    blocks.map(|block| block.split("```").next().expect("an end")).collect()
}

#[test]
fn the_examples_of_the_page_are_what_the_page_says() {
    let [schedule, calendar] = examples()[..] else { panic!("two examples") };
    let schedule = Schedule::from_json(schedule).expect("a good schedule");
    let shifts = schedule.shifts(at("2026-03-22T23:00:00Z"), at("2026-03-24T23:00:00Z"));
    let people = |shifts: &[oncall::Shift]| -> String {
        let berlin = zone("Europe/Berlin");
        let shown = shifts.iter().map(|shift| {
            let start = shift.start.to_zoned(berlin.clone()).strftime("%a %H:%M").to_string();
            let end = shift.end.to_zoned(berlin.clone()).strftime("%a %H:%M").to_string();
            format!("{start} to {end} {:x}\n", shift.person.0 & 0xf)
        });
        shown.collect()
    };
    expect![[r#"
        Mon 00:00 to Mon 09:00 a
        Mon 09:00 to Mon 10:00 b
        Mon 10:00 to Mon 16:00 c
        Mon 16:00 to Tue 10:00 b
        Tue 10:00 to Tue 12:00 c
        Tue 12:00 to Tue 20:00 d
        Tue 20:00 to Wed 00:00 b
    "#]]
    .assert_eq(&people(&shifts.expect("shifts")));
    let calendar = Calendar::from_json(calendar).expect("a good calendar");
    for (instant, expected) in [
        ("2026-06-01T06:59:59Z", true),
        ("2026-06-01T07:00:00Z", false),
        ("2026-06-06T12:00:00Z", true),
        ("2026-12-31T12:00:00Z", true),
    ] {
        assert_eq!(calendar.is_in_force(at(instant)), expected, "{instant}");
    }
}
