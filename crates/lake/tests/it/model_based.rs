//! Scans of files and hot rows against the lake in memory, which filters a list.

use lake::conformance::{Place, Sample, append, query, sample};
use lake::{Lake, MemoryLake, SignalQuery};
use model::{IncidentId, ProjectId, Seq, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::places::LocalPlace;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<(u32, u8, u8, u8)>),
    Flush,
    Compact,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => vec((1..3_u32, 0..6_u8, 0..3_u8, 0..3_u8), 1..40).prop_map(Step::Append),
        3 => Just(Step::Flush),
        2 => Just(Step::Compact),
        1 => Just(Step::Crash),
    ]
}

fn seqs() -> impl Strategy<Value = Vec<Seq>> {
    vec((1..300_u64).prop_map(Seq), 0..6)
}

fn any_query() -> impl Strategy<Value = SignalQuery> {
    let incidents = prop::option::of(vec(0..7_u128, 0..3));
    let moment =
        || prop::option::of((0..300_u64).prop_map(|seq| sample(1, seq, None).1.received_at));
    let ids = prop_oneof![3 => Just(vec![]), 1 => vec(1..300_u64, 1..5)];
    let before = prop::option::of((1..300_u64).prop_map(Seq));
    (1..4_u32, incidents, seqs(), seqs(), ids, moment(), moment(), 0..30_usize, before).prop_map(
        |(project, incidents, moved_in, moved_out, ids, from, until, limit, before)| SignalQuery {
            incidents: incidents.map(|ids| ids.into_iter().map(IncidentId).collect()),
            moved_in,
            moved_out,
            ids: ids.into_iter().map(|seq| sample(1, seq, None).1.signal.id).collect(),
            from,
            until,
            limit,
            before,
            ..query(project, None)
        },
    )
}

/// A row of the given project, incident (0 is none), stamp (0 repeats the second) and day.
fn row(seq: u64, (project, incident, late, day): (u32, u8, u8, u8)) -> Sample {
    let filed = (incident > 0).then_some(u128::from(incident));
    let (_, mut row) = sample(project, seq, filed);
    let days = i64::from(day) * 86_400_000_000;
    row.signal.occurred_at = Timestamp::from_micros(row.received_at.micros() - days);
    if late == 0 {
        row.received_at = sample(project, seq - 1, None).1.received_at;
    }
    (ProjectId(project), row)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn scans_answer_what_filtering_a_list_answers(
        steps in vec(step(), 1..14),
        queries in vec(any_query(), 1..8),
    ) {
        let (place, expected) = (LocalPlace::new(), MemoryLake::new());
        let mut lake = place.open();
        let mut next = 1;
        for step in steps {
            match step {
                Step::Append(rows) => {
                    let rows: Vec<_> = (next..).zip(rows).map(|(seq, of)| row(seq, of)).collect();
                    next += rows.len() as u64;
                    append(&*lake, &rows);
                    append(&expected, &rows);
                }
                Step::Flush => prop_assert_eq!(lake.flush().unwrap(), expected.flush().unwrap()),
                Step::Compact => {
                    lake.compact().unwrap();
                }
                Step::Crash => {
                    place.crash(lake);
                    lake = place.open();
                    expected.crash();
                    prop_assert_eq!(lake.durable(), expected.durable());
                    next = expected.durable().0 + 1;
                }
            }
            for query in &queries {
                let (page, model) = (lake.signals(query).unwrap(), expected.signals(query).unwrap());
                prop_assert_eq!(page, model, "{:?}", query);
            }
        }
    }
}
