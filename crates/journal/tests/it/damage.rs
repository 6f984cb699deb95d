//! Damage is refused, never passed over; salvage cuts it and keeps what it cut.

use journal::segments::salvage;
use journal::{ErrorKind, Journal, SegmentJournal};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use crate::support::{BLOCK, FIRST, HEADER, Machine, append_now, batches, payloads};

/// Twelve records in six segments, closed or cut off.
fn twelve_records(clean: bool) -> (Machine, Vec<Vec<u8>>) {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    let sent: Vec<Vec<u8>> = (0..12_u8).map(|number| vec![number + 1; 1500]).collect();
    for payload in &sent {
        append_now(&journal, payload);
    }
    if !clean {
        machine.disk.crash(0);
    }
    drop(journal);
    (machine, sent)
}

#[test]
fn every_flipped_byte_is_refused_or_lies_in_the_last_batch() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    let sent: Vec<Vec<u8>> = (1..=5_u8).map(|number| vec![number; 20]).collect();
    for payload in &sent {
        append_now(&journal, payload);
    }
    machine.disk.crash(0);
    drop(journal);
    let files = machine.files();
    let batch = HEADER + 8 + 20;
    let last = BLOCK + 4 * batch;
    for offset in 0..last + batch + 10 {
        let machine = Machine::with_files(&files);
        machine.disk.flip(FIRST, offset, 1 << (offset % 8));
        if offset < last {
            let error = machine.refusal();
            let at = error.corruption().unwrap();
            let whole = offset.checked_sub(BLOCK).map(|bytes| bytes / batch);
            let expected = whole.map_or((0, 1), |whole| (BLOCK + whole * batch, 1 + whole));
            assert_eq!((at.offset, at.expected_seq), expected, "byte {offset}: {error}");
        } else {
            let kept = if offset < last + batch { 4 } else { 5 };
            let (journal, recovery) = machine.open();
            assert!(recovery.truncated.is_some(), "byte {offset}");
            assert_eq!(payloads(&journal), sent[..kept], "byte {offset}");
        }
    }
}

#[test]
fn a_hole_in_the_middle_is_refused() {
    let (machine, _) = twelve_records(false);
    let mut bytes = machine.disk.content(FIRST).unwrap();
    let second = (BLOCK + HEADER + 8 + 1500) as usize;
    bytes[BLOCK as usize..second].fill(0);
    machine.disk.put(FIRST, &bytes);
    let error = machine.refusal();
    assert_eq!(error.corruption().unwrap().offset, BLOCK);
}

#[test]
fn a_damaged_batch_before_a_torn_one_is_refused() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    for number in 0..3_u8 {
        append_now(&journal, &[number; 100]);
    }
    machine.disk.crash(0);
    drop(journal);
    let batch = HEADER + 108;
    machine.disk.flip(FIRST, BLOCK + batch + 90, 1);
    machine.disk.flip(FIRST, BLOCK + 2 * batch + 90, 1);
    let error = machine.refusal();
    let at = error.corruption().unwrap();
    assert_eq!((at.offset, at.expected_seq), (BLOCK + batch, 2));
}

#[test]
fn a_missing_segment_is_refused() {
    let (machine, _) = twelve_records(false);
    machine.disk.mount().remove("00000000000000000005.seg").unwrap();
    let error = machine.refusal();
    let at = error.corruption().unwrap();
    assert_eq!((at.segment.as_str(), at.expected_seq), ("00000000000000000003.seg", 5));
    assert_eq!(at.what, "the next segment begins with record 7");
}

#[test]
fn a_segment_file_that_became_shorter_is_refused() {
    let (machine, _) = twelve_records(false);
    let newest = "00000000000000000011.seg";
    let bytes = machine.disk.content(newest).unwrap();
    machine.disk.put(newest, &bytes[..4000]);
    let error = machine.refusal();
    assert_eq!(error.corruption().unwrap().what, "the file has 4000 bytes of 4096");
}

#[test]
fn a_damaged_footer_does_not_matter_while_the_records_are_whole() {
    let (machine, sent) = twelve_records(false);
    machine.disk.flip(FIRST, 4096 - 30, 1);
    let (journal, _) = machine.open();
    assert_eq!(payloads(&journal), sent);
}

