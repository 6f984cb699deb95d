//! Templates of people, in the language of Jinja: checked when saved, bounded when rendered.
//!
//! Refuses to know: files, other templates, the environment. Invariant: rendering costs at most [`FUEL`] and
//! yields at most [`OUTPUT_BYTES`].

use std::io;

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, escape_formatter};

/// Bytes of a rendering: 256 KiB.
pub const OUTPUT_BYTES: usize = 256 << 10;
/// What rendering may cost: about so many instructions, or 64 bytes made for each.
const FUEL: u64 = 200_000;
/// Bytes of a template.
pub const TEMPLATE_BYTES: usize = 64 << 10;

/// How what is put into a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As JSON: texts with their quotes.
    Json,
    /// As it is.
    Nothing,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TemplateError {
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// Whether it is only that something is not there, which counts as empty when it is sent.
    pub undefined: bool,
}

/// Checks the grammar of a template.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(source: &str) -> Result<(), TemplateError> {
    environment(Escape::Nothing, UndefinedBehavior::Chainable)
        .template_from_str(source)
        .map(|_| ())
        .map_err(|error| problem(&error))
}

/// Renders a template; what is not there is `null` in JSON, and empty elsewhere.
///
/// # Errors
/// Its grammar is wrong, it costs too much, or it yields too much.
pub(crate) fn render(
    source: &str,
    escape: Escape,
    variables: &serde_json::Value,
) -> Result<String, TemplateError> {
    render_with(source, escape, UndefinedBehavior::Chainable, variables)
}

/// Says what a template asks for that is not there.
pub(crate) fn undefined(
    source: &str,
    escape: Escape,
    variables: &serde_json::Value,
) -> Option<TemplateError> {
    render_with(source, escape, UndefinedBehavior::Strict, variables)
        .err()
        .filter(|error| error.undefined)
}

fn render_with(
    source: &str,
    escape: Escape,
    behavior: UndefinedBehavior,
    variables: &serde_json::Value,
) -> Result<String, TemplateError> {
    let environment = environment(escape, behavior);
    let template = environment.template_from_str(source).map_err(|error| problem(&error))?;
    let mut output = Bounded(Vec::new());
    template
        .render_captured_to(Value::from(Serde(variables)), &mut output)
        .map_err(|error| problem(&error))?;
    String::from_utf8(output.0).map_err(|_| TemplateError {
        line: 0,
        message: "it yields something that is not text".to_owned(),
        undefined: false,
    })
}

fn environment(escape: Escape, behavior: UndefinedBehavior) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(behavior);
    environment.set_auto_escape_callback(move |_| match escape {
        Escape::Json => AutoEscape::Json,
        Escape::Nothing => AutoEscape::None,
    });
    environment.set_formatter(move |output, state, value| match escape {
        Escape::Json if value.is_undefined() => Ok(output.write_str("null")?),
        Escape::Nothing if value.is_none() => Ok(()),
        Escape::Json | Escape::Nothing => escape_formatter(output, state, value),
    });
    environment
}

fn problem(error: &minijinja::Error) -> TemplateError {
    let mut message = match error.kind() {
        ErrorKind::OutOfFuel => "it costs too much to render".to_owned(),
        ErrorKind::WriteFailure => format!("it yields more than {OUTPUT_BYTES} bytes"),
        kind => kind.to_string(),
    };
    if let Some(detail) = error.detail().filter(|_| error.kind() != ErrorKind::WriteFailure) {
        message = format!("{message}: {detail}");
    }
    let undefined = error.kind() == ErrorKind::UndefinedError;
    TemplateError { line: error.line().unwrap_or(0), message, undefined }
}

/// Takes [`OUTPUT_BYTES`] and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT_BYTES {
            return Err(io::Error::other("too much"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_escaped_by_itself() {
        let variables = json!({"name": "a \"quoted\"\nline </script>", "labels": {"a": 1}});
        let text = r#"{"text": {{ name }}, "labels": {{ labels }}, "none": {{ none|tojson }}}"#;
        let rendered = render(text, Escape::Json, &variables).unwrap();
        let read: serde_json::Value = serde_json::from_str(&rendered).unwrap();
        assert_eq!(read["text"], variables["name"]);
        assert_eq!(read["labels"]["a"], 1);
    }

    #[test]
    fn what_is_not_there_is_empty_and_reported_when_asked() {
        let text = "a\n{{ incident.nothing.deeper }}b";
        assert_eq!(render(text, Escape::Nothing, &json!({})).unwrap(), "a\nb");
        let none = json!({"incident": null});
        assert_eq!(render("{{ incident.number }}", Escape::Json, &none).unwrap(), "null");
        assert_eq!(render("a{{ incident }}", Escape::Nothing, &none).unwrap(), "a");
        assert_eq!(undefined(text, Escape::Nothing, &json!({})).unwrap().line, 2);
        assert_eq!(undefined("{{ a }}", Escape::Nothing, &json!({"a": 1})), None);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        let error = check("ok\n{% if %}").unwrap_err();
        assert_eq!((error.line, error.undefined), (2, false));
        assert!(check("{% for a in b %}{{ a }}{% endfor %}").is_ok());
    }

    #[test]
    fn cost_and_output_are_bounded() {
        let nested =
            "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        assert!(render(nested, Escape::Nothing, &json!({})).is_err());
        let wide = "{% for a in range(300) %}{{ big }}{% endfor %}";
        let error = render(wide, Escape::Nothing, &json!({"big": "x".repeat(1_024)})).unwrap_err();
        assert_eq!(error.message, "it yields more than 262144 bytes");
    }
}
