//! See `fuzz::words`.

#![no_main]

fuzz::target!(words);