#[test]
fn a_finished_segment_has_no_torn_tail() {
    let (machine, sent) = twelve_records(false);
    machine.disk.mount().remove("00000000000000000011.seg").unwrap();
    let newest = "00000000000000000009.seg";
    machine.disk.flip(newest, BLOCK + HEADER + 1508 + HEADER + 100, 1);
    assert_eq!(machine.refusal().kind(), ErrorKind::Corrupt);
    machine.disk.flip(newest, 4096 - 30, 1);
    let error = machine.refusal();
    assert!(error.to_string().contains("yet the segment was finished"), "{error}");
    machine.disk.flip(newest, BLOCK + HEADER + 1508 + HEADER + 100, 1);
    let (journal, _) = machine.open();
    assert_eq!(payloads(&journal), sent[..10]);
    assert_eq!(append_now(&journal, b"next").first_seq, 11);
}

#[test]
fn a_footer_that_was_torn_does_not_make_a_later_torn_tail_look_like_damage() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    append_now(&journal, b"one");
    machine.disk.crash(0);
    drop(journal);
    machine.disk.flip(FIRST, 4096 - 30, 1);
    let (journal, _) = machine.open();
    append_now(&journal, b"two");
    machine.disk.crash(0);
    drop(journal);
    machine.disk.flip(FIRST, BLOCK + 2 * (HEADER + 8) + 4, 1);
    let (journal, recovery) = machine.open();
    assert!(recovery.truncated.is_some());
    assert_eq!(payloads(&journal), [b"one"]);
}

