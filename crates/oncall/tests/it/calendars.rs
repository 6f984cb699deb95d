//! Calendars at single instants: ranges, days counted from the end, zones, days on which clocks change.

use oncall::Calendar;

use crate::instants::at;

/// Whether a calendar of one interval in `zone` holds at each instant.
fn check(zone: &str, interval: &str, cases: &[(&str, bool)]) {
    let json = format!(r#"{{"name": "c", "time_zone": "{zone}", "intervals": [{interval}]}}"#);
    let calendar = Calendar::from_json(&json).expect("a good calendar");
    for (instant, expected) in cases {
        assert_eq!(
            calendar.is_in_force(at(instant)),
            *expected,
            "{instant} in {interval} of {zone}"
        );
    }
}

#[test]
fn an_empty_interval_always_holds() {
    check("UTC", "{}", &[("1970-01-01T00:00:00Z", true), ("2026-06-01T12:00:00Z", true)]);
    check("UTC", r#"{"times": [], "years": []}"#, &[("2026-06-01T12:00:00Z", true)]);
}

#[test]
fn times_begin_with_their_minute_and_end_before_it() {
    check(
        "UTC",
        r#"{"times": [{"from": "09:00", "to": "17:00"}, {"from": "23:00", "to": "24:00"}]}"#,
        &[
            ("2026-06-01T08:59:59.999Z", false),
            ("2026-06-01T09:00:00Z", true),
            ("2026-06-01T16:59:59.999Z", true),
            ("2026-06-01T17:00:00Z", false),
            ("2026-06-01T23:00:00Z", true),
            ("2026-06-01T23:59:59.999Z", true),
            ("2026-06-02T00:00:00Z", false),
        ],
    );
}

#[test]
fn weekdays_include_both_ends_and_begin_with_sunday() {
    check(
        "UTC",
        r#"{"weekdays": ["Monday:friday"]}"#,
        &[
            ("2026-06-07T23:59:59Z", false),
            ("2026-06-08T00:00:00Z", true),
            ("2026-06-12T23:59:59Z", true),
            ("2026-06-13T00:00:00Z", false),
        ],
    );
    check(
        "UTC",
        r#"{"weekdays": ["sunday:monday", "saturday"]}"#,
        &[
            ("2026-06-06T12:00:00Z", true),
            ("2026-06-07T12:00:00Z", true),
            ("2026-06-08T12:00:00Z", true),
            ("2026-06-09T12:00:00Z", false),
        ],
    );
}

#[test]
fn days_of_the_month_count_from_both_ends_and_stay_within_the_month() {
    check(
        "UTC",
        r#"{"days_of_month": ["1:5", "-3:-1"]}"#,
        &[
            ("2026-02-05T12:00:00Z", true),
            ("2026-02-06T12:00:00Z", false),
            ("2026-02-25T12:00:00Z", false),
            ("2026-02-26T12:00:00Z", true),
            ("2028-02-26T12:00:00Z", false),
            ("2028-02-29T12:00:00Z", true),
            ("2026-04-28T12:00:00Z", true),
            ("2026-04-27T12:00:00Z", false),
        ],
    );
    // The end is cut to the month; a beginning after the month is no day at all.
    check(
        "UTC",
        r#"{"days_of_month": ["29:31"]}"#,
        &[
            ("2026-02-28T12:00:00Z", false),
            ("2028-02-29T12:00:00Z", true),
            ("2026-04-30T12:00:00Z", true),
        ],
    );
    check(
        "UTC",
        r#"{"days_of_month": ["-31:-28"]}"#,
        &[
            ("2026-02-01T12:00:00Z", true),
            ("2026-02-02T12:00:00Z", false),
            ("2026-01-01T12:00:00Z", true),
            ("2026-01-04T12:00:00Z", true),
            ("2026-01-05T12:00:00Z", false),
        ],
    );
    check(
        "UTC",
        r#"{"days_of_month": ["10:-10"]}"#,
        &[
            ("2026-02-09T12:00:00Z", false),
            ("2026-02-19T12:00:00Z", true),
            ("2026-02-20T12:00:00Z", false),
            ("2026-01-22T12:00:00Z", true),
        ],
    );
}

#[test]
fn the_last_day_of_a_month_with_a_change_of_the_clocks_is_its_last() {
    check(
        "Europe/Berlin",
        r#"{"days_of_month": ["-1"], "months": ["march", "10"]}"#,
        &[
            ("2026-03-30T12:00:00Z", false),
            ("2026-03-30T22:00:00Z", true),
            ("2026-03-31T21:59:59Z", true),
            ("2026-03-31T22:00:00Z", false),
            ("2026-10-30T22:59:59Z", false),
            ("2026-10-30T23:00:00Z", true),
            ("2026-10-31T22:59:59Z", true),
        ],
    );
}

#[test]
fn months_and_years_include_both_ends() {
    check(
        "UTC",
        r#"{"months": ["january:March", "12"], "years": ["2026:2027", "2030"]}"#,
        &[
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-03-31T23:59:59Z", true),
            ("2026-04-01T00:00:00Z", false),
            ("2027-12-01T00:00:00Z", true),
            ("2028-01-01T00:00:00Z", false),
            ("2030-12-31T23:59:59Z", true),
        ],
    );
}

#[test]
fn every_kind_that_is_given_must_fit() {
    check(
        "UTC",
        r#"{"times": [{"from": "09:00", "to": "17:00"}], "weekdays": ["monday"], "months": ["june"]}"#,
        &[
            ("2026-06-08T09:00:00Z", true),
            ("2026-06-09T09:00:00Z", false),
            ("2026-06-08T08:00:00Z", false),
            ("2026-07-06T09:00:00Z", false),
        ],
    );
}

#[test]
fn the_clock_on_the_wall_decides_when_it_is_changed() {
    let night = r#"{"times": [{"from": "02:00", "to": "03:00"}]}"#;
    // 02:00 to 03:00 does not come on the 29th of March and comes twice on the 25th of October.
    check(
        "Europe/Berlin",
        night,
        &[
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", false),
            ("2026-03-30T00:00:00Z", true),
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ],
    );
    check(
        "America/New_York",
        night,
        &[
            ("2026-03-08T06:59:59Z", false),
            ("2026-03-08T07:00:00Z", false),
            ("2026-11-01T05:30:00Z", false),
            ("2026-11-01T07:00:00Z", true),
        ],
    );
    // Half an hour: 01:30 to 02:00 comes twice on the 5th of April.
    check(
        "Australia/Lord_Howe",
        r#"{"times": [{"from": "01:30", "to": "02:00"}]}"#,
        &[
            ("2026-04-04T14:29:59Z", false),
            ("2026-04-04T14:30:00Z", true),
            ("2026-04-04T15:29:59Z", true),
            ("2026-04-04T15:30:00Z", false),
        ],
    );
    check(
        "Asia/Kathmandu",
        r#"{"times": [{"from": "09:00", "to": "09:01"}]}"#,
        &[
            ("2026-04-04T03:14:59Z", false),
            ("2026-04-04T03:15:00Z", true),
            ("2026-04-04T03:16:00Z", false),
        ],
    );
    check(
        "Pacific/Apia",
        r#"{"days_of_month": ["30"], "months": ["december"], "years": ["2011"]}"#,
        &[("2011-12-30T09:59:59Z", false), ("2011-12-30T10:00:00Z", false)],
    );
}

#[test]
fn an_interval_may_have_a_zone_of_its_own() {
    check(
        "UTC",
        r#"{"times": [{"from": "09:00", "to": "10:00"}], "time_zone": "Asia/Tokyo"}, {"years": ["2030"]}"#,
        &[
            ("2026-06-01T00:30:00Z", true),
            ("2026-06-01T09:30:00Z", false),
            ("2030-06-01T09:30:00Z", true),
        ],
    );
}
