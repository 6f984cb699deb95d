//! The segment files of the journal, as recovery finds them.
//!
//! The input is the beginning of a segment file. As a random change would only ever break a
//! checksum, checksums are mended first where the input asks for it, so that recovery also meets
//! files that lie.
//!
//! Held: the journal opens or says that it is damaged, and then salvage makes it open; what it
//! holds has no gap; an append comes after it; and all of it is there when opened again.

use std::sync::Arc;

use journal::fault::FaultDisk;
use journal::segments::{Drive, MIN_SEGMENT_BYTES, salvage};
use journal::{Error, ErrorKind, Journal, ManualClock, Options, Records, SegmentJournal};

const SEGMENT_BYTES: usize = 4096;
/// The largest segment that a header may speak of.
const LARGEST_BYTES: u64 = 64 << 10;
const BLOCK_BYTES: usize = 64;
const HEADER_BYTES: usize = 40;
/// An hour after the last time in the golden files.
const NOW_MICROS: i64 = 1_700_003_600_000_000;

/// Bits of the first byte.
const MEND: u8 = 1;
const CLEAN_MARK: u8 = 2;
const SHORT_FILE: u8 = 4;
const FOLLOWED: u8 = 8;

const GOLDEN_FIRST: &[u8] =
    include_bytes!("../../crates/journal/tests/golden/v1/00000000000000000001.seg");
/// Comes after [`GOLDEN_FIRST`].
const GOLDEN_NEXT: (&str, &[u8]) = (
    "00000000000000000005.seg",
    include_bytes!("../../crates/journal/tests/golden/v1/00000000000000000005.seg"),
);

/// The golden segments, mended or not, and with the mark of a clean shutdown.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for segment in [GOLDEN_FIRST, GOLDEN_NEXT.1] {
        let used = segment.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let head = used.min(600);
        seeds.push([b"0", &segment[..used]].concat());
        seeds.push([&[b'0' | MEND], &segment[..head]].concat());
        seeds.push([&[b'0' | MEND | CLEAN_MARK], &segment[..head]].concat());
    }
    seeds.push([&[b'0' | FOLLOWED], GOLDEN_FIRST].concat());
    seeds.push([&[b'0' | FOLLOWED | MEND | CLEAN_MARK], GOLDEN_FIRST].concat());
    seeds.push(vec![b'0']);
    seeds.push([&[b'0' | MEND], written().as_slice()].concat());
    seeds
}

/// Opens a journal over the input, and salvages it where that is refused.
pub fn check(input: &[u8]) {
    let Some((&choice, head)) = input.split_first() else { return };
    let disk = FaultDisk::new(1);
    let bytes = segment(choice, head);
    if !has_usual_size(&bytes) {
        return;
    }
    disk.put(&name(&bytes), &bytes);
    if choice & FOLLOWED != 0 {
        disk.put(GOLDEN_NEXT.0, GOLDEN_NEXT.1);
    }
    if choice & CLEAN_MARK != 0 {
        disk.put("clean", include_bytes!("../../crates/journal/tests/golden/v1/clean"));
    }
    let journal = match open(&disk) {
        Ok(journal) => journal,
        Err(error) => {
            let Some(at) = error.corruption() else {
                assert_eq!(error.kind(), ErrorKind::Version, "{error}");
                return;
            };
            // From there on salvage would begin a segment of its own, of 64 MiB.
            if at.offset == 0 {
                return;
            }
            let clock = ManualClock::new(NOW_MICROS);
            salvage(&*disk.mount(), &clock).unwrap_or_else(|error| panic!("salvage: {error}"));
            open(&disk).unwrap_or_else(|error| panic!("after salvage: {error}"))
        }
    };
    inspect(&disk, journal);
}

fn open(disk: &FaultDisk) -> Result<SegmentJournal, Error> {
    let options = Options {
        drive: Drive::Manual,
        segment_bytes: SEGMENT_BYTES as u64,
        max_age: None,
        max_bytes: None,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::new(NOW_MICROS));
    SegmentJournal::open(options, disk.mount(), clock).map(|(journal, _)| journal)
}

