//! How fast the doors decode, beside bare parsing of the same bytes on the same core:
//! `cargo run --release -p ingest --example decode_rate`.
//!
//! Bodies are those of `quality.md`: batches of 256 signals of about 300 bytes with changing ids and
//! components. Decoding parses, validates, deduplicates and encodes for the journal; bare parsing
//! fills a struct of borrowed strings. Rounds alternate and the median of each is shown.

#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use ingest::{Applied, Claim, Context, Media, Mint, alertmanager, signals};
use model::{Grant, KeyId, ProjectId, Scopes, SignalId, Timestamp};
use serde::Deserialize;

const NOW: Timestamp = Timestamp::from_micros(1_795_179_600_000_000);
const BATCH: usize = 256;
const ROUNDS: usize = 15;
const BODIES: usize = 200;

/// A signal as a careful sender of serde would declare it.
#[derive(Deserialize)]
#[allow(dead_code, reason = "what is parsed is not looked at")]
struct Bare<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    component: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    environment: Cow<'a, str>,
    #[serde(borrow)]
    summary: Cow<'a, str>,
    #[serde(borrow)]
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(borrow)]
    payload: &'a serde_json::value::RawValue,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
}

/// The same for sonic-rs, whose raw values are its own.
#[derive(Deserialize)]
#[allow(dead_code, reason = "what is parsed is not looked at")]
struct BareSonic<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    component: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    environment: Cow<'a, str>,
    #[serde(borrow)]
    summary: Cow<'a, str>,
    #[serde(borrow)]
    labels: BTreeMap<&'a str, &'a str>,
    #[serde(borrow)]
    payload: sonic_rs::LazyValue<'a>,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
}

/// Nothing was applied before.
struct Nothing;

impl Applied for Nothing {
    fn contains(&self, _project: ProjectId, _signal: SignalId) -> bool {
        false
    }
}

fn signal(number: usize) -> String {
    format!(
        r#"{{"id":"{:08x}-6800-48d7-9f2a-a2e8ab{:06x}","component":"orders-db-{}","severity":"P{}","source":"probe","environment":"prod","summary":"connection refused after {} ms","labels":{{"zone":"eu-{}","pod":"orders-{}"}},"payload":{{"latency_ms":{},"attempt":3,"host":"10.0.0.{}"}},"occurred_at":"2026-11-20T12:59:{:02}.250Z"}}"#,
        number.wrapping_mul(2_654_435_761) as u32,
        number & 0xff_ffff,
        number % 97,
        number % 4,
        number % 5_000,
        number % 3,
        number % 41,
        number % 977,
        number % 250,
        number % 60,
    )
}

fn alert(number: usize) -> String {
    format!(
        r#"{{"labels":{{"alertname":"HighLatency","instance":"10.0.0.{}:9100","job":"node","severity":"warning","env":"prod"}},"annotations":{{"summary":"latency of node {} is high","description":"p99 above {} ms for 5 minutes"}},"startsAt":"2026-11-20T12:00:00Z","endsAt":"2026-11-20T13:04:00Z","generatorURL":"http://prometheus:9090/graph?g0.expr=latency"}}"#,
        number % 250,
        number % 250,
        number % 900,
    )
}

fn bodies(item: fn(usize) -> String, count: usize) -> Vec<String> {
    let body = |start: usize| {
        let items: Vec<String> = (start..start + count).map(item).collect();
        format!("[{}]", items.join(","))
    };
    (0..BODIES).map(|index| body(index * count)).collect()
}

fn grant() -> Grant {
    Grant {
        key: KeyId(1),
        project: ProjectId(1),
        project_name: "default".to_owned(),
        organization_name: "default".to_owned(),
        name: "bench".to_owned(),
        scopes: Scopes::all(),
        rate_per_second: None,
    }
}

fn context<'a>(grant: &'a Grant, applied: &'a Nothing) -> Context<'a> {
    Context {
        now: NOW,
        grant,
        applied,
        mint: Mint::new(NOW, 1),
        media: Media::Json,
        idempotency_key: None,
        claim: Claim::default(),
    }
}

/// One way to take a body.
type Way<'a> = (&'static str, Box<dyn Fn(&str) + 'a>);

/// Seconds that each way takes for all bodies: medians of rounds that alternate.
fn measure(ways: &[Way<'_>], bodies: &[String]) -> Vec<f64> {
    let mut seconds = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for ((_, way), taken) in ways.iter().zip(&mut seconds) {
            let began = Instant::now();
            bodies.iter().for_each(|body| way(body));
            taken.push(began.elapsed().as_secs_f64());
        }
    }
    let median = |mut taken: Vec<f64>| {
        taken.sort_by(f64::total_cmp);
        taken[taken.len() / 2]
    };
    seconds.into_iter().map(median).collect()
}

fn print(title: &str, ways: &[Way<'_>], bodies: &[String], items: usize) {
    let bytes: usize = bodies.iter().map(String::len).sum();
    println!("{title}: {} bytes an item", bytes / (bodies.len() * items));
    let medians = measure(ways, bodies);
    for ((name, _), seconds) in ways.iter().zip(&medians) {
        let rate = (bodies.len() * items) as f64 / seconds;
        let megabytes = bytes as f64 / seconds / 1e6;
        let ratio = medians[0] / seconds;
        println!("  {name:<22} {rate:>12.0} items/s {megabytes:>8.0} MB/s  {ratio:>5.2}");
    }
}

fn main() {
    let (grant, nothing) = (grant(), Nothing);
    let (grant, nothing) = (&grant, &nothing);
    let decode = |body: &str| {
        drop(black_box(signals::decode(body.as_bytes(), context(grant, nothing))));
    };
    let ways: Vec<Way<'_>> = vec![
        (
            "serde_json, bare",
            Box::new(|body| {
                drop(black_box(serde_json::from_slice::<Vec<Bare<'_>>>(body.as_bytes())));
            }),
        ),
        (
            "sonic-rs, bare",
            Box::new(|body| {
                drop(black_box(sonic_rs::from_slice::<Vec<BareSonic<'_>>>(body.as_bytes())));
            }),
        ),
        (
            "serde_json, ignored",
            Box::new(|body| {
                drop(black_box(serde_json::from_slice::<serde::de::IgnoredAny>(body.as_bytes())));
            }),
        ),
        ("door, all of it", Box::new(decode)),
    ];
    print("signals, batches of 256", &ways, &bodies(signal, BATCH), BATCH);
    let single: Vec<String> = (0..BODIES * BATCH).map(signal).collect();
    print("signals, one by one", &ways[3..], &single, 1);
    let alerts: Vec<Way<'_>> = vec![
        (
            "serde_json, ignored",
            Box::new(|body| {
                drop(black_box(serde_json::from_slice::<serde::de::IgnoredAny>(body.as_bytes())));
            }),
        ),
        (
            "door, all of it",
            Box::new(|body| {
                drop(black_box(alertmanager::decode(body.as_bytes(), context(grant, nothing))));
            }),
        ),
    ];
    print("alerts, batches of 64", &alerts, &bodies(alert, 64), 64);
}
