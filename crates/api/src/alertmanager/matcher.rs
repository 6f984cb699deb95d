//! One matcher of Alertmanager's filter syntax: `name=value`, `name!=value`, `name=~pattern`, `name!~pattern`,
//! the value in double quotes or not. A label that is not there counts as empty.

use model::Signal;
use regex::Regex;

use super::anchored;

/// A condition on one label.
#[derive(Debug)]
pub(super) struct Matcher {
    name: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Equal(String),
    NotEqual(String),
    Fits(Regex),
    FitsNot(Regex),
}

impl Matcher {
    /// Reads one; the error is a sentence.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("bad matcher format: {}", text.chars().take(200).collect::<String>());
        let trimmed = text.trim();
        let name_end = trimmed.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
        let (name, rest) = trimmed.split_at(name_end.ok_or_else(bad)?);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad());
        }
        let rest = rest.trim_start();
        // The longer operators first: `=~` begins with `=`.
        let operators = ["=~", "!~", "!=", "="];
        let operator =
            operators.into_iter().find(|operator| rest.starts_with(operator)).ok_or_else(bad)?;
        let value = unquote(rest[operator.len()..].trim())?;
        let test = match operator {
            "=~" => Test::Fits(anchored(&value)?),
            "!~" => Test::FitsNot(anchored(&value)?),
            "!=" => Test::NotEqual(value),
            _ => Test::Equal(value),
        };
        Ok(Self { name: name.to_owned(), test })
    }

    /// Whether the labels of an alert fit.
    pub(super) fn fits(&self, signal: &Signal<'_>) -> bool {
        let value = signal.label(&self.name).unwrap_or_default();
        match &self.test {
            Test::Equal(wanted) => value == wanted,
            Test::NotEqual(unwanted) => value != unwanted,
            Test::Fits(pattern) => pattern.is_match(value),
            Test::FitsNot(pattern) => !pattern.is_match(value),
        }
    }
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
}