#[test]
fn an_intact_batch_in_the_wrong_place_is_no_torn_tail() {
    let misplaced = |field: usize, value: u64| {
        let machine = Machine::new();
        let (journal, _) = machine.open();
        append_now(&journal, b"one");
        machine.disk.crash(0);
        drop(journal);
        let mut bytes = machine.disk.content(FIRST).unwrap();
        let at = BLOCK as usize;
        bytes[at + field..at + field + 8].copy_from_slice(&value.to_le_bytes());
        let seed = u32::from_le_bytes(bytes[60..64].try_into().unwrap());
        let crc = crc32c::crc32c_append(seed, &bytes[at + 8..at + HEADER as usize]);
        bytes[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
        machine.disk.put(FIRST, &bytes);
        machine.refusal().corruption().unwrap().what.clone()
    };
    assert_eq!(misplaced(16, 2), "the sequence numbers do not continue");
    assert_eq!(misplaced(16, 0), "the sequence numbers do not continue");
    assert_eq!(misplaced(24, 999), "the time goes back", "the segment was made at 1000");
}

#[test]
fn a_reader_finds_damage_that_came_while_the_journal_was_open() {
    let (machine, _) = twelve_records(true);
    let (journal, _) = machine.open();
    machine.disk.flip("00000000000000000003.seg", BLOCK + HEADER + 8, 1);
    let mut reader = journal.reader(2).unwrap();
    assert!(reader.next().unwrap().is_some());
    let error = reader.next().map(drop).unwrap_err();
    let at = error.corruption().unwrap();
    assert_eq!(
        (at.segment.as_str(), at.offset, at.expected_seq),
        ("00000000000000000003.seg", 64, 3)
    );
    assert_eq!(reader.position(), 3);
}

#[test]
fn salvage_cuts_at_the_damage_and_keeps_what_it_cut() {
    let (machine, sent) = twelve_records(true);
    let damaged = "00000000000000000003.seg";
    let second = BLOCK + HEADER + 1508;
    machine.disk.flip(damaged, second + 50, 1);
    let whole = machine.disk.content(damaged).unwrap();
    let salvaged = salvage(&*machine.disk.mount(), &*machine.clock).unwrap();
    assert_eq!(salvaged.cuts.len(), 1);
    assert_eq!((salvaged.end_seq, salvaged.records), (4, 8), "record 4 is not recognised");
    assert_eq!(salvaged.kept_aside.len(), 6, "four segments, a tail, the mark");
    let tail = machine.disk.content("00000000000000000003.seg.corrupt").unwrap();
    assert_eq!(tail, whole[second as usize..]);
    let (journal, recovery) = machine.open();
    assert_eq!((recovery.end_seq, recovery.truncated), (4, None));
    assert_eq!(payloads(&journal), sent[..3]);
    assert_eq!(append_now(&journal, b"goes on").first_seq, 4);
}

#[test]
fn salvage_of_a_sound_journal_changes_nothing() {
    let (machine, _) = twelve_records(true);
    let files = machine.files();
    let salvaged = salvage(&*machine.disk.mount(), &*machine.clock).unwrap();
    assert_eq!((salvaged.bytes, salvaged.records, salvaged.end_seq), (0, 0, 13));
    assert_eq!(machine.files(), files);
}

#[test]
fn salvage_without_any_segment_left_goes_on_counting() {
    let (machine, _) = twelve_records(false);
    for name in ["00000000000000000001.seg", "00000000000000000003.seg"] {
        machine.disk.mount().remove(name).unwrap();
    }
    machine.disk.flip("00000000000000000005.seg", 3, 1);
    let salvaged = salvage(&*machine.disk.mount(), &*machine.clock).unwrap();
    assert_eq!((salvaged.end_seq, salvaged.records), (5, 8));
    let (journal, _) = machine.open();
    assert_eq!((journal.start(), append_now(&journal, b"five").first_seq), (5, 5));
}

#[derive(Debug, Clone)]
enum Harm {
    Flip(Index, Index, u8),
    Truncate(Index, Index),
    Zero(Index, Index, u16),
    Overwrite(Index, Index, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = || (any::<Index>(), any::<Index>());
    prop_oneof![
        (place(), 1_u8..).prop_map(|((file, at), mask)| Harm::Flip(file, at, mask)),
        place().prop_map(|(file, at)| Harm::Truncate(file, at)),
        (place(), 1_u16..2000).prop_map(|((file, at), bytes)| Harm::Zero(file, at, bytes)),
        (place(), proptest::collection::vec(any::<u8>(), 1..100))
            .prop_map(|((file, at), bytes)| Harm::Overwrite(file, at, bytes)),
    ]
}

fn apply(machine: &Machine, harm: &Harm) {
    let (Harm::Flip(file, at, _)
    | Harm::Truncate(file, at)
    | Harm::Zero(file, at, _)
    | Harm::Overwrite(file, at, _)) = harm;
    let files = machine.files();
    let (name, mut bytes) = file.get(&files).clone();
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    let end = |length: usize| (at + length).min(bytes.len());
    match harm {
        Harm::Flip(_, _, mask) => bytes[at] ^= mask,
        Harm::Truncate(..) => bytes.truncate(at),
        Harm::Zero(_, _, length) => {
            let end = end(usize::from(*length));
            bytes[at..end].fill(0);
        }
        Harm::Overwrite(_, _, with) => {
            let end = end(with.len());
            bytes[at..end].copy_from_slice(&with[..end - at]);
        }
    }
    machine.disk.put(&name, &bytes);
}

/// What is read must be a beginning of what was written, unaltered.
fn assert_prefix(journal: &SegmentJournal, sent: &[Vec<u8>]) {
    let read = payloads(journal);
    assert!(sent.starts_with(&read), "{} records are not a prefix", read.len());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_harmed_journal_comes_back_as_a_prefix_or_not_at_all(
        clean in any::<bool>(),
        harms in proptest::collection::vec(harm(), 1..4),
    ) {
        let (machine, sent) = twelve_records(clean);
        for harm in &harms {
            apply(&machine, harm);
        }
        let refused = match machine.try_open() {
            Ok((journal, _)) => {
                assert_prefix(&journal, &sent);
                // Only the newest batch can be mistaken for a torn one, unless the harm also
                // took the header behind it that vouches for it.
                if let [Harm::Flip(..)] = &harms[..] {
                    let least = if clean { 13 } else { 12 };
                    prop_assert!(journal.durable_end() >= least);
                }
                false
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Corrupt, "{}", error);
                true
            }
        };
        if refused {
            salvage(&*machine.disk.mount(), &*machine.clock).unwrap();
            let (journal, _) = machine.open();
            let first = journal.start();
            let kept = batches(&journal);
            for (seq, payload) in kept.iter().flat_map(|batch| batch.records()) {
                prop_assert_eq!(payload, &sent[seq as usize - 1][..]);
            }
            prop_assert_eq!(append_now(&journal, b"goes on").first_seq, journal.durable_end() - 1);
            prop_assert!(first >= 1);
        }
    }
}
