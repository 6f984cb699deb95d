//! See `fuzz::webhooks`.

#![no_main]

fuzz::target!(webhooks);
