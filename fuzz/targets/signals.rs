//! See `fuzz::signals`.

#![no_main]

fuzz::target!(signals);
