//! Measures the journal on a real disk: `append_rate DIRECTORY [SECONDS]`.
//!
//! Prints appends per second and latency with 1, 64 and 256 concurrent appenders of one 300 byte
//! record each, beside a plain write and sync on the same disk, then the speed of replay and of
//! opening beside a plain read of the same files. The directory must not exist; it is left behind.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Journal, Options, RealDisk, Records, SegmentJournal, SystemClock};

const RECORD_BYTES: usize = 300;
const REPLAY_RECORDS: u64 = 2_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: append_rate DIRECTORY [SECONDS]")?;
    let seconds = arguments.next().map_or(Ok(3), |seconds| seconds.parse())?;
    std::fs::create_dir(&directory)?;
    let directory = Path::new(&directory);
    let journal = Arc::new(open(directory)?);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    let length = Duration::from_secs(seconds);
    for appenders in [1, 64, 256, 64, 256] {
        print_latencies("plain 4 KiB write and sync", &mut plain_syncs(directory, length / 3)?);
        let mut latencies = runtime.block_on(append_for(&journal, appenders, length))?;
        let rate = latencies.len() as f64 / length.as_secs_f64();
        print_latencies(&format!("{appenders} appenders, {rate:.0} appends/s"), &mut latencies);
    }
    let mut latencies = runtime.block_on(append_paced(&journal, length))?;
    print_latencies("10 000 appends/s offered", &mut latencies);
    fill(&journal)?;
    journal.close();
    print_reading(directory)
}

fn open(directory: &Path) -> Result<SegmentJournal, Box<dyn Error>> {
    let disk = Arc::new(RealDisk::new(directory.join("journal"))?);
    Ok(SegmentJournal::open(Options::default(), disk, Arc::new(SystemClock))?.0)
}

fn plain_syncs(directory: &Path, length: Duration) -> Result<Vec<Duration>, Box<dyn Error>> {
    let path = directory.join("plain");
    std::fs::write(&path, vec![0; 64 << 20])?;
    let file = File::options().write(true).open(&path)?;
    file.sync_all()?;
    let (started, mut latencies) = (Instant::now(), Vec::new());
    while started.elapsed() < length {
        let (begun, offset) = (Instant::now(), latencies.len() as u64 % 16_384 * 4096);
        file.write_all_at(&[7; 4096], offset)?;
        file.sync_data()?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}

async fn append_for(
    journal: &Arc<SegmentJournal>,
    appenders: usize,
    length: Duration,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let deadline = Instant::now() + length;
    let tasks: Vec<_> =
        (0..appenders).map(|_| tokio::spawn(append_until(journal.clone(), deadline))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(latencies)
}

/// A hundred appenders, each one append every ten milliseconds, spread over the ten milliseconds.
async fn append_paced(
    journal: &Arc<SegmentJournal>,
    length: Duration,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let started = tokio::time::Instant::now() + Duration::from_millis(10);
    let rounds = u32::try_from(length.as_millis() / 10)?;
    let append_each = |appender: u32| {
        let journal = journal.clone();
        let first = started + Duration::from_micros(100) * appender;
        async move {
            let mut latencies = Vec::new();
            for round in 0..rounds {
                tokio::time::sleep_until(first + Duration::from_millis(10) * round).await;
                latencies.push(append_one(&journal).await?);
            }
            Ok::<_, journal::Error>(latencies)
        }
    };
    let tasks: Vec<_> = (0..100).map(|appender| tokio::spawn(append_each(appender))).collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(latencies)
}

async fn append_until(
    journal: Arc<SegmentJournal>,
    deadline: Instant,
) -> Result<Vec<Duration>, journal::Error> {
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        latencies.push(append_one(&journal).await?);
    }
    Ok(latencies)
}

async fn append_one(journal: &SegmentJournal) -> Result<Duration, journal::Error> {
    let begun = Instant::now();
    let mut records = Records::with_capacity(RECORD_BYTES + 8);
    records.push(&[7; RECORD_BYTES]);
    journal.append(records)?.await?;
    Ok(begun.elapsed())
}

/// Appends in batches of 256 until there is enough to replay.
fn fill(journal: &SegmentJournal) -> Result<(), Box<dyn Error>> {
    let (started, first) = (Instant::now(), journal.durable_end());
    while journal.durable_end() < first + REPLAY_RECORDS {
        let mut waiting = Vec::new();
        for _ in 0..32 {
            let mut records = Records::with_capacity(256 * (RECORD_BYTES + 8));
            for _ in 0..256 {
                records.push(&[7; RECORD_BYTES]);
            }
            waiting.push(journal.append(records)?);
        }
        for append in waiting {
            append.wait()?;
        }
    }
    let rate = (journal.durable_end() - first) as f64 / started.elapsed().as_secs_f64();
    println!("batches of 256: {rate:.0} records/s");
    Ok(())
}

fn print_reading(directory: &Path) -> Result<(), Box<dyn Error>> {
    for _ in 0..3 {
        let started = Instant::now();
        let bytes = plain_read(&directory.join("journal"))?;
        print_rate("plain read of the files", bytes, started);
        let started = Instant::now();
        let journal = open(directory)?;
        print_rate("opening, everything verified", bytes, started);
        let (started, mut reader) = (Instant::now(), journal.reader(1)?);
        let (mut bytes, mut records) = (0, 0);
        while let Some(batch) = reader.next()? {
            for (_, payload) in batch.records() {
                bytes += payload.len() as u64;
                records += 1;
            }
        }
        print_rate(&format!("replay of {records} records"), bytes, started);
    }
    Ok(())
}

fn plain_read(directory: &Path) -> Result<u64, Box<dyn Error>> {
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    for entry in std::fs::read_dir(directory)? {
        let mut file = File::open(entry?.path())?;
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    Ok(bytes)
}

fn print_rate(what: &str, bytes: u64, started: Instant) {
    let (megabytes, elapsed) = (bytes as f64 / 1e6, started.elapsed());
    println!(
        "{what}: {megabytes:.0} MB in {elapsed:.2?}, {:.0} MB/s",
        megabytes / elapsed.as_secs_f64()
    );
}

fn print_latencies(what: &str, latencies: &mut [Duration]) {
    latencies.sort_unstable();
    let at = |per_mille: usize| latencies.get(latencies.len() * per_mille / 1000).copied();
    let (half, most) = (at(500).unwrap_or_default(), at(990).unwrap_or_default());
    println!("{what}: p50 {half:.0?}, p99 {most:.0?}");
}
