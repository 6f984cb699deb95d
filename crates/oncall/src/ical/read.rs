//! Reads the events of an iCalendar file as shifts of persons.
//!
//! Refuses to know who somebody is: the caller says so for each text by which a person may be known.
//! Invariant: every event of the file ends as shifts, as being outside the span, as cancelled, or as a
//! problem with its line. Any bytes are taken, and the work is bounded by [`limits`].

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::SubscriberId;

use super::event::{Event, Except, event};
use super::expansion::{Refused, times};
use super::lines::{Line, lines};
use super::moment::Zones;
use crate::document::OverrideDocument;
use crate::limits;
use crate::restriction::Span;
use crate::schedule::{Error, check_span};
use crate::zone::Zone;

/// How to read a file.
pub struct Import<'a> {
    /// The zone of times that name none and of whole days, by its IANA name.
    pub time_zone: &'a str,
    /// Shifts that end after this.
    pub from: Timestamp,
    /// Shifts that begin before this; at most [`limits::SPAN_DAYS`] after `from`.
    pub until: Timestamp,
    /// Who is known by that text: the id in a file of ours, the address or name of an attendee, or the
    /// summary of an event, asked in this order until somebody is.
    pub person_of: &'a dyn Fn(&str) -> Option<SubscriberId>,
}

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The shifts, ascending by start, then by their place in the file. They may overlap.
    pub shifts: Vec<ImportedShift>,
    /// What could not be understood, in the order of the file, at most [`limits::ICAL_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub further_problems: usize,
    /// Events that were understood and have no time within the span.
    pub outside: usize,
    /// Events that say that they do not take place.
    pub cancelled: usize,
}

/// One time at which an event takes place, whole also where it reaches over the span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedShift {
    /// Who.
    pub person: SubscriberId,
    /// From, inclusive.
    pub start: Timestamp,
    /// To, exclusive.
    pub end: Timestamp,
    /// The id of the event; empty where it has none. The times of one event share it.
    pub uid: String,
    /// Where the event begins in the file; the first line is 1.
    pub line: usize,
}

/// What could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where; the first line is 1.
    pub line: usize,
    /// A sentence for a person.
    pub message: String,
}

/// Why a file is not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The span is not one that may be asked for.
    #[error(transparent)]
    Span(#[from] Error),
    /// Nobody knows the time zone.
    #[error("the time zone is not known")]
    UnknownZone,
    /// The file has more than [`limits::ICAL_BYTES`].
    #[error("the file has more than {} bytes", limits::ICAL_BYTES)]
    TooLong,
    /// The file has more than [`limits::ICAL_EVENTS`].
    #[error("the file has more than {} events", limits::ICAL_EVENTS)]
    TooManyEvents,
    /// The events give more than [`limits::SHIFTS`].
    #[error("the file has more than {} shifts in the span", limits::SHIFTS)]
    TooManyShifts,
}

impl ImportedShift {
    /// The shift as an override of a schedule.
    #[must_use]
    pub fn to_override(&self) -> OverrideDocument {
        OverrideDocument {
            person: self.person.to_string(),
            start: self.start.to_string(),
            end: self.end.to_string(),
        }
    }
}

impl Imported {
    /// Adds a problem; what it quotes of the file may be long.
    fn problem(&mut self, line: usize, message: impl Into<String>) {
        if self.problems.len() < limits::ICAL_PROBLEMS {
            let message = message.into().chars().take(limits::ICAL_PROBLEM_CHARACTERS).collect();
            self.problems.push(Problem { line, message });
        } else {
            self.further_problems += 1;
        }
    }
}

/// Reads a file.
///
/// # Errors
/// The span or zone is no good, or the file has more than it may. What is wrong within the file is among
/// [`Imported::problems`], and the rest is read.
pub fn read(file: &[u8], import: &Import<'_>) -> Result<Imported, ReadError> {
    check_span(import.from, import.until)?;
    if file.len() > limits::ICAL_BYTES {
        return Err(ReadError::TooLong);
    }
    let floating = Zone::named(import.time_zone).ok_or(ReadError::UnknownZone)?;
    let mut imported = Imported::default();
    let components = components(file, &mut imported)?;
    let zones = Zones { floating, aliases: components.zones };
    let mut events = Vec::new();
    for (line, lines) in &components.events {
        match event(*line, lines, &zones) {
            Ok(event) => events.push(event),
            Err(misread) => imported.problem(misread.line, misread.message),
        }
    }
    let replaced = replaced(&events);
    let mut steps = limits::ICAL_STEPS;
    for event in &events {
        let replaced = replaced.get(&event.uid).filter(|_| event.replaces.is_none());
        take_event(event, replaced, import, &mut steps, &mut imported)?;
    }
    imported.shifts.sort_by_key(|shift| (shift.start, shift.line));
    imported.problems.sort_by_key(|problem| problem.line);
    Ok(imported)
}

/// The parts of a file that matter here.
#[derive(Default)]
struct Components {
    /// The line each event begins at, and its own lines.
    events: Vec<(usize, Vec<Line>)>,
    /// From what the file calls a zone to its name elsewhere.
    zones: BTreeMap<String, String>,
}

