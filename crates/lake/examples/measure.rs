//! Prints what the lake does on this machine: rows appended, flushed and merged a second, bytes a row,
//! and how long pages take. `cargo run --release -p lake --example measure -- DIR [ROWS]`.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use lake::{Lake, LocalLake, Options, Row, SignalQuery};
use model::{
    IdentityKey, IncidentId, ProjectId, Reason, Seq, Severity, Signal, SignalId, Timestamp,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PROJECT: ProjectId = ProjectId(1);
const BATCH: u64 = 8_192;
const STORM: u64 = 200_000;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("which directory?")?;
    let rows: u64 = arguments.next().map_or(Ok(2_000_000), |rows| rows.parse())?;
    let mut out = std::io::stdout().lock();
    let lake = LocalLake::open(Options { background: false, ..Options::new(dir) })?;
    let (mut appending, mut flushing) = (Duration::ZERO, Duration::ZERO);
    let mut seq = 0;
    while seq < rows {
        let signals: Vec<_> = (seq + 1..=seq + BATCH).map(signal).collect();
        let batch: Vec<_> = (seq + 1..).zip(&signals).map(|(s, signal)| row(s, signal)).collect();
        let started = Instant::now();
        lake.append(&batch)?;
        appending += started.elapsed();
        seq += BATCH;
        if lake.status().hot_rows >= 131_072 {
            let started = Instant::now();
            lake.flush()?;
            flushing += started.elapsed();
        }
    }
    // The last batch stays hot, so that pages come from both.
    let rate = |took: Duration| seq as f64 / took.as_secs_f64();
    writeln!(out, "append  {:>10.0} rows/s", rate(appending))?;
    writeln!(out, "flush   {:>10.0} rows/s", rate(flushing))?;
    scans(&lake, &mut out, "many small files")?;
    let started = Instant::now();
    let mut merged = 0;
    loop {
        let report = lake.compact()?;
        merged += report.rows;
        if report.merges == 0 {
            break;
        }
    }
    writeln!(out, "merge   {:>10.0} rows/s", merged as f64 / started.elapsed().as_secs_f64())?;
    let status = lake.status();
    let size = status.file_bytes as f64 / status.file_rows as f64;
    writeln!(out, "{} files, {} rows, {size:.1} bytes a row", status.files, status.file_rows)?;
    scans(&lake, &mut out, "merged")
}

fn scans(lake: &LocalLake, out: &mut impl Write, what: &str) -> Outcome<()> {
    let ask = |incidents: Vec<IncidentId>| SignalQuery {
        project: PROJECT,
        incidents: Some(incidents),
        moved_in: Vec::new(),
        moved_out: Vec::new(),
        ids: Vec::new(),
        from: None,
        until: None,
        limit: 50,
        before: None,
    };
    let storm = ask(vec![incident(1_000)]);
    let deep = SignalQuery { before: Some(Seq(STORM / 2)), ..storm.clone() };
    let quiet = ask(vec![incident(700_000)]);
    let none = ask(vec![IncidentId(5)]);
    let moved = SignalQuery { moved_out: vec![Seq(77), Seq(STORM - 1)], ..storm.clone() };
    let by_id = SignalQuery { incidents: None, ids: vec![signal(STORM).id], ..storm.clone() };
    let big = SignalQuery { limit: 1_000, ..storm.clone() };
    let all = SignalQuery { incidents: None, ..storm.clone() };
    for (name, query) in [
        ("storm, first page", storm),
        ("storm, page in the middle", deep),
        ("storm, 1000 rows", big),
        ("storm, two moved out", moved),
        ("small incident", quiet),
        ("no such incident", none),
        ("one id in the project", by_id),
        ("newest of the project", all),
    ] {
        let started = Instant::now();
        let page = lake.signals(&query)?;
        let cold = started.elapsed();
        let mut warm: Vec<_> = (0..9)
            .map(|_| {
                let started = Instant::now();
                lake.signals(&query).map(|_| started.elapsed())
            })
            .collect::<Result<_, _>>()?;
        warm.sort();
        let (items, total) = (page.items.len(), page.total);
        writeln!(
            out,
            "{what}: {name:<26} first {cold:>10.2?} then {:>10.2?} ({items} of {total})",
            warm[4]
        )?;
    }
    Ok(())
}

/// The first rows are a storm of one incident; then incidents have some 20 rows each, among others.
fn incident(seq: u64) -> IncidentId {
    let opened = if seq <= STORM { 1 } else { seq - seq % 4_096 + seq % 200 };
    IncidentId::mint(PROJECT, Seq(opened), at(opened))
}

fn at(seq: u64) -> Timestamp {
    Timestamp::from_micros(1_709_208_000_000_000 + (seq * 20).cast_signed())
}

fn row<'a>(seq: u64, signal: &'a Signal<'a>) -> Row<'a> {
    Row {
        seq: Seq(seq),
        project: PROJECT,
        received_at: at(seq),
        signal,
        identity: IdentityKey(mix(seq % 10_000)),
        incident: Some(incident(seq)),
        reason: Reason::OpenIncident,
    }
}

fn signal(seq: u64) -> Signal<'static> {
    let random = mix(seq);
    let component = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 10_000;
    let mut signal = Signal::new(SignalId(random), format!("service-{component}"), "prod");
    signal.id_given = true;
    signal.severity = Severity::ALL[(random % 4) as usize];
    signal.source = "prometheus".into();
    signal.error_code = format!("E{}", random % 50).into();
    signal.summary =
        format!("request {} to service-{component} timed out", random % 100_000).into();
    signal.labels = vec![
        ("instance".into(), format!("10.0.{}.{}:9090", component / 250, component % 250).into()),
        ("job".into(), format!("service-{component}").into()),
        ("region".into(), "eu-central-1".into()),
    ];
    let (latency, request) = (random % 10_000, random >> 64);
    let payload = format!(
        "{{\"latency_ms\":{latency},\"request\":\"{request:016x}\",\"attempt\":{},\"upstream\":\
         \"service-{}\",\"path\":\"/v1/orders/{}\"}}",
        random % 5,
        random % 97,
        random % 1_000_000
    );
    signal.payload = payload.into_bytes().into();
    signal.occurred_at = at(seq.saturating_sub(50));
    signal.trace_id = format!("{random:032x}").into();
    signal
}

fn mix(seq: u64) -> u128 {
    let half = |salt: u64| {
        let mixed = (seq ^ salt).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u128::from(mixed ^ (mixed >> 31))
    };
    half(1) << 64 | half(0x5555_5555)
}
