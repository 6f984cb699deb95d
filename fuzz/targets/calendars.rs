//! See `fuzz::calendars`.

#![no_main]

fuzz::target!(calendars);
