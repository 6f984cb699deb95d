//! Restarting with a long journal: killed and recovered beside reading the files from front to back,
//! and stopped in order, which leaves a snapshot. The page cache is emptied of the files before each.

use std::time::Duration;

use anyhow::ensure;

use crate::bodies::{Kind, pools};
use crate::closed::{self, Span};
use crate::disk;
use crate::outcome::Line;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{median, thousands};

/// Slowest that filling may be before it is given up.
const FILL: Duration = Duration::from_secs(900);
/// From being ready to being asked to stop.
const SETTLED: Duration = Duration::from_millis(500);

pub(crate) fn restarted(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let data = bench.data()?;
    let mut server = Server::start(bench, data.path())?;
    let records = fill(bench, "restart", &server, bench.records())?;
    server.settle()?;
    let (mut killed, mut reading, mut ordered) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..bench.runs {
        // Dropping a server kills it, as a power button would.
        drop(server);
        disk::forget(data.path())?;
        let (read, seconds) = disk::read_all(&data.path().join("journal"))?;
        bytes = read;
        reading.push(seconds);
        disk::forget(data.path())?;
        server = Server::start(bench, data.path())?;
        killed.push(server.start.as_secs_f64());
        bench.say(
            "restart",
            &format!("killed: ready in {:?}; reading {read} bytes: {seconds:.3} s", server.start),
        );
    }
    for _ in 0..bench.runs {
        std::thread::sleep(SETTLED);
        let (status, took) = server.process.terminate()?;
        ensure!(status.success(), "the server ended with {status}");
        disk::forget(data.path())?;
        server = Server::start(bench, data.path())?;
        ordered.push(server.start.as_secs_f64());
        bench.say("restart", &format!("stopped in {took:?}: ready in {:?}", server.start));
    }
    let size =
        format!("{} records, {} MB", thousands(records as f64), thousands(bytes as f64 / 1e6));
    let (killed, reading, ordered) = (median(&killed), median(&reading), median(&ordered));
    let ratio = killed / reading;
    Ok(vec![
        Line::judged("restart: killed, long journal", "≤ 3 × reading", ratio <= 3.0)
            .measured(format!("{killed:.3} s"))
            .reference(format!("{reading:.3} s reading the files"), ratio)
            .note(format!("{size}; cold page cache for both")),
        Line::judged("restart: from a snapshot", "≤ 2 s", ordered <= 2.0)
            .measured(format!("{ordered:.3} s"))
            .note(size),
    ])
}

/// Sends batches until the server has taken so many signals; says how many it took.
pub(super) fn fill(bench: &Bench, row: &str, server: &Server, records: u64) -> anyhow::Result<u64> {
    let target = server.target("/v1/signals");
    let span = Span { most_items: records, ..Span::new(Duration::ZERO, FILL) };
    let tally = closed::run(&target, pools(Kind::Signals, 1_024, 8, 8, &target), span)?;
    bench.say(row, &format!("filled: {}", tally.summary()));
    ensure!(tally.taken >= records, "only {} of {records} records in {FILL:?}", tally.taken);
    Ok(tally.taken)
}
