//! Bytes that nobody meant well: reading ends, gives no more than it may, and accounts for every event.

use jiff::SignedDuration;
use oncall::ical::{Import, read};
use oncall::limits;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;

use crate::instants::{at, person};

fn check(file: &[u8]) -> Result<(), TestCaseError> {
    let from = at("2026-01-01T00:00:00Z");
    let until = from + SignedDuration::from_hours(24 * limits::SPAN_DAYS);
    let person_of = |text: &str| text.len().is_multiple_of(3).then(|| person("a"));
    let import = Import { time_zone: "Pacific/Apia", from, until, person_of: &person_of };
    let Ok(imported) = read(file, &import) else { return Ok(()) };
    prop_assert!(imported.shifts.len() <= limits::SHIFTS);
    prop_assert!(imported.problems.len() <= limits::ICAL_PROBLEMS);
    prop_assert!(imported.shifts.iter().all(|shift| shift.start < shift.end));
    prop_assert!(imported.shifts.iter().all(|shift| shift.start < until && from < shift.end));
    prop_assert!(imported.problems.iter().all(|problem| problem.line > 0));
    Ok(())
}

fn text(pattern: &str) -> impl Strategy<Value = String> + use<> {
    string_regex(pattern).expect("a pattern")
}

/// Lines of iCalendar, good and bad ones.
fn line() -> impl Strategy<Value = String> {
    let moment = "(19|20|00)[0-9]{2}(0[0-9]|1[0-3])[0-3][0-9](T[0-2][0-9][0-6][0-9][0-6][0-9]Z?)?";
    let name = "(DTSTART|DTEND|EXDATE|RECURRENCE-ID|RDATE)";
    let zone =
        "(;TZID=(Europe/Berlin|/x/America/New_York|\"Pacific/Apia\"|/+|Mars))?(;VALUE=DATE)?";
    let rule = "RRULE:FREQ=(DAILY|WEEKLY|YEARLY)(;INTERVAL=[0-9]{1,6})?(;COUNT=[0-9]{1,7})?(;UNTIL=20[0-9]{6})?\
                (;BYDAY=(MO|TU|SU|1FR)(,WE)?)?(;WKST=(SU|XX))?";
    prop_oneof![
        4 => text(&format!("{name}{zone}:{moment}")),
        2 => text(&format!("DTSTART{zone}:{moment}")),
        2 => "DURATION:[+-]?P([0-9]{1,10}W)?([0-9]{1,3}D)?(T[0-9]{1,12}[HMS])?",
        2 => rule,
        2 => "SUMMARY:[ -~]{0,6}",
        1 => "[A-Z]{1,3}[:;=\" ]{0,3}\\PC{0,8}",
        1 => "(BEGIN|END):(VEVENT|VALARM|VCALENDAR|VTIMEZONE)",
        1 => "UID:[ab]",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_taken(file in vec(any::<u8>(), 0..400)) {
        check(&file)?;
    }

    #[test]
    fn any_lines_are_taken(events in vec(vec(line(), 0..8), 0..6), end in "(\r)?\n( )?") {
        let events = events.iter().map(|lines| {
            format!("BEGIN:VEVENT\n{}\nEND:VEVENT\n", lines.join(&end))
        });
        let file = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.collect::<String>());
        check(file.as_bytes())?;
    }
}

#[test]
fn the_worst_files_end_soon() {
    let fill = |head: &str, part: &str, tail: &str| {
        let count = (limits::ICAL_BYTES - head.len() - tail.len()) / part.len();
        format!("{head}{}{tail}", part.repeat(count))
    };
    let event = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nSUMMARY:abc\nDTSTART:19700101T000000Z\nDURATION:P399D\n\
                 RRULE:FREQ=DAILY\n";
    let end = "\nEND:VEVENT\nEND:VCALENDAR\n";
    let short = "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:19700101T000000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEND:VEVENT\n";
    let other = "BEGIN:VEVENT\nUID:x\nRECURRENCE-ID:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT\n";
    for file in [
        fill(&format!("{event}EXDATE:19700101"), ",20260101T000000Z", end),
        fill("", "/", ""),
        fill("DTSTART;TZID=", "/", ":x"),
        fill("", "BEGIN:A\n", ""),
        fill("A:", "\n ", ""),
        fill("", ";", ":"),
        fill("", "\"", ":"),
        fill("SUMMARY:", "\\", ""),
        fill("BEGIN:VCALENDAR\n", &short.repeat(50), ""),
        fill(event, &other.repeat(100), end),
        fill(event, "ATTENDEE:mailto:x\n", end),
    ] {
        check(file.as_bytes()).expect("it keeps its bounds");
    }
}
