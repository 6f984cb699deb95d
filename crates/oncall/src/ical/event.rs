//! An event of an iCalendar file: from its lines to what is understood of them.
//!
//! Refuses to know who somebody is; it gathers the texts by which a person may be known.
//! Invariant: an event is understood whole or not at all.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::PERSON_PROPERTY;
use super::duration::{Duration, duration};
use super::lines::Line;
use super::moment::{Moment, Zones, moment_of, moments};
use super::recurrence::{Recurrence, recurrence};

/// What is understood of an event.
pub(super) struct Event {
    /// Where it begins in the file.
    pub(super) line: usize,
    /// Its id; empty where it has none.
    pub(super) uid: String,
    /// The texts by which its person may be known, the surest first.
    pub(super) persons: Vec<String>,
    pub(super) start: Moment,
    pub(super) length: Length,
    pub(super) recurrence: Option<Recurrence>,
    /// Times at which it does not take place after all.
    pub(super) except: Except,
    /// Which time of the event of the same id it stands for.
    pub(super) replaces: Option<Moment>,
    /// It does not take place.
    pub(super) cancelled: bool,
}

/// Times at which an event does not take place after all.
#[derive(Default)]
pub(super) struct Except {
    instants: BTreeSet<Timestamp>,
    days: BTreeSet<Date>,
}

impl Except {
    /// Adds one: a date means whatever begins on it.
    pub(super) fn add(&mut self, moment: &Moment) {
        if moment.all_day {
            self.days.insert(moment.local.date());
        } else {
            self.instants.insert(moment.at());
        }
    }

    /// Whether what begins then, and on that local date, is among them.
    pub(super) fn has(&self, start: Timestamp, date: Date) -> bool {
        self.instants.contains(&start) || self.days.contains(&date)
    }
}

/// When it ends.
pub(super) enum Length {
    Until(Moment),
    Lasting(Duration),
}

/// What could not be understood, and where.
pub(super) struct Misread {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Reads an event that begins at `line`.
pub(super) fn event(line: usize, lines: &[Line], zones: &Zones) -> Result<Event, Misread> {
    refuse_what_is_not_obeyed(lines)?;
    let find = |name: &str| lines.iter().find(|line| line.name == name);
    let start = find("DTSTART")
        .ok_or_else(|| Misread { line, message: "an event must have DTSTART".to_owned() })?;
    let start = one_moment(start, zones)?;
    let length = length(find("DTEND"), find("DURATION"), &start, zones)?;
    let rule = find("RRULE").map(|line| {
        recurrence(&line.value, &start.zone)
            .map_err(|message| Misread { line: line.number, message })
    });
    let mut except = Except::default();
    for line in lines.iter().filter(|line| line.name == "EXDATE") {
        let read = moments(line, zones);
        let read = read.map_err(|message| Misread { line: line.number, message })?;
        read.iter().for_each(|moment| except.add(moment));
    }
    let status = find("STATUS").map(|line| line.value.trim().to_ascii_uppercase());
    Ok(Event {
        line,
        uid: find("UID").map(Line::text).unwrap_or_default(),
        persons: persons(lines),
        start,
        length,
        recurrence: rule.transpose()?,
        except,
        replaces: find("RECURRENCE-ID").map(|line| one_moment(line, zones)).transpose()?,
        cancelled: status.as_deref() == Some("CANCELLED"),
    })
}

/// Properties that change when an event takes place, and that nobody here obeys.
fn refuse_what_is_not_obeyed(lines: &[Line]) -> Result<(), Misread> {
    let refused = |line: &&Line| {
        matches!(line.name.as_str(), "RDATE" | "EXRULE")
            || line.name == "RECURRENCE-ID" && line.parameter("RANGE").is_some()
    };
    if let Some(line) = lines.iter().find(refused) {
        let range = if line.name == "RECURRENCE-ID" { " with RANGE" } else { "" };
        let message = format!("{}{range} is not understood", line.name);
        return Err(Misread { line: line.number, message });
    }
    for name in ["DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID"] {
        if let Some(second) = lines.iter().filter(|line| line.name == name).nth(1) {
            let message = format!("a second {name} in one event");
            return Err(Misread { line: second.number, message });
        }
    }
    Ok(())
}

fn one_moment(line: &Line, zones: &Zones) -> Result<Moment, Misread> {
    moment_of(line, zones).map_err(|message| Misread { line: line.number, message })
}

fn length(
    end: Option<&Line>,
    lasting: Option<&Line>,
    start: &Moment,
    zones: &Zones,
) -> Result<Length, Misread> {
    match (end, lasting) {
        (Some(line), None) => {
            let end = one_moment(line, zones)?;
            if end.all_day != start.all_day {
                let message = "DTSTART and DTEND must both be dates or both be times".to_owned();
                return Err(Misread { line: line.number, message });
            }
            Ok(Length::Until(end))
        }
        (None, Some(line)) => duration(&line.value).map(Length::Lasting).ok_or_else(|| Misread {
            line: line.number,
            message: format!("{:?} is no duration", line.value),
        }),
        // A date without an end is that day; a time without one takes no time (RFC 5545, 3.6.1).
        (None, None) => {
            Ok(Length::Lasting(Duration { days: i64::from(start.all_day), seconds: 0 }))
        }
        (Some(_), Some(line)) => {
            let message = "an event has DTEND or DURATION, not both".to_owned();
            Err(Misread { line: line.number, message })
        }
    }
}

/// The id that this program wrote, then addresses and names of attendees, then the summary.
fn persons(lines: &[Line]) -> Vec<String> {
    let of = |name: &'static str| lines.iter().filter(move |line| line.name == name);
    let addresses = of("ATTENDEE").map(|line| {
        let address = line.value.trim();
        let scheme = address.get(..MAILTO.len()).filter(|head| head.eq_ignore_ascii_case(MAILTO));
        scheme.map_or(address, |scheme| &address[scheme.len()..]).to_owned()
    });
    let names = of("ATTENDEE").filter_map(|line| line.parameter("CN").map(str::to_owned));
    let texts = of(PERSON_PROPERTY).map(Line::text).chain(addresses).chain(names);
    let texts = texts.chain(of("SUMMARY").map(Line::text)).map(|text| text.trim().to_owned());
    texts.filter(|text| !text.is_empty()).collect()
}

/// How the address of an attendee begins.
const MAILTO: &str = "mailto:";
