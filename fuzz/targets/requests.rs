//! See `fuzz::requests`.

#![no_main]

fuzz::target!(requests);
