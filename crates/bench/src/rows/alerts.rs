//! `POST /api/v2/alerts` here and at Alertmanager: one alert and 64 a request, never seen before and
//! repeated. Each run of new alerts begins with fresh processes, because both remember what fires.

use std::time::Duration;

use super::Pair;
use crate::bodies::{Kind, Target, Template, pools};
use crate::closed::{self, Span, Tally};
use crate::outcome::Line;
use crate::references::Reference;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{median, micros};

const CONNECTIONS: usize = 64;
/// Alerts that are repeated.
const REPEATED: usize = 16_384;

/// One way to post.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    kind: Kind,
    items: u32,
    bar: f64,
}

const WAYS: [Way; 4] = [
    Way { name: "1 new", kind: Kind::NewAlerts, items: 1, bar: 2.0 },
    Way { name: "64 new", kind: Kind::NewAlerts, items: 64, bar: 4.0 },
    Way { name: "1 repeated", kind: Kind::RepeatedAlerts, items: 1, bar: 2.0 },
    Way { name: "64 repeated", kind: Kind::RepeatedAlerts, items: 64, bar: 4.0 },
];

pub(crate) fn posted(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    WAYS.iter().map(|&way| compare(bench, way)).collect()
}

fn compare(bench: &Bench, way: Way) -> anyhow::Result<Line> {
    let mut slowest = Vec::new();
    let pair = Pair::measure(
        bench,
        || {
            let data = bench.data()?;
            let server = Server::start(bench, data.path())?;
            let tally = post(bench, way, &server.target("/api/v2/alerts"))?;
            bench.say("alerts", &format!("stormbell, {}: {}", way.name, tally.summary()));
            slowest.push(tally.latencies.at(0.99));
            Ok(tally.rate())
        },
        || {
            let data = bench.data()?;
            let alertmanager = Reference::alertmanager(bench, data.path())?;
            let (address, path) = (alertmanager.address, "/api/v2/alerts");
            let tally = post(bench, way, &Target { address, path, key: None })?;
            bench.say("alerts", &format!("alertmanager, {}: {}", way.name, tally.summary()));
            Ok(tally.rate())
        },
    )?;
    let line = Line::judged(
        format!("alerts: {} a request", way.name),
        format!("≥ {} ×", way.bar),
        pair.ratio() >= way.bar,
    );
    Ok(line
        .measured(pair.our_rate())
        .reference(format!("{} Alertmanager", pair.their_rate()), pair.ratio())
        .note(format!("p99 {}", micros(median(&slowest)))))
}

fn post(bench: &Bench, way: Way, target: &Target) -> anyhow::Result<Tally> {
    // Shorter than other rows: what fires is remembered, and a million alerts are the limit.
    let length = bench.length().min(Duration::from_secs(2));
    let span = Span::new(bench.warm_up() / 2, length);
    let each = REPEATED / way.items as usize / CONNECTIONS;
    let pools: Vec<Vec<Template>> = pools(way.kind, way.items, CONNECTIONS, each, target);
    if way.kind == Kind::RepeatedAlerts {
        // Everybody has seen each of them once.
        let once = Span {
            most_items: REPEATED as u64,
            ..Span::new(Duration::ZERO, Duration::from_secs(30))
        };
        closed::run(target, pools.clone(), once)?;
    }
    closed::run(target, pools, span)
}