/// Reads everything, appends, closes, opens again and reads the same.
fn inspect(disk: &FaultDisk, journal: SegmentJournal) {
    let mut expected = read_all(&journal);
    if journal.durable_end() < u64::MAX - 1 {
        let mut records = Records::new();
        records.push(b"goes on");
        let append = journal.append(records).expect("there is room");
        assert!(journal.step());
        let appended = append.wait().expect("the disk is sound");
        assert_eq!(appended.first_seq, expected.last().map_or(journal.start(), |last| last.0 + 1));
        expected.push((appended.first_seq, appended.at, b"goes on".to_vec()));
    }
    drop(journal);
    let journal = open(disk).unwrap_or_else(|error| panic!("opened again: {error}"));
    assert!(read_all(&journal) == expected, "what was read once is not read again");
}

/// All records, each with its number and its time.
fn read_all(journal: &SegmentJournal) -> Vec<(u64, i64, Vec<u8>)> {
    let mut reader = journal.reader(journal.start()).expect("the start can be read");
    let (mut next, mut at) = (journal.start(), i64::MIN);
    let mut records = Vec::new();
    while let Some(batch) = reader.next().expect("what was verified can be read") {
        assert!(batch.at() >= at, "the time goes back");
        at = batch.at();
        for (seq, payload) in batch.records() {
            assert_eq!(seq, next, "numbers follow without a gap");
            records.push((seq, at, payload.to_vec()));
            next += 1;
        }
    }
    assert_eq!(next, journal.durable_end());
    records
}

/// A segment file that begins with `head`.
fn segment(choice: u8, head: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.truncate(SEGMENT_BYTES);
    if choice & SHORT_FILE == 0 {
        bytes.resize(SEGMENT_BYTES, 0);
    }
    if choice & MEND != 0 {
        mend(&mut bytes);
    }
    bytes
}

/// The name that the header asks for, so that a segment may begin anywhere: below 2^48, which no
/// journal lives to see.
fn name(bytes: &[u8]) -> String {
    let said = bytes.get(16..24).and_then(|seq| seq.try_into().ok()).map(u64::from_le_bytes);
    let first_seq = said.filter(|said| (1..1 << 48).contains(said)).unwrap_or(1);
    format!("{first_seq:020}.seg")
}

/// Whether the header speaks of a size that a journal can be configured with, and not a large one.
/// Recovery takes the word of an intact header for it, unbounded, and libFuzzer does find checksums
/// by itself: the simulated disk would be asked for all of that memory.
fn has_usual_size(bytes: &[u8]) -> bool {
    let said = bytes.get(32..40).and_then(|size| size.try_into().ok()).map(u64::from_le_bytes);
    said.is_none_or(|said| (MIN_SEGMENT_BYTES..=LARGEST_BYTES).contains(&said))
}

/// Sets the checksums of the header, of the batches that follow it, and of the footer.
fn mend(bytes: &mut [u8]) {
    let Some(seed) = seal_block(bytes, 0, 0) else { return };
    let mut at = BLOCK_BYTES;
    while let Some(header) = bytes.get(at..at + HEADER_BYTES) {
        let body_bytes = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let body_at = at + HEADER_BYTES;
        let Some(body) = bytes.get(body_at..body_at + body_bytes as usize) else { break };
        if body.is_empty() {
            break;
        }
        let body_crc = crc32c::crc32c(body).to_le_bytes();
        bytes[at + 32..at + 36].copy_from_slice(&body_crc);
        let crc = crc32c::crc32c_append(seed, &bytes[at + 8..body_at]).to_le_bytes();
        bytes[at + 4..at + 8].copy_from_slice(&crc);
        at = body_at + body_bytes as usize;
    }
    let footer = SEGMENT_BYTES - BLOCK_BYTES;
    if bytes.get(footer).is_some_and(|byte| *byte != 0) {
        seal_block(bytes, footer, seed);
    }
}

fn seal_block(bytes: &mut [u8], at: usize, seed: u32) -> Option<u32> {
    let block = bytes.get_mut(at..at + BLOCK_BYTES)?;
    let crc = crc32c::crc32c_append(seed, &block[..BLOCK_BYTES - 4]);
    block[BLOCK_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    Some(crc)
}

/// The used bytes of a segment with three short batches: small, so that changes hit something.
fn written() -> Vec<u8> {
    let disk = FaultDisk::new(1);
    let journal = open(&disk).expect("a new journal opens");
    for payloads in [&[&b"one"[..], b""][..], &[b"two"], &[b"three", b"four"]] {
        let mut records = Records::new();
        payloads.iter().for_each(|payload| records.push(payload));
        let append = journal.append(records).expect("there is room");
        journal.step();
        append.wait().expect("the disk is sound");
    }
    let bytes = disk.content(&name(&[])).expect("it was written");
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes[..used].to_vec()
}
