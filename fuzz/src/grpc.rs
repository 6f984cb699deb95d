//! gRPC `stormbell.v1.Ingest/Stream`: one batch, from its protobuf bytes.
//!
//! Held: one verdict a signal; a payload is refused exactly where it is no JSON; and the same
//! signals sent as JSON get the same verdicts and make the same records, byte for byte.

use std::collections::BTreeMap;

use ingest::{Batch, Code, Media, grpc, signals};
use prost::Message;
use proto::v1::{IngestBatch, Signal};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::oracle;
use crate::surroundings::{APPLIED, context, grant};
use crate::verdicts;

/// Encoded batches: full, bare, wrong in several ways.
pub fn seeds() -> Vec<Vec<u8>> {
    let bare = Signal { component: "web".to_owned(), ..Signal::default() };
    let full = Signal {
        id: "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf8".to_owned(),
        component: "db".to_owned(),
        component_type: "rdbms".to_owned(),
        kind: "error".to_owned(),
        severity: "high".to_owned(),
        environment: "prod".to_owned(),
        source: "probe".to_owned(),
        status: "resolved".to_owned(),
        summary: "café".to_owned(),
        trace_id: "4bf92f35".to_owned(),
        error_code: "53300".to_owned(),
        incident_id: APPLIED.to_owned(),
        labels: BTreeMap::from([("zone".to_owned(), "b".to_owned())]),
        links: vec!["https://x".to_owned()],
        payload: br#"{"a":[1,"\u00e9"]}"#.to_vec().into(),
        occurred_at_unix_nano: 1_795_179_600_000_000_000,
    };
    let applied = Signal { id: APPLIED.to_owned(), ..bare.clone() };
    let wrong = Signal { id: "x".to_owned(), payload: b"{".to_vec().into(), ..bare.clone() };
    let nul = Signal { summary: "a\0b".to_owned(), ..bare.clone() };
    let batches = [
        vec![full.clone()],
        vec![bare.clone(), bare.clone(), full.clone(), full],
        vec![applied, wrong, nul, Signal::default()],
        vec![],
    ];
    let messages = batches.map(|signals| IngestBatch { batch_id: 1, signals });
    messages.iter().map(Message::encode_to_vec).collect()
}

/// Decodes a message and holds the verdicts against those of the JSON door.
pub fn check(bytes: &[u8]) {
    let Ok(message) = IngestBatch::decode(bytes) else { return };
    let again = IngestBatch::decode(message.encode_to_vec().as_slice());
    assert_eq!(again.as_ref(), Ok(&message), "encoded and decoded again, the same message");
    let grant = grant();
    let batch = match grpc::decode(&message, context(&grant, Media::Json)) {
        Ok(batch) => batch,
        Err(problem) => {
            assert!(message.signals.is_empty(), "{}", problem.detail);
            return;
        }
    };
    assert_eq!(batch.items() as usize, message.signals.len());
    verdicts::inspect(&batch, message.signals.len());
    inspect_payloads(&batch, &message);
    if let Some(body) = as_json(&message.signals) {
        let by_json = signals::decode(body.as_bytes(), context(&grant, Media::Json));
        inspect_same(&batch, &by_json.expect("an array of objects is taken"));
    }
}

fn inspect_payloads(batch: &Batch, message: &IngestBatch) {
    // Of more than are listed one by one only the first have a place.
    let is_cut = batch.rejections.len() < batch.rejected as usize;
    let last = batch.rejections.last().filter(|_| is_cut).map(|rejection| rejection.index as usize);
    let known = last.map_or(message.signals.len(), |last| last + 1);
    for (index, signal) in message.signals.iter().enumerate().take(known) {
        let rejection = batch.rejections.iter().find(|one| one.index as usize == index);
        let code = rejection.map(|rejection| rejection.code);
        let is_json = signal.payload.is_empty() || is_json(&signal.payload);
        assert_eq!(code == Some(Code::InvalidPayload), !is_json, "signal {index}: {code:?}");
    }
}

fn inspect_same(batch: &Batch, by_json: &Batch) {
    // What is too deep is said in the words of the door.
    if batch.rejections.iter().any(|rejection| rejection.code == Code::JsonTooDeep) {
        return;
    }
    assert_eq!(batch.rejections, by_json.rejections);
    assert_eq!(batch.rejected_by, by_json.rejected_by);
    assert_eq!((batch.duplicates, &batch.ids), (by_json.duplicates, &by_json.ids));
    assert!(batch.records.iter().eq(by_json.records.iter()), "the same records");
}

/// A payload has no byte order mark to be taken off.
fn is_json(payload: &[u8]) -> bool {
    oracle::first_byte(payload) != Some(0xef) && oracle::is_json(payload)
}

/// A signal as the JSON door takes it; what is empty was not given.
#[derive(Serialize)]
struct Object<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    component: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    component_type: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    severity: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    source: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    environment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    trace_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    error_code: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    incident_id: &'a str,
    labels: &'a BTreeMap<String, String>,
    links: &'a [String],
    occurred_at: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
}

/// The signals as one array; `None` where a payload is not JSON from its first byte to its last.
fn as_json(signals: &[Signal]) -> Option<String> {
    let objects: Option<Vec<Object<'_>>> = signals.iter().map(object).collect();
    Some(serde_json::to_string(&objects?).expect("texts and numbers can be written"))
}

fn object(signal: &Signal) -> Option<Object<'_>> {
    let payload = match std::str::from_utf8(&signal.payload).ok()? {
        "" => None,
        text => Some(serde_json::from_str::<&RawValue>(text).ok()?),
    };
    if payload.is_some_and(|payload| payload.get().len() != signal.payload.len()) {
        return None;
    }
    let micros = signal.occurred_at_unix_nano / 1_000;
    let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    let occurred_at = (signal.occurred_at_unix_nano != 0).then_some(seconds);
    Some(Object {
        id: &signal.id,
        component: &signal.component,
        component_type: &signal.component_type,
        kind: &signal.kind,
        severity: &signal.severity,
        source: &signal.source,
        environment: &signal.environment,
        status: &signal.status,
        summary: &signal.summary,
        trace_id: &signal.trace_id,
        error_code: &signal.error_code,
        incident_id: &signal.incident_id,
        labels: &signal.labels,
        links: &signal.links,
        occurred_at: occurred_at.map(|text| RawValue::from_string(text).expect("a number")),
        payload,
    })
}
