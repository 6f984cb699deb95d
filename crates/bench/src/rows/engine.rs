//! `Engine::apply` by itself, on one core: signals over 10 000 components, from ten thousand entries to
//! ten million. Only the calls are timed, in processor time of this thread; entries are decoded before,
//! a batch at a time, as the pipeline does.

use std::time::Duration;

use engine::Engine;
use model::{Effects, Entry, ProjectId, Seq, SignalId, Timestamp, codec};

use crate::bodies::{Sample, mix};
use crate::machine::thread_time;
use crate::outcome::Line;
use crate::run::Bench;
use crate::statistics::{median, thousands};

const COMPONENTS: u64 = 10_000;
const ENTRIES_PER_SECOND: f64 = 1_500_000.0;
/// The slowest decade is at least this share of the fastest, to be called flat.
const FLAT: f64 = 0.8;
/// Different records; each is used with ever new ids.
const RECORDS: u64 = 65_536;
const BATCH: usize = 4_096;
/// Entries whose ids are looked for together, as in the pipeline.
const TURN: usize = 64;
const START_US: i64 = 1_795_179_600_000_000;

pub(crate) fn applied(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let ends: &[u64] =
        &[10_000, 100_000, 1_000_000, if bench.quick { 3_000_000 } else { 10_000_000 }];
    let records = records();
    let mut rates = vec![Vec::new(); ends.len()];
    for _ in 0..bench.runs {
        let run = run(&records, ends)?;
        let shown: Vec<String> = run.iter().map(|&rate| thousands(rate)).collect();
        bench.say("engine", &format!("entries/s up to each of {ends:?}: {}", shown.join(", ")));
        for (all, rate) in rates.iter_mut().zip(run) {
            all.push(rate);
        }
    }
    let medians: Vec<f64> = rates.iter().map(|rates| median(rates)).collect();
    let slowest = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let fastest = medians.iter().copied().fold(0.0, f64::max);
    let hit = slowest >= ENTRIES_PER_SECOND && slowest / fastest >= FLAT;
    let shown: Vec<String> = medians.iter().map(|&rate| format!("{:.2} M", rate / 1e6)).collect();
    let line = Line::judged("engine: apply, 10 000 components", "≥ 1.5 M/s, flat", hit)
        .measured(format!("{:.2} M/s at the slowest", slowest / 1e6))
        .reference(format!("{:.2} M/s at the fastest", fastest / 1e6), slowest / fastest)
        .note(format!(
            "up to 10⁴, 10⁵, 10⁶ and {} entries: {}",
            thousands(ends[3] as f64),
            shown.join(", ")
        ));
    Ok(vec![line])
}

fn records() -> Vec<Vec<u8>> {
    let at = Timestamp::from_micros(START_US);
    let record = |number| {
        let signal = Sample::new(number).signal(COMPONENTS, at);
        let mut record = Vec::new();
        codec::encode(&Entry::Signal { project: ProjectId(1), signal }, &mut record);
        record
    };
    (0..RECORDS).map(record).collect()
}

/// Entries a second in the stretch up to each of `ends`.
fn run(records: &[Vec<u8>], ends: &[u64]) -> anyhow::Result<Vec<f64>> {
    let (mut engine, mut effects) = (Engine::new(), Effects::default());
    let (mut rates, mut seq) = (Vec::new(), 0);
    for &end in ends {
        let (mut took, begin) = (Duration::ZERO, seq);
        while seq < end {
            let count = BATCH.min((end - seq) as usize);
            let entries = decode(records, seq, count)?;
            // A commit of the journal has one time; at 400 000/s a batch is some 10 ms.
            let at = Timestamp::from_micros(START_US + (seq * 5 / 2).cast_signed());
            effects.0.clear();
            let began = thread_time();
            for turn in entries.chunks(TURN) {
                engine.touch_ids(turn.iter().filter_map(id));
                for entry in turn {
                    seq += 1;
                    engine.apply(Seq(seq), at, entry, &mut effects);
                }
            }
            took += thread_time().saturating_sub(began);
        }
        rates.push((end - begin) as f64 / took.as_secs_f64());
    }
    Ok(rates)
}

fn decode(records: &[Vec<u8>], from: u64, count: usize) -> anyhow::Result<Vec<Entry<'_>>> {
    let mut entries = Vec::with_capacity(count);
    for number in from..from + count as u64 {
        let mut entry = codec::decode(&records[(number % RECORDS) as usize])?;
        if let Entry::Signal { signal, .. } = &mut entry {
            signal.id = SignalId(u128::from(mix(number)) << 64 | u128::from(number));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn id(entry: &Entry<'_>) -> Option<(ProjectId, SignalId)> {
    match entry {
        Entry::Signal { project, signal } => Some((*project, signal.id)),
        Entry::Alert { .. } | Entry::Command(_) | Entry::Tick | Entry::Receipt(_) => None,
    }
}
