//! What every journal must do, as cases that run against any backend.
//!
//! A backend's tests call [`run`] with a way to make fresh storage. Each case gets its own storage,
//! may close and reopen it, and panics with a sentence when the promise is broken.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::{Append, Appended, Batch, Error, ErrorKind, Journal, MAX_RECORD_BYTES, Records, State};

/// Long enough for anything that does happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Storage that outlives the journals opened on it.
pub trait Storage {
    /// Opens the journal on this storage; the previous one has been closed.
    fn open(&self) -> Result<Arc<dyn Journal>, Error>;
}

/// One promise.
pub type Case = fn(&dyn Storage);

/// All cases with their names.
pub const CASES: &[(&str, Case)] = &[
    ("a_new_journal_is_empty_and_starts_at_one", new_journal),
    ("acknowledged_records_are_read_back_in_order", read_back),
    ("records_survive_a_reopening", reopening),
    ("an_append_is_never_split_between_batches", unsplit),
    ("a_reader_may_start_at_any_record", start_anywhere),
    ("a_reader_follows_the_end", follow),
    ("positions_outside_the_journal_are_refused", outside),
    ("concurrent_appends_get_distinct_contiguous_numbers", concurrent),
    ("time_never_goes_back", time),
    ("wait_returns_when_the_end_moves_and_when_time_is_over", waiting),
    ("empty_and_oversized_appends_are_refused_at_once", refused),
    ("closing_drains_and_is_idempotent", closing),
];

/// Runs every case on fresh storage.
pub fn run<S: Storage>(fresh: impl Fn() -> S) {
    for (name, case) in CASES {
        tracing::debug!(name, "conformance");
        case(&fresh());
    }
}

fn new_journal(storage: &dyn Storage) {
    let journal = open(storage);
    assert_eq!((journal.start(), journal.durable_end()), (1, 1), "a new journal starts at 1");
    assert_eq!(journal.status().state, State::Ok, "a new journal acknowledges");
    assert!(replay(&*journal, 1).is_empty(), "a new journal holds nothing");
    journal.close();
}

fn read_back(storage: &dyn Storage) {
    let journal = open(storage);
    let empty_record = append(&*journal, &[b""]).wait().expect("an empty record is a record");
    assert_eq!((empty_record.first_seq, empty_record.count), (1, 1), "the first record is 1");
    let large = vec![0xB1; 100_000];
    let appended = append(&*journal, &[b"one", &large, b"three"]).wait().expect("is durable");
    assert_eq!((appended.first_seq, appended.count), (2, 3), "numbers follow without a gap");
    assert_eq!(journal.durable_end(), 5, "the end is visible once the append resolved");
    let expected = [Vec::new(), b"one".to_vec(), large, b"three".to_vec()];
    assert_eq!(replay(&*journal, 1), number(1, &expected), "records come back unaltered");
    journal.close();
}

fn reopening(storage: &dyn Storage) {
    for round in 0..4_u64 {
        let journal = open(storage);
        assert_eq!(journal.durable_end(), 1 + 10 * round, "nothing is lost by closing");
        for number in 0..10 {
            let payload = format!("round {round} record {number}");
            append(&*journal, &[payload.as_bytes()]).wait().expect("is durable");
        }
        journal.close();
    }
    let journal = open(storage);
    let records = replay(&*journal, 1);
    assert_eq!(records.len(), 40, "all rounds are there");
    assert_eq!(records[39], (40, b"round 3 record 9".to_vec()), "in their order");
    journal.close();
}

fn unsplit(storage: &dyn Storage) {
    let journal = open(storage);
    let waiting: Vec<Append> = (0..50_u8)
        .map(|number| {
            let payload = vec![number; 200];
            append(&*journal, &[&payload, &payload, &payload])
        })
        .collect();
    for append in waiting {
        append.wait().expect("is durable");
    }
    let mut next = 1;
    for batch in batches(&*journal, 1) {
        assert_eq!(batch.first_seq(), next, "batches are contiguous");
        assert_eq!(batch.count() % 3, 0, "an append stays whole");
        next = batch.end_seq();
    }
    assert_eq!(next, 151, "all appends are there");
    journal.close();
}

fn start_anywhere(storage: &dyn Storage) {
    let journal = open(storage);
    for size in 1..=6_usize {
        let payloads: Vec<Vec<u8>> = (0..size).map(|index| vec![index as u8; size]).collect();
        let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        append(&*journal, &payloads).wait().expect("is durable");
    }
    let all = replay(&*journal, 1);
    for from in 1..=journal.durable_end() {
        let rest = replay(&*journal, from);
        assert_eq!(rest, all[from as usize - 1..], "a reader from {from} sees the rest");
    }
    journal.close();
}

fn follow(storage: &dyn Storage) {
    let journal = open(storage);
    let mut reader = journal.reader(1).expect("the end is a position");
    for number in 0..20_u64 {
        assert!(reader.next().expect("is readable").is_none(), "the reader is caught up");
        assert_eq!(reader.position(), 1 + number, "its position is the next record");
        append(&*journal, &[&number.to_le_bytes()]).wait().expect("is durable");
        let batch = reader.next().expect("is readable").expect("the new batch is visible");
        let records: Vec<_> = batch.records().collect();
        assert_eq!(records, [(1 + number, &number.to_le_bytes()[..])], "and is the new one");
    }
    journal.close();
}

