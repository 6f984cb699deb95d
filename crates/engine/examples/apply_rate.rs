//! Entries a second that one engine applies on one core, decoding apart: signals of about 300 bytes
//! over 10 000 components, every other one with a given id, in batches as the pipeline reads them.
//! Time is the thread's own on its core, so that others on the machine disturb it little.
//!
//! `cargo run --release -p engine --example apply_rate [ENTRIES]`

#![expect(clippy::disallowed_methods, reason = "a measurement reads clock, memory and arguments")]
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]

use std::time::Duration;

use engine::Engine;
use model::{
    ComponentType, Effects, Entry, Kind, ProjectId, Seq, Severity, Signal, SignalId, Timestamp,
    codec, limits,
};

const COMPONENTS: u64 = 10_000;
/// Different records; their ids are new in every batch.
const RECORDS: u64 = 20 * limits::PIPELINE_BATCH as u64;
/// Where the id stands in a record, and whether it was given.
const ID: std::ops::Range<usize> = 6..22;

#[derive(Default)]
struct Taken {
    entries: u64,
    decoding: Duration,
    applying: Duration,
}

fn main() {
    let most = std::env::args().nth(1).map_or(10_000_000, |text| text.parse().expect("a number"));
    let mut records: Vec<Vec<u8>> = (0..RECORDS).map(record).collect();
    let bytes: usize = records.iter().map(Vec::len).sum();
    println!("bytes a record: {}", bytes as u64 / RECORDS);
    println!(
        "{:>10} {:>14} {:>14} {:>14} {:>8}",
        "entries", "apply/s", "decode/s", "both/s", "MiB"
    );
    let (mut engine, mut effects) = (Engine::new(), Effects::default());
    let (mut since, mut report_at) = (Taken::default(), 10_000);
    for batch in 0.. {
        let first =
            batch % (RECORDS / limits::PIPELINE_BATCH as u64) * limits::PIPELINE_BATCH as u64;
        let records = &mut records[first as usize..][..limits::PIPELINE_BATCH];
        step(&mut engine, &mut effects, records, &mut since);
        if engine.seq().0 >= report_at {
            report(&engine, &since);
            (since, report_at) = (Taken::default(), report_at * 10);
            if engine.seq().0 >= most {
                break;
            }
        }
    }
    let began = on_core();
    let snapshot = engine.snapshot();
    println!("snapshot: {} MiB in {} ms", snapshot.0.len() >> 20, (on_core() - began).as_millis());
    let began = on_core();
    let restored = Engine::restore(&snapshot).expect("its own snapshot");
    println!("restored to {} in {} ms", restored.seq(), (on_core() - began).as_millis());
}

/// One batch, as the pipeline does it.
fn step(engine: &mut Engine, effects: &mut Effects, records: &mut [Vec<u8>], taken: &mut Taken) {
    let seq = engine.seq().0;
    for (nth, record) in records.iter_mut().enumerate() {
        record[ID].copy_from_slice(&mixed(seq + nth as u64).to_le_bytes());
    }
    let began = on_core();
    let entries: Vec<Entry<'_>> =
        records.iter().map(|record| codec::decode(record).expect("its own record")).collect();
    let decoded = on_core();
    effects.0.clear();
    let at = Timestamp::from_micros(1_700_000_000_000_000 + 10 * seq as i64);
    for (next, entry) in (seq + 1..).zip(&entries) {
        engine.apply(Seq(next), at, entry, effects);
    }
    taken.applying += on_core() - decoded;
    taken.decoding += decoded - began;
    taken.entries += records.len() as u64;
}

fn report(engine: &Engine, taken: &Taken) {
    let rate = |time: Duration| taken.entries * 1_000_000 / time.as_micros().max(1) as u64;
    println!(
        "{:>10} {:>14} {:>14} {:>14} {:>8}",
        engine.seq().0,
        rate(taken.applying),
        rate(taken.decoding),
        rate(taken.applying + taken.decoding),
        resident_mib(),
    );
}

fn record(nth: u64) -> Vec<u8> {
    let chance = mixed(nth) as u64;
    let component = chance % COMPONENTS;
    let signal = Signal {
        id_given: nth.is_multiple_of(2),
        component_type: ComponentType::Service,
        kind: Kind::Failure,
        severity: Severity::ALL[(chance >> 20) as usize % 4],
        source: "checkout-gateway".into(),
        summary: format!("upstream {component} timed out after {} ms", chance >> 40 & 0xfff).into(),
        labels: vec![
            ("cluster".into(), format!("eu-{}", component % 7).into()),
            ("namespace".into(), "payments".into()),
            ("pod".into(), format!("service-{component}-{}", chance >> 32 & 3).into()),
        ],
        payload:
            br#"{"attempt":3,"upstream":"10.4.1.7:8443","route":"/v1/orders"}"#.as_slice().into(),
        occurred_at: Timestamp::from_micros(1_700_000_000_000_000),
        trace_id: format!("{:032x}", mixed(chance)).into(),
        error_code: "UPSTREAM_TIMEOUT".into(),
        ..Signal::new(SignalId(0), format!("service-{component}"), "prod")
    };
    let mut record = Vec::new();
    codec::encode(&Entry::Signal { project: ProjectId(1), signal }, &mut record);
    record
}

/// Spreads a number over 128 bits, each to another (splitmix64, twice).
fn mixed(number: u64) -> u128 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let low = mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15));
    u128::from(mix(low ^ number)) << 64 | u128::from(low)
}

/// How long this thread has run on a core.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the kernel counts the time of threads"))
}

fn resident_mib() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    (resident.unwrap_or(0) * 4_096) >> 20
}
