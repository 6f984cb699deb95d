//! Batches of 256: over HTTP beside parsing alone, over gRPC beside a server that only decodes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::Pair;
use crate::bodies::{Kind, Template, moment, pools};
use crate::closed::{self, Span};
use crate::lag::Watch;
use crate::machine::thread_time;
use crate::outcome::Line;
use crate::references::Reference;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{median, micros, thousands};
use crate::stream;

const ITEMS: u32 = 256;
const CONNECTIONS: usize = 8;
/// Different batches of one connection.
const POOL: usize = 16;
const SIGNALS_PER_SECOND: f64 = 300_000.0;

/// A signal as a careful sender of serde would declare it, once for each library's raw value.
macro_rules! bare {
    ($name:ident, $raw:ty) => {
        #[derive(Deserialize)]
        #[allow(dead_code, reason = "what is parsed is not looked at")]
        struct $name<'a> {
            #[serde(borrow)]
            id: Cow<'a, str>,
            #[serde(borrow)]
            component: Cow<'a, str>,
            #[serde(borrow)]
            severity: Cow<'a, str>,
            #[serde(borrow)]
            source: Cow<'a, str>,
            #[serde(borrow)]
            environment: Cow<'a, str>,
            #[serde(borrow)]
            summary: Cow<'a, str>,
            #[serde(borrow)]
            labels: BTreeMap<&'a str, &'a str>,
            #[serde(borrow)]
            payload: $raw,
            #[serde(borrow)]
            occurred_at: Cow<'a, str>,
        }
    };
}

bare!(Bare, &'a serde_json::value::RawValue);
bare!(BareSonic, sonic_rs::LazyValue<'a>);

pub(crate) fn http(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let data = bench.data()?;
    let server = Server::start(bench, data.path())?;
    let target = server.target("/v1/signals");
    let now = moment(0);
    let bodies: Vec<Template> = (0..(CONNECTIONS * POOL) as u64)
        .map(|batch| Template::body(Kind::Signals, batch * u64::from(ITEMS), ITEMS, &now))
        .collect();
    let span = Span::new(bench.warm_up(), bench.length());
    let (mut longest, mut slowest) = (0.0_f64, Vec::new());
    let pair = Pair::measure(
        bench,
        || {
            let watch = Watch::start(server.http);
            let pools = pools(Kind::Signals, ITEMS, CONNECTIONS, POOL, &target);
            let tally = closed::run(&target, pools, span)?;
            longest = longest.max(watch.stop()?);
            bench.say("batch", &format!("stormbell: {}, lag {longest:.2} s", tally.summary()));
            slowest.push(tally.latencies.at(0.99));
            server.settle()?;
            Ok(tally.rate())
        },
        || {
            let length = bench.length().min(Duration::from_secs(2)) / 2;
            let (serde, sonic) = server.process.paused(|| Ok(parse_both(&bodies, length)))?;
            bench.say(
                "batch",
                &format!("parsing alone: serde_json {serde:.0}/s, sonic-rs {sonic:.0}/s"),
            );
            Ok(serde.max(sonic))
        },
    )?;
    let hit = pair.ratio() >= 0.6 && median(&pair.ours) >= SIGNALS_PER_SECOND;
    let line = Line::judged("batch: 256 signals, HTTP JSON, durable", "≥ 0.6 and ≥ 300 000/s", hit)
        .measured(pair.our_rate())
        .reference(format!("{} parsed on one core", pair.their_rate()), pair.ratio())
        .note(format!("p99 {}, longest lag {longest:.2} s", micros(median(&slowest))));
    Ok(vec![line])
}

/// Signals a second that each library parses.
fn parse_both(bodies: &[Template], length: Duration) -> (f64, f64) {
    let serde = parse(bodies, length, |body| {
        black_box(serde_json::from_slice::<Vec<Bare<'_>>>(body)).is_ok()
    });
    let sonic = parse(bodies, length, |body| {
        black_box(sonic_rs::from_slice::<Vec<BareSonic<'_>>>(body)).is_ok()
    });
    (serde, sonic)
}

/// Signals a second that `parse` reads, by processor time of this thread.
fn parse(bodies: &[Template], length: Duration, parse: impl Fn(&[u8]) -> bool) -> f64 {
    let (began, cpu, mut signals) = (Instant::now(), thread_time(), 0);
    while began.elapsed() < length {
        for body in bodies {
            assert!(parse(body.bytes()), "the bodies are valid");
            signals += u64::from(body.items);
        }
    }
    signals as f64 / thread_time().saturating_sub(cpu).as_secs_f64()
}

pub(crate) fn grpc(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let data = bench.data()?;
    let server = Server::start(bench, data.path())?;
    let echo = Reference::own(bench, "echo")?;
    let span = Span::new(bench.warm_up(), bench.length());
    let (mut longest, mut shed) = (0.0_f64, 0);
    let pair = Pair::measure(
        bench,
        || {
            let watch = Watch::start(server.http);
            let tally = stream::run(server.grpc, Some(&server.key), ITEMS, span)?;
            longest = longest.max(watch.stop()?);
            shed += tally.shed;
            bench.say("grpc", &format!("stormbell: {}, lag {longest:.2} s", tally.summary()));
            server.settle()?;
            Ok(tally.rate())
        },
        || {
            let tally = server.process.paused(|| stream::run(echo.address, None, ITEMS, span))?;
            bench.say("grpc", &format!("echo: {}", tally.summary()));
            Ok(tally.rate())
        },
    )?;
    let line = Line::judged("grpc: stream, batches of 256, durable", "≥ 0.5", pair.ratio() >= 0.5)
        .measured(pair.our_rate())
        .reference(format!("{} tonic echo", pair.their_rate()), pair.ratio())
        .note(format!("{} batches shed, longest lag {longest:.2} s", thousands(shed as f64)));
    Ok(vec![line])
}