fn outside(storage: &dyn Storage) {
    let journal = open(storage);
    append(&*journal, &[b"one"]).wait().expect("is durable");
    assert_eq!(reader_error(&*journal, 3), Some(ErrorKind::Ahead), "3 is ahead of the end");
    assert_eq!(reader_error(&*journal, 2), None, "the end itself is a position");
    assert_eq!(reader_error(&*journal, 0), Some(ErrorKind::Gone), "there is no record 0");
    journal.close();
}

fn concurrent(storage: &dyn Storage) {
    const THREADS: u64 = 8;
    const APPENDS: u64 = 50;
    let journal = open(storage);
    let mut appended: Vec<(Appended, Vec<u8>)> = thread::scope(|scope| {
        let append_many = |thread: u64| {
            let journal = &journal;
            move || {
                let one = |number: u64| {
                    let payload = format!("{thread} {number}").into_bytes();
                    (append(&**journal, &[&payload]).wait().expect("is durable"), payload)
                };
                (0..APPENDS).map(one).collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(append_many(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("does not panic")).collect()
    });
    appended.sort_by_key(|(appended, _)| appended.first_seq);
    let expected: Vec<_> =
        appended.into_iter().map(|(appended, payload)| (appended.first_seq, payload)).collect();
    assert_eq!(expected.len() as u64, THREADS * APPENDS, "every append is answered");
    assert_eq!(replay(&*journal, 1), expected, "every record lies where its sender was told");
    journal.close();
}

fn time(storage: &dyn Storage) {
    let mut last = i64::MIN;
    for _ in 0..3 {
        let journal = open(storage);
        for _ in 0..5 {
            let appended = append(&*journal, &[b"tick"]).wait().expect("is durable");
            assert!(appended.at >= last, "a later append has no earlier time");
            last = appended.at;
        }
        journal.close();
    }
    let journal = open(storage);
    let times: Vec<i64> = batches(&*journal, 1).iter().map(Batch::at).collect();
    assert!(times.is_sorted(), "readers see times that never go back");
    assert_eq!(times.last(), Some(&last), "and the one the sender was told");
    journal.close();
}

fn waiting(storage: &dyn Storage) {
    let journal = open(storage);
    let none = journal.wait(journal.durable_end(), Duration::from_millis(1));
    assert_eq!(none, 1, "the time is over and nothing came");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| journal.wait(1, PATIENCE));
        append(&*journal, &[b"one"]).wait().expect("is durable");
        assert_eq!(waiter.join().expect("does not panic"), 2, "the waiter saw the end move");
    });
    assert_eq!(journal.wait(1, PATIENCE), 2, "what is there already is not waited for");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| journal.wait(99, PATIENCE));
        journal.close();
        assert_eq!(waiter.join().expect("does not panic"), 2, "closing ends the waiting");
    });
}

fn refused(storage: &dyn Storage) {
    let journal = open(storage);
    let refused = journal.append(Records::new()).map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Empty), "there is nothing to append");
    let mut records = Records::new();
    records.push_with(|buffer| buffer.resize(buffer.len() + MAX_RECORD_BYTES + 1, 0));
    let refused = journal.append(records).map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::TooLarge), "one byte over the limit");
    let appended = append(&*journal, &[b"one"]).wait().expect("is durable");
    assert_eq!(appended.first_seq, 1, "what is refused takes no number");
    journal.close();
}

fn closing(storage: &dyn Storage) {
    let journal = open(storage);
    let waiting: Vec<Append> = (0..100).map(|_| append(&*journal, &[b"last words"])).collect();
    journal.close();
    for append in waiting {
        append.wait().expect("what was taken is durable before the journal is closed");
    }
    journal.close();
    let mut late = Records::new();
    late.push(b"too late");
    let refused = journal.append(late).map(drop).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Closed), "a closed journal takes nothing");
    assert_eq!(journal.status().state, State::Closed, "and says so");
    assert_eq!(open(storage).durable_end(), 101, "and has kept everything");
}

fn open(storage: &dyn Storage) -> Arc<dyn Journal> {
    storage.open().expect("the journal opens")
}

fn append(journal: &dyn Journal, payloads: &[&[u8]]) -> Append {
    let mut records = Records::new();
    for payload in payloads {
        records.push(payload);
    }
    journal.append(records).expect("the append is taken")
}

fn reader_error(journal: &dyn Journal, from: u64) -> Option<ErrorKind> {
    journal.reader(from).err().map(|error| error.kind())
}

fn batches(journal: &dyn Journal, from: u64) -> Vec<Batch> {
    let mut reader = journal.reader(from).expect("the position is retained");
    std::iter::from_fn(|| reader.next().expect("is readable")).collect()
}

fn replay(journal: &dyn Journal, from: u64) -> Vec<(u64, Vec<u8>)> {
    let batches = batches(journal, from);
    let records = batches.iter().flat_map(Batch::records);
    records.map(|(seq, payload)| (seq, payload.to_vec())).collect()
}

fn number(first: u64, payloads: &[Vec<u8>]) -> Vec<(u64, Vec<u8>)> {
    (first..).zip(payloads.iter().cloned()).collect()
}
