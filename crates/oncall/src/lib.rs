//! Calendars of people: who is on call when, and when rules are mute.
//!
//! Refuses to know: input and output, the time of day, SQL, HTTP.
