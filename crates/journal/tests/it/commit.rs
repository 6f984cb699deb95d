//! Group commit, numbering, time, limits, and rolling over segments.

use std::sync::Arc;
use std::time::Duration;

use journal::segments::Drive;
use journal::{
    Clock, Durability, ErrorKind, Journal, Options, RealDisk, Records, SegmentJournal, State,
    SystemClock,
};

use crate::support::{Machine, append_now, batches, one, payloads};

#[test]
fn one_sync_serves_everybody_who_waits() {
    let machine = Machine { options: wide(), ..Machine::new() };
    let (journal, _) = machine.open();
    let before = machine.disk.counters();
    let waiting: Vec<_> =
        (0..256_u32).map(|number| journal.append(one(&number.to_le_bytes())).unwrap()).collect();
    assert!(journal.step());
    assert!(!journal.step(), "one step took them all");
    assert_eq!(machine.disk.counters().syncs - before.syncs, 1);
    assert_eq!(machine.disk.counters().changes - before.changes, 2, "one write and one sync");
    let seqs: Vec<u64> =
        waiting.into_iter().map(|append| append.wait().unwrap().first_seq).collect();
    assert_eq!(seqs, (1..=256).collect::<Vec<_>>());
    assert_eq!(batches(&journal).len(), 1, "a group is one batch");
}

#[test]
fn concurrent_appenders_share_syncs_and_get_contiguous_numbers() {
    const APPENDERS: u64 = 256;
    const EACH: u64 = 20;
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk::new(directory.path()).unwrap());
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let (journal, _) = SegmentJournal::open(options, disk, Arc::new(SystemClock)).unwrap();
    let journal = Arc::new(journal);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mut answers = runtime.block_on(async {
        let tasks: Vec<_> = (0..APPENDERS)
            .map(|appender| tokio::spawn(append_many(journal.clone(), appender, EACH)))
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.extend(task.await.unwrap());
        }
        answers
    });
    answers.sort_unstable();
    let (seqs, sent): (Vec<u64>, Vec<Vec<u8>>) = answers.into_iter().unzip();
    assert_eq!(seqs, (1..=APPENDERS * EACH).collect::<Vec<_>>());
    assert_eq!(payloads(&*journal), sent);
    let commits = batches(&*journal).len() as u64;
    assert!(commits < APPENDERS * EACH, "{commits} commits are as many as appends");
    assert!(journal.status().segments > 1, "they fill several segments");
}

#[test]
fn a_journal_that_rolls_with_every_append_takes_all_of_them() {
    const APPENDS: u64 = 300;
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk::new(directory.path()).unwrap());
    // Each record fills more than half of a segment, so the next one is being prepared all the time.
    let options = Options { segment_bytes: 4_096, ..Options::default() };
    let (journal, _) = SegmentJournal::open(options, disk, Arc::new(SystemClock)).unwrap();
    for number in 1..=APPENDS {
        let appended = journal.append(one(&[7; 2_500])).and_then(|append| append.wait());
        assert_eq!(appended.unwrap().first_seq, number);
    }
    assert_eq!(journal.status().segments, APPENDS);
}

async fn append_many(
    journal: Arc<SegmentJournal>,
    appender: u64,
    each: u64,
) -> Vec<(u64, Vec<u8>)> {
    let mut answers = Vec::new();
    for number in 0..each {
        let payload = format!("appender {appender} record {number}").into_bytes();
        let appended = journal.append(one(&payload)).unwrap().await.unwrap();
        answers.push((appended.first_seq, payload));
    }
    answers
}

#[test]
fn a_group_stops_at_its_bytes_and_the_rest_is_the_next_group() {
    let options = Options { batch_bytes: 1000, ..wide() };
    let machine = Machine { options, ..Machine::new() };
    let (journal, _) = machine.open();
    for _ in 0..10 {
        drop(journal.append(one(&[1; 400])).unwrap());
    }
    while journal.step() {}
    let counts: Vec<u32> = batches(&journal).iter().map(|batch| batch.count()).collect();
    assert_eq!(counts, [2; 5]);
}

#[test]
fn time_never_goes_back_when_the_clock_does() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    machine.clock.set(5_000);
    assert_eq!(append_now(&journal, b"one").at, 5_000);
    machine.clock.set(2_000);
    assert_eq!(append_now(&journal, b"two").at, 5_000);
    drop(journal);
    let (journal, recovery) = machine.open();
    assert_eq!(recovery.at, 5_000);
    assert_eq!(append_now(&journal, b"three").at, 5_000);
    machine.clock.set(5_001);
    assert_eq!(append_now(&journal, b"four").at, 5_001);
}

