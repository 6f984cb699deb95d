//! One matcher of Alertmanager's: a label, and what its value must be or fit, or must not. A label that is
//! not there counts as empty; a pattern fits the whole value.
//!
//! Written `name=value`, `name!=value`, `name=~pattern`, `name!~pattern`, the value in double quotes or not; kept
//! in silences and rules as a condition on the label.

use model::directive::{Condition, Field, Op};
use model::{Severity, Signal};
use regex::Regex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::anchored;

/// What a matcher says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Matcher)]
pub(crate) struct MatcherDocument {
    /// The label.
    pub(crate) name: String,
    /// A value or a pattern.
    pub(crate) value: String,
    /// Whether it is a pattern.
    pub(crate) is_regex: bool,
    /// Whether it must be so, rather than must not.
    #[serde(default = "yes")]
    pub(crate) is_equal: bool,
}

/// A matcher that can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    said: MatcherDocument,
    pattern: Option<Regex>,
}

fn yes() -> bool {
    true
}

impl Matcher {
    /// Takes what is said; the error is a sentence.
    pub(crate) fn new(said: MatcherDocument) -> Result<Self, String> {
        let pattern = said.is_regex.then(|| anchored(&said.value)).transpose()?;
        Ok(Self { said, pattern })
    }

    /// Reads one; the error is a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("bad matcher format: {}", text.chars().take(200).collect::<String>());
        let trimmed = text.trim();
        let name_end = trimmed.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        let (name, rest) = trimmed.split_at(name_end.ok_or_else(bad)?);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad());
        }
        let rest = rest.trim_start();
        // The longer operators first: `=~` begins with `=`.
        let operators = [("=~", true, true), ("!~", true, false), ("!=", false, false)];
        let operators = operators.into_iter().chain([("=", false, true)]);
        let (operator, is_regex, is_equal) =
            operators.into_iter().find(|(it, ..)| rest.starts_with(it)).ok_or_else(bad)?;
        let value = unquote(rest[operator.len()..].trim())?;
        Self::new(MatcherDocument { name: name.to_owned(), value, is_regex, is_equal })
    }

    /// What it says.
    pub(crate) fn said(&self) -> &MatcherDocument {
        &self.said
    }

    /// The matcher that holds where this one does not.
    pub(crate) fn negated(&self) -> Self {
        let said = MatcherDocument { is_equal: !self.said.is_equal, ..self.said.clone() };
        Self { said, pattern: self.pattern.clone() }
    }

    /// Whether a value of its label fits.
    pub(crate) fn holds(&self, value: &str) -> bool {
        let fits = match &self.pattern {
            Some(pattern) => pattern.is_match(value),
            None => value == self.said.value,
        };
        fits == self.said.is_equal
    }

    /// Whether the labels of an alert fit.
    pub(super) fn fits(&self, signal: &Signal<'_>) -> bool {
        self.holds(signal.label(&self.said.name).unwrap_or_default())
    }
}

impl MatcherDocument {
    /// The condition that holds for the same alerts, where patterns are bound to both ends.
    pub(crate) fn condition(&self) -> Condition {
        Condition {
            field: Field::Label(self.name.clone()),
            op: if self.is_regex { Op::Regex } else { Op::Equals },
            values: vec![self.value.clone()],
            negate: !self.is_equal,
        }
    }

    /// How Alertmanager would write a condition. One on another field than a label is shown as if the field were
    /// a label of its name, because its clients know nothing else.
    pub(crate) fn of(condition: &Condition) -> Self {
        let name = match &condition.field {
            Field::Label(name) => name.clone(),
            other => other.to_string(),
        };
        let first = || condition.values.first().cloned().unwrap_or_default();
        let (is_regex, value) = match condition.op {
            Op::Equals => (false, first()),
            Op::Regex => (true, first()),
            Op::OneOf => (true, alternatives(condition.values.iter().map(|it| regex::escape(it)))),
            Op::Glob => (true, glob(&first())),
            Op::AtLeast => (true, alternatives(at_least(&first()).map(str::to_owned))),
            Op::Present => (true, ".+".to_owned()),
        };
        Self { name, value, is_regex, is_equal: !condition.negate }
    }
}

fn alternatives(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join("|")
}

