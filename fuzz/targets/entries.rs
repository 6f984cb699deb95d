//! See `fuzz::entries`.

#![no_main]

fuzz::target!(entries);
