//! Tests of schedules, calendars and iCalendar files through the public surface of the crate.

mod alertmanager;
mod calendars;
mod documents;
mod ical_hostile;
mod ical_read;
mod ical_write;
mod instants;
mod questions;
mod reference;
mod timelines;
mod written;
