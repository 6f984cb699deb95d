//! See `fuzz::alertmanager`.

#![no_main]

fuzz::target!(alertmanager);
