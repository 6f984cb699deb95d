//! Refusals for want of room: what is answered, how fast, and who goes first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ingest::{Code, Door, Options, Refusal};
use journal::fault::FaultDisk;
use journal::{Journal, SegmentJournal};
use model::Timestamp;

use crate::house::{Gauge, House, Ids, Keys, Mode, NOW, Said};

const SIGNAL: &str = r#"{"component":"db"}"#;

async fn code(house: &House, headers: &[(&str, &str)], body: &str) -> (u16, String, Said) {
    let said = house.post("/v1/signals", headers, body.to_owned()).await;
    let answer: serde_json::Value = serde_json::from_str(&said.body).expect("JSON");
    (said.status, answer["code"].as_str().unwrap_or_default().to_owned(), said)
}

#[tokio::test]
async fn whatever_the_journal_refuses_is_told_apart() {
    let house = House::new();
    for (mode, status, word) in [
        (Mode::Full, 503, "journal_full"),
        (Mode::DiskFull, 503, "disk_full"),
        (Mode::FailLater, 503, "journal_failed"),
        (Mode::Closed, 503, "shutting_down"),
        (Mode::TooLarge, 413, "body_too_large"),
        (Mode::Take, 202, ""),
    ] {
        house.journal.set(mode);
        let (code, said_word, said) = code(&house, &[], SIGNAL).await;
        assert_eq!((code, said_word.as_str()), (status, word));
        assert_eq!(said.header("retry-after"), if status == 503 { "1" } else { "" });
    }
    assert_eq!(house.metrics.refused(Door::Signals, Code::JournalFull), 1);
    assert_eq!(house.journal.records().len(), 1);
}

#[tokio::test]
async fn under_pressure_nothing_is_read_at_all() {
    let house = House::new();
    for (refusal, word) in [
        (Refusal::DiskFull, "disk_full"),
        (Refusal::JournalFailed, "journal_failed"),
        (Refusal::EngineLag, "engine_lag"),
        (Refusal::ShuttingDown, "shutting_down"),
    ] {
        *house.gauge.0.lock().unwrap() = Some(refusal);
        let (status, said, _) = code(&house, &[], "not even JSON").await;
        assert_eq!((status, said.as_str()), (503, word));
    }
}

#[tokio::test]
async fn refusals_cost_next_to_nothing() {
    let house = House::new();
    house.journal.set(Mode::Full);
    let mut slowest = Duration::ZERO;
    let began = Instant::now();
    for _ in 0..1_000 {
        let one = Instant::now();
        assert_eq!(house.post("/v1/signals", &[], SIGNAL).await.status, 503);
        slowest = slowest.max(one.elapsed());
    }
    let mean = began.elapsed() / 1_000;
    assert!(mean < Duration::from_millis(5), "a refusal took {mean:?}, the slowest {slowest:?}");
}

#[tokio::test]
async fn p3_goes_before_p0() {
    let house = Arc::new(House::with(Options { queue_records: 100, ..Options::default() }));
    house.journal.set(Mode::Hold);
    let mut taken = Vec::new();
    let signal = |severity: &str| format!(r#"{{"component":"db","severity":"{severity}"}}"#);
    // Half as much again as the queue holds may be unacknowledged: 150 records.
    for (until, still_taken) in [(74, 3), (75, 2), (113, 1), (135, 0), (150, 0)] {
        while house.journal.held() < until {
            let (house, body) = (Arc::clone(&house), signal("P0"));
            taken.push(tokio::spawn(
                async move { house.post("/v1/signals", &[], body).await.status },
            ));
            tokio::task::yield_now().await;
        }
        for severity in still_taken + 1..=3 {
            let (status, word, _) = code(&house, &[], &signal(&format!("P{severity}"))).await;
            let expected = if until == 150 { "journal_full" } else { "shed" };
            assert_eq!((status, word.as_str()), (503, expected), "P{severity} after {until}");
        }
    }
    let mixed = r#"[{"component":"db","severity":"P3"},{"component":"db","severity":"P0"}]"#;
    assert_eq!(code(&house, &[], mixed).await.0, 503, "full is full");
    house.journal.release();
    for one in taken {
        assert_eq!(one.await.expect("no panic"), 202);
    }
    house.journal.set(Mode::Take);
    assert_eq!(code(&house, &[], &signal("P3")).await.0, 202, "room again at once");
}

#[tokio::test]
async fn a_key_has_a_rate_and_is_told_when_to_come_back() {
    let house = House::new();
    let limited = [("x-api-key", "limited")];
    let batch = format!("[{}]", [SIGNAL; 30].join(","));
    assert_eq!(
        code(&house, &limited, &batch).await.0,
        202,
        "a full bucket takes a batch into debt"
    );
    let (status, word, said) = code(&house, &limited, SIGNAL).await;
    assert_eq!((status, word.as_str(), said.header("retry-after")), (429, "rate_limited", "3"));
    assert_eq!(code(&house, &[], SIGNAL).await.0, 202, "another key is not concerned");
    *house.clock.0.lock().unwrap() = Timestamp::from_micros(NOW.micros() + 3_000_000);
    assert_eq!(code(&house, &limited, SIGNAL).await.0, 202);
}

#[tokio::test]
async fn a_source_address_has_a_rate_where_one_is_set() {
    let house = House::with(Options { source_rate_per_second: Some(2), ..Options::default() });
    assert_eq!(code(&house, &[], SIGNAL).await.0, 202);
    assert_eq!(code(&house, &[], SIGNAL).await.0, 202);
    let (status, word, _) = code(&house, &[], SIGNAL).await;
    assert_eq!((status, word.as_str()), (429, "source_rate_limited"));
}

#[tokio::test]
async fn bodies_in_memory_have_a_limit() {
    let house = House::with(Options { body_bytes: 1_000, ..Options::default() });
    let (status, word, _) = code(&house, &[], &" ".repeat(1_001)).await;
    assert_eq!((status, word.as_str()), (503, "memory_full"));
    assert_eq!(code(&house, &[], SIGNAL).await.0, 202, "what was taken is given back");
}

#[tokio::test]
async fn a_real_journal_on_a_full_disk_answers_503() {
    let disk = FaultDisk::new(1);
    let options = journal::Options { segment_bytes: 64 << 10, ..journal::Options::default() };
    let opened = SegmentJournal::open(options, disk.mount(), Arc::new(journal::SystemClock));
    let journal: Arc<dyn Journal> = Arc::new(opened.expect("an empty disk").0);
    let house = House::new();
    let doors = Arc::new(ingest::Doors::new(
        Options::default(),
        Arc::clone(&journal),
        Arc::new(Keys::default()),
        Arc::new(Ids::default()),
        Arc::new(Gauge::default()),
        Arc::clone(&house.clock) as Arc<dyn ingest::Clock>,
        Arc::clone(&house.metrics),
    ));
    let house = House { doors, ..house };
    assert_eq!(code(&house, &[], SIGNAL).await.0, 202);
    assert_eq!(journal.durable_end(), 2);
    disk.inject(|faults| faults.write_error = Some(std::io::ErrorKind::StorageFull));
    let (status, word, _) = code(&house, &[], SIGNAL).await;
    assert_eq!((status, word.as_str()), (503, "disk_full"));
    let (status, word, _) = code(&house, &[], SIGNAL).await;
    assert_eq!((status, word.as_str()), (503, "disk_full"), "refused at once, too");
    assert_eq!(journal.durable_end(), 2);
    journal.close();
}
