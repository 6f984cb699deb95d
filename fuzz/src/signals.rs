//! `POST /v1/signals`: one object, an array, or one object a line.
//!
//! Held: the body is refused as no JSON exactly where serde_json refuses it; there is one verdict
//! an item; and a signal that is taken says what serde_json reads in its text.

use ingest::{Batch, Code, Context, Media, Problem, signals};
use model::{Entry, Signal};

use crate::oracle::{self, RawMembers};
use crate::surroundings::{context, grant};
use crate::{seeds, verdicts};

const BODIES: [&str; 6] = [
    r#"{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf8","component":"db","component_type":"rdbms","kind":"error","severity":"critical","environment":"prod","source":"probe","status":"firing","summary":"caf\u00e9 \ud83d\ude00","trace_id":"4bf92f35","error_code":"53300","labels":{"zone":"b","az":1,"up":true},"payload":{"a":[1,2.50,"\u00e9"]},"occurred_at":"2026-11-20T13:00:00Z","links":["https://x"]}"#,
    r#"[{"component":"a","extra":{"deep":[[{}]]}},{"service":"b","timestamp":1795179600.5},{"component_id":"c","id":"x"},7]"#,
    "{\"component\":\"a\"}\n\n{\"component\":\"b\",\"labels\":{\"k\":\"v\"}}\n{\"component\":\"c\"}\n",
    r#"[{"signal_id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"é"},{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf9","component":"é"},{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf9","component":"é"}]"#,
    r#"{"component":"a","organization":"acme","project":"shop","incident_id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","message":null,"links":null,"labels":null}"#,
    r#" [] "#,
];

/// Bodies behind a byte: its lowest bit says NDJSON, the next that there is an idempotency key.
pub fn seeds() -> Vec<Vec<u8>> {
    seeds::with_choice(&[b"0", b"1", b"2"], &BODIES)
}

/// Decodes a body and holds the verdicts against serde_json.
pub fn check(input: &[u8]) {
    let Some((choice, body)) = input.split_first() else { return };
    let media = if choice & 1 == 0 { Media::Json } else { Media::JsonLines };
    let idempotency_key = (choice & 2 != 0).then_some("again");
    let grant = grant();
    let verdict = signals::decode(body, Context { idempotency_key, ..context(&grant, media) });
    let is_array = oracle::first_byte(body) == Some(b'[');
    match verdict {
        Ok(batch) if is_array => {
            assert_eq!(oracle::elements(body), Some(batch.items() as usize));
            verdicts::inspect(&batch, batch.items() as usize);
        }
        Ok(batch) if media == Media::JsonLines => {
            let full = lines(body).filter(|line| !line.trim_ascii().is_empty()).count();
            assert_eq!(batch.items() as usize, full, "one verdict for each line");
            verdicts::inspect(&batch, lines(body).count());
        }
        Ok(batch) => {
            assert_eq!((batch.items(), oracle::is_json(body)), (1, true));
            verdicts::inspect(&batch, 1);
            inspect_only(&batch, body);
        }
        Err(problem) => inspect_problem(&problem, body, is_array || media == Media::Json),
    }
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body).split(|&byte| byte == b'\n')
}

fn inspect_problem(problem: &Problem, body: &[u8], one_text: bool) {
    match problem.code {
        Code::InvalidJson => assert!(one_text && !oracle::is_json(body), "{}", problem.detail),
        Code::EmptyBatch => {
            let blank = oracle::first_byte(body).is_none();
            assert!(blank || oracle::elements(body) == Some(0), "{}", problem.detail);
        }
        Code::SignalTooLarge => assert!(body.len() > model::limits::SIGNAL_BYTES),
        Code::TooManySignals => assert!(body.len() > model::limits::BATCH_SIGNALS),
        other => panic!("{other}: {}", problem.detail),
    }
}

fn inspect_only(batch: &Batch, body: &[u8]) {
    let Some(Entry::Signal { signal, .. }) = verdicts::only_entry(batch) else { return };
    let text = oracle::text(body).expect("it was decoded");
    // A key may hold half of a surrogate pair, which serde_json refuses.
    if let Ok(oracle::Members(members)) = serde_json::from_str::<RawMembers<'_>>(text) {
        inspect_texts(&signal, &members);
        inspect_payload(&signal, &members, text);
        inspect_labels(&signal, &members);
    }
}

type Member<'a> = (String, &'a serde_json::value::RawValue);

/// Fields that have values, with all their names.
fn is_known(name: &str) -> bool {
    matches!(
        name,
        "id" | "signal_id"
            | "component"
            | "component_id"
            | "service"
            | "component_type"
            | "kind"
            | "severity"
            | "source"
            | "environment"
            | "status"
            | "summary"
            | "message"
            | "trace_id"
            | "error_code"
            | "incident_id"
            | "organization"
            | "project"
            | "labels"
            | "links"
            | "occurred_at"
            | "timestamp"
            | "payload"
    )
}

fn inspect_texts(signal: &Signal<'_>, members: &[Member<'_>]) {
    let fields: [(&str, &[&str]); 6] = [
        (&signal.component, &["component", "component_id", "service"]),
        (&signal.environment, &["environment"]),
        (&signal.source, &["source"]),
        (&signal.summary, &["summary", "message"]),
        (&signal.trace_id, &["trace_id"]),
        (&signal.error_code, &["error_code"]),
    ];
    for (taken, names) in fields {
        let said = members.iter().filter(|(name, _)| names.contains(&name.as_str()));
        for text in said.filter_map(|(_, value)| oracle::string(value)) {
            let defaulted = text.is_empty() && names == ["environment"] && taken == "unknown";
            assert!(defaulted || taken == text, "`{}` is {text:?}, not {taken:?}", names[0]);
        }
    }
}

/// The payload is what was said, or the whole object where it holds fields that nobody knows.
fn inspect_payload(signal: &Signal<'_>, members: &[Member<'_>], text: &str) {
    let said = members.iter().find(|(name, _)| name == "payload");
    let expected = if members.iter().any(|(name, _)| !is_known(name)) {
        text.trim_matches([' ', '\n', '\r', '\t'])
    } else {
        said.map_or("", |(_, value)| value.get())
    };
    assert_eq!(signal.payload.as_ref(), expected.as_bytes());
}

fn inspect_labels(signal: &Signal<'_>, members: &[Member<'_>]) {
    let mut expected = Vec::new();
    for (_, value) in members.iter().filter(|(name, _)| name == "labels") {
        if value.get() == "null" {
            continue;
        }
        let Ok(labels) = serde_json::from_str::<RawMembers<'_>>(value.get()) else { return };
        for (name, value) in labels.0 {
            let is_text = value.get().starts_with('"');
            let Some(value) =
                (if is_text { oracle::string(value) } else { Some(value.get().to_owned()) })
            else {
                return;
            };
            expected.push((name, value));
        }
    }
    expected.sort();
    let taken = signal.labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    assert_eq!(taken.collect::<Vec<_>>(), expected);
}
