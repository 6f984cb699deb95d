//! Rules and delivery, end to end: a real server, real sinks.

mod first;
mod next_record;
mod storm;
mod subscription;
