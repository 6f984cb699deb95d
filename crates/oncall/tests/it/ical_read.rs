//! iCalendar files of other programs: which shifts they give, and what is told of the rest.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use oncall::Schedule;
use oncall::ical::{Import, Imported, ReadError, read};

use crate::instants::{at, letter, person, zone};

/// Ada is `a`, Bob is `b`; read for a zone and a span.
fn imported(events: &str, zone_name: &str, from: &str, until: &str) -> Imported {
    let file = format!(
        "BEGIN:VCALENDAR\n{}END:VCALENDAR\n",
        events.replace("\n         ", "\n").trim_start()
    );
    let person_of = |text: &str| match text {
        "ada@example.com" | "Ada" | "Ada on call" => Some(person("a")),
        "bob@example.com" | "Bob" => Some(person("b")),
        _ => None,
    };
    let import =
        Import { time_zone: zone_name, from: at(from), until: at(until), person_of: &person_of };
    read(file.as_bytes(), &import).expect("it is read")
}

fn shown(imported: &Imported, zone_name: &str) -> String {
    let mut result = String::new();
    for shift in &imported.shifts {
        let local = |at: jiff::Timestamp| {
            at.to_zoned(zone(zone_name)).strftime("%a %Y-%m-%d %H:%M %:z").to_string()
        };
        let (start, end) = (local(shift.start), local(shift.end));
        let who = letter(shift.person);
        let uid = if shift.uid.is_empty() { "-" } else { &shift.uid };
        writeln!(result, "line {}: {start} to {end} {who} {uid}", shift.line).expect("a text");
    }
    for problem in &imported.problems {
        writeln!(result, "problem in line {}: {}", problem.line, problem.message).expect("a text");
    }
    for (count, what) in [
        (imported.further_problems, "more problems"),
        (imported.outside, "outside"),
        (imported.cancelled, "cancelled"),
    ] {
        if count > 0 {
            writeln!(result, "{count} {what}").expect("a text");
        }
    }
    result
}

fn check(events: &str, zone_name: &str, from: &str, until: &str, expected: Expect) {
    let imported = imported(events, zone_name, from, until);
    expected.assert_eq(&shown(&imported, zone_name));
}

