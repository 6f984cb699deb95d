//! `stormbell`: one binary. Parses the command line and hands over; `serve` is the server, `cli` is
//! everything a person runs against one.

mod cli;
mod config;
mod serve;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
