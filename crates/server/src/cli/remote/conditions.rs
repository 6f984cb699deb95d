//! Conditions as words: `component=db`, `labels.team!=core`, `summary=~timeout`, both ways.
//!
//! Refuses to know what a condition fits. Invariant: a word that is read means what it says, or is refused.

use std::str::FromStr;

use model::Field;
use serde::Deserialize;
use serde_json::{Value, json};

/// What `--help` says about conditions.
pub(crate) const SYNTAX: &str = "\
Conditions, all of which must hold:
  FIELD=VALUE     is VALUE         FIELD!=VALUE    is not
  FIELD=~REGEX    fits whole       FIELD!~REGEX    does not
  FIELD           is there         !FIELD          is not there
  severity>=P1    is at least as bad
FIELD is severity, source, component, component_type, environment, kind, status, summary,
labels.NAME or payload.PATH.";

/// What stands between a field and its value, with the name of the comparison and whether it is turned
/// around. Where several begin at one place the longer comes first.
const OPERATORS: [(&str, &str, bool); 5] = [
    ("=~", "regex", false),
    ("!~", "regex", true),
    ("!=", "equals", true),
    (">=", "at_least", false),
    ("=", "equals", false),
];

/// A condition that was written as a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    field: String,
    op: &'static str,
    value: Option<String>,
    negate: bool,
}

/// A condition as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Condition {
    field: String,
    op: String,
    value: Option<Compared>,
    #[serde(default)]
    negate: bool,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Compared {
    One(String),
    Any(Vec<String>),
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = OPERATORS
            .iter()
            .filter_map(|operator| Some((text.find(operator.0)?, operator)))
            // Of those at one place the longest is listed first.
            .min_by_key(|(at, _)| *at);
        let (field, op, value, negate) = match first {
            Some((at, &(operator, op, negate))) => {
                (&text[..at], op, Some(text[at + operator.len()..].to_owned()), negate)
            }
            None => match text.strip_prefix('!') {
                Some(field) => (field, "present", None, true),
                None => (text, "present", None, false),
            },
        };
        let field = field.trim();
        if Field::parse(field).is_none() {
            return Err(format!(
                "`{field}` is no field: write severity, source, component, component_type, environment, \
                 kind, status, summary, labels.NAME or payload.PATH, as in component=db"
            ));
        }
        Ok(Self { field: field.to_owned(), op, value, negate })
    }
}

impl Word {
    /// As the API takes it.
    pub(crate) fn document(&self) -> Value {
        json!({
            "field": self.field, "op": self.op, "value": self.value, "negate": self.negate,
        })
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let field = &self.field;
        let value = match &self.value {
            Some(Compared::One(text)) => text.clone(),
            Some(Compared::Any(texts)) => texts.join("|"),
            None => String::new(),
        };
        match (self.op.as_str(), self.negate) {
            ("present", false) => write!(f, "{field}"),
            ("present", true) => write!(f, "!{field}"),
            ("equals", false) => write!(f, "{field}={value}"),
            ("equals", true) => write!(f, "{field}!={value}"),
            ("regex", false) => write!(f, "{field}=~{value}"),
            ("regex", true) => write!(f, "{field}!~{value}"),
            ("at_least", false) => write!(f, "{field}>={value}"),
            // What cannot be written as a word is said in words.
            (op, false) => write!(f, "{field} {} {value}", op.replace('_', " ")),
            (op, true) => write!(f, "{field} not {} {value}", op.replace('_', " ")),
        }
    }
}

/// Conditions on one line; `everything` where there are none.
pub(crate) fn on_one_line(conditions: &[Condition]) -> String {
    if conditions.is_empty() {
        return "everything".to_owned();
    }
    conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_it_is_shown() {
        let words = [
            "component=db",
            "labels.team!=core",
            "summary=~time.?out=[0-9]+",
            "summary!~a!=b",
            "severity>=P1",
            "labels.team",
            "!payload.a.b",
            "component=a=b",
            "component=",
        ];
        for text in words {
            let word: Word = text.parse().expect("it can be read");
            let shown: Condition = serde_json::from_value(word.document()).expect("a condition");
            assert_eq!(shown.to_string(), text);
        }
    }

    #[test]
    fn a_word_about_no_field_is_refused() {
        for text in ["", "=db", "colour=red", "db", "labels.=x", "!", "team=core"] {
            let refused = text.parse::<Word>().expect_err("no field");
            assert!(refused.contains("is no field"), "{text}: {refused}");
        }
    }

    #[test]
    fn what_no_word_can_say_is_said_in_words() {
        let shown = |value: Value| {
            serde_json::from_value::<Condition>(value).expect("a condition").to_string()
        };
        let listed =
            json!({"field": "component", "op": "one_of", "value": ["a", "b"], "negate": true});
        assert_eq!(shown(listed), "component not one of a|b");
        let glob = json!({"field": "component", "op": "glob", "value": "db-*"});
        assert_eq!(shown(glob), "component glob db-*");
        assert_eq!(on_one_line(&[]), "everything");
    }
}
