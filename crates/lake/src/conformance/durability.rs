//! Cases about what survives.

use model::Seq;

use super::samples::{append, query, sample, seqs};
use super::{Case, Place};
use crate::{ErrorKind, Row};

pub(super) const CASES: &[Case] = &[
    ("an empty lake is durable up to nothing", nothing),
    ("a flush makes everything taken durable, and it is there when opened again", flush),
    ("positions without rows become durable too", without_rows),
    ("a crash loses only what is above the durable point", crash),
    ("after a crash the replay from the durable point brings everything back once", replay),
    ("closing flushes and refuses rows from then on", close),
    ("the manifest never lists less than what is durable", manifest),
];

fn nothing(place: &dyn Place) {
    let lake = place.open();
    assert_eq!(lake.durable(), Seq(0));
    assert_eq!(lake.flush().expect("it flushes"), Seq(0));
    assert_eq!(lake.compact().expect("it merges").merges, 0);
}

fn flush(place: &dyn Place) {
    let lake = place.open();
    append(&*lake, &(1..=20).map(|seq| sample(1, seq, Some(4))).collect::<Vec<_>>());
    assert_eq!(lake.flush().expect("it flushes"), Seq(20));
    assert_eq!(lake.durable(), Seq(20));
    let before = lake.signals(&query(1, Some(&[4]))).expect("it answers");
    place.crash(lake);
    let lake = place.open();
    assert_eq!(lake.durable(), Seq(20));
    assert_eq!(lake.signals(&query(1, Some(&[4]))).expect("it answers"), before);
}

fn without_rows(place: &dyn Place) {
    let lake = place.open();
    lake.advance(Seq(7));
    assert_eq!(lake.flush().expect("it flushes"), Seq(7));
    append(&*lake, &[sample(1, 9, None)]);
    lake.advance(Seq(12));
    assert_eq!(lake.flush().expect("it flushes"), Seq(12));
    place.crash(lake);
    let lake = place.open();
    assert_eq!(lake.durable(), Seq(12));
    append(&*lake, &[sample(1, 12, None), sample(1, 13, None)]);
    assert_eq!(seqs(&*lake, &query(1, None)), (vec![13, 9], 2));
}

fn crash(place: &dyn Place) {
    let lake = place.open();
    append(&*lake, &(1..=10).map(|seq| sample(1, seq, None)).collect::<Vec<_>>());
    lake.flush().expect("it flushes");
    append(&*lake, &(11..=15).map(|seq| sample(1, seq, None)).collect::<Vec<_>>());
    assert_eq!(seqs(&*lake, &query(1, None)).1, 15);
    let durable = lake.durable();
    place.crash(lake);
    let lake = place.open();
    assert!(lake.durable() >= durable);
    let kept = lake.durable().0;
    assert_eq!(seqs(&*lake, &query(1, None)), ((1..=kept).rev().collect(), kept));
}

fn replay(place: &dyn Place) {
    let rows: Vec<_> = (1..=30).map(|seq| sample(1, seq, Some(u128::from(seq % 2)))).collect();
    for end in [10, 20, 30] {
        let lake = place.open();
        let start = usize::try_from(lake.durable().0).unwrap_or(0);
        append(&*lake, &rows[start..end]);
        if end == 20 {
            lake.flush().expect("it flushes");
        }
        place.crash(lake);
    }
    let lake = place.open();
    append(&*lake, &rows);
    assert_eq!(seqs(&*lake, &query(1, None)), ((1..=30).rev().collect(), 30));
    assert_eq!(seqs(&*lake, &query(1, Some(&[1]))).1, 15);
}

fn close(place: &dyn Place) {
    let lake = place.open();
    append(&*lake, &[sample(1, 1, None)]);
    lake.close().expect("it closes");
    assert_eq!(lake.durable(), Seq(1));
    let (project, row) = sample(1, 2, None);
    let refused = lake.append(&[Row {
        seq: row.seq,
        project,
        received_at: row.received_at,
        signal: &row.signal,
        identity: row.identity,
        incident: row.incident,
        reason: row.reason,
    }]);
    assert_eq!(refused.expect_err("it is closed").kind(), ErrorKind::Closed);
    drop(lake);
    assert_eq!(seqs(&*place.open(), &query(1, None)), (vec![1], 1));
}

fn manifest(place: &dyn Place) {
    let lake = place.open();
    for seq in 1..=5 {
        append(&*lake, &[sample(1, seq, None)]);
        lake.flush().expect("it flushes");
        assert_eq!(lake.manifest().durable, Seq(seq));
    }
}
