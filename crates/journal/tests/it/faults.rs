//! A disk that is full, fails or lies: what is acknowledged, and what the status says.

use std::io::ErrorKind as IoKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use journal::fault::FaultDisk;
use journal::{ErrorKind, Journal, Options, SegmentJournal, State, SystemClock};

use crate::support::{FIRST, Machine, append_now, kind_of, one, payloads};

#[test]
fn a_full_disk_stops_acknowledging_and_goes_on_when_space_returns() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    append_now(&journal, b"before");
    machine.disk.inject(|faults| faults.write_error = Some(IoKind::StorageFull));
    let waiting = journal.append(one(b"not taken")).unwrap();
    journal.step();
    assert_eq!(kind_of(waiting), Some(ErrorKind::Disk));
    assert!(matches!(journal.status().state, State::Full { since: 1_000, .. }));
    let refused = journal.append(one(b"refused at once")).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Disk);
    journal.step();
    assert!(matches!(journal.status().state, State::Full { .. }), "it looked and is still full");

    machine.disk.inject(|faults| faults.write_error = None);
    journal.step();
    assert_eq!(journal.status().state, State::Ok);
    assert_eq!(append_now(&journal, b"after").first_seq, 2, "the number is used again");
    machine.disk.crash(5);
    drop(journal);
    let (journal, recovery) = machine.open();
    assert_eq!(recovery.truncated, None, "nothing half-written is left");
    assert_eq!(payloads(&journal), [&b"before"[..], b"after"]);
}

#[test]
fn a_disk_that_is_full_when_a_segment_is_needed_is_found_before_acknowledging() {
    let machine = Machine::new();
    machine.disk.inject(|faults| faults.capacity = Some(2 * 4096));
    let (journal, _) = machine.open();
    append_now(&journal, &[1; 3000]);
    append_now(&journal, &[2; 3000]);
    let waiting = journal.append(one(&[3; 3000])).unwrap();
    journal.step();
    assert_eq!(kind_of(waiting), Some(ErrorKind::Disk));
    assert_eq!(journal.status().free_bytes, Some(0));
    machine.disk.inject(|faults| faults.capacity = Some(3 * 4096));
    journal.step();
    assert_eq!(append_now(&journal, &[4; 3000]).first_seq, 3);
    drop(journal);
    let (journal, _) = machine.open();
    assert_eq!(payloads(&journal), [[1; 3000], [2; 3000], [4; 3000]]);
}

#[test]
fn the_writer_finds_returned_space_by_itself() {
    let disk = FaultDisk::new(3);
    let options = Options { segment_bytes: 64 << 10, ..Options::default() };
    let opened = SegmentJournal::open(options, disk.mount(), Arc::new(SystemClock));
    let (journal, _) = opened.unwrap();
    disk.inject(|faults| faults.write_error = Some(IoKind::StorageFull));
    assert_eq!(kind_of(journal.append(one(b"lost")).unwrap()), Some(ErrorKind::Disk));
    disk.inject(|faults| faults.write_error = None);
    let deadline = Instant::now() + Duration::from_secs(30);
    while journal.status().state != State::Ok {
        assert!(Instant::now() < deadline, "the writer never looked again");
        std::thread::yield_now();
    }
    assert_eq!(journal.append(one(b"kept")).unwrap().wait().unwrap().first_seq, 1);
}

#[test]
fn a_failed_sync_stops_the_journal_until_it_is_opened_again() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    append_now(&journal, b"before");
    machine.disk.inject(|faults| faults.sync_error = true);
    let in_group = journal.append(one(b"unsure")).unwrap();
    journal.step();
    assert_eq!(kind_of(in_group), Some(ErrorKind::Disk));
    let State::Failed { what, .. } = journal.status().state else { panic!("it is not failed") };
    assert_eq!(what, "cannot sync the segment: injected sync error; restart to go on");

    machine.disk.inject(|faults| faults.sync_error = false);
    let syncs = machine.disk.counters().syncs;
    journal.step();
    let refused = journal.append(one(b"refused")).map(drop).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Disk, "a sync is never tried again");
    assert_eq!(machine.disk.counters().syncs, syncs);
    assert_eq!(journal.durable_end(), 2, "readers do not see what was not durable");
    journal.close();
    assert!(machine.disk.content("clean").is_none(), "it promises nothing");
    machine.disk.crash(2);
    let (journal, _) = machine.open();
    assert_eq!(payloads(&journal)[0], b"before");
}

#[test]
fn an_input_output_error_while_writing_is_final_too() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    machine.disk.inject(|faults| faults.write_error = Some(IoKind::Other));
    let waiting = journal.append(one(b"lost")).unwrap();
    journal.step();
    assert_eq!(kind_of(waiting), Some(ErrorKind::Disk));
    assert!(matches!(journal.status().state, State::Failed { .. }));
}

#[test]
fn short_writes_are_continued() {
    let machine = Machine::new();
    machine.disk.inject(|faults| faults.short_writes = true);
    let (journal, _) = machine.open();
    let sent: Vec<Vec<u8>> = (0..20_u8).map(|number| vec![number; 500]).collect();
    for payload in &sent {
        append_now(&journal, payload);
    }
    drop(journal);
    let (journal, _) = machine.open();
    assert_eq!(payloads(&journal), sent);
}

#[test]
fn a_lying_disk_is_found_out_by_the_clean_mark() {
    for seed in 0..50 {
        let machine = Machine::new();
        let (journal, _) = machine.open();
        append_now(&journal, b"one");
        machine.disk.inject(|faults| faults.sync_lies = true);
        append_now(&journal, &[2; 2000]);
        machine.disk.inject(|faults| faults.sync_lies = false);
        // The mark is honest, but the file is not synced again: nothing says it is dirty.
        journal.close();
        machine.disk.crash(seed);
        match machine.try_open() {
            Ok((journal, recovery)) => {
                assert!(recovery.clean, "seed {seed}");
                assert_eq!(payloads(&journal), [b"one".to_vec(), vec![2; 2000]], "seed {seed}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "seed {seed}"),
        }
    }
}

#[test]
fn a_full_disk_at_the_first_start_is_an_error_and_leaves_no_journal() {
    let machine = Machine::new();
    machine.disk.inject(|faults| faults.capacity = Some(1000));
    assert_eq!(machine.refusal().kind(), ErrorKind::Io);
    assert!(machine.disk.content(FIRST).is_none());
    machine.disk.inject(|faults| faults.capacity = None);
    let (journal, _) = machine.open();
    assert_eq!(append_now(&journal, b"one").first_seq, 1);
}
