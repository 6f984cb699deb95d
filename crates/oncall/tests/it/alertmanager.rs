//! Time intervals of Alertmanager's configuration, as a reader of YAML hands them over.

use expect_test::{Expect, expect};
use oncall::{Calendar, from_alertmanager};
use serde_json::json;

use crate::instants::at;

fn check(value: &serde_json::Value, expected: Expect) {
    let shown = match from_alertmanager(value) {
        Ok(documents) => serde_json::to_string_pretty(&documents).expect("json") + "\n",
        Err(errors) => errors
            .iter()
            .map(|error| format!("{}: {}: {}\n", error.field, error.code, error.message))
            .collect(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn intervals_keep_their_ranges_and_get_the_names_of_ours() {
    check(
        &json!([{"name": "out of hours", "time_intervals": [
            {"times": [{"start_time": "00:00", "end_time": "09:00"}, {"start_time": "17:00", "end_time": "24:00"}],
             "weekdays": ["monday:friday"], "location": "Europe/Berlin"},
            {"weekdays": ["saturday", "sunday"], "days_of_month": [-1, "1:5"], "months": [1, "june:july"],
             "years": [2026, "2027:2030"]}]}]),
        expect![[r#"
            [
              {
                "name": "out of hours",
                "time_zone": "UTC",
                "intervals": [
                  {
                    "time_zone": "Europe/Berlin",
                    "times": [
                      {
                        "from": "00:00",
                        "to": "09:00"
                      },
                      {
                        "from": "17:00",
                        "to": "24:00"
                      }
                    ],
                    "weekdays": [
                      "monday:friday"
                    ]
                  },
                  {
                    "weekdays": [
                      "saturday",
                      "sunday"
                    ],
                    "days_of_month": [
                      "-1",
                      "1:5"
                    ],
                    "months": [
                      "1",
                      "june:july"
                    ],
                    "years": [
                      "2026",
                      "2027:2030"
                    ]
                  }
                ]
              }
            ]
        "#]],
    );
}

#[test]
fn one_object_is_read_as_a_list_of_one_and_is_in_utc_unless_it_says_where() {
    let value = json!({"name": "night", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "24:00"}]}]});
    let documents = from_alertmanager(&value).expect("one calendar");
    let calendar = Calendar::new(&documents[0]).expect("a good calendar");
    assert_eq!(documents.len(), 1);
    assert!(calendar.is_in_force(at("2026-06-01T22:00:00Z")));
    assert!(!calendar.is_in_force(at("2026-06-01T21:59:59Z")));
}

#[test]
fn what_is_not_its_shape_is_told_with_its_path() {
    check(
        &json!([{"name": 7.5, "time_intervals": [
            {"times": [{"start_time": "09:00", "ende": 1}, "09:00"], "weekdays": [], "years": "2026",
             "months": [true], "location": []}, 3]},
            {"time_interval": []}, "x"]),
        expect![[r#"
            [0].name: wrong_type: must be a text
            [0].time_intervals[0].weekdays: missing: an empty list never holds; leave it out to mean everything
            [0].time_intervals[0].months[0]: wrong_type: must be a text
            [0].time_intervals[0].years: wrong_type: must be a list
            [0].time_intervals[0].times[0].ende: unknown_field: known are start_time, end_time
            [0].time_intervals[0].times[0].end_time: missing: must be a text
            [0].time_intervals[0].times[1]: wrong_type: must be an object with start_time, end_time
            [0].time_intervals[0].location: wrong_type: must be a text
            [0].time_intervals[1]: wrong_type: must be an object with times, weekdays, days_of_month, months, years, location
            [1].time_interval: unknown_field: known are name, time_intervals
            [1].name: missing: must be a text
            [2]: wrong_type: must be an object with name, time_intervals
        "#]],
    );
    check(
        &json!(null),
        expect![[r#"
        : wrong_type: must be an object with name, time_intervals
    "#]],
    );
}

/// The ranges that Alertmanager 0.28 takes and refuses.
#[test]
fn what_it_takes_and_refuses_is_taken_and_refused() {
    for (kind, range, good) in [
        ("weekdays", "SUNDAY:saturday", true),
        ("weekdays", "friday:monday", false),
        ("weekdays", "1:5", false),
        ("days_of_month", "1:31", true),
        ("days_of_month", "-31:-1", true),
        ("days_of_month", "15:-1", true),
        ("days_of_month", "-1:15", false),
        ("days_of_month", "29:-1", false),
        ("days_of_month", "0:1", false),
        ("days_of_month", "1:2:3", false),
        ("months", "april:4", true),
        ("months", "May:december", true),
        ("months", "december:may", false),
        ("years", "2020:2020", true),
        ("years", "2021:2020", false),
        ("years", "twenty", false),
    ] {
        let value = json!({"name": "x", "time_intervals": [{kind: [range]}]});
        let documents = from_alertmanager(&value).expect("the shape is good");
        assert_eq!(Calendar::new(&documents[0]).is_ok(), good, "{kind} {range}");
    }
    for (from, to, good) in [
        ("00:00", "24:00", true),
        ("23:59", "24:00", true),
        ("24:00", "24:00", false),
        ("9:00", "17:00", false),
        ("22:00", "06:00", false),
        ("09:00", "09:00", false),
        ("09:60", "10:00", false),
        ("", "10:00", false),
    ] {
        let value = json!({"name": "x", "time_intervals": [{"times": [{"start_time": from, "end_time": to}]}]});
        let documents = from_alertmanager(&value).expect("the shape is good");
        assert_eq!(Calendar::new(&documents[0]).is_ok(), good, "{from} {to}");
    }
}
