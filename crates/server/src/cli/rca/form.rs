//! An analysis as a form: a JSON object with the API's field names, from flags, from a JSON or TOML
//! file, or from a saved draft. What may stand in the fields is the server's to judge.

use std::path::Path;

use model::RootCauseCategory;
use model::limits::RCA_TEXT_CHARS;
use serde_json::{Map, Value, json};

use crate::cli::terminal::failure::Failure;

/// Bytes of a file that is read: more than any analysis may have.
const FILE_BYTES: u64 = 4 << 20;

/// The fields, in the order they are asked for.
pub(super) const FIELDS: [&str; 7] = [
    "root_cause_category",
    "fix_applied",
    "prevention_steps",
    "incident_start",
    "incident_end",
    "timeline_note",
    "action_items",
];

/// Something that remains to be done, as a flag says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    title: String,
    owner: String,
    due: String,
}

impl Action {
    /// As the API takes it.
    pub(super) fn document(&self) -> Value {
        json!({ "title": self.title, "owner": self.owner, "due": self.due })
    }
}

/// Reads `title;owner;2026-12-01`; a title may hold semicolons.
pub(super) fn action(text: &str) -> Result<Action, String> {
    let mut parts = text.rsplitn(3, ';').map(|part| part.trim().to_owned());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(due), Some(owner), Some(title)) => Ok(Action { title, owner, due }),
        _ => Err("write it as \"title;owner;2026-12-01\"".to_owned()),
    }
}

/// Reads a file, JSON or TOML by its first character.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let unusable = |why: String| Failure::Usage(format!("--file {}: {why}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
    if metadata.len() > FILE_BYTES {
        return Err(unusable(format!("it is larger than {FILE_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    parse(&text).map_err(unusable)
}

/// Reads the text of a form; empty fields are left out.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let mut fields = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Map<String, Value>>(text).map_err(|error| error.to_string())?
    } else {
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        table.into_iter().map(|(name, value)| (name, from_toml(value))).collect()
    };
    fields.retain(|_, value| {
        if let Value::String(text) = value {
            *text = text.trim().to_owned();
        }
        !is_empty(value)
    });
    Ok(fields)
}

/// The fields of a saved draft, without what is said about the draft itself.
pub(super) fn of_draft(mut draft: Map<String, Value>) -> Map<String, Value> {
    draft.retain(|name, value| FIELDS.contains(&name.as_str()) && !is_empty(value));
    draft
}

/// The fields that must be there and are not, each with its rule.
pub(super) fn missing(fields: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    let mut missing = Vec::new();
    if RootCauseCategory::parse(text("root_cause_category")).is_none() {
        missing.push(("root_cause_category", categories()));
    }
    for (name, what) in [
        ("fix_applied", "what was done about it"),
        ("prevention_steps", "what will keep it from coming back"),
    ] {
        if text(name).chars().count() < RCA_TEXT_CHARS {
            missing.push((name, format!("{what}, at least {RCA_TEXT_CHARS} characters")));
        }
    }
    missing
}

/// The categories as a sentence lists them.
pub(super) fn categories() -> String {
    let words: Vec<&str> =
        RootCauseCategory::ALL.iter().map(|category| category.as_str()).collect();
    words.join(", ")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Times become the text that the API takes.
fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(from_toml).collect::<Vec<_>>().into(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(name, value)| (name, from_toml(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_a_title_an_owner_and_a_date() {
        let read =
            action("raise the pool; then watch ; ada;2026-12-01").map(|action| action.document());
        assert_eq!(
            read,
            Ok(json!({"title": "raise the pool; then watch", "owner": "ada", "due": "2026-12-01"}))
        );
        assert!(action("raise the pool;ada").is_err());
    }

    #[test]
    fn json_and_toml_are_read_alike() {
        let toml = parse(
            "fix_applied = '''\nRaised the pool.\n'''\nincident_start = 2026-11-20T13:25:16Z\ntimeline_note = ''\n\
             [[action_items]]\ntitle = 't'\nowner = 'o'\ndue = 2026-12-01\n",
        );
        let json = parse(
            r#"{"fix_applied":"Raised the pool.","incident_start":"2026-11-20T13:25:16Z","timeline_note":null,
            "action_items":[{"title":"t","owner":"o","due":"2026-12-01"}]}"#,
        );
        assert_eq!(toml, json);
        assert!(toml.is_ok_and(|fields| fields.len() == 3));
        assert!(parse("fix_applied = 'unfinished").is_err_and(|why| why.contains("line 1")));
    }

    #[test]
    fn what_is_missing_is_all_said_at_once() {
        let names = |fields: Value| {
            let Value::Object(fields) = fields else { panic!("it is an object") };
            missing(&fields).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(json!({})), ["root_cause_category", "fix_applied", "prevention_steps"]);
        let long = "x".repeat(RCA_TEXT_CHARS);
        assert_eq!(
            names(
                json!({"root_cause_category": "WEATHER", "fix_applied": long, "prevention_steps": "short"})
            ),
            ["root_cause_category", "prevention_steps"]
        );
    }
}
