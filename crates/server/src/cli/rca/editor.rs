//! The form in an editor: a commented TOML file, opened with `$VISUAL`, `$EDITOR` or `vi`, read back
//! when the editor ends.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, anyhow};
use model::limits::RCA_TEXT_CHARS;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use super::form;
use crate::cli::remote::documents::IncidentItem;
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::times;

/// What came out of the editor.
pub(super) enum Edited {
    /// Nothing was written.
    GivenUp,
    /// It is no TOML.
    Unreadable { kept: PathBuf, why: String },
    /// An analysis, and the file it was written in.
    Written { analysis: Map<String, Value>, text: Typed },
}

/// What was typed. It goes when this is dropped, unless it is kept.
pub(super) struct Typed(NamedTempFile);

impl Typed {
    /// Keeps it, and says where.
    pub(super) fn keep(self) -> io::Result<PathBuf> {
        let (_, path) = self.0.keep().map_err(|error| error.error)?;
        Ok(path)
    }
}

/// Opens an editor on the form and reads it back.
pub(super) fn edit(
    incident: &IncidentItem,
    analysis: &Map<String, Value>,
) -> Result<Edited, Failure> {
    let template = template(incident, analysis);
    let mut file = tempfile::Builder::new()
        .prefix(&format!("stormbell-rca-{}-", incident.number))
        .suffix(".toml")
        .tempfile()
        .context("cannot make a file for the editor")?;
    file.write_all(template.as_bytes()).context("cannot write the file for the editor")?;
    open_editor(&file)?;
    // Editors replace the file, so it is read by its name.
    let text = std::fs::read_to_string(file.path()).context("cannot read what the editor wrote")?;
    if text == template && !form::missing(analysis).is_empty() || text.trim().is_empty() {
        return Ok(Edited::GivenUp);
    }
    let typed = Typed(file);
    match form::parse(&text) {
        Ok(analysis) if analysis.is_empty() => Ok(Edited::GivenUp),
        Ok(analysis) => Ok(Edited::Written { analysis, text: typed }),
        Err(why) => Ok(Edited::Unreadable { kept: typed.keep()?, why }),
    }
}

/// The editor is a command line of its own, as in `EDITOR='code --wait'`, so a shell runs it.
fn open_editor(file: &NamedTempFile) -> Result<(), Failure> {
    let named = |name: &str| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("stormbell-editor")
        .arg(file.path())
        .status()
        .with_context(|| format!("cannot start the editor `{editor}`"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Local(anyhow!(
        "the editor `{editor}` ended with {status}; set another with $EDITOR"
    )))
}

/// The form with what is known filled in.
fn template(incident: &IncidentItem, analysis: &Map<String, Value>) -> String {
    let text = |name: &str| analysis.get(name).and_then(Value::as_str).unwrap_or_default();
    let title = incident.title.replace(['\n', '\r'], " ");
    let mut lines = vec![
        format!("# Root cause analysis of incident {}: {title}", incident.number),
        format!(
            "# {} signals from {} to {}.",
            times::grouped(incident.signal_count),
            times::exact(&incident.first_signal_at),
            times::exact(&incident.last_signal_at)
        ),
        "# Save and leave to send it, which closes the incident. Empty the file to send nothing."
            .to_owned(),
    ];
    let mut field = |comment: &str, name: &str, value: String| {
        lines.extend([String::new(), format!("# {comment}"), format!("{name} = {value}")]);
    };
    field(
        &format!("One of {}", form::categories()),
        "root_cause_category",
        quoted(text("root_cause_category")),
    );
    let least = format!("at least {RCA_TEXT_CHARS} characters");
    field(&format!("What was done about it; {least}"), "fix_applied", block(text("fix_applied")));
    field(
        &format!("What will keep it from coming back; {least}"),
        "prevention_steps",
        block(text("prevention_steps")),
    );
    let start = Some(text("incident_start"))
        .filter(|at| !at.is_empty())
        .unwrap_or(&incident.first_signal_at);
    field("When it began", "incident_start", quoted(start));
    field("When it ended; empty is now", "incident_end", quoted(text("incident_end")));
    field(
        "Notes on the course of events; may be empty",
        "timeline_note",
        block(text("timeline_note")),
    );
    lines.extend([
        String::new(),
        "# What remains to be done, each with an owner and a date:".to_owned(),
    ]);
    lines.extend(actions(analysis));
    lines.join("\n") + "\n"
}

fn actions(analysis: &Map<String, Value>) -> Vec<String> {
    let items =
        analysis.get("action_items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        let sample = ["[[action_items]]", "title = \"\"", "owner = \"\"", "due = \"2026-12-01\""];
        return sample.iter().map(|line| format!("# {line}")).collect();
    }
    let line = |item: &Value, name: &str| {
        format!("{name} = {}", quoted(item[name].as_str().unwrap_or_default()))
    };
    items
        .iter()
        .flat_map(|item| {
            [
                "[[action_items]]".to_owned(),
                line(item, "title"),
                line(item, "owner"),
                line(item, "due"),
            ]
        })
        .collect()
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A text over several lines, without escapes where it needs none.
fn block(text: &str) -> String {
    let plain = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.contains("'''") || text.ends_with('\'') || !text.chars().all(plain) {
        return quoted(text);
    }
    format!("'''\n{text}\n'''")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn incident() -> IncidentItem {
        serde_json::from_value(json!({
            "id": "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7", "number": 12, "title": "db: down\n[[action_items]]",
            "status": "RESOLVED", "severity": "P0", "component": "db", "component_type": "RDBMS",
            "environment": "prod", "grouping_key": "k", "signal_count": 1234,
            "first_signal_at": "2026-11-20T13:25:16.000000Z", "last_signal_at": "2026-11-20T13:35:16.000000Z",
            "opened_at": "2026-11-20T13:25:16.000000Z", "assignee": null, "mtta_seconds": null,
            "mttr_seconds": null, "closed_at": null
        }))
        .expect("it is an incident")
    }

    #[test]
    fn the_form_reads_back_what_was_filled_in() {
        let filled = json!({
            "root_cause_category": "CAPACITY",
            "fix_applied": "Raised the pool,\nit's \"fine\" now",
            "prevention_steps": "an alert at 80 %'''",
            "incident_start": "2026-11-20T13:25:16Z",
            "action_items": [{"title": "t \"q\"", "owner": "o", "due": "2026-12-01"}],
        });
        let Value::Object(filled) = filled else { panic!("it is an object") };
        assert_eq!(form::parse(&template(&incident(), &filled)), Ok(filled));
    }

    #[test]
    fn an_empty_form_asks_for_everything_and_begins_at_the_first_signal() {
        let text = template(&incident(), &Map::new());
        let read = form::parse(&text).expect("it is TOML");
        assert_eq!(read.keys().collect::<Vec<_>>(), ["incident_start"]);
        assert!(form::FIELDS.iter().all(|field| text.contains(field)), "{text}");
    }
}