fn at_least(word: &str) -> impl Iterator<Item = &'static str> {
    let bound = Severity::parse(word).unwrap_or(Severity::P3);
    Severity::ALL.into_iter().filter(move |it| *it <= bound).map(Severity::as_str)
}

/// The regular expression of a pattern with `*` and `?`.
fn glob(pattern: &str) -> String {
    let mut text = String::new();
    for character in pattern.chars() {
        match character {
            '*' => text.push_str("(?s:.*)"),
            '?' => text.push_str("(?s:.)"),
            other => text.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    text
}

/// The value without its quotes. `\"`, `\\` and `\n` are escapes; any other backslash is itself.
fn unquote(raw: &str) -> Result<String, String> {
    let unescaped = || format!("matcher value contains unescaped double quote: {raw}");
    let (inner, mut open) = match raw.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(inner.len());
    let mut characters = inner.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next_if(|next| matches!(next, 'n' | '"' | '\\')) {
                Some('n') => value.push('\n'),
                Some(escaped) => value.push(escaped),
                None => value.push('\\'),
            },
            '"' if open && characters.peek().is_none() => open = false,
            '"' => return Err(unescaped()),
            other => value.push(other),
        }
    }
    if open { Err(unescaped()) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use model::SignalId;

    use super::*;

    fn fits(text: &str) -> Option<bool> {
        let mut signal = Signal::new(SignalId(1), "db", "prod");
        signal.labels = [("alertname", "Down"), ("job", "say \"hi\"\n")]
            .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
            .into();
        Matcher::parse(text).ok().map(|matcher| matcher.fits(&signal))
    }

    #[test]
    fn matchers_fit_as_those_of_alertmanager_do() {
        let fitting = [
            "alertname=Down",
            "alertname=\"Down\"",
            " alertname = Down ",
            "alertname!=Up",
            "alertname=~Do.*",
            "alertname=~\"Down|Up\"",
            "alertname!~Dow",
            "absent=",
            "absent!=x",
            "absent=~.*",
            "job=\"say \\\"hi\\\"\\n\"",
        ];
        for text in fitting {
            assert_eq!(fits(text), Some(true), "{text}");
        }
        for text in
            ["alertname=Up", "alertname=~ow", "alertname!~D.*", "absent=x", "alertname=down"]
        {
            assert_eq!(fits(text), Some(false), "{text}");
        }
    }

    #[test]
    fn what_alertmanager_cannot_read_is_refused() {
        for text in [
            "",
            "Down",
            "=x",
            "1a=x",
            "a-b=x",
            "{a=\"x\"}",
            "a=~[",
            "a=\"x",
            "a=x\"",
            "a=\"x\"y\"",
            "a~x",
        ] {
            assert_eq!(fits(text), None, "{text}");
        }
    }

    #[test]
    fn conditions_of_any_kind_are_shown_as_matchers() {
        let shown = |field: &str, op: Op, values: &[&str], negate: bool| {
            let field = Field::parse(field).unwrap();
            let values = values.iter().map(|&value| value.to_owned()).collect();
            let MatcherDocument { name, value, is_regex, is_equal } =
                MatcherDocument::of(&Condition { field, op, values, negate });
            format!("{name} {value} {is_regex} {is_equal}")
        };
        assert_eq!(shown("labels.a", Op::Equals, &["x"], false), "a x false true");
        assert_eq!(shown("labels.a", Op::Regex, &["x|y"], true), "a x|y true false");
        assert_eq!(shown("labels.a", Op::OneOf, &["x.", "y"], false), "a x\\.|y true true");
        assert_eq!(
            shown("component", Op::Glob, &["a*?."], false),
            "component a(?s:.*)(?s:.)\\. true true"
        );
        assert_eq!(shown("severity", Op::AtLeast, &["high"], false), "severity P0|P1 true true");
        assert_eq!(shown("labels.a", Op::Present, &[], false), "a .+ true true");
    }

    #[test]
    fn a_matcher_is_the_condition_that_it_becomes() {
        for text in ["a=b", "a!=b", "a=~b.*", "a!~b"] {
            let matcher = Matcher::parse(text).unwrap();
            assert_eq!(&MatcherDocument::of(&matcher.said().condition()), matcher.said(), "{text}");
        }
    }
}
