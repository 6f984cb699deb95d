//! Twice what it takes for good: batches of 256 over many connections, each at its own pace. What is
//! refused is refused quickly, what is taken stays near the peak, memory stays bounded.
//!
//! The peak is what is taken and applied: what is only taken could not go on. Doors refuse when the
//! pipeline is two million records behind, so the load runs for a while before it is measured.

use std::time::{Duration, Instant};

use crate::bodies::{Kind, pools};
use crate::closed::{self, Span};
use crate::lag;
use crate::outcome::Line;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{median, micros, thousands};

const ITEMS: u32 = 256;
/// Connections at the peak, and twice what it takes.
const CONNECTIONS: [usize; 2] = [8, 512];
const GIB: u64 = 1 << 30;

pub(crate) fn doubled(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let data = bench.data()?;
    let server = Server::start(bench, data.path())?;
    let target = server.target("/v1/signals");
    let (mut shares, mut refusals, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    let (mut shed, mut broken) = (0, 0);
    let fill = Duration::from_secs(if bench.quick { 6 } else { 12 });
    for _ in 0..bench.runs {
        let peak = peak(bench, &server)?;
        let requests_per_second = 2.0 * peak / f64::from(ITEMS);
        let every = Duration::from_secs_f64(CONNECTIONS[1] as f64 / requests_per_second);
        let span = Span { every: Some(every), ..Span::new(fill, bench.length()) };
        let over =
            closed::run(&target, pools(Kind::Signals, ITEMS, CONNECTIONS[1], 2, &target), span)?;
        let (now, most) = server.process.memory()?;
        bench.say("overload", &format!("doubled: {}", over.summary()));
        bench.say(
            "overload",
            &format!("503: {}; {now} bytes, {most} at most", over.sheddings.summary()),
        );
        let answered = over.latencies.count() + over.sheddings.count();
        sent.push(answered as f64 / over.seconds / requests_per_second * 2.0);
        shares.push(over.rate() / peak);
        if over.shed > 0 {
            refusals.push(over.sheddings.at(0.99));
        }
        shed += over.shed;
        broken += over.broken;
        server.settle()?;
    }
    let (_, most) = server.process.memory()?;
    let note = format!(
        "{} refused, {broken} without an answer; {:.2} × the peak got answers",
        thousands(shed as f64),
        median(&sent)
    );
    let p99 = median(&refusals);
    let refused = Line::judged("overload: 503, p99", "≤ 5 ms", p99 <= 5_000.0 && shed > 0);
    let shown = if shed > 0 { micros(p99) } else { "nothing was refused".to_owned() };
    Ok(vec![
        refused.measured(shown).note(note),
        Line::judged("overload: memory at most", "≤ 1 GiB", most <= GIB)
            .measured(format!("{:.0} MiB", most as f64 / 1_048_576.0)),
        Line::judged("overload: taken, of the peak", "≥ 0.8", median(&shares) >= 0.8)
            .measured(format!("{:.2} ×", median(&shares))),
    ])
}

/// Signals a second that are taken and applied.
fn peak(bench: &Bench, server: &Server) -> anyhow::Result<f64> {
    let target = server.target("/v1/signals");
    let began = Instant::now();
    let span = Span::new(Duration::ZERO, bench.length());
    let taken =
        closed::run(&target, pools(Kind::Signals, ITEMS, CONNECTIONS[0], 16, &target), span)?;
    lag::wait_until_applied(server.http, Duration::from_secs(120))?;
    let rate = taken.taken as f64 / began.elapsed().as_secs_f64();
    bench.say("overload", &format!("peak: {rate:.0} signals/s applied; {}", taken.summary()));
    Ok(rate)
}