#[test]
fn times_are_in_utc_in_a_named_zone_or_in_that_of_the_reader() {
    check(
        "BEGIN:VEVENT
         UID:1
         SUMMARY:Ada
         DTSTART:20260601T070000Z
         DTEND:20260601T150000Z
         END:VEVENT
         BEGIN:VEVENT
         UID:2
         SUMMARY:Bob
         DTSTART;TZID=\"America/New_York\":20260601T070000
         DURATION:PT8H
         END:VEVENT
         BEGIN:VEVENT
         UID:3
         SUMMARY:Ada on
          \x20call
         DTSTART:20260602T090000
         DURATION:P1DT1H
         END:VEVENT
         BEGIN:VEVENT
         UID:4
         SUMMARY:Bob
         DTSTART;VALUE=DATE:20260604
         DTEND;VALUE=DATE:20260606
         END:VEVENT
         BEGIN:VEVENT
         UID:5
         SUMMARY:Ada
         DTSTART;VALUE=DATE:20260610
         END:VEVENT
         ",
        "Europe/Berlin",
        "2026-06-01T00:00:00Z",
        "2026-07-01T00:00:00Z",
        expect![[r#"
            line 2: Mon 2026-06-01 09:00 +02:00 to Mon 2026-06-01 17:00 +02:00 a 1
            line 8: Mon 2026-06-01 13:00 +02:00 to Mon 2026-06-01 21:00 +02:00 b 2
            line 14: Tue 2026-06-02 09:00 +02:00 to Wed 2026-06-03 10:00 +02:00 a 3
            line 21: Thu 2026-06-04 00:00 +02:00 to Sat 2026-06-06 00:00 +02:00 b 4
            line 27: Wed 2026-06-10 00:00 +02:00 to Thu 2026-06-11 00:00 +02:00 a 5
        "#]],
    );
}

#[test]
fn a_weekly_turn_keeps_its_local_times_when_clocks_change() {
    check(
        "BEGIN:VEVENT
         UID:a
         ATTENDEE;CN=\"Somebody; else\";PARTSTAT=ACCEPTED:MAILTO:ada@example.com
         SUMMARY:on call
         DTSTART;TZID=Europe/Berlin:20260309T090000
         DTEND;TZID=Europe/Berlin:20260316T090000
         RRULE:FREQ=WEEKLY;INTERVAL=2
         END:VEVENT
         BEGIN:VEVENT
         UID:b
         ATTENDEE;CN=Bob:mailto:robert@example.com
         SUMMARY:on call
         DTSTART;TZID=Europe/Berlin:20260316T090000
         DTEND;TZID=Europe/Berlin:20260323T090000
         RRULE:FREQ=WEEKLY;INTERVAL=2
         END:VEVENT
         ",
        "Europe/Berlin",
        "2026-03-16T00:00:00Z",
        "2026-04-12T00:00:00Z",
        expect![[r#"
            line 2: Mon 2026-03-09 09:00 +01:00 to Mon 2026-03-16 09:00 +01:00 a a
            line 10: Mon 2026-03-16 09:00 +01:00 to Mon 2026-03-23 09:00 +01:00 b b
            line 2: Mon 2026-03-23 09:00 +01:00 to Mon 2026-03-30 09:00 +02:00 a a
            line 10: Mon 2026-03-30 09:00 +02:00 to Mon 2026-04-06 09:00 +02:00 b b
            line 2: Mon 2026-04-06 09:00 +02:00 to Mon 2026-04-13 09:00 +02:00 a a
        "#]],
    );
}

#[test]
fn rules_of_recurrence_have_days_ends_counts_and_exceptions() {
    check(
        "BEGIN:VEVENT
         UID:office
         SUMMARY:Ada
         DTSTART;TZID=Europe/Berlin:20260601T090000
         DURATION:PT8H
         RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=6
         EXDATE;TZID=Europe/Berlin:20260603T090000,20260608T090000
         END:VEVENT
         BEGIN:VEVENT
         UID:days
         SUMMARY:Bob
         DTSTART:20260601T200000Z
         DURATION:PT1H
         RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20260607T200000Z
         EXDATE;VALUE=DATE:20260604
         END:VEVENT
         BEGIN:VEVENT
         UID:weekdays
         SUMMARY:Ada
         DTSTART;VALUE=DATE:20260613
         RRULE:FREQ=DAILY;BYDAY=SA,SU;UNTIL=20260621
         END:VEVENT
         ",
        "Europe/Berlin",
        "2026-06-01T00:00:00Z",
        "2026-07-01T00:00:00Z",
        expect![[r#"
            line 2: Mon 2026-06-01 09:00 +02:00 to Mon 2026-06-01 17:00 +02:00 a office
            line 10: Mon 2026-06-01 22:00 +02:00 to Mon 2026-06-01 23:00 +02:00 b days
            line 2: Fri 2026-06-05 09:00 +02:00 to Fri 2026-06-05 17:00 +02:00 a office
            line 10: Sun 2026-06-07 22:00 +02:00 to Sun 2026-06-07 23:00 +02:00 b days
            line 2: Wed 2026-06-10 09:00 +02:00 to Wed 2026-06-10 17:00 +02:00 a office
            line 2: Fri 2026-06-12 09:00 +02:00 to Fri 2026-06-12 17:00 +02:00 a office
            line 18: Sat 2026-06-13 00:00 +02:00 to Sun 2026-06-14 00:00 +02:00 a weekdays
            line 18: Sun 2026-06-14 00:00 +02:00 to Mon 2026-06-15 00:00 +02:00 a weekdays
            line 18: Sat 2026-06-20 00:00 +02:00 to Sun 2026-06-21 00:00 +02:00 a weekdays
            line 18: Sun 2026-06-21 00:00 +02:00 to Mon 2026-06-22 00:00 +02:00 a weekdays
        "#]],
    );
}

/// The two examples of RFC 5545, 3.8.5.3, in which the day a week begins with decides.
#[test]
fn the_day_a_week_begins_with_decides_every_second_week() {
    for (week_start, days) in [("MO", [5, 10, 19, 24]), ("SU", [5, 17, 19, 31])] {
        let event = format!(
            "BEGIN:VEVENT\nSUMMARY:Ada\nDTSTART;TZID=America/New_York:19970805T090000\nDURATION:PT1H\n\
             RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST={week_start}\nEND:VEVENT\n"
        );
        let imported =
            imported(&event, "America/New_York", "1997-08-01T00:00:00Z", "1997-09-30T00:00:00Z");
        let found: Vec<i8> =
            imported.shifts.iter().map(|shift| shift.start.to_zoned(zone("UTC")).day()).collect();
        assert_eq!(found, days, "{week_start}");
    }
}

#[test]
fn a_rule_that_began_long_ago_is_found_where_it_is_asked_for() {
    let rules = [
        ("FREQ=DAILY", 31),
        ("FREQ=DAILY;INTERVAL=7", 5),
        ("FREQ=WEEKLY;BYDAY=FR,MO", 9),
        ("FREQ=DAILY;COUNT=1000000", 31),
        ("FREQ=DAILY;COUNT=20000", 0),
    ];
    for (rule, count) in rules {
        let event = format!(
            "BEGIN:VEVENT\nSUMMARY:Ada\nDTSTART:19700102T090000Z\nDURATION:PT1H\nRRULE:{rule}\nEND:VEVENT\n"
        );
        let imported = imported(&event, "UTC", "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z");
        assert_eq!((imported.shifts.len(), imported.problems.len()), (count, 0), "{rule}");
    }
}

#[test]
fn one_time_of_an_event_is_told_by_another_or_cancelled() {
    check(
        "BEGIN:VEVENT
         UID:w
         SUMMARY:Ada
         DTSTART:20260601T090000Z
         DURATION:PT8H
         RRULE:FREQ=WEEKLY
         END:VEVENT
         BEGIN:VEVENT
         UID:w
         RECURRENCE-ID:20260608T090000Z
         SUMMARY:Bob
         DTSTART:20260608T100000Z
         DURATION:PT8H
         END:VEVENT
         BEGIN:VEVENT
         UID:w
         RECURRENCE-ID:20260615T090000Z
         STATUS:CANCELLED
         SUMMARY:Ada
         DTSTART:20260615T090000Z
         END:VEVENT
         ",
        "UTC",
        "2026-06-01T00:00:00Z",
        "2026-06-29T00:00:00Z",
        expect![[r#"
            line 2: Mon 2026-06-01 09:00 +00:00 to Mon 2026-06-01 17:00 +00:00 a w
            line 9: Mon 2026-06-08 10:00 +00:00 to Mon 2026-06-08 18:00 +00:00 b w
            line 2: Mon 2026-06-22 09:00 +00:00 to Mon 2026-06-22 17:00 +00:00 a w
            1 cancelled
        "#]],
    );
}

#[test]
fn zones_are_known_by_their_iana_names_in_the_disguises_programs_give_them() {
    check(
        "BEGIN:VTIMEZONE
         TZID:W. Europe Standard Time
         X-LIC-LOCATION:Europe/Berlin
         BEGIN:STANDARD
         DTSTART:16010101T030000
         END:STANDARD
         END:VTIMEZONE
         BEGIN:VEVENT
         SUMMARY:Ada
         DTSTART;TZID=W. Europe Standard Time:20260601T090000
         DURATION:PT1H
         END:VEVENT
         BEGIN:VEVENT
         SUMMARY:Ada
         DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20260601T110000
         DURATION:PT1H
         END:VEVENT
         BEGIN:VEVENT
         SUMMARY:Ada
         DTSTART;TZID=Tokyo Standard Time:20260601T090000
         DURATION:PT1H
         END:VEVENT
         ",
        "UTC",
        "2026-06-01T00:00:00Z",
        "2026-06-02T00:00:00Z",
        expect![[r#"
            line 9: Mon 2026-06-01 07:00 +00:00 to Mon 2026-06-01 08:00 +00:00 a -
            line 14: Mon 2026-06-01 09:00 +00:00 to Mon 2026-06-01 10:00 +00:00 a -
            problem in line 21: unknown time zone "Tokyo Standard Time"
        "#]],
    );
}

/// Events of which something is not understood, and two that are.
fn doubtful_events() -> String {
    let event = |lines: &str| format!("BEGIN:VEVENT\nSUMMARY:Ada\n{lines}END:VEVENT\n");
    let start = "DTSTART:20260601T090000Z\n";
    let events = [
        event(""),
        event("DTSTART:20261301T090000Z\n"),
        event("DTSTART:20260601T090000Z,20260602T090000Z\n"),
        event("DTSTART:15000101T000000Z\n"),
        event(start),
        event(&format!("{start}DTEND:20260601T080000Z\n")),
        event(&format!("{start}DTEND;VALUE=DATE:20260602\n")),
        event(&format!("{start}DTEND:20260602T080000Z\nDURATION:PT1H\n")),
        event(&format!("{start}DURATION:-PT1H\n")),
        event(&format!("{start}DURATION:P401D\n")),
        event(&format!("{start}DURATION:PT1H\nRRULE:FREQ=MONTHLY\n")),
        event(&format!("{start}DURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=1MO\n")),
        event(&format!("{start}DURATION:PT1H\nRRULE:FREQ=DAILY;BYHOUR=9\n")),
        event(&format!("{start}DURATION:PT1H\nRRULE:FREQ=DAILY;INTERVAL=0\n")),
        event(&format!("{start}DURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=1;UNTIL=20260602\n")),
        event(&format!("{start}DURATION:PT1H\nRRULE:INTERVAL=1\n")),
        event(&format!("{start}DURATION:PT1H\nRDATE:20260602T090000Z\n")),
        event(&format!("{start}DURATION:PT1H\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260602T090000Z\n")),
        event(&format!("{start}DURATION:PT1H\n{start}")),
        "BEGIN:VEVENT\nSUMMARY:Carol\nATTENDEE:mailto:carol@example.com\nDTSTART;VALUE=DATE:20260601\nEND:VEVENT\n".to_owned(),
        "BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260601\nEND:VEVENT\n".to_owned(),
        "BEGIN:VEVENT\nATTENDEE:mailto:ada@example.com\nATTENDEE:mailto:bob@example.com\nDTSTART;VALUE=DATE:20260601\nEND:VEVENT\n".to_owned(),
        "BEGIN:VTODO\nSUMMARY:Ada\nEND:VTODO\nno colon\nEND:VEVENT\n".to_owned(),
        "BEGIN:VEVENT\nSUMMARY:Ada\nDTSTART;VALUE=DATE:20260601\nBEGIN:VALARM\nDURATION:PT5M\nEND:VALARM\nX-ANY;A=B:c\nEND:VEVENT\n".to_owned(),
        "BEGIN:VEVENT\nSUMMARY:Ada\nDTSTART;VALUE=DATE:20270601\nEND:VEVENT\n".to_owned(),
        "BEGIN:VEVENT\nSUMMARY:Ada\n".to_owned(),
    ];
    events.concat()
}

#[test]
fn what_is_not_understood_is_told_with_its_line() {
    check(
        &doubtful_events(),
        "UTC",
        "2026-06-01T00:00:00Z",
        "2026-07-01T00:00:00Z",
        expect![[r#"
            line 109: Mon 2026-06-01 00:00 +00:00 to Tue 2026-06-02 00:00 +00:00 a -
            line 119: Mon 2026-06-01 00:00 +00:00 to Tue 2026-06-02 00:00 +00:00 a -
            problem in line 1: VCALENDAR is never ended and not read
            problem in line 2: an event must have DTSTART
            problem in line 7: "20261301T090000Z" is no date or time between 1970 and 2200
            problem in line 11: DTSTART must have one value
            problem in line 15: "15000101T000000Z" is no date or time between 1970 and 2200
            problem in line 17: the event takes no time
            problem in line 21: the event takes no time
            problem in line 29: DTSTART and DTEND must both be dates or both be times
            problem in line 35: an event has DTEND or DURATION, not both
            problem in line 40: "-PT1H" is no duration
            problem in line 42: the event lasts longer than 400 days
            problem in line 51: recurrence is understood when it is DAILY or WEEKLY, not "MONTHLY"
            problem in line 57: a rule of recurrence with "BYDAY=1MO" is not understood
            problem in line 63: a rule of recurrence with "BYHOUR=9" is not understood
            problem in line 69: a rule of recurrence with "INTERVAL=0" is not understood
            problem in line 75: a rule of recurrence has COUNT or UNTIL, not both
            problem in line 81: a rule of recurrence must have FREQ
            problem in line 87: RDATE is not understood
            problem in line 93: RECURRENCE-ID with RANGE is not understood
            problem in line 99: a second DTSTART in one event
            problem in line 101: nobody is known as "carol@example.com", "Carol"
            problem in line 106: the event names nobody
            problem in line 109: the event names several people; only the first is taken
            problem in line 114: VTODO is no event and not read
            problem in line 117: not a line of iCalendar: name, colon, value
            problem in line 118: END of "VEVENT", which is not open
            problem in line 131: VEVENT is never ended and not read
            problem in line 133: END of "VCALENDAR", which is not open
            1 outside
        "#]],
    );
}

#[test]
fn what_is_no_calendar_is_told_and_what_is_too_much_is_refused() {
    let nobody = |_: &str| None;
    let (from, until) = (at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"));
    let import = Import { time_zone: "UTC", from, until, person_of: &nobody };
    let empty = read(b"", &import).expect("it is read");
    assert_eq!(empty.problems.len(), 1);
    assert_eq!(read(&vec![b'x'; (1 << 20) + 1], &import), Err(ReadError::TooLong));
    let events = "BEGIN:VEVENT\nEND:VEVENT\n".repeat(5_001);
    assert_eq!(read(events.as_bytes(), &import), Err(ReadError::TooManyEvents));
    let many = read("x\n".repeat(150).as_bytes(), &import).expect("it is read");
    assert_eq!((many.problems.len(), many.further_problems), (100, 51));
    let import = Import { time_zone: "Europe/Atlantis", from, until, person_of: &nobody };
    assert_eq!(read(b"", &import), Err(ReadError::UnknownZone));
    let import = Import { time_zone: "UTC", from: until, until: from, person_of: &nobody };
    assert!(matches!(read(b"", &import), Err(ReadError::Span(_))));
}

#[test]
fn more_shifts_than_an_answer_may_have_are_refused_and_more_steps_are_told() {
    let everybody = |_: &str| Some(person("a"));
    let (from, until) = (at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
    let import = Import { time_zone: "UTC", from, until, person_of: &everybody };
    let event = |rule: &str| {
        format!(
            "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:19700101T000000Z\nDURATION:PT1H\nRRULE:{rule}\nEND:VEVENT\n"
        )
    };
    let calendar = |events: String| format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n");
    let many = calendar(event("FREQ=DAILY").repeat(28));
    assert_eq!(read(many.as_bytes(), &import), Err(ReadError::TooManyShifts));
    let long = calendar(event("FREQ=DAILY;COUNT=20000").repeat(40));
    let imported = read(long.as_bytes(), &import).expect("it is read");
    assert_eq!((imported.outside, imported.problems.len()), (24, 16));
}

#[test]
fn what_was_read_can_be_the_overrides_of_a_schedule() {
    let imported = imported(
        "BEGIN:VEVENT\nSUMMARY:Ada\nDTSTART;VALUE=DATE:20260601\nEND:VEVENT\n",
        "Europe/Berlin",
        "2026-06-01T00:00:00Z",
        "2026-06-02T00:00:00Z",
    );
    let mut document = crate::written::document("zone Europe/Berlin");
    document.overrides =
        imported.shifts.iter().map(oncall::ical::ImportedShift::to_override).collect();
    let schedule = Schedule::new(&document).expect("a good schedule");
    assert_eq!(schedule.on_call(at("2026-05-31T22:00:00Z")), Some(person("a")));
    assert_eq!(schedule.on_call(at("2026-06-01T22:00:00Z")), None);
}
