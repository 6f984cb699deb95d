//! Rules and delivery, end to end: a real server, real sinks.

mod amtool;
mod comeback;
mod dead_letters;
mod defaults;
mod dry_run;
mod first;
mod inhibitions;
mod lasting;
mod next_record;
mod storm;
mod subscription;
mod verification;
