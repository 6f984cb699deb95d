//! See `fuzz::grpc`.

#![no_main]

fuzz::target!(grpc);
