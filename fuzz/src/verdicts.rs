//! What holds of every batch of verdicts, whichever door gave it.

use std::collections::HashSet;

use ingest::{Batch, Code};
use model::{Entry, Severity, Signal, codec, limits};

/// Holds a batch against what is promised of all of them. `places` is how many places the body
/// has: rejections name one of them.
pub(crate) fn inspect(batch: &Batch, places: usize) {
    assert_eq!(batch.records.len(), batch.accepted, "one record for each accepted item");
    assert!(batch.items() as usize <= places, "more verdicts than items");
    inspect_rejections(batch, places);
    let mut worst: Option<Severity> = None;
    let (mut given, mut minted) = (HashSet::new(), Vec::new());
    for record in batch.records.iter() {
        let entry = codec::decode(record).expect("a door writes what can be read");
        let mut again = Vec::new();
        codec::encode(&entry, &mut again);
        assert_eq!(again, record, "written again, the same bytes");
        let signal = match &entry {
            Entry::Signal { signal, .. } => {
                if signal.id_given {
                    assert!(given.insert(signal.id), "an id occurs twice in one batch");
                } else {
                    minted.push(signal.id);
                }
                signal
            }
            Entry::Alert { lease, signal, .. } => {
                assert!(lease.starts_at <= lease.ends_at, "a lease ends before it starts");
                signal
            }
            Entry::Command(_) | Entry::Tick | Entry::Receipt(_) => {
                panic!("a door wrote {entry:?}")
            }
        };
        inspect_signal(signal);
        worst = Some(worst.map_or(signal.severity, |worst| worst.min(signal.severity)));
    }
    assert_eq!(batch.worst, worst);
    if given.is_empty() {
        assert_eq!(batch.ids, minted, "the answer lists the ids that were minted, in order");
    }
}

/// The payload of the only record, with its signal.
pub(crate) fn only_entry(batch: &Batch) -> Option<Entry<'_>> {
    let record = batch.records.iter().next().filter(|_| batch.items() == 1)?;
    Some(codec::decode(record).expect("a door writes what can be read"))
}

fn inspect_rejections(batch: &Batch, places: usize) {
    let listed = batch.rejections.len();
    assert_eq!(listed, (batch.rejected as usize).min(limits::REJECTIONS_LISTED));
    assert!(batch.rejections.is_sorted_by(|left, right| left.index < right.index));
    for rejection in &batch.rejections {
        assert!((rejection.index as usize) < places, "no item at {}", rejection.index);
        assert!(!rejection.message.is_empty());
        assert!(rejection.id.as_ref().is_none_or(|id| id.chars().count() <= 64));
        assert!(!rejection.code.status().is_server_error(), "{}", rejection.code);
    }
    let total: u32 = batch.rejected_by.iter().map(|(_, count)| count).sum();
    assert_eq!(total, batch.rejected, "rejections by code are all rejections");
    let codes: HashSet<Code> = batch.rejected_by.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), batch.rejected_by.len(), "each code once");
}

fn inspect_signal(signal: &Signal<'_>) {
    let names = [
        &signal.component,
        &signal.environment,
        &signal.source,
        &signal.error_code,
        &signal.trace_id,
    ];
    assert!(names.iter().all(|name| name.chars().count() <= limits::NAME_CHARS));
    assert!(!signal.component.trim().is_empty() && !signal.environment.is_empty());
    assert!(signal.summary.len() <= limits::SUMMARY_BYTES);
    assert!(signal.links.len() <= limits::LINKS && signal.labels.len() <= limits::LABELS);
    assert!(signal.links.iter().all(|link| link.len() <= limits::LINK_BYTES));
    assert!(signal.labels.is_sorted_by(|left, right| left.0 < right.0));
    for (name, value) in &signal.labels {
        assert!((1..=limits::LABEL_NAME_BYTES).contains(&name.len()));
        assert!(value.len() <= limits::LABEL_VALUE_BYTES);
    }
    let labels = signal.labels.iter().flat_map(|(name, value)| [name, value]);
    let texts = names.into_iter().chain([&signal.summary]).chain(&signal.links).chain(labels);
    for text in texts {
        assert!(!text.contains('\0'), "a NUL went through: {text:?}");
    }
    assert!(signal.payload.len() <= limits::PAYLOAD_BYTES);
    assert!(signal.payload.is_empty() || crate::oracle::is_json(&signal.payload));
}
