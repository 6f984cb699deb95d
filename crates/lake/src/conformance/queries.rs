//! Cases about what a query answers.

use model::{ProjectId, Seq, SignalId, Timestamp};

use super::samples::{Sample, append, query, sample, seqs};
use super::{Case, Place};
use crate::{Lake, SignalQuery};

pub(super) const CASES: &[Case] = &[
    ("a row is readable whole as soon as it was appended", readable_at_once),
    ("a page is newest first and the cursor walks every row once", pages),
    ("a page of no rows still counts", page_of_none),
    ("an incident has its own rows and no others", by_incident),
    ("several incidents are read as one", several_incidents),
    ("what moved in counts and what moved out does not", moves),
    ("ids find exactly their rows", by_id),
    ("times bound what was received, from included and until not", by_time),
    ("no row of another project is ever seen", isolation),
    ("replays are ignored", replays),
    ("positions that were passed are not taken any more", passed),
    ("rows land in their own day however old, and are found all the same", days),
    ("totals are the same before and after flush and compaction", totals),
];

fn readable_at_once(place: &dyn Place) {
    let lake = place.open();
    let samples: Vec<_> = (1..=40).map(|seq| sample(1, seq, Some(9))).collect();
    append(&*lake, &samples);
    let expected: Vec<_> = samples.iter().rev().map(|(_, row)| row.clone()).collect();
    let read = |lake: &dyn Lake| lake.signals(&query(1, Some(&[9]))).expect("it answers").items;
    assert_eq!(read(&*lake), expected, "hot");
    lake.flush().expect("it flushes");
    assert_eq!(read(&*lake), expected, "flushed");
}

fn pages(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        for limit in [1, 7, 50] {
            let mut asked = SignalQuery { limit, ..query(1, None) };
            let mut seen = Vec::new();
            loop {
                let page = lake.signals(&asked).expect("it answers");
                assert!(page.items.len() <= limit);
                assert_eq!(page.total, last, "the total does not depend on the cursor");
                seen.extend(page.items.iter().map(|row| row.seq.0));
                match page.next {
                    Some(next) => asked.before = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen, (1..=last).rev().collect::<Vec<_>>());
        }
    });
}

fn page_of_none(place: &dyn Place) {
    let lake = place.open();
    assert_eq!(seqs(&*lake, &query(1, None)), (vec![], 0));
    append(&*lake, &[sample(1, 1, None)]);
    assert_eq!(seqs(&*lake, &SignalQuery { limit: 0, ..query(1, None) }), (vec![], 1));
}

fn by_incident(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        let expected: Vec<_> = (1..=last).rev().filter(|seq| seq % 5 == 3).collect();
        let total = expected.len() as u64;
        assert_eq!(seqs(lake, &query(1, Some(&[3]))), (expected, total));
        assert_eq!(seqs(lake, &query(1, Some(&[999]))), (vec![], 0));
        assert_eq!(seqs(lake, &query(1, Some(&[]))), (vec![], 0));
    });
}

fn several_incidents(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        let expected: Vec<_> = (1..=last).rev().filter(|seq| matches!(seq % 5, 2 | 4)).collect();
        let total = expected.len() as u64;
        assert_eq!(seqs(lake, &query(1, Some(&[4, 2, 999, 2]))), (expected, total));
    });
}

fn moves(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        let asked = SignalQuery {
            // 5 has no incident, 6 another; 3 and 33 are filed there; 4 is in both lists; 9999 is nowhere.
            moved_in: [5, 6, 4, 3, 9_999].map(Seq).to_vec(),
            moved_out: [33, 4, 7, 8_888].map(Seq).to_vec(),
            ..query(1, Some(&[3]))
        };
        let fits = |seq: &u64| matches!(seq, 4..=6) || (seq % 5 == 3 && *seq != 33);
        let expected: Vec<_> = (1..=last).rev().filter(fits).collect();
        let total = expected.len() as u64;
        assert_eq!(seqs(lake, &asked), (expected, total));
        let all = SignalQuery { incidents: None, ..asked };
        assert_eq!(seqs(lake, &all).1, last, "moves mean nothing without incidents");
    });
}

fn by_id(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        let id = |seq| sample(1, seq, None).1.signal.id;
        let asked = SignalQuery { ids: vec![id(2), id(last), SignalId(5)], ..query(1, None) };
        assert_eq!(seqs(lake, &asked), (vec![last, 2], 2));
        let asked = SignalQuery { ids: vec![id(2), id(3)], ..query(1, Some(&[3])) };
        assert_eq!(seqs(lake, &asked), (vec![3], 1));
        let foreign = SignalQuery { ids: vec![id(2)], ..query(2, None) };
        assert_eq!(seqs(lake, &foreign), (vec![], 0));
    });
}

