//! Torn tails, clean marks, locks: what opening finds after all kinds of endings.

use std::sync::Arc;

use journal::{Disk, ErrorKind, Journal, Options, RealDisk, SegmentJournal, SystemClock};

use crate::support::{BLOCK, FIRST, HEADER, Machine, append_now, one, payloads};

/// Three batches of one record each, and then the power went. Returns the offsets of the batches
/// and of their end.
fn three_batches() -> (Machine, [usize; 4]) {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    let mut offsets = [BLOCK as usize; 4];
    for (index, payload) in [&[1_u8; 50][..], &[2; 60], &[3; 70]].into_iter().enumerate() {
        append_now(&journal, payload);
        offsets[index + 1] = offsets[index] + HEADER as usize + 8 + payload.len();
    }
    machine.disk.crash(0);
    drop(journal);
    (machine, offsets)
}

#[test]
fn a_torn_tail_is_cut_and_said_at_every_byte_of_the_last_batch() {
    let (machine, [_, _, last, end]) = three_batches();
    let files = machine.files();
    for torn_at in last..end {
        let mut files = files.clone();
        let bytes = &mut files.iter_mut().find(|(name, _)| name == FIRST).unwrap().1;
        bytes[torn_at..end].fill(0);
        let torn_bytes = bytes[last..end].iter().rposition(|byte| *byte != 0).map(|at| at + 1);
        // A zero at the very end may be the batch's own.
        let machine = Machine::with_files(&files);
        let (journal, recovery) = machine.open();
        assert_eq!(recovery.end_seq, 3, "torn at {torn_at}");
        let truncated = recovery.truncated.map(|cut| (cut.segment, cut.offset, cut.bytes));
        let expected = torn_bytes.map(|bytes| (FIRST.to_owned(), last as u64, bytes as u64));
        assert_eq!(truncated, expected);
        assert_eq!(payloads(&journal), [vec![1; 50], vec![2; 60]]);
        assert_eq!(append_now(&journal, b"short").first_seq, 3);
        machine.disk.crash(torn_at as u64);
        drop(journal);
        let (journal, recovery) = machine.open();
        assert_eq!(recovery.truncated, None, "nothing of the torn batch comes back");
        assert_eq!(payloads(&journal), [vec![1; 50], vec![2; 60], b"short".to_vec()]);
    }
}

