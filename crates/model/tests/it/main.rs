//! The codec from outside: golden records, random records, and records that are none.

mod damage;
mod golden;
mod round_trip;
mod samples;
