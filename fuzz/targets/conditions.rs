//! See `fuzz::conditions`.

#![no_main]

fuzz::target!(conditions);