#[test]
fn time_survives_a_segment_without_batches() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    machine.clock.set(9_000);
    append_now(&journal, &[1; 3000]);
    machine.clock.set(10);
    machine.disk.inject(|faults| faults.cut_after = Some(7));
    // Footer, its sync, the new segment with its own steps, and then the power goes.
    let lost = journal.append(one(&[2; 3000])).unwrap();
    assert!(journal.step());
    assert!(lost.wait().is_err());
    machine.disk.crash(0);
    drop(journal);
    let (journal, recovery) = machine.open();
    assert_eq!((recovery.end_seq, recovery.at), (2, 9_000));
    assert_eq!(append_now(&journal, b"two").at, 9_000);
}

#[test]
fn a_full_queue_refuses_at_once_and_takes_again_when_drained() {
    let options = Options { queue_records: 3, queue_bytes: 1000, ..Machine::new().options };
    let machine = Machine { options, ..Machine::new() };
    let (journal, _) = machine.open();
    let waiting: Vec<_> = (0..3).map(|_| journal.append(one(b"fits")).unwrap()).collect();
    assert_eq!(journal.append(one(b"over")).map(drop).unwrap_err().kind(), ErrorKind::Full);
    let status = journal.status();
    assert_eq!((status.queue_records, status.queue_bytes), (3, 36));
    assert!(journal.step());
    for append in waiting {
        append.wait().unwrap();
    }
    drop(journal.append(one(&[0; 900])).unwrap());
    assert_eq!(journal.append(one(&[0; 100])).map(drop).unwrap_err().kind(), ErrorKind::Full);
}

#[test]
fn an_append_fits_a_segment_to_the_byte_and_not_beyond() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    let most = usize::try_from(machine.options.max_append_bytes()).unwrap() - 8;
    append_now(&journal, b"something before it");
    append_now(&journal, &vec![1; most]);
    append_now(&journal, &vec![2; most]);
    let error = journal.append(one(&vec![3; most + 1])).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(journal.status().segments, 3);
    drop(journal);
    let (journal, recovery) = machine.open();
    assert!(recovery.clean);
    assert_eq!(payloads(&journal)[2], vec![2; most]);
}

#[test]
fn readers_pass_from_segment_to_segment_at_every_position() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    let sent: Vec<Vec<u8>> = (0..60_u8).map(|number| vec![number; 700]).collect();
    for payload in &sent {
        append_now(&journal, payload);
    }
    assert!(journal.status().segments > 10);
    assert_eq!(payloads(&journal), sent);
    for from in 1..=61 {
        let mut reader = journal.reader(from).unwrap();
        let first = reader.next().unwrap().map(|batch| batch.first_seq());
        assert_eq!(first, (from < 61).then_some(from));
    }
}

#[test]
fn durability_by_the_operating_system_is_announced_and_does_not_sync() {
    let options = Options { durability: Durability::Os, ..Machine::new().options };
    let machine = Machine { options, ..Machine::new() };
    let (journal, _) = machine.open();
    let before = machine.disk.counters().syncs;
    append_now(&journal, b"one");
    assert_eq!(machine.disk.counters().syncs, before);
    assert_eq!(journal.status().durability, Durability::Os);
    drop(journal);
    let (journal, recovery) = machine.open();
    assert!(recovery.clean, "closing syncs all the same");
    assert_eq!(payloads(&journal), [b"one"]);
}

#[test]
fn options_without_a_usable_value_are_refused() {
    let refused = |options: Options| {
        let machine = Machine { options, ..Machine::new() };
        machine.refusal().to_string()
    };
    let rule = "journal option segment_bytes: must be a multiple of 512 from 4 KiB to 1 GiB";
    let options = Machine::new().options;
    assert_eq!(refused(Options { segment_bytes: 1000, ..options.clone() }), rule);
    assert_eq!(refused(Options { segment_bytes: 4097, ..options.clone() }), rule);
    let rule = "journal option batch_bytes: must be above 0";
    assert_eq!(refused(Options { batch_bytes: 0, ..options }), rule);
}

#[test]
fn the_system_clock_counts_microseconds() {
    // 2020 and 2100: whichever unit is wrong is off by a factor of a thousand.
    assert!((1_577_836_800_000_000..4_102_444_800_000_000).contains(&SystemClock.now_us()));
}

#[test]
fn status_says_what_waits_and_what_is_on_disk() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    let mut records = Records::new();
    records.push(b"one");
    records.push(b"two");
    drop(journal.append(records).unwrap());
    let status = journal.status();
    assert_eq!((status.queue_records, status.queue_bytes, status.durable_end), (2, 22, 1));
    journal.step();
    let status = journal.status();
    assert_eq!((status.queue_records, status.queue_bytes, status.durable_end), (0, 0, 3));
    assert_eq!((status.start, status.segments, status.disk_bytes), (1, 1, 4096));
    assert_eq!(status.state, State::Ok);
    assert_eq!(journal.wait(3, Duration::from_millis(1)), 3);
}

fn wide() -> Options {
    Options { drive: Drive::Manual, segment_bytes: 256 << 10, ..Options::default() }
}
