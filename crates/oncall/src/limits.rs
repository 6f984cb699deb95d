//! How much of everything there may be. What is above is refused, never cut off.

/// Bytes of a name.
pub const NAME_BYTES: usize = 256;
/// Layers of a schedule.
pub const LAYERS: usize = 16;
/// People of one layer; the same person may stand there several times.
pub const PEOPLE: usize = 64;
/// Restrictions of one layer.
pub const RESTRICTIONS: usize = 32;
/// Overrides of a schedule.
pub const OVERRIDES: usize = 1_000;
/// Days of one turn of a rotation.
pub const TURN_DAYS: i64 = 366;
/// Hours of one turn of a rotation that counts hours.
pub const TURN_HOURS: i64 = 24 * TURN_DAYS;
/// Days that one question for shifts may span.
pub const SPAN_DAYS: i64 = 400;
/// Shifts of one answer.
pub const SHIFTS: usize = 10_000;
/// The first year that a document may name.
pub const FIRST_YEAR: i16 = 1970;
/// The last year that a document may name.
pub const LAST_YEAR: i16 = 2200;

/// Intervals of a calendar.
pub const INTERVALS: usize = 64;
/// Ranges of one kind in an interval: times, weekdays, days, months or years.
pub const RANGES: usize = 64;

/// Bytes of an iCalendar file that is read.
pub const ICAL_BYTES: usize = 1 << 20;
/// Events of an iCalendar file that is read.
pub const ICAL_EVENTS: usize = 5_000;
/// Days and weeks looked at to repeat the events of one file.
pub const ICAL_STEPS: usize = 1_000_000;
/// Components inside each other in an iCalendar file.
pub const ICAL_DEPTH: usize = 8;
/// Problems of a file that are told one by one; those after them are counted.
pub const ICAL_PROBLEMS: usize = 100;
/// Characters of one such problem.
pub const ICAL_PROBLEM_CHARACTERS: usize = 400;
/// Bytes of the name of a time zone in an iCalendar file.
pub const ICAL_ZONE_BYTES: usize = 128;
