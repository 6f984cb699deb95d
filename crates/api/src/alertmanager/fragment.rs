//! One alert as JSON. All of it but two points in time stays as long as the alert fires: it is rendered
//! once, kept with the alert, and copied into every page. While it is held back it is rendered otherwise.
//!
//! Invariant: the two points in time stand at the same place in every alert, and always fit there.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use bytes::Bytes;
use model::{DirectiveId, Signal};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use store::{AlertBody, AlertTerm};

use super::RECEIVER;
use super::stamp::{STAMP_BYTES, Stamper};

const BEFORE_FINGERPRINT: &str = "{\"fingerprint\":\"";
const BEFORE_STARTS_AT: &str = "\",\"startsAt\":\"";
const BEFORE_ENDS_AT: &str = "\",\"endsAt\":\"";
const BEFORE_UPDATED_AT: &str = "\",\"updatedAt\":\"";
const FINGERPRINT_BYTES: usize = 16;
const ENDS_AT: usize = BEFORE_FINGERPRINT.len()
    + FINGERPRINT_BYTES
    + BEFORE_STARTS_AT.len()
    + STAMP_BYTES
    + BEFORE_ENDS_AT.len();
const UPDATED_AT: usize = ENDS_AT + STAMP_BYTES + BEFORE_UPDATED_AT.len();

/// The JSON object of an alert; what stands where its term belongs says nothing.
pub(super) fn of(body: &AlertBody) -> &Bytes {
    body.rendered.get_or_init(|| render(body, &State::of(body)))
}

/// The JSON object of an alert that is held back.
pub(super) fn of_held(
    body: &AlertBody,
    silenced_by: &[DirectiveId],
    inhibited_by: &[u64],
) -> Bytes {
    let state = State {
        inhibited_by: inhibited_by.iter().map(|it| format!("{it:016x}")).collect(),
        silenced_by: silenced_by.iter().map(ToString::to_string).collect(),
        state: "suppressed",
    };
    render(body, &state)
}

/// Writes the term of an alert into its JSON object.
pub(super) fn set_term(alert: &mut [u8], term: AlertTerm, stamper: &mut Stamper) {
    alert[ENDS_AT..ENDS_AT + STAMP_BYTES].copy_from_slice(stamper.write(term.ends_at));
    alert[UPDATED_AT..UPDATED_AT + STAMP_BYTES].copy_from_slice(stamper.write(term.updated_at));
}

/// Names and values.
pub(super) fn labels<'a>(signal: &'a Signal<'_>) -> BTreeMap<&'a str, &'a str> {
    signal.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect()
}

/// What stays besides fingerprint and start.
#[derive(Serialize)]
struct ConstantPart<'a> {
    annotations: BTreeMap<String, String>,
    receivers: [Receiver; 1],
    status: &'a State,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
    labels: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Receiver {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    inhibited_by: Vec<String>,
    silenced_by: Vec<String>,
    state: &'static str,
}

impl State {
    /// That of an alert that is not held back.
    fn of(body: &AlertBody) -> Self {
        let state = if body.incident.is_some() { "active" } else { "unprocessed" };
        Self { inhibited_by: Vec::new(), silenced_by: Vec::new(), state }
    }
}

/// What is taken from the alert as it was sent. The door takes more than Alertmanager says: values that are no
/// strings, names given twice, escapes that stand for no character. None of that takes away the rest.
#[derive(Default)]
struct SentAlert {
    annotations: BTreeMap<String, String>,
    generator_url: String,
}

impl SentAlert {
    fn read(payload: &[u8]) -> Self {
        let parts: BTreeMap<Readable, &RawValue> =
            serde_json::from_slice(payload).unwrap_or_default();
        let annotations = parts.get("annotations").map_or("{}", |raw| raw.get());
        let annotations: BTreeMap<Readable, &RawValue> =
            serde_json::from_str(annotations).unwrap_or_default();
        let annotations = annotations.into_iter();
        Self {
            annotations: annotations
                .filter_map(|(Readable(name), raw)| Some((name, as_text(raw)?)))
                .collect(),
            generator_url: parts
                .get("generatorURL")
                .and_then(|raw| as_text(raw))
                .unwrap_or_default(),
        }
    }
}

/// A string as it reads, with `U+FFFD` for what is no character; a number or boolean as it is written; nothing for
/// `null`.
fn as_text(raw: &RawValue) -> Option<String> {
    let written = raw.get();
    match written.as_bytes().first()? {
        b'"' => serde_json::from_str(written).ok().map(|Readable(text)| text),
        b'n' => None,
        _ => Some(written.to_owned()),
    }
}

/// A JSON string, whatever its escapes stand for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Readable(String);

impl Borrow<str> for Readable {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Readable;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Readable, E> {
                Ok(Readable(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

fn render(body: &AlertBody, status: &State) -> Bytes {
    let sent = SentAlert::read(&body.signal.payload);
    let part = ConstantPart {
        annotations: sent.annotations,
        receivers: [Receiver { name: RECEIVER }],
        status,
        generator_url: sent.generator_url,
        labels: labels(&body.signal),
    };
    let constant = serde_json::to_string(&part).expect("maps with text keys and values are JSON");
    let mut stamper = Stamper::new();
    let starts_at = str::from_utf8(stamper.write(body.starts_at)).expect("digits are text");
    let blank = " ".repeat(STAMP_BYTES);
    let alert = [
        BEFORE_FINGERPRINT,
        &format!("{:016x}", body.fingerprint),
        BEFORE_STARTS_AT,
        starts_at,
        BEFORE_ENDS_AT,
        &blank,
        BEFORE_UPDATED_AT,
        &blank,
        "\",",
        // Its opening brace stands at the very front already.
        &constant[1..],
    ];
    Bytes::from(alert.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_string_takes_nothing_else_away() {
        let payload = br#"{
            "labels": {"alertname": "Full"}, "odd \ud83d": 1,
            "annotations": {"summary": "first"},
            "annotations": {
                "summary": "disk is \u0066ull", "value": 93.5, "paged": true, "nothing": null,
                "cut": "before \ud83d after", "odd \ud83d": "name", "summary": "disk is full"
            },
            "generatorURL": "http://prometheus/x"
        }"#;
        let sent = SentAlert::read(payload);
        let cut = "\u{fffd}\u{fffd}\u{fffd}";
        let expected = [
            ("cut", format!("before {cut} after")),
            (&format!("odd {cut}"), "name".to_owned()),
            ("paged", "true".to_owned()),
            ("summary", "disk is full".to_owned()),
            ("value", "93.5".to_owned()),
        ]
        .map(|(name, text)| (name.to_owned(), text));
        assert_eq!(sent.annotations, BTreeMap::from(expected));
        assert_eq!(sent.generator_url, "http://prometheus/x");
        for nothing in [&b""[..], b"null", b"[]", br#"{"annotations": 5, "generatorURL": null}"#] {
            let sent = SentAlert::read(nothing);
            assert!(sent.annotations.is_empty() && sent.generator_url.is_empty());
        }
    }
}