fn by_time(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        let at = |seq| Some(sample(1, seq, None).1.received_at);
        let asked = SignalQuery { from: at(4), until: at(9), ..query(1, None) };
        assert_eq!(seqs(lake, &asked), (vec![8, 7, 6, 5, 4], 5));
        let asked = SignalQuery { from: at(last), ..query(1, None) };
        assert_eq!(seqs(lake, &asked), (vec![last], 1));
        let asked = SignalQuery { from: at(4), until: at(14), ..query(1, Some(&[3])) };
        assert_eq!(seqs(lake, &asked), (vec![13, 8], 2));
        let asked = SignalQuery { from: at(9), until: at(4), ..query(1, None) };
        assert_eq!(seqs(lake, &asked), (vec![], 0));
    });
}

fn isolation(place: &dyn Place) {
    let lake = place.open();
    let samples: Vec<_> =
        (1..=30).map(|seq| sample(1 + u32::try_from(seq % 3).unwrap_or(0), seq, Some(9))).collect();
    append(&*lake, &samples);
    for stage in 0..3 {
        for project in 1..=3 {
            let own = |(owner, row): &Sample| (*owner == ProjectId(project)).then_some(row.seq.0);
            let expected: Vec<_> = samples.iter().rev().filter_map(own).collect();
            let foreign = samples.iter().map(|(_, row)| row.seq).collect();
            let ids = samples.iter().map(|(_, row)| row.signal.id).collect();
            assert_eq!(seqs(&*lake, &query(project, None)), (expected.clone(), 10));
            assert_eq!(seqs(&*lake, &query(project, Some(&[9]))), (expected.clone(), 10));
            let asked = SignalQuery { moved_in: foreign, ids, ..query(project, Some(&[9])) };
            assert_eq!(seqs(&*lake, &asked), (expected, 10));
        }
        assert_eq!(seqs(&*lake, &query(4, None)), (vec![], 0));
        proceed(&*lake, stage);
    }
}

fn replays(place: &dyn Place) {
    let lake = place.open();
    let samples: Vec<_> = (1..=10).map(|seq| sample(1, seq, Some(1))).collect();
    for _ in 0..2 {
        append(&*lake, &samples);
        append(&*lake, &samples[4..]);
        assert_eq!(seqs(&*lake, &query(1, None)).1, 10);
        lake.flush().expect("it flushes");
    }
    assert_eq!(seqs(&*lake, &query(1, None)).1, 10);
}

fn passed(place: &dyn Place) {
    let lake = place.open();
    append(&*lake, &[sample(1, 2, None)]);
    lake.advance(Seq(5));
    lake.advance(Seq(3));
    append(&*lake, &[sample(1, 4, None), sample(1, 5, None), sample(1, 6, None)]);
    assert_eq!(seqs(&*lake, &query(1, None)), (vec![6, 2], 2));
    assert_eq!(lake.status().taken, Seq(6));
}

fn days(place: &dyn Place) {
    let lake = place.open();
    let midnight = 19_782 * 86_400_000_000;
    let moments = [midnight - 1, midnight, 0, -1, i64::MIN, midnight + 1, i64::MAX, 86_400_000_000];
    let samples: Vec<_> = (1..)
        .zip(moments)
        .map(|(seq, occurred)| {
            let mut row = sample(1, seq, Some(1));
            row.1.signal.occurred_at = Timestamp::from_micros(occurred);
            row
        })
        .collect();
    append(&*lake, &samples);
    for stage in 0..3 {
        let page = lake.signals(&query(1, Some(&[1]))).expect("it answers");
        let expected: Vec<_> = samples.iter().rev().map(|(_, row)| row.clone()).collect();
        assert_eq!((page.items, page.total), (expected, 8));
        proceed(&*lake, stage);
    }
}

fn totals(place: &dyn Place) {
    in_stages(place, &|lake, last| {
        assert_eq!(seqs(lake, &query(1, None)).1, last);
        let of_incidents: u64 = (1..5).map(|i| seqs(lake, &query(1, Some(&[i]))).1).sum();
        assert_eq!(of_incidents, last - last / 5);
    });
}

/// Looks at a growing lake: hot, in part in files, in many files, merged, opened again. Row `seq` is under
/// incident `seq % 5`, and under none where that is 0.
fn in_stages(place: &dyn Place, look: &dyn Fn(&dyn Lake, u64)) {
    let lake = place.open();
    let mut last = 0;
    for stage in 0..12 {
        let rows: Vec<_> = (last + 1..=last + 20)
            .map(|seq| sample(1, seq, Some(u128::from(seq % 5)).filter(|&incident| incident > 0)))
            .collect();
        append(&*lake, &rows);
        last += 20;
        look(&*lake, last);
        proceed(&*lake, stage);
        look(&*lake, last);
    }
    lake.close().expect("it closes");
    drop(lake);
    look(&*place.open(), last);
}

fn proceed(lake: &dyn Lake, stage: u32) {
    if stage % 4 != 3 {
        lake.flush().expect("it flushes");
    }
    if stage % 3 == 2 {
        while lake.compact().expect("it merges").merges > 0 {}
    }
}
