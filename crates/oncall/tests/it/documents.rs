//! What is wrong with a document, all of it at once, by the path of each field.

use expect_test::{Expect, expect};
use model::FieldError;
use oncall::{Calendar, Schedule};

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
        expect![[r#""#]],
    );
}

#[test]
fn an_empty_schedule_says_what_it_needs() {
    check_schedule("{}", expect![[r#""#]]);
    check_schedule(r#"{"name": "x", "time_zone": "UTC", "layers": [{}]}"#, expect![[r#""#]]);
}

#[test]
fn a_field_nobody_knows_is_refused() {
    check_schedule(r#"{"name": "x", "zone": "UTC"}"#, expect![[r#""#]]);
    check_calendar(r#"{"name": "x", "intervals": [{"time": []}]}"#, expect![[r#""#]]);
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
        expect![[r#""#]],
    );
    let overrides = vec!["{}"; 1_001].join(",");
    check_schedule(
        &format!(r#"{{"name": "x", "time_zone": "UTC", "overrides": [{overrides}]}}"#),
        expect![[r#""#]],
    );
    let people = vec!["\"\""; 65].join(",");
    let restrictions = vec!["{}"; 33].join(",");
    check_schedule(
        &format!(
            r#"{{"name": "x", "time_zone": "UTC", "layers": [{{"name": "l", "people": [{people}],
            "rotation": {{"every": "1d"}}, "start": "2026-03-02T09:00", "restrictions": [{restrictions}]}}]}}"#
        ),
        expect![[r#""#]],
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
        expect![[r#""#]],
    );
    check_calendar("{}", expect![[r#""#]]);
}

#[test]
fn a_document_is_written_as_it_was_read() {
    let json = r#"{"name":"x","time_zone":"UTC","layers":[{"name":"l","people":["00000000-0000-0000-0000-00000000000a"],"rotation":{"every":"1d"},"start":"2026-03-02T09:00"}]}"#;
    let document: oncall::ScheduleDocument = serde_json::from_str(json).expect("a document");
    assert_eq!(serde_json::to_string(&document).expect("json"), json);
}
