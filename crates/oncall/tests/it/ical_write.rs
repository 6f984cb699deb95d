//! iCalendar files of a schedule: their bytes, and that they can be read again.

use expect_test::expect;
use jiff::{SignedDuration, Timestamp};
use model::{ScheduleId, SubscriberId};
use oncall::ical::{Feed, Import, read, write};
use oncall::{Error, Schedule};
use proptest::prelude::*;

use crate::instants::{at, letter, person};
use crate::reference::schedules;
use crate::written::schedule;

fn written(
    schedule: &Schedule,
    of: Option<SubscriberId>,
    from: Timestamp,
    until: Timestamp,
) -> String {
    let feed = Feed {
        schedule: ScheduleId(0xabc),
        person: of,
        from,
        until,
        revised: at("2026-01-01T00:00:00Z"),
        name_of: &|person| format!("Person \"{}\"; of Zürich, Team\\1", letter(person)),
    };
    write(schedule, &feed).expect("a file")
}

#[test]
fn a_file_has_an_event_for_each_shift() {
    let schedule = schedule(
        "zone Europe/Berlin
         layer days: a b every 1d from 2026-03-28T09:00
         override c 2026-03-28T12:00 2026-03-28T13:00",
    );
    let file = written(&schedule, None, at("2026-03-28T00:00:00Z"), at("2026-03-29T12:00:00Z"));
    expect![[r#"
        BEGIN:VCALENDAR
        VERSION:2.0
        PRODID:-//Stormbell//on-call//EN
        CALSCALE:GREGORIAN
        X-WR-CALNAME:Platform
        BEGIN:VEVENT
        UID:20260328T080000Z-00000000-0000-0000-0000-00000000000a-00000000-0000-000
         0-0000-000000000abc@stormbell
        DTSTAMP:20260101T000000Z
        DTSTART:20260328T080000Z
        DTEND:20260328T110000Z
        SUMMARY:Person "a"\; of Zürich\, Team\\1 on call: Platform
        DESCRIPTION:Layer: days
        TRANSP:TRANSPARENT
        X-STORMBELL-PERSON:00000000-0000-0000-0000-00000000000a
        END:VEVENT
        BEGIN:VEVENT
        UID:20260328T110000Z-00000000-0000-0000-0000-00000000000c-00000000-0000-000
         0-0000-000000000abc@stormbell
        DTSTAMP:20260101T000000Z
        DTSTART:20260328T110000Z
        DTEND:20260328T120000Z
        SUMMARY:Person "c"\; of Zürich\, Team\\1 on call: Platform
        DESCRIPTION:Override
        TRANSP:TRANSPARENT
        X-STORMBELL-PERSON:00000000-0000-0000-0000-00000000000c
        END:VEVENT
        BEGIN:VEVENT
        UID:20260328T120000Z-00000000-0000-0000-0000-00000000000a-00000000-0000-000
         0-0000-000000000abc@stormbell
        DTSTAMP:20260101T000000Z
        DTSTART:20260328T120000Z
        DTEND:20260329T070000Z
        SUMMARY:Person "a"\; of Zürich\, Team\\1 on call: Platform
        DESCRIPTION:Layer: days
        TRANSP:TRANSPARENT
        X-STORMBELL-PERSON:00000000-0000-0000-0000-00000000000a
        END:VEVENT
        BEGIN:VEVENT
        UID:20260329T070000Z-00000000-0000-0000-0000-00000000000b-00000000-0000-000
         0-0000-000000000abc@stormbell
        DTSTAMP:20260101T000000Z
        DTSTART:20260329T070000Z
        DTEND:20260330T070000Z
        SUMMARY:Person "b"\; of Zürich\, Team\\1 on call: Platform
        DESCRIPTION:Layer: days
        TRANSP:TRANSPARENT
        X-STORMBELL-PERSON:00000000-0000-0000-0000-00000000000b
        END:VEVENT
        END:VCALENDAR
    "#]]
    .assert_eq(&file.replace("\r\n", "\n"));
    assert_eq!(file.matches('\n').count(), file.matches("\r\n").count());
}

#[test]
fn a_file_of_one_person_has_only_theirs() {
    let schedule = schedule("zone UTC\nlayer days: a b every 1d from 2026-03-28T09:00");
    let file = written(
        &schedule,
        Some(person("b")),
        at("2026-03-28T00:00:00Z"),
        at("2026-04-01T12:00:00Z"),
    );
    let starts: Vec<&str> = file.lines().filter(|line| line.starts_with("DTSTART")).collect();
    assert_eq!(starts, ["DTSTART:20260329T090000Z", "DTSTART:20260331T090000Z"]);
}

#[test]
fn an_event_stays_the_same_while_the_span_moves_over_it() {
    let schedule = schedule("zone UTC\nlayer weeks: a b every 1w from 2026-03-02T09:00");
    let event = |from: &str, until: &str| {
        let file = written(&schedule, None, at(from), at(until));
        let start = file.find("BEGIN:VEVENT").expect("an event");
        let end = file.find("END:VEVENT").expect("its end");
        file[start..end].to_owned()
    };
    let first = event("2026-03-02T00:00:00Z", "2026-03-05T00:00:00Z");
    assert_eq!(event("2026-03-09T08:59:59.5Z", "2026-03-09T09:00:00Z"), first);
    assert_ne!(event("2026-03-09T09:00:00Z", "2026-03-09T09:00:01Z"), first);
}

#[test]
fn lines_have_at_most_75_octets_and_no_character_is_broken() {
    let mut document =
        crate::written::document("zone UTC\nlayer x: a b every 1d from 2026-03-02T09:00");
    for name in
        ["ü".repeat(120), "日".repeat(80), "a".repeat(75), "\r\n\t\u{7}BEGIN:VEVENT".to_owned()]
    {
        document.name = format!("x{name}");
        let schedule = Schedule::new(&document).expect("a good schedule");
        let file = written(&schedule, None, at("2026-03-02T00:00:00Z"), at("2026-03-09T00:00:00Z"));
        assert!(file.split("\r\n").all(|line| line.len() <= 75), "{file}");
        let unfolded = file.replace("\r\n ", "");
        let wanted = format!("X-WR-CALNAME:x{}", name.replace("\r\n\t\u{7}", "\\n\t"));
        assert!(unfolded.contains(&wanted), "{unfolded}");
        assert_eq!(unfolded.lines().filter(|line| *line == "BEGIN:VEVENT").count(), 7);
    }
}

#[test]
fn a_span_that_may_not_be_asked_for_is_refused() {
    let schedule = schedule("zone UTC\nlayer x: a every 1d from 2026-03-02T09:00");
    let from = at("2026-03-02T00:00:00Z");
    let mut feed = Feed {
        schedule: ScheduleId(1),
        person: None,
        from,
        until: from + SignedDuration::from_hours(24 * 401),
        revised: from,
        name_of: &letter,
    };
    assert_eq!(write(&schedule, &feed), Err(Error::SpanTooLong));
    feed.until = from - SignedDuration::from_hours(1);
    assert_eq!(write(&schedule, &feed), Err(Error::Backwards));
    (feed.from, feed.until) = (Timestamp::MIN, Timestamp::MIN);
    assert!(write(&schedule, &feed).is_ok());
    (feed.from, feed.until) = (Timestamp::MAX, Timestamp::MAX);
    assert!(write(&schedule, &feed).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_can_be_read_again((schedule, from) in schedules()) {
        let until = from + SignedDuration::from_hours(24 * 12);
        let file = written(&schedule, None, from, until);
        prop_assert_eq!(&file, &written(&schedule, None, from, until));
        let person_of = |text: &str| SubscriberId::parse(text);
        let import = Import { time_zone: "UTC", from, until, person_of: &person_of };
        let imported = read(file.as_bytes(), &import).expect("it is read");
        prop_assert_eq!(&imported.problems, &[]);
        let read: Vec<_> = imported
            .shifts
            .iter()
            .map(|shift| (shift.start.max(from), shift.end.min(until), shift.person))
            .collect();
        let shifts = schedule.shifts(from, until).expect("shifts");
        let asked: Vec<_> = shifts.iter().map(|shift| (shift.start, shift.end, shift.person)).collect();
        prop_assert_eq!(read, asked);
        let mut uids: Vec<_> = imported.shifts.iter().map(|shift| &shift.uid).collect();
        uids.sort();
        uids.dedup();
        prop_assert_eq!(uids.len(), imported.shifts.len());
    }
}
