//! Finding the rules that fit a signal, on one core: 28 800 and 450 000 rules, as they might be and all
//! the same; beside a look at each rule, and beside Alertmanager's route tree with the same matchers. And
//! what a change of one rule costs. All three must find the same number of rules for the same signals.
//! Rules are found as the engine has them found, which orders them by subscriber itself; what it takes in
//! order of ids is noted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use matching::{CompiledRule, Facts, Fit, Rules};
use model::{DirectiveId, ProjectId, Rule, Signal, Trigger};
use serde::Deserialize;
use serde_json::json;

use crate::machine::thread_time;
use crate::outcome::Line;
use crate::rules;
use crate::run::Bench;
use crate::statistics::{median, micros, thousands};

const SIGNALS_PER_SECOND: f64 = 1_000_000.0;
const TIMES_LINEAR: f64 = 100.0;
const CHANGE_US: f64 = 1_000.0;
/// Different signals; rates are of going through them again and again.
const SIGNALS: u64 = 65_536;
const CHANGES: u64 = 2_000;

/// One data set.
struct Set {
    name: &'static str,
    count: u64,
    rule: fn(u64) -> Rule,
    /// Whether 1 M signals/s are asked of it.
    typical: bool,
}

const SETS: [Set; 4] = [
    Set { name: "28 800 rules", count: 28_800, rule: rules::typical, typical: true },
    Set { name: "450 000 rules", count: 450_000, rule: rules::typical, typical: true },
    Set {
        name: "28 800 rules, all the same",
        count: 28_800,
        rule: rules::identical,
        typical: false,
    },
    Set {
        name: "450 000 rules, all the same",
        count: 450_000,
        rule: rules::identical,
        typical: false,
    },
];

pub(crate) fn found(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let signals: Vec<Signal<'static>> = (0..SIGNALS).map(rules::signal).collect();
    let peer = build_peer(bench);
    if let Err(reason) = &peer {
        bench.say("matching", &format!("without Alertmanager: {reason:#}"));
    }
    let mut lines = Vec::new();
    for set in &SETS {
        lines.extend(measure(bench, set, &signals, peer.as_deref().ok())?);
    }
    Ok(lines)
}

