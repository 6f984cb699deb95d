//! The documents of the API, as far as commands show them.
//!
//! Invariant: no text from a document reaches a terminal with control characters in it. Titles,
//! comments and labels come from whoever sends signals, and a terminal obeys what it is shown.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::terminal::failure::Failure;

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    #[serde(default)]
    pub(crate) total: u64,
}

/// An incident as lists show it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IncidentItem {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) status: String,
    pub(crate) severity: String,
    pub(crate) component: String,
    pub(crate) component_type: String,
    pub(crate) environment: String,
    pub(crate) grouping_key: String,
    pub(crate) signal_count: u64,
    pub(crate) first_signal_at: String,
    pub(crate) last_signal_at: String,
    pub(crate) opened_at: String,
    pub(crate) assignee: Option<String>,
    pub(crate) mtta_seconds: Option<u64>,
    pub(crate) mttr_seconds: Option<u64>,
    pub(crate) closed_at: Option<String>,
}

/// One incident with what belongs to it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IncidentDetail {
    #[serde(flatten)]
    pub(crate) item: IncidentItem,
    #[serde(default)]
    pub(crate) legal_transitions: Vec<String>,
    pub(crate) rca: Option<RcaDocument>,
    pub(crate) acknowledged_at: Option<String>,
    pub(crate) resolved_at: Option<String>,
    #[serde(default)]
    pub(crate) severity_pinned: bool,
    pub(crate) merged_into: Option<String>,
    pub(crate) split_from: Option<String>,
    #[serde(default)]
    pub(crate) children: Vec<String>,
    #[serde(default)]
    pub(crate) links: Vec<Link>,
}

/// A link somebody added.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Link {
    pub(crate) title: String,
    pub(crate) url: String,
}

/// An accepted analysis.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RcaDocument {
    pub(crate) root_cause_category: String,
    pub(crate) fix_applied: String,
    pub(crate) prevention_steps: String,
    pub(crate) incident_start: Option<String>,
    pub(crate) incident_end: Option<String>,
    #[serde(default)]
    pub(crate) timeline_note: String,
    #[serde(default)]
    pub(crate) action_items: Vec<ActionItem>,
    pub(crate) submitted_by: Actor,
    pub(crate) submitted_at: String,
}

/// Something that remains to be done.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ActionItem {
    pub(crate) title: String,
    pub(crate) owner: String,
    pub(crate) due: String,
}

/// Who acts.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Actor {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// One line of a timeline.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TimelineItem {
    pub(crate) at: String,
    pub(crate) actor: Actor,
    pub(crate) action: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) related_incident: Option<String>,
    pub(crate) signals: Option<u64>,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) text: String,
}

/// A raw signal.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SignalItem {
    pub(crate) received_at: String,
    pub(crate) severity: String,
    pub(crate) kind: String,
    pub(crate) component: String,
    pub(crate) status: String,
    pub(crate) summary: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) error_code: Option<String>,
}

/// An API key, without its secret.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct KeyDocument {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) rate_per_second: Option<u32>,
    pub(crate) expires_at: Option<String>,
    pub(crate) revoked_at: Option<String>,
    pub(crate) last_used_at: Option<String>,
}

/// An API key that was just made.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MintedKey {
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) document: KeyDocument,
}

/// A project.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ProjectDocument {
    pub(crate) id: u32,
    pub(crate) organization: String,
    pub(crate) name: String,
    pub(crate) created_at: String,
}

/// Reads a document, with control characters taken out of every text in it.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let unexpected = |error: serde_json::Error| {
        Failure::Unreachable(format!(
            "the answer is not what this version of stormbell expects; is it the right --url? {error}"
        ))
    };
    let mut value: Value = serde_json::from_slice(bytes).map_err(unexpected)?;
    clean(&mut value);
    serde_json::from_value(value).map_err(unexpected)
}

/// The text without what a terminal would obey; line ends and tabs stay.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            if text.chars().any(is_harmful) {
                *text = harmless(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(members) => {
            if members.keys().any(|name| name.chars().any(is_harmful)) {
                let taken = std::mem::take(members);
                members.extend(taken.into_iter().map(|(name, value)| (harmless(&name), value)));
            }
            members.values_mut().for_each(clean);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Control characters, and those that turn the direction of what follows.
fn is_harmful(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_taken_out_of_every_text() {
        let read: Value =
            read(br#"{"title":"a\u001b[2Jb","labels":{"x\u0007":"\u202egnp.exe"},"text":"line\nline\ttab"}"#)
                .expect("it can be read");
        assert_eq!(read["title"], "a\u{fffd}[2Jb");
        assert_eq!(read["labels"]["x\u{fffd}"], "\u{fffd}gnp.exe");
        assert_eq!(read["text"], "line\nline\ttab");
    }
}
