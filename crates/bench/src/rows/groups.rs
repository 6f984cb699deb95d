//! `GET /api/v2/alerts/groups` at 10 000 groups with 25 pollers, while alerts are repeated as fast as
//! they go: how long a page takes beside Alertmanager, and what the pollers cost the ingest.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bodies::{Kind, Target, pools};
use crate::client::Client;
use crate::closed::{self, Span};
use crate::outcome::Line;
use crate::references::Reference;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{Latencies, median, micros, thousands};

/// Groups that are there before; the alerts that are repeated make another thousand.
const GROUPS: usize = 9_000;
const POLLERS: u32 = 25;
/// How often one poller asks, as a dashboard does.
const POLL_EVERY: Duration = Duration::from_secs(5);
const CONNECTIONS: usize = 16;
const PATH: &str = "/api/v2/alerts/groups";

/// Alerts a second without and with pollers, and how long pages took.
#[derive(Default)]
struct Side {
    alone: Vec<f64>,
    polled: Vec<f64>,
    p99: Vec<f64>,
}

pub(crate) fn polled(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let (data, alertmanager_data) = (bench.data()?, bench.data()?);
    let server = Server::start(bench, data.path())?;
    let alertmanager = Reference::alertmanager(bench, alertmanager_data.path())?;
    let ours = server.target("/api/v2/alerts");
    let theirs = Target { address: alertmanager.address, path: "/api/v2/alerts", key: None };
    for target in [&ours, &theirs] {
        fire(target)?;
    }
    server.settle()?;
    let (mut our_side, mut their_side) = (Side::default(), Side::default());
    for _ in 0..bench.runs {
        measure(bench, "stormbell", &ours, &mut our_side)?;
        server.settle()?;
        let theirs = || measure(bench, "alertmanager", &theirs, &mut their_side);
        server.process.paused(theirs)?;
    }
    Ok(lines(&our_side, &their_side))
}

fn lines(ours: &Side, theirs: &Side) -> Vec<Line> {
    let (our_p99, their_p99) = (median(&ours.p99), median(&theirs.p99));
    let ratio = our_p99 / their_p99;
    let loss = |side: &Side| (1.0 - median(&side.polled) / median(&side.alone)) * 100.0;
    let page = Line::judged("groups: a page of 10 000 groups, p99", "≤ 0.1 ×", ratio <= 0.1)
        .measured(micros(our_p99))
        .reference(format!("{} Alertmanager", micros(their_p99)), ratio)
        .note("25 pollers, each every 5 s, while alerts are repeated as fast as they go");
    let (our_loss, their_loss) = (loss(ours), loss(theirs));
    let ingest = Line::judged("groups: what pollers cost the ingest", "< 5 %", our_loss < 5.0)
        .measured(format!("{our_loss:.1} %"))
        .reference(format!("{their_loss:.1} % Alertmanager"), our_loss / their_loss)
        .note(format!(
            "{}/s alone, {}/s polled",
            thousands(median(&ours.alone)),
            thousands(median(&ours.polled))
        ));
    vec![page, ingest]
}

/// Alerts of nine thousand services, one each.
fn fire(target: &Target) -> anyhow::Result<()> {
    let mut client = Client::connect(target.address, target.key.as_deref())?;
    for first in (0..GROUPS).step_by(500) {
        let alerts: Vec<_> = (first..first + 500).map(alert).collect();
        let answer = client.post(target.path, serde_json::to_string(&alerts)?.as_bytes())?;
        ensure!(answer.status == 200, "alerts were answered with {}", answer.status);
    }
    let began = Instant::now();
    loop {
        let page = client.get(PATH)?;
        let groups: Vec<serde::de::IgnoredAny> = serde_json::from_slice(&page.body)?;
        if groups.len() >= GROUPS {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(120), "only {} groups", groups.len());
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn alert(number: usize) -> serde_json::Value {
    serde_json::json!({
        "labels": {
            "alertname": "HighLatency", "instance": format!("node-{number}:9100"), "env": "prod",
            "service": format!("checkout-{number}"), "severity": "warning",
        },
        "annotations": { "summary": format!("latency of checkout-{number} is high") },
        "startsAt": "2026-11-20T12:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=latency",
    })
}

fn measure(bench: &Bench, name: &str, target: &Target, side: &mut Side) -> anyhow::Result<()> {
    let length = if bench.quick { Duration::from_secs(5) } else { Duration::from_secs(10) };
    let load = || {
        let pools = pools(Kind::RepeatedAlerts, 64, CONNECTIONS, 2, target);
        closed::run(target, pools, Span::new(bench.warm_up(), length))
    };
    let alone = load()?;
    let pages = Mutex::new(Latencies::new());
    let until = Instant::now() + bench.warm_up() + length;
    let polled = std::thread::scope(|scope| {
        let pollers: Vec<_> = (0..POLLERS)
            .map(|poller| {
                scope.spawn({
                    let pages = &pages;
                    move || poll(target, poller, until, pages)
                })
            })
            .collect();
        let polled = load();
        for poller in pollers {
            poller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        polled
    })?;
    let pages = pages.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    bench.say("groups", &format!("{name}, alone: {}", alone.summary()));
    bench.say("groups", &format!("{name}, polled: {}", polled.summary()));
    bench.say("groups", &format!("{name}, pages: {}", pages.summary()));
    side.alone.push(alone.rate());
    side.polled.push(polled.rate());
    side.p99.push(pages.at(0.99));
    Ok(())
}

/// Asks on schedule; a page that is late begins where it was due.
fn poll(
    target: &Target,
    poller: u32,
    until: Instant,
    pages: &Mutex<Latencies>,
) -> anyhow::Result<()> {
    let mut client = Client::connect(target.address, target.key.as_deref())?;
    let mut due = Instant::now() + POLL_EVERY * poller / POLLERS;
    while due < until {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let page = client.get(PATH)?;
        ensure!(page.status == 200, "a page was answered with {}", page.status);
        pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(due.elapsed());
        due += POLL_EVERY;
    }
    Ok(())
}
