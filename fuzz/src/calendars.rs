//! iCalendar files of other tools.
//!
//! Held: nothing panics or runs away; every shift that is read ends after it begins and lies in the span that was
//! asked for.

use model::SubscriberId;
use oncall::ical::{Import, read};

const FILES: [&str; 3] = [
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:ana\r\nDTSTART:20260105T080000Z\r\nDTEND:20260105T200000Z\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=9\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:2\nSUMMARY:bob\nDTSTART;TZID=Europe/Berlin:20260328T220000\nDURATION:PT12H\nRRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20260410\nEXDATE;TZID=Europe/Berlin:20260330T220000\nEND:VEVENT\nEND:VCALENDAR\n",
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:3\nSUMMARY:a\\,b\\n\n c\nDTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260303\nEND:VEVENT\nEND:VCALENDAR\n",
];

/// Files.
pub fn seeds() -> Vec<Vec<u8>> {
    FILES.map(|file| file.as_bytes().to_vec()).into()
}

/// Reads a file into the shifts of a year.
pub fn check(bytes: &[u8]) {
    let at = |second| jiff::Timestamp::from_second(second).expect("it is in range");
    let (from, until) = (at(1_767_225_600), at(1_798_761_600));
    let person_of = |name: &str| (!name.is_empty()).then_some(SubscriberId(1));
    let import = Import { time_zone: "Europe/Berlin", from, until, person_of: &person_of };
    let Ok(imported) = read(bytes, &import) else { return };
    for shift in imported.shifts {
        assert!(shift.start < shift.end, "{shift:?}");
        assert!(shift.end > from && shift.start < until, "{shift:?}");
    }
}
