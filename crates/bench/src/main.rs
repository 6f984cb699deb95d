//! `bench`: measures the bars of the road, each beside a reference of the same run.
//!
//! It starts the real server binary and what it is compared with, loads both in turn, and prints a
//! table. It refuses to know how anything is done inside: what it sees, a client could see.
//! Invariant: what was started is stopped, whichever way the run ends.

mod arguments;
mod audience;
mod bodies;
mod client;
mod closed;
mod disk;
mod guard;
mod lag;
mod machine;
mod offered;
mod outcome;
mod process;
mod references;
mod rows;
mod rules;
mod run;
mod server;
mod sink;
mod statistics;
mod stream;
mod wire;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use arguments::{CommandLine, Role};
use outcome::Line;
use rows::Row;
use run::Bench;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(CommandLine::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    match line.role {
        Some(Role::Responder) => return references::responder().map(|()| ExitCode::SUCCESS),
        Some(Role::Echo) => return references::echo().map(|()| ExitCode::SUCCESS),
        None => {}
    }
    let mut out = std::io::stdout();
    let chosen = rows::chosen(&line.options.rows)?;
    if line.options.list {
        for row in chosen {
            writeln!(out, "{:<12} {}", row.name, row.bar)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let bench = Bench::new(&line.options)?;
    guard::stop_everything_when_told_to(bench.scratch.path());
    let lines = measure(&bench, &chosen);
    writeln!(out, "{}", machine::describe(&bench))?;
    writeln!(out, "{}", outcome::table(&lines))?;
    writeln!(out, "raw output: {}", bench.raw.display())?;
    if let Some(path) = &line.options.json {
        std::fs::write(path, outcome::json(&lines, &machine::describe(&bench)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every chosen row; one that fails is said and does not keep the others from being measured.
fn measure(bench: &Bench, chosen: &[&Row]) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in chosen {
        let before = machine::Load::now();
        bench.say(row.name, &format!("begins, load average {:.2}", before.average));
        let measured = (row.run)(bench).unwrap_or_else(|error| {
            bench.say(row.name, &format!("failed: {error:#}"));
            vec![Line::failed(row, &error)]
        });
        let others = machine::Load::now().others_percent_since(&before);
        bench.say(row.name, &format!("ends, {others:.0} % of the machine was taken by others"));
        lines.extend(measured.into_iter().map(|line| line.with_load(before.average, others)));
    }
    lines
}
