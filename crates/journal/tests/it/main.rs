//! Everything about the journal that needs a disk, real or simulated.

#![allow(clippy::unwrap_used)]

mod commit;
mod conformance;
mod crash;
mod damage;
mod faults;
mod golden;
mod recovery;
mod retention;
mod support;
