//! See `fuzz::snapshots`.

#![no_main]

fuzz::target!(snapshots);
