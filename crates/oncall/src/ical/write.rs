//! Writes shifts as an iCalendar file.
//!
//! Refuses to know the time of day: the stamp of every event is when the schedule was last changed, so
//! that the same schedule and span give the same bytes, of which a server can make an `ETag`.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{ScheduleId, SubscriberId};

use super::PERSON_PROPERTY;
use crate::restriction::Span;
use crate::schedule::{Error, Origin, Schedule, Shift, check_span};

/// What to write.
pub struct Feed<'a> {
    /// Whose shifts they are; part of the id of every event.
    pub schedule: ScheduleId,
    /// Only the shifts of this person; of all where `None`.
    pub person: Option<SubscriberId>,
    /// Shifts that end after this.
    pub from: Timestamp,
    /// Shifts that begin before this; at most [`crate::limits::SPAN_DAYS`] after `from`.
    pub until: Timestamp,
    /// When the schedule was last changed.
    pub revised: Timestamp,
    /// What a person is called.
    pub name_of: &'a dyn Fn(SubscriberId) -> String,
}

/// An iCalendar file of the shifts that overlap the feed's span, lines ended by CR LF. A shift is whole
/// also where it reaches over the span, up to 40 days, so that its event stays the same while the span moves.
///
/// # Errors
/// The span is backwards or too long, or has too many shifts in it.
pub fn write(schedule: &Schedule, feed: &Feed<'_>) -> Result<String, Error> {
    check_span(feed.from, feed.until)?;
    let reach = SignedDuration::from_hours(24 * REACH_DAYS);
    let around = Span {
        start: whole_second(feed.from.saturating_sub(reach).unwrap_or(Timestamp::MIN)),
        end: whole_second(feed.until.saturating_add(reach).unwrap_or(Timestamp::MAX)),
    };
    let shifts = schedule.timeline(around)?;
    let mut file = File::default();
    file.line("BEGIN:VCALENDAR");
    file.line("VERSION:2.0");
    file.line("PRODID:-//Stormbell//on-call//EN");
    file.line("CALSCALE:GREGORIAN");
    file.line(&format!("X-WR-CALNAME:{}", escaped(schedule.name())));
    for shift in shifts {
        let overlaps = feed.from < shift.end && shift.start < feed.until;
        if overlaps && feed.person.is_none_or(|person| person == shift.person) {
            event(&mut file, schedule, feed, &shift, around.start);
        }
    }
    file.line("END:VCALENDAR");
    Ok(file.0)
}

/// Days that a shift may reach over the span and is still written whole.
const REACH_DAYS: i64 = 40;

fn event(file: &mut File, schedule: &Schedule, feed: &Feed<'_>, shift: &Shift, cut: Timestamp) {
    // A shift that began before all that was looked at has no start to be named after.
    let start = if shift.start == cut { "open".to_owned() } else { basic(shift.start) };
    let reason = match shift.origin {
        Origin::Layer(index) => {
            format!("Layer: {}", schedule.layer_name(index).unwrap_or_default())
        }
        Origin::Override(_) => "Override".to_owned(),
    };
    let summary = format!("{} on call: {}", (feed.name_of)(shift.person), schedule.name());
    file.line("BEGIN:VEVENT");
    file.line(&format!("UID:{start}-{}-{}@stormbell", shift.person, feed.schedule));
    file.line(&format!("DTSTAMP:{}", basic(feed.revised)));
    file.line(&format!("DTSTART:{}", basic(shift.start)));
    file.line(&format!("DTEND:{}", basic(shift.end)));
    file.line(&format!("SUMMARY:{}", escaped(&summary)));
    file.line(&format!("DESCRIPTION:{}", escaped(&reason)));
    file.line("TRANSP:TRANSPARENT");
    file.line(&format!("{PERSON_PROPERTY}:{}", shift.person));
    file.line("END:VEVENT");
}

/// `20260302T080000Z`
fn basic(at: Timestamp) -> String {
    let utc = TimeZone::UTC.to_datetime(at);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        utc.year(),
        utc.month(),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second()
    )
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A text value (RFC 5545, 3.3.11). Other control characters than the end of a line are not allowed there.
fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => result.extend(['\\', character]),
            '\n' => result.push_str("\\n"),
            _ if character.is_control() && character != '\t' => {}
            _ => result.push(character),
        }
    }
    result
}

/// The text of a file, folded line by line.
#[derive(Default)]
struct File(String);

impl File {
    /// Adds a line, in pieces of at most 75 octets that begin with a space, never within a character.
    fn line(&mut self, text: &str) {
        let mut room = FOLD_OCTETS;
        for character in text.chars() {
            if character.len_utf8() > room {
                self.0.push_str("\r\n ");
                room = FOLD_OCTETS - 1;
            }
            self.0.push(character);
            room -= character.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// Octets of a line without its end (RFC 5545, 3.1).
const FOLD_OCTETS: usize = 75;
