//! Calendars of people: who is on call when, and when rules are mute.
//!
//! A document (what people write and the store keeps) is checked once and becomes a [`Schedule`] or a
//! [`Calendar`], which then answers for any instant. Time is always an argument.
//!
//! Refuses to know: input and output, the time of day, SQL, HTTP, what a person's address is.
//! Invariant: the answer for an instant is the same whether it is asked alone or found among shifts.

mod alertmanager;
mod calendar;
mod calendar_check;
mod complaints;
mod document;
pub mod ical;
mod layer;
pub mod limits;
mod restriction;
mod rotation;
mod schedule;
mod schedule_check;
mod timeline;
mod zone;

pub use alertmanager::from_alertmanager;
pub use calendar::Calendar;
pub use document::{
    CalendarDocument, IntervalDocument, LayerDocument, OverrideDocument, RestrictionDocument,
    RotationDocument, ScheduleDocument, TimesDocument,
};
pub use schedule::{Error, OnCall, Origin, Schedule, Shift};
