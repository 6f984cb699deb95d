//! Whether a record costs more when many are stored: processor time of the server per record, everything
//! in the background included, at one million and at many.

use crate::outcome::Line;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::{median, thousands};

use super::restart::fill;

const FEW: u64 = 1_000_000;

pub(crate) fn grown(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let data = bench.data()?;
    let server = Server::start(bench, data.path())?;
    let window = if bench.quick { 300_000 } else { 1_000_000 };
    let mut stored = fill(bench, "stored", &server, FEW)?;
    let few = costs(bench, &server, window, &mut stored)?;
    let many = bench.stored();
    if stored < many {
        stored += fill(bench, "stored", &server, many - stored)?;
    }
    let many = stored;
    let later = costs(bench, &server, window, &mut stored)?;
    let ratio = later / few;
    let name = format!("stored: cost per record at {} M", many / 1_000_000);
    let line = Line::judged(name, "≤ 1.1 ×", ratio <= 1.1)
        .measured(format!("{later:.2} µs"))
        .reference(format!("{few:.2} µs at 1 M"), ratio)
        .note(format!(
            "processor time of the server, background included; the bar is for 100 M, {} were stored",
            thousands(many as f64)
        ));
    Ok(vec![line])
}

/// Microseconds of processor time per record, the median of some windows.
fn costs(bench: &Bench, server: &Server, window: u64, stored: &mut u64) -> anyhow::Result<f64> {
    let mut costs = Vec::new();
    for _ in 0..bench.runs {
        server.settle()?;
        let before = server.process.cpu_seconds()?;
        let taken = fill(bench, "stored", server, window)?;
        server.settle()?;
        let cost = (server.process.cpu_seconds()? - before) * 1e6 / taken as f64;
        *stored += taken;
        bench.say("stored", &format!("{cost:.3} µs a record, {stored} stored"));
        costs.push(cost);
    }
    Ok(median(&costs))
}
