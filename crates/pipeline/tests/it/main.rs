//! The loop as it runs: what is committed at once, what waits for company, and how much goes together.

mod storm;

use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::{Clock, Journal, RealDisk, Records, SegmentJournal, SystemClock};
use lake::MemoryLake;
use model::{AlertLease, Entry, Kind, ProjectId, Seq, Signal, SignalId, Timestamp, codec};
use pipeline::{Handle, MemorySnapshots, Options, Pipeline, Ports, Running};
use store::{MemoryStore, PartitionId, Store};
use tempfile::TempDir;

const PARTITION: PartitionId = PartitionId(0);
const PATIENCE: Duration = Duration::from_secs(30);

/// A loop that commits counters once an hour, left to itself.
struct House {
    runtime: tokio::runtime::Runtime,
    journal: Arc<SegmentJournal>,
    store: Arc<MemoryStore>,
    handle: Arc<Handle>,
    running: Running,
    _folder: TempDir,
}

impl House {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Arc::new(RealDisk::new(folder.path()).expect("the disk opens"));
        let options = journal::Options { segment_bytes: 1 << 20, ..journal::Options::default() };
        let (journal, _) =
            SegmentJournal::open(options, disk, Arc::new(SystemClock)).expect("it opens");
        let (journal, store) = (Arc::new(journal), Arc::new(MemoryStore::new()));
        let ports = Ports {
            journal: journal.clone(),
            store: store.clone(),
            lake: Arc::new(MemoryLake::new()),
            snapshots: Arc::new(MemorySnapshots::default()),
            clock: Arc::new(SystemClock),
        };
        let (pipeline, _) =
            runtime.block_on(Pipeline::open(ports, PARTITION)).expect("the pipeline opens");
        let handle = pipeline.handle();
        let options = Options {
            linger: Duration::from_millis(1),
            counters_linger: Duration::from_secs(3_600),
            ..Options::default()
        };
        let running = pipeline.run(options, runtime.handle().clone()).expect("it runs");
        Self { runtime, journal, store, handle, running, _folder: folder }
    }

    /// Appends a signal and says where it lies, once it is durable.
    fn send(&self, number: u128, component: &'static str) -> Seq {
        let signal = Signal::new(SignalId(number), component, "prod");
        self.append(&Entry::Signal { project: ProjectId(1), signal })
    }

    /// Appends an alert that fires for the rest of the day.
    fn fire(&self, number: u128, component: &'static str) -> Seq {
        let signal =
            Signal { kind: Kind::Alert, ..Signal::new(SignalId(number), component, "prod") };
        let now = Timestamp::from_micros(SystemClock.now_us());
        let lease = AlertLease {
            fingerprint: number as u64,
            starts_at: now,
            ends_at: now + model::Duration::from_secs(86_400),
        };
        self.append(&Entry::Alert { project: ProjectId(1), signal, lease })
    }

    fn append(&self, entry: &Entry<'_>) -> Seq {
        let mut records = Records::new();
        records.push_with(|buffer| codec::encode(entry, buffer));
        let appended = self.journal.append(records).expect("it is taken");
        Seq(self.runtime.block_on(appended).expect("it is durable").first_seq)
    }

    fn stored(&self) -> Seq {
        self.runtime.block_on(self.store.offset(PARTITION)).expect("the store answers")
    }

    fn eventually(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < PATIENCE, "{what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn news_is_committed_though_nobody_waits_and_counters_are_not() {
    let house = House::new();
    let opened = house.send(1, "db");
    house.eventually("an incident that opens is news", |house| house.stored() == opened);
    let counted = house.send(2, "db");
    house.eventually("it is decided", |house| house.handle.decided() == counted);
    assert_eq!((house.stored(), house.handle.applied()), (opened, opened));
    let other = house.send(3, "cache");
    house.eventually("news takes the counters along", |house| house.stored() == other);
    house.running.stop().expect("it stops");
}

#[test]
fn alerts_of_an_open_incident_wait_for_company_until_somebody_asks_for_them() {
    let house = House::new();
    let opened = house.send(1, "db");
    house.eventually("it is news", |house| house.stored() == opened);
    let fired = (2..=9).map(|number| house.fire(number, "db")).last().expect("some");
    house.eventually("they are decided", |house| house.handle.decided() == fired);
    assert_eq!(
        (house.stored(), house.handle.alerts.snapshot(ProjectId(1)).alerts.len()),
        (opened, 0)
    );
    let waited = house
        .runtime
        .block_on(async { tokio::time::timeout(PATIENCE, house.handle.wait_applied(fired)).await });
    waited.expect("they are applied for whoever waits");
    assert_eq!(
        (house.stored(), house.handle.alerts.snapshot(ProjectId(1)).alerts.len()),
        (fired, 8)
    );
    house.running.stop().expect("it stops");
}

#[test]
fn a_reader_ends_the_wait_of_counters() {
    let house = House::new();
    let opened = house.send(1, "db");
    house.eventually("it is news", |house| house.stored() == opened);
    let counted = house.send(2, "db");
    house.eventually("it is decided", |house| house.handle.decided() == counted);
    let waited = house.runtime.block_on(async {
        tokio::time::timeout(PATIENCE, house.handle.wait_applied(counted)).await
    });
    waited.expect("it is applied for whoever waits");
    assert_eq!(house.stored(), counted);
    house.running.stop().expect("it stops");
}

#[test]
fn stopping_commits_what_waits() {
    let house = House::new();
    let opened = house.send(1, "db");
    house.eventually("it is news", |house| house.stored() == opened);
    let counted = house.send(2, "db");
    let House { runtime, store, running, .. } = house;
    running.stop().expect("it stops");
    assert_eq!(runtime.block_on(store.offset(PARTITION)).expect("it answers"), counted);
}