fn measure(
    bench: &Bench,
    set: &Set,
    signals: &[Signal<'_>],
    peer: Option<&Path>,
) -> anyhow::Result<Vec<Line>> {
    let all: Vec<Rule> = (0..set.count).map(set.rule).collect();
    let mut index = Rules::default();
    let began = thread_time();
    for (rule, id) in all.iter().zip(0..) {
        index.put(DirectiveId(id), rule).ok().context("a rule of the set does not compile")?;
    }
    let filed = (thread_time() - began).as_secs_f64();
    let linear = compile_all(&all)?;
    let (mut ours, mut looks, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut per_signal, mut in_order) = (0.0, Vec::new());
    for _ in 0..bench.runs {
        let us = through_index(&mut index, signals, bench.length(), Rules::matching_unordered);
        let ordered = through_index(&mut index, signals, bench.length() / 2, Rules::matching);
        ensure_same(&us, &ordered, "the same index in order")?;
        in_order.push(ordered.rate());
        let look = one_by_one(&linear, signals, bench.length());
        ensure_same(&us, &look, "a look at each rule")?;
        per_signal = us.ids as f64 / us.signals as f64;
        let mut said = format!(
            "{}: {} signals/s, {:.1} rules each",
            set.name,
            thousands(us.rate()),
            per_signal
        );
        said += &format!("; one by one {:.2}", look.rate());
        if let Some(peer) = peer {
            let them = through_routes(bench, peer, &all, signals)?;
            ensure_same(&us, &them, "Alertmanager")?;
            said += &format!("; Alertmanager {:.2}", them.rate());
            theirs.push(them.rate());
        }
        bench.say("matching", &said);
        ours.push(us.rate());
        looks.push(look.rate());
    }
    let (rate, look) = (median(&ours), median(&looks));
    let fast = !set.typical || rate >= SIGNALS_PER_SECOND;
    let bar =
        if set.typical { "≥ 1 M signals/s and ≥ 100 × linear" } else { "≥ 100 × linear" };
    let in_order = thousands(median(&in_order));
    let note = format!(
        "{per_signal:.1} rules fit a signal; {in_order}/s in order of ids; filed in {filed:.1} s"
    );
    let mut lines = vec![
        Line::judged(format!("matching: {}", set.name), bar, fast && rate / look >= TIMES_LINEAR)
            .measured(format!("{} signals/s", thousands(rate)))
            .reference(format!("{look:.1}/s looking at each"), rate / look)
            .note(note),
    ];
    lines.push(beside_routes(set, rate, &theirs));
    lines.push(changes(bench, set, &mut index));
    Ok(lines)
}

fn beside_routes(set: &Set, rate: f64, theirs: &[f64]) -> Line {
    let line = Line { hit: None, ..Line::judged(format!("matching: {}", set.name), "", true) };
    let line = line.measured(format!("{} signals/s", thousands(rate)));
    if theirs.is_empty() {
        return line
            .note("not measured beside Alertmanager's route tree: no Go, or it did not build");
    }
    let theirs = median(theirs);
    line.reference(format!("{theirs:.1}/s Alertmanager's route tree"), rate / theirs)
}

/// What was found, how much, in which time.
#[derive(Default)]
struct Found {
    signals: usize,
    ids: u64,
    took: Duration,
    /// How many rules each of the first signals got.
    first: Vec<usize>,
}

impl Found {
    fn rate(&self) -> f64 {
        self.signals as f64 / self.took.as_secs_f64()
    }
}

fn ensure_same(ours: &Found, other: &Found, whose: &str) -> anyhow::Result<()> {
    let both = ours.first.len().min(other.first.len());
    ensure!(both > 0, "{whose} found nothing in time");
    ensure!(ours.first[..both] == other.first[..both], "{whose} finds other rules");
    Ok(())
}

/// A way of finding rules.
type Way = fn(&mut Rules, Trigger, &Facts<'_>, &mut Vec<DirectiveId>);

fn through_index(index: &mut Rules, signals: &[Signal<'_>], length: Duration, find: Way) -> Found {
    let (mut found, mut ids) = (Found::default(), Vec::new());
    // The first are looked at closer, and not timed.
    for signal in signals.iter().take(FIRST) {
        ids.clear();
        find(index, Trigger::Signal, &Facts::of_signal(signal), &mut ids);
        found.first.push(ids.len());
    }
    while found.took < length {
        let from = found.signals % signals.len();
        let turn = &signals[from..(from + TURN).min(signals.len())];
        warm(turn);
        let began = thread_time();
        for signal in turn {
            ids.clear();
            find(index, Trigger::Signal, &Facts::of_signal(signal), &mut ids);
            found.ids += ids.len() as u64;
        }
        found.signals += turn.len();
        found.took += thread_time() - began;
    }
    found
}

/// Reads signals as whoever decoded them a moment ago has.
fn warm(signals: &[Signal<'_>]) {
    for signal in signals {
        let payload: u64 = signal.payload.iter().map(|&byte| u64::from(byte)).sum();
        std::hint::black_box((signal.identity(ProjectId(1)), signal.summary.len(), payload));
    }
}

/// Signals between two looks at the clock.
const TURN: usize = 256;
/// Signals whose results are compared.
const FIRST: usize = 64;

fn compile_all(all: &[Rule]) -> anyhow::Result<Vec<CompiledRule>> {
    let compiled: Result<Vec<_>, _> = all.iter().map(CompiledRule::compile).collect();
    compiled.ok().context("a rule of the set does not compile")
}

fn one_by_one(linear: &[CompiledRule], signals: &[Signal<'_>], length: Duration) -> Found {
    let mut found = Found::default();
    for signal in signals {
        let (began, facts) = (thread_time(), Facts::of_signal(signal));
        let fits = |rule: &&CompiledRule| {
            rule.asks_for(Trigger::Signal) && rule.fits(&facts) == Fit::Matches
        };
        let count = linear.iter().filter(fits).count();
        found.took += thread_time() - began;
        found.first.push(count);
        found.signals += 1;
        if found.took >= length / 2 {
            break;
        }
    }
    found
}

fn changes(bench: &Bench, set: &Set, index: &mut Rules) -> Line {
    let mut took = Vec::new();
    for change in 0..CHANGES {
        let number = crate::bodies::mix(change) % set.count;
        // Another rule takes its place, and that of the next change is not the same.
        let rule = rules::typical(set.count + change);
        let began = thread_time();
        let put = index.put(DirectiveId(u128::from(number)), &rule);
        took.push((thread_time() - began).as_secs_f64() * 1e6);
        debug_assert!(put.is_ok(), "every rule of the set compiles");
    }
    took.sort_by(f64::total_cmp);
    let (middle, most) = (median(&took), took.last().copied().unwrap_or_default());
    let p99 = took[took.len() * 99 / 100];
    bench.say(
        "matching",
        &format!("{}: change {middle:.1} µs, p99 {p99:.1}, {most:.1} at most", set.name),
    );
    Line::judged(format!("matching: a change of one of {}", set.name), "≤ 1 ms", p99 <= CHANGE_US)
        .measured(format!("{} p99", micros(p99)))
        .note(format!("{CHANGES} changes, median {}, {} at most", micros(middle), micros(most)))
}

/// What the peer prints.
#[derive(Deserialize)]
struct Routes {
    signals: usize,
    nanoseconds: u64,
    matched: Vec<usize>,
}

fn build_peer(bench: &Bench) -> anyhow::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/alertmanager-routes");
    let binary = bench.scratch.path().join("alertmanager-routes");
    let log = std::fs::File::create(bench.log("matching-go-build"))?;
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()
        .context("cannot run go")?;
    ensure!(status.success(), "go build ended with {status}");
    Ok(binary)
}

fn through_routes(
    bench: &Bench,
    peer: &Path,
    all: &[Rule],
    signals: &[Signal<'_>],
) -> anyhow::Result<Found> {
    let file = bench.scratch.path().join("routes.json");
    let input = json!({
        "milliseconds": bench.length().as_millis() as u64 / 2,
        "routes": all.iter().map(rules::matchers).collect::<Vec<_>>(),
        "signals": signals.iter().take(4_096).map(rules::label_set).collect::<Vec<_>>(),
    });
    serde_json::to_writer(std::io::BufWriter::new(std::fs::File::create(&file)?), &input)?;
    drop(input);
    let output = Command::new(peer).arg(&file).output().context("cannot run the route tree")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let routes: Routes = serde_json::from_slice(&output.stdout)?;
    Ok(Found {
        signals: routes.signals,
        ids: routes.matched.iter().map(|&count| count as u64).sum(),
        took: Duration::from_nanos(routes.nanoseconds),
        first: routes.matched,
    })
}
