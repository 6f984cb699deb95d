//! Single signals over HTTP keep-alive: as fast as they go beside a bare responder, and at a fixed rate
//! beside the disk's own sync.

use std::time::Duration;

use super::Pair;
use crate::bodies::{Kind, pools};
use crate::closed::{self, Span};
use crate::disk;
use crate::lag::Watch;
use crate::offered::{self, Schedule};
use crate::outcome::Line;
use crate::references::Reference;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{median, micros};

/// Different requests that all connections of a run have together.
const DIFFERENT: usize = 8_192;
/// How far the pipeline may be behind, in seconds.
const LAG_SECONDS: f64 = 1.0;
/// Where the disk is slower than usual, five times its p99 is no bar.
const OFFERED_US: f64 = 1_890.0;

pub(crate) fn with_64(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    durable(bench, "single-64", 64, 0.4)
}

pub(crate) fn with_256(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    durable(bench, "single-256", 256, 0.5)
}

fn durable(bench: &Bench, row: &str, connections: usize, bar: f64) -> anyhow::Result<Vec<Line>> {
    let data = bench.data()?;
    let server = Server::start(bench, data.path())?;
    let bare = Reference::own(bench, "responder")?;
    let target = server.target("/v1/signals");
    let mut bare_target = target.clone();
    bare_target.address = bare.address;
    let span = Span::new(bench.warm_up(), bench.length());
    let (mut longest, mut slowest) = (0.0_f64, Vec::new());
    let load = |target, name: &str| {
        let pools = pools(Kind::Signals, 1, connections, DIFFERENT / connections, target);
        let tally = closed::run(target, pools, span)?;
        bench.say(row, &format!("{name}: {}", tally.summary()));
        anyhow::Ok(tally)
    };
    let pair = Pair::measure(
        bench,
        || {
            let watch = Watch::start(server.http);
            let tally = load(&target, "stormbell")?;
            let lag = watch.stop()?;
            bench.say(row, &format!("pipeline lag at most {lag:.3} s"));
            longest = longest.max(lag);
            slowest.push(tally.latencies.at(0.99));
            server.settle()?;
            Ok(tally.rate())
        },
        || server.process.paused(|| Ok(load(&bare_target, "bare")?.rate())),
    )?;
    let hit = pair.ratio() >= bar && longest < LAG_SECONDS;
    let line =
        Line::judged(format!("{row}: single signal, durable"), format!("≥ {bar}, lag < 1 s"), hit)
            .measured(pair.our_rate())
            .reference(format!("{} bare hyper", pair.their_rate()), pair.ratio())
            .note(format!("p99 {}, longest lag {longest:.2} s", micros(median(&slowest))));
    Ok(vec![line])
}

/// 10 000 single signals a second, whatever the answers do.
pub(crate) fn offered(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    const CONNECTIONS: usize = 128;
    let data = bench.data()?;
    let server = Server::start(bench, data.path())?;
    let target = server.target("/v1/signals");
    let schedule =
        Schedule { per_second: 10_000, warm_up: bench.warm_up(), length: bench.length() };
    let mut longest = 0.0_f64;
    let pair = Pair::measure(
        bench,
        || {
            let watch = Watch::start(server.http);
            let pools = pools(Kind::Signals, 1, CONNECTIONS, DIFFERENT / CONNECTIONS, &target);
            let tally = offered::run(&target, pools, schedule)?;
            longest = longest.max(watch.stop()?);
            bench.say("offered", &format!("stormbell: {}", tally.summary()));
            server.settle()?;
            Ok(tally.latencies.at(0.99))
        },
        || {
            let length = bench.length().min(Duration::from_secs(2));
            let syncs = server.process.paused(|| Ok(disk::write_and_sync(data.path(), length)?))?;
            bench.say("offered", &format!("fdatasync of 4 KiB: {}", syncs.summary()));
            Ok(syncs.at(0.99))
        },
    )?;
    let (p99, sync) = (median(&pair.ours), median(&pair.theirs));
    let hit = p99 <= (5.0 * sync).min(OFFERED_US) && longest < LAG_SECONDS;
    let line = Line::judged("offered: 10 000/s single, p99", "≤ 5 × and ≤ 1.89 ms", hit)
        .measured(micros(p99))
        .reference(format!("{} fdatasync p99", micros(sync)), pair.ratio())
        .note(format!("from the time a request was due; longest lag {longest:.2} s"));
    Ok(vec![line])
}
