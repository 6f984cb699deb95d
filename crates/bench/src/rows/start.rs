//! A first start on an empty folder, memory when nothing happens, and the size of the binary.

use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::outcome::Line;
use crate::run::Bench;
use crate::server::Server;
use crate::statistics::median;

const MIB: f64 = 1_048_576.0;

pub(crate) fn empty(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs {
        let data = bench.data()?;
        let server = Server::start(bench, data.path())?;
        std::thread::sleep(Duration::from_secs(2));
        let (now, most) = server.process.memory()?;
        starts.push(server.start.as_secs_f64() * 1e3);
        memory.push(now as f64 / MIB);
        bench.say(
            "start",
            &format!("ready in {:?}, {now} bytes idle, {most} at most", server.start),
        );
    }
    let (start, memory, size) = (median(&starts), median(&memory), stripped_bytes(bench)? / MIB);
    Ok(vec![
        Line::judged("start: empty", "≤ 150 ms", start <= 150.0).measured(format!("{start:.0} ms")),
        Line::judged("start: idle memory", "≤ 60 MiB", memory <= 60.0)
            .measured(format!("{memory:.1} MiB")),
        Line::judged("start: binary, stripped", "≤ 80 MiB", size <= 80.0)
            .measured(format!("{size:.1} MiB"))
            .note("release profile; the shipped one is linked with LTO"),
    ])
}

fn stripped_bytes(bench: &Bench) -> anyhow::Result<f64> {
    let stripped = bench.scratch.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(&bench.server).status()?;
    ensure!(status.success(), "strip ended with {status}");
    let bytes = std::fs::metadata(&stripped)?.len();
    std::fs::remove_file(stripped)?;
    Ok(bytes as f64)
}
