//! See `fuzz::times`.

#![no_main]

fuzz::target!(times);
