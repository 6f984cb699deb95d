//! Format version 1, byte for byte: what was ever written must be read for ever.

use journal::{Journal, Records};

use crate::support::{Machine, batches};

const FILES: &[(&str, &[u8])] = &[
    ("00000000000000000001.seg", include_bytes!("../golden/v1/00000000000000000001.seg")),
    ("00000000000000000005.seg", include_bytes!("../golden/v1/00000000000000000005.seg")),
    ("clean", include_bytes!("../golden/v1/clean")),
];

/// The appends that made the files, each with the clock it was made at.
fn appends() -> Vec<(i64, Vec<Vec<u8>>)> {
    vec![
        (1_700_000_000_000_000, vec![b"first record".to_vec()]),
        (1_700_000_000_000_500, vec![Vec::new(), b"after an empty one".to_vec()]),
        (1_699_999_999_000_000, vec![(0..=255).cycle().take(2500).collect()]),
        (1_700_000_001_000_000, vec![vec![0xB1; 1500], b"in the second segment".to_vec()]),
    ]
}

#[test]
fn the_golden_journal_is_read_byte_for_byte() {
    let machine = Machine::new();
    for (name, bytes) in FILES {
        machine.disk.put(name, bytes);
    }
    let (journal, recovery) = machine.open();
    assert!(recovery.clean);
    assert_eq!((recovery.first_seq, recovery.end_seq), (1, 7));
    assert_eq!(recovery.at, 1_700_000_001_000_000);
    let read: Vec<(i64, Vec<Vec<u8>>)> = batches(&journal)
        .iter()
        .map(|batch| (batch.at(), batch.records().map(|(_, payload)| payload.to_vec()).collect()))
        .collect();
    let mut expected = appends();
    expected[2].0 = expected[1].0; // The clock went back there, the journal did not.
    assert_eq!(read, expected);
    assert_eq!(journal.start(), 1);
}

#[test]
fn the_same_appends_give_the_same_bytes() {
    let machine = Machine::new();
    machine.clock.set(1_699_000_000_000_000);
    let (journal, _) = machine.open();
    for (now_us, payloads) in appends() {
        machine.clock.set(now_us);
        let mut records = Records::new();
        payloads.iter().for_each(|payload| records.push(payload));
        let append = journal.append(records).unwrap();
        assert!(journal.step());
        append.wait().unwrap();
    }
    drop(journal);
    let written = machine.files();
    let golden: Vec<(String, Vec<u8>)> =
        FILES.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
    assert!(written == golden, "the bytes on disk changed: that is a new format version");
}
