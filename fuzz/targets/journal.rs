//! See `fuzz::journal`.

#![no_main]

fuzz::target!(journal);
