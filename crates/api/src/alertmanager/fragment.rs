//! One alert as JSON. All of it but two points in time stays as long as the alert fires: it is rendered
//! once, kept with the alert, and copied into every page. While it is held back it is rendered otherwise.
//!
//! Invariant: the two points in time stand at the same place in every alert, and always fit there.

use std::collections::BTreeMap;

use bytes::Bytes;
use model::{DirectiveId, Signal};
use serde::{Deserialize, Serialize};
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

/// What is taken from the alert as it was sent.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SentAlert {
    annotations: Option<BTreeMap<String, String>>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

fn render(body: &AlertBody, status: &State) -> Bytes {
    let sent: SentAlert = serde_json::from_slice(&body.signal.payload).unwrap_or_default();
    let part = ConstantPart {
        annotations: sent.annotations.unwrap_or_default(),
        receivers: [Receiver { name: RECEIVER }],
        status,
        generator_url: sent.generator_url.unwrap_or_default(),
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