/// Walks the nested components of a file and keeps the lines of its events and the names of its zones.
fn components(file: &[u8], imported: &mut Imported) -> Result<Components, ReadError> {
    let mut result = Components::default();
    let mut open: Vec<Component> = Vec::new();
    let mut seen = false;
    for line in lines(file) {
        let line = match line {
            Ok(line) => line,
            Err(number) => {
                imported.problem(number, "not a line of iCalendar: name, colon, value");
                continue;
            }
        };
        let value = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                seen |= value == "VCALENDAR";
                if open.len() >= limits::ICAL_DEPTH {
                    imported.problem(
                        line.number,
                        "too many components inside each other; the rest is not read",
                    );
                    break;
                }
                open.push(Component { name: value, line: line.number, lines: Vec::new() });
            }
            "END" => match open.pop_if(|component| component.name == value) {
                Some(component) => result.close(component, imported)?,
                None => {
                    imported.problem(line.number, format!("END of {value:?}, which is not open"))
                }
            },
            _ => open.last_mut().into_iter().for_each(|component| component.keep(&line)),
        }
    }
    for component in open {
        imported.problem(component.line, format!("{} is never ended and not read", component.name));
    }
    if !seen {
        imported.problem(1, "not an iCalendar file: there is no BEGIN:VCALENDAR");
    }
    Ok(result)
}

/// A component that has begun and not ended.
struct Component {
    name: String,
    line: usize,
    lines: Vec<Line>,
}

impl Component {
    fn keep(&mut self, line: &Line) {
        if self.name == "VEVENT" || self.name == "VTIMEZONE" {
            self.lines.push(line.clone());
        }
    }
}

impl Components {
    fn close(&mut self, component: Component, imported: &mut Imported) -> Result<(), ReadError> {
        match component.name.as_str() {
            "VEVENT" => {
                if self.events.len() == limits::ICAL_EVENTS {
                    return Err(ReadError::TooManyEvents);
                }
                self.events.push((component.line, component.lines));
            }
            "VTIMEZONE" => {
                let find = |name: &str| component.lines.iter().find(|line| line.name == name);
                if let (Some(id), Some(known)) = (find("TZID"), find("X-LIC-LOCATION")) {
                    self.zones.insert(id.text(), known.text());
                }
            }
            "VTODO" | "VJOURNAL" | "VFREEBUSY" => {
                imported.problem(
                    component.line,
                    format!("{} is no event and not read", component.name),
                );
            }
            _ => {}
        }
        Ok(())
    }
}

/// By the id of events, the times of it that other events stand for.
fn replaced(events: &[Event]) -> BTreeMap<String, Except> {
    let mut replaced: BTreeMap<String, Except> = BTreeMap::new();
    for event in events {
        if let Some(moment) = &event.replaces {
            replaced.entry(event.uid.clone()).or_default().add(moment);
        }
    }
    replaced
}

/// Adds the shifts of one event, or says why it has none.
fn take_event(
    event: &Event,
    replaced: Option<&Except>,
    import: &Import<'_>,
    steps: &mut usize,
    imported: &mut Imported,
) -> Result<(), ReadError> {
    if event.cancelled {
        imported.cancelled += 1;
        return Ok(());
    }
    let within = Span { start: import.from, end: import.until };
    let times = match times(event, replaced, within, steps) {
        Ok(times) => times,
        Err(refused) => {
            imported.problem(event.line, why_refused(&refused));
            return Ok(());
        }
    };
    if times.is_empty() {
        imported.outside += 1;
        return Ok(());
    }
    let mut known = event.persons.iter().filter_map(|text| (import.person_of)(text));
    let Some(person) = known.next() else {
        imported.problem(event.line, nobody_known(&event.persons));
        return Ok(());
    };
    if known.any(|other| other != person) {
        imported.problem(event.line, "the event names several people; only the first is taken");
    }
    if imported.shifts.len() + times.len() > limits::SHIFTS {
        return Err(ReadError::TooManyShifts);
    }
    imported.shifts.extend(times.into_iter().map(|Span { start, end }| ImportedShift {
        person,
        start,
        end,
        uid: event.uid.clone(),
        line: event.line,
    }));
    Ok(())
}

fn why_refused(refused: &Refused) -> String {
    match refused {
        Refused::Empty => "the event takes no time".to_owned(),
        Refused::TooLong => format!("the event lasts longer than {} days", limits::SPAN_DAYS),
        Refused::TooManySteps => {
            format!("the events of the file repeat more than {} times", limits::ICAL_STEPS)
        }
    }
}

fn nobody_known(persons: &[String]) -> String {
    /// Texts that are named in one problem, and characters of each.
    const NAMED: usize = 4;
    const CHARACTERS: usize = 80;
    if persons.is_empty() {
        return "the event names nobody".to_owned();
    }
    let named = persons
        .iter()
        .take(NAMED)
        .map(|text| format!("{:?}", text.chars().take(CHARACTERS).collect::<String>()));
    format!("nobody is known as {}", named.collect::<Vec<_>>().join(", "))
}