#[test]
fn what_was_torn_is_zero_on_disk_after_opening() {
    let (machine, [_, _, last, _]) = three_batches();
    machine.disk.flip(FIRST, last as u64 + 60, 0xFF);
    drop(machine.open());
    assert!(machine.disk.content(FIRST).unwrap()[last..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_batch_image_inside_a_payload_does_not_make_a_torn_tail_look_like_damage() {
    let (other, [first, ..]) = three_batches();
    let image = other.disk.content(FIRST).unwrap()[first..1000].to_vec();
    let machine = Machine::new();
    machine.clock.set(1_001);
    let (journal, _) = machine.open();
    append_now(&journal, &image);
    machine.disk.crash(0);
    drop(journal);
    machine.disk.flip(FIRST, BLOCK, 1);
    let (_, recovery) = machine.open();
    assert_eq!((recovery.end_seq, recovery.truncated.unwrap().offset), (1, BLOCK));
}

#[test]
fn a_clean_shutdown_is_known_and_marked_once() {
    let machine = Machine::new();
    let (journal, recovery) = machine.open();
    assert!(!recovery.clean, "a new journal was never closed");
    append_now(&journal, b"one");
    journal.close();
    assert!(machine.disk.content("clean").is_some());
    machine.disk.crash(3);
    let (journal, recovery) = machine.open();
    assert!(recovery.clean);
    assert!(machine.disk.content("clean").is_none());
    machine.disk.crash(4);
    drop(journal);
    let (_, recovery) = machine.open();
    assert_eq!((recovery.clean, recovery.end_seq, recovery.truncated), (false, 2, None));
}

#[test]
fn a_tail_that_a_clean_shutdown_covers_is_damage_and_not_torn() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    append_now(&journal, b"one");
    append_now(&journal, b"two");
    drop(journal);
    machine.disk.flip(FIRST, BLOCK + 2 * HEADER + 8 + 3 + 9, 4);
    let error = machine.refusal();
    let corruption = error.corruption().unwrap();
    assert_eq!(corruption.segment, FIRST);
    assert_eq!((corruption.offset, corruption.expected_seq), (BLOCK + HEADER + 11, 2));
    assert_eq!(
        error.to_string(),
        "journal file 00000000000000000001.seg is damaged at byte 115 (expected record 2): a clean \
         shutdown wrote everything before record 3; restore it from a backup, or cut it there with \
         `stormbell doctor --salvage-journal`"
    );
}

#[test]
fn a_segment_that_a_clean_shutdown_covers_may_not_be_missing() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    append_now(&journal, b"one");
    drop(journal);
    machine.disk.mount().remove(FIRST).unwrap();
    assert_eq!(machine.refusal().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_batch_the_disk_may_not_have_is_made_durable_when_the_journal_opens() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    append_now(&journal, b"one");
    machine.disk.inject(|faults| faults.sync_error = true);
    // Larger than a sector, so that the next batch does not write all of it again.
    let unsure = journal.append(one(&[2; 2000])).unwrap();
    assert!(journal.step());
    assert!(unsure.wait().is_err());
    drop(journal);
    // The process starts again while the machine keeps running: the cache still shows the batch,
    // and the kernel believes it is on disk.
    machine.disk.inject(|faults| faults.sync_error = false);
    let (journal, recovery) = machine.open();
    assert_eq!(recovery.end_seq, 3);
    append_now(&journal, b"three");
    machine.disk.crash(1);
    drop(journal);
    let (journal, _) = machine.open();
    assert_eq!(payloads(&journal), [b"one".to_vec(), vec![2; 2000], b"three".to_vec()]);
}

#[test]
fn a_journal_is_open_only_once() {
    let machine = Machine::new();
    let (journal, _) = machine.open();
    assert_eq!(machine.refusal().kind(), ErrorKind::Locked);
    journal.close();
    let (_second, recovery) = machine.open();
    assert!(recovery.clean);
}

#[test]
fn the_lock_of_a_real_directory_names_its_holder() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(directory.path()).unwrap());
        SegmentJournal::open(Options::default(), disk, Arc::new(SystemClock))
    };
    let (journal, _) = open().unwrap();
    let error = open().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    let holder = format!("is held by process {}", std::process::id());
    assert!(error.to_string().ends_with(&holder), "{error}");
    drop(journal);
    open().unwrap();
}

#[test]
fn files_of_a_newer_version_are_left_alone() {
    let (machine, _) = three_batches();
    let mut bytes = machine.disk.content(FIRST).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&crc.to_le_bytes());
    machine.disk.put(FIRST, &bytes);
    let error = machine.refusal();
    assert_eq!(error.kind(), ErrorKind::Version);
    let salvaged = journal::segments::salvage(&*machine.disk.mount(), &*machine.clock);
    assert_eq!(salvaged.unwrap_err().kind(), ErrorKind::Version);
    assert_eq!(machine.disk.content(FIRST).unwrap(), bytes);
}

#[test]
fn opening_reads_old_segments_only_from_where_it_is_told() {
    let mut machine = Machine::new();
    let (journal, _) = machine.open();
    for number in 0..12_u8 {
        append_now(&journal, &[number; 1500]);
    }
    machine.disk.crash(0);
    drop(journal);
    machine.disk.flip(FIRST, BLOCK + HEADER + 100, 1);
    assert_eq!(machine.refusal().kind(), ErrorKind::Corrupt);
    machine.options.verify_from = 3;
    let (journal, recovery) = machine.open();
    assert_eq!((recovery.first_seq, recovery.end_seq), (1, 13));
    let error = journal.reader(1).unwrap().next().map(drop).unwrap_err();
    assert_eq!(error.corruption().map(|at| (at.offset, at.expected_seq)), Some((BLOCK, 1)));
    assert_eq!(journal.reader(3).unwrap().next().unwrap().unwrap().first_seq(), 3);
}
