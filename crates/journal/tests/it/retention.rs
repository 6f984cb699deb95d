//! What is released goes by age and size, whole segments, oldest first; nothing else goes.

use std::time::Duration;

use journal::{ErrorKind, Journal, Options, SegmentJournal};

use crate::support::{Machine, append_now, payloads};

/// Ten segments of one record each, a second apart.
fn ten_segments(max_age: Option<Duration>, max_bytes: Option<u64>) -> (Machine, SegmentJournal) {
    let options = Options { max_age, max_bytes, ..Machine::new().options };
    let machine = Machine { options, ..Machine::new() };
    let (journal, _) = machine.open();
    for number in 0..10_u8 {
        machine.clock.set(i64::from(number) * 1_000_000);
        append_now(&journal, &[number; 3000]);
    }
    (machine, journal)
}

#[test]
fn nothing_goes_that_was_not_released() {
    let (_machine, journal) = ten_segments(Some(Duration::ZERO), Some(0));
    journal.step();
    assert_eq!((journal.start(), journal.status().segments), (1, 10));
}

#[test]
fn released_segments_go_by_size_and_never_the_newest() {
    let (machine, journal) = ten_segments(None, Some(4 * 4096));
    journal.release(6);
    journal.step();
    assert_eq!((journal.start(), journal.status().segments), (6, 5), "6 is not released");
    journal.release(u64::MAX);
    journal.step();
    assert_eq!((journal.start(), journal.status().segments), (7, 4), "four fit");
    assert_eq!(journal.reader(6).map(drop).unwrap_err().kind(), ErrorKind::Gone);
    drop(journal);
    let (journal, recovery) = machine.open();
    assert_eq!((recovery.first_seq, recovery.end_seq), (7, 11));
    assert_eq!(payloads(&journal).len(), 4);
}

#[test]
fn released_segments_go_by_age() {
    let (machine, journal) = ten_segments(Some(Duration::from_secs(3)), None);
    journal.release(u64::MAX);
    journal.step();
    assert_eq!(journal.start(), 7, "what is three seconds old stays");
    machine.clock.set(1_000_000_000);
    journal.step();
    assert_eq!(journal.start(), 10, "the newest segment always stays");
}

#[test]
fn a_reader_inside_a_removed_segment_finishes_it_and_then_hears_that_the_next_is_gone() {
    let options = Options { max_bytes: Some(0), ..Machine::new().options };
    let machine = Machine { options, ..Machine::new() };
    let (journal, _) = machine.open();
    for number in 0..6_u8 {
        append_now(&journal, &[number; 1500]);
    }
    let mut reader = journal.reader(1).unwrap();
    assert_eq!(reader.next().unwrap().unwrap().first_seq(), 1);
    journal.release(5);
    journal.step();
    assert_eq!(journal.start(), 5);
    assert_eq!(reader.next().unwrap().unwrap().first_seq(), 2);
    assert_eq!(reader.next().map(drop).unwrap_err().kind(), ErrorKind::Gone);
    assert_eq!(reader.position(), 3);
}

#[test]
fn a_crash_while_segments_are_removed_leaves_no_gap() {
    for cut_after in 0..8 {
        for seed in 0..8 {
            let (machine, journal) = ten_segments(None, Some(0));
            journal.release(8);
            machine.disk.inject(|faults| faults.cut_after = Some(cut_after));
            journal.step();
            machine.disk.crash(seed);
            drop(journal);
            let (journal, recovery) = machine.open();
            assert!(recovery.first_seq <= 8);
            let kept: Vec<u8> = payloads(&journal).iter().map(|payload| payload[0]).collect();
            let first = u8::try_from(recovery.first_seq).unwrap() - 1;
            assert_eq!(kept, (first..10).collect::<Vec<_>>());
        }
    }
}
