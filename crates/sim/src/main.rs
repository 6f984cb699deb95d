//! `sim`: runs seeds of the simulator and says which one fails, in which step, and why.

#![allow(clippy::print_stdout, reason = "a command for people at a terminal")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use sim::{Checked, Invariant, Mode, Plan, Report, Seen};

/// Threads that run seeds; each seed runs in one.
const THREADS: usize = 2;
/// Failures that are printed in full.
const PRINTED: usize = 3;

/// Simulates Stormbell: one seed gives the whole run, with its faults, kills and clock.
#[derive(Debug, Parser)]
#[command(name = "sim")]
struct Arguments {
    /// Run this seed only.
    #[arg(long, conflicts_with_all = ["seeds", "long"])]
    seed: Option<u64>,
    /// Run this many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run seeds for this many minutes.
    #[arg(long, value_name = "MINUTES")]
    long: Option<u64>,
    /// Steps of each run; the seed chooses where this is not given.
    #[arg(long)]
    steps: Option<u64>,
    /// Print every event; with --seed.
    #[arg(long, requires = "seed")]
    verbose: bool,
}

/// What all runs came to.
#[derive(Default)]
struct Totals {
    seeds: u64,
    steps: u64,
    entries: u64,
    acknowledged: u64,
    incidents: u64,
    deaths: u64,
    lying: u64,
    refused: u64,
    rotting: u64,
    forgetful: u64,
    checked: Checked,
    seen: Seen,
    failures: Vec<Report>,
    panics: Vec<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let totals = match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments, began),
    };
    print_totals(&totals, began.elapsed());
    if totals.failures.is_empty() && totals.panics.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn one(arguments: &Arguments, seed: u64) -> Totals {
    let all_events: Option<fn(&str)> =
        if arguments.verbose { Some(|line| println!("{line}")) } else { None };
    let mut totals = Totals::default();
    let plan = Plan { seed, steps: arguments.steps, all_events, ..Plan::default() };
    totals.add(seed, run(plan));
    totals
}

fn many(arguments: &Arguments, began: Instant) -> Totals {
    let (next, stop) = (AtomicU64::new(arguments.from), AtomicBool::new(false));
    let totals = Mutex::new(Totals::default());
    let end = arguments.from.saturating_add(arguments.seeds);
    let until = arguments.long.map(|minutes| began + Duration::from_secs(60 * minutes));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if until.map_or(seed >= end, |until| Instant::now() >= until) {
                        return;
                    }
                    let report = run(Plan { seed, steps: arguments.steps, ..Plan::default() });
                    let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                    totals.add(seed, report);
                    if totals.failures.len() + totals.panics.len() >= 20 {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    totals.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a seed; `None` when something in it panicked.
fn run(plan: Plan) -> Option<Report> {
    catch_unwind(AssertUnwindSafe(|| sim::run(plan))).ok()
}

impl Totals {
    fn add(&mut self, seed: u64, report: Option<Report>) {
        self.seeds += 1;
        let Some(report) = report else { return self.panics.push(seed) };
        self.steps += report.steps;
        self.entries += report.entries;
        self.acknowledged += report.acknowledged;
        self.incidents += report.incidents;
        self.deaths += report.deaths;
        self.lying += u64::from(report.mode == Mode::Lying);
        self.rotting += u64::from(report.mode == Mode::Rotting);
        self.forgetful += u64::from(report.mode == Mode::Forgetful);
        self.refused += u64::from(report.refused);
        self.checked.add(&report.checked);
        self.seen.add(&report.seen);
        if report.failure.is_some() {
            self.failures.push(report);
        }
    }
}

fn print_totals(totals: &Totals, took: Duration) {
    let mut failures: Vec<&Report> = totals.failures.iter().collect();
    failures.sort_by_key(|report| report.seed);
    for report in failures.iter().take(PRINTED) {
        print_failure(report);
    }
    for report in failures.iter().skip(PRINTED) {
        if let Some(failure) = &report.failure {
            println!(
                "seed {} fails too, in step {}: {}",
                report.seed, failure.step, failure.violation.invariant
            );
        }
    }
    for seed in &totals.panics {
        println!("seed {seed} panics; replay it: sim --seed {seed} --verbose");
    }
    let Totals { seeds, steps, entries, acknowledged, incidents, deaths, .. } = totals;
    println!(
        "{seeds} seeds, {steps} steps, {entries} entries ({acknowledged} acknowledged), \
         {incidents} incidents, {deaths} stops and kills in {:.1} s",
        took.as_secs_f64()
    );
    println!(
        "lying disks {}, lost snapshots {}: {} refused to start; rotting disks {}",
        totals.lying, totals.forgetful, totals.refused, totals.rotting
    );
    for invariant in Invariant::ALL {
        let count = totals.checked.of(invariant);
        println!("  {:<8} {count:>12}  {}", invariant.to_string(), invariant.statement());
    }
    let seen = totals.seen.0.iter().map(|(what, count)| format!("{what} {count}"));
    println!("seen: {}", seen.collect::<Vec<_>>().join(", "));
    let failed = totals.failures.len() + totals.panics.len();
    println!(
        "{}",
        if failed == 0 { "all hold".to_owned() } else { format!("{failed} seeds FAIL") }
    );
}

fn print_failure(report: &Report) {
    let Some(failure) = &report.failure else { return };
    println!("seed {} FAILS in step {}, {:?} world", report.seed, failure.step, report.mode);
    println!("{}: {}", failure.violation.invariant, failure.violation.invariant.statement());
    println!("  {}", failure.violation.what);
    println!("the last events:");
    for event in &failure.trace {
        println!("{event}");
    }
    println!("replay it: sim --seed {} --verbose\n", report.seed);
}
