//! Far more than it can take: quick refusals that say when to come again, bounded memory, and
//! recovery at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Options, Server, only_incident, text};

const SENDERS: usize = 64;
const FLOOD: Duration = Duration::from_secs(4);
/// Signals in one body: together far more than the queue below holds.
const BATCH: usize = 16;
const CONFIG: &str = "journal = { queue_records = 64, queue_bytes = 1048576 }";
/// Nothing may take as long, refused or not: it would be hanging.
const NO_ANSWER: Duration = Duration::from_secs(10);
const MEMORY_BYTES: u64 = 512 << 20;

#[derive(Default)]
struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
}

fn flood(server: &Server, tally: &Tally, body: &[u8]) {
    let mut client = server.client();
    let began = Instant::now();
    while began.elapsed() < FLOOD {
        let asked = Instant::now();
        let answer = client.try_post("/v1/signals", body).expect("it answers and does not hang up");
        assert!(asked.elapsed() < NO_ANSWER, "an answer took {:?}", asked.elapsed());
        if answer.status == 202 {
            tally.accepted.fetch_add(BATCH as u64, Ordering::Relaxed);
            continue;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        let code = text(&answer.json()["code"]);
        assert!(["journal_full", "shed", "memory_full"].contains(&&*code), "{code}");
        let seconds = answer.header("retry-after").and_then(|value| value.parse::<u64>().ok());
        assert!(seconds.is_some_and(|seconds| seconds >= 1), "it says when to come again");
        tally.refused.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_flood_is_refused_with_retry_after_in_bounded_memory_and_is_forgotten_at_once() {
    let server = Server::start(Options { config: Some(CONFIG.to_owned()), ..Options::default() });
    let tally = Tally::default();
    let weight = "x".repeat(1_000);
    let signal = json!({ "component": "db", "severity": "P2", "payload": weight });
    let body = json!(vec![signal; BATCH]).to_string();
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| flood(&server, &tally, body.as_bytes()));
        }
    });
    let (accepted, refused) = (tally.accepted.into_inner(), tally.refused.into_inner());
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
    let mut client = server.client();
    let signal = json!({ "component": "after", "severity": "P3" });
    client.post("/v1/signals", &signal).expect_status(202);
    client.get("/readyz").expect_status(200);
    let incident = only_incident(&mut client, "component=db");
    assert_eq!(incident["signal_count"], accepted, "what was refused was not taken");
    let (_, most) = server.memory();
    assert!(most < MEMORY_BYTES, "{most} bytes of memory");
}
