//! `stormbell rca ID`: the root cause analysis, from flags, a file or an editor, which closes a resolved
//! incident. The gate is the server's; this only collects what is written and says what is missing.
//!
//! Invariant: what somebody typed is never lost: where it is not accepted it is kept in a file.

mod editor;
mod form;

use std::path::PathBuf;

use http::Method;
use serde_json::{Map, Value};

use super::ack::legal_hint;
use super::incident::{self, Named};
use super::remote::client::{Client, Connection};
use super::remote::documents::{self, IncidentDetail};
use super::terminal::failure::{Failure, Problem};
use super::terminal::output::{Ink, Output};
use super::terminal::times;
use editor::Edited;

/// What the analysis says, or where it is written.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    #[command(flatten)]
    said: Said,
    /// Take it from a file, JSON or TOML; flags win over the file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Begin with the draft that is saved on the server
    #[arg(long, conflicts_with = "file")]
    draft: bool,
    /// Write it in $EDITOR, beginning with the saved draft, or with the file
    #[arg(long)]
    edit: bool,
    #[command(flatten)]
    connection: Connection,
}

/// The fields as flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Analysis")]
struct Said {
    /// CODE_DEFECT, INFRASTRUCTURE, CONFIG_CHANGE, EXTERNAL_DEPENDENCY, CAPACITY, HUMAN_ERROR or OTHER
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// What was done about it, at least 20 characters
    #[arg(long, value_name = "TEXT")]
    fix: Option<String>,
    /// What will keep it from coming back, at least 20 characters
    #[arg(long, value_name = "TEXT")]
    prevention: Option<String>,
    /// When it began, such as 2026-11-20T13:25:16Z [default: the first signal]
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// When it ended [default: now]
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Notes on the course of events
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Something that remains to be done; may be given several times
    #[arg(long, value_name = "TITLE;OWNER;YYYY-MM-DD", value_parser = form::action)]
    action: Vec<form::Action>,
}

/// Runs `stormbell rca`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let detail = incident::read(&client, &options.incident)?;
    let named = Named::number(detail.item.number);
    let nothing_said = options.said == Said::default() && options.file.is_none() && !options.draft;
    if nothing_said && !options.edit {
        if detail.rca.is_some() {
            return say_that_it_stands(&client, &named, &detail, output);
        }
        return say_what_is_missing(&client, &detail, output);
    }
    if options.edit && !detail.legal_transitions.iter().any(|to| to == "CLOSED") {
        // Nobody should write an analysis first and be told afterwards.
        output.note(&format!(
            "incident {named} is {}; an analysis closes a RESOLVED one",
            detail.item.status
        ));
        incident::print_next(output, &detail)?;
        return Err(Failure::Negative);
    }
    let mut analysis = options.beginning(&client, &named)?;
    options.said.lay_over(&mut analysis);
    if !options.edit {
        return submit(&client, &named, analysis, output);
    }
    match editor::edit(&detail.item, &analysis)? {
        Edited::GivenUp => {
            output.note("nothing was written, so nothing is sent");
            Err(Failure::Negative)
        }
        Edited::Unreadable { kept, why } => Err(Failure::Usage(format!(
            "what was written cannot be read: {why}\n  it is kept in {0}; correct it with \
             `stormbell rca {named} --edit --file {0}`",
            kept.display()
        ))),
        Edited::Written { analysis, text } => submit(&client, &named, analysis, output)
            .map_err(|failure| keep(failure, &named, text, output)),
    }
}

impl Options {
    fn beginning(&self, client: &Client, named: &Named) -> Result<Map<String, Value>, Failure> {
        match &self.file {
            Some(path) => form::read(path),
            None if self.draft || self.edit => saved_draft(client, named),
            None => Ok(Map::new()),
        }
    }
}

impl Said {
    /// Lays what was said over what stands there.
    fn lay_over(&self, analysis: &mut Map<String, Value>) {
        let texts = [
            ("root_cause_category", &self.category),
            ("fix_applied", &self.fix),
            ("prevention_steps", &self.prevention),
            ("incident_start", &self.start),
            ("incident_end", &self.end),
            ("timeline_note", &self.note),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                analysis.insert(name.to_owned(), text.clone().into());
            }
        }
        if !self.action.is_empty() {
            let items = self.action.iter().map(form::Action::document).collect::<Vec<_>>();
            analysis.insert("action_items".to_owned(), items.into());
        }
    }
}

fn submit(
    client: &Client,
    named: &Named,
    analysis: Map<String, Value>,
    output: &mut Output,
) -> Result<(), Failure> {
    let answer = client
        .send(&Method::POST, &named.path("/rca"), &Value::Object(analysis))
        .map_err(|failure| failure.hinted(|problem| hint(named, problem)))?;
    let Some(detail) = output.document::<IncidentDetail>(&answer.bytes)? else { return Ok(()) };
    output.line(incident::headline(output, &detail))?;
    let spans = [
        ("time to acknowledge", detail.item.mtta_seconds),
        ("time to resolve", detail.item.mttr_seconds),
    ];
    for (name, seconds) in spans {
        if let Some(seconds) = seconds {
            let name = output.paint(Ink::Dim, name);
            output.line(format!("  {name}  {}", times::span(seconds)))?;
        }
    }
    Ok(())
}

fn hint(named: &Named, problem: &Problem) -> Option<String> {
    match problem.code.as_str() {
        "illegal_transition" => legal_hint(named, problem)
            .map(|hint| format!("  the analysis closes a RESOLVED incident.\n{hint}")),
        "person_required" => Some("  a key with the scope `manage` acts for a person".to_owned()),
        _ => None,
    }
}

/// Keeps what was typed in a file, and says where.
fn keep(failure: Failure, named: &Named, text: editor::Typed, output: &Output) -> Failure {
    match text.keep() {
        Ok(path) => {
            let resume = format!(
                "  what was written is kept in {0}; go on with `stormbell rca {named} --edit --file {0}`",
                path.display()
            );
            match &failure {
                Failure::Refused(_) | Failure::Failed(_) => failure.hinted_more(resume),
                _ => {
                    output.note(&resume);
                    failure
                }
            }
        }
        Err(error) => {
            output.note(&format!("what was written could not be kept: {error}"));
            failure
        }
    }
}

fn saved_draft(client: &Client, named: &Named) -> Result<Map<String, Value>, Failure> {
    match client.get(&named.path("/rca/draft"), &[]) {
        Ok(answer) => Ok(form::of_draft(documents::read(&answer.bytes)?)),
        Err(Failure::Refused(problem)) if problem.code == "not_found" => Ok(Map::new()),
        Err(failure) => Err(failure),
    }
}

/// Without anything said about an incident that has its analysis: nothing is missing, so this ends well.
fn say_that_it_stands(
    client: &Client,
    named: &Named,
    detail: &IncidentDetail,
    output: &mut Output,
) -> Result<(), Failure> {
    if output.is_json() {
        return output.json(&client.get(&named.path(""), &[])?.bytes);
    }
    output.line(incident::headline(output, detail))?;
    output.line("It has its analysis: `stormbell incident` shows it.")
}

/// Without anything said: what an analysis takes, and what of it the saved draft has.
fn say_what_is_missing(
    client: &Client,
    detail: &IncidentDetail,
    output: &mut Output,
) -> Result<(), Failure> {
    let number = detail.item.number;
    let draft = saved_draft(client, &Named::number(number))?;
    let missing = form::missing(&draft);
    if output.is_json() {
        let status = &detail.item.status;
        let document = serde_json::json!({ "status": status, "draft": draft, "missing": missing });
        output.json(document.to_string().as_bytes())?;
        return Err(Failure::Negative);
    }
    output.line(incident::headline(output, detail))?;
    output.gap()?;
    let whose = if draft.is_empty() { "missing" } else { "missing in the saved draft" };
    output.line(format!("{}:", output.paint(Ink::Bold, whose)))?;
    for (field, rule) in &missing {
        output.line(format!("  {field}  {}", output.paint(Ink::Dim, rule)))?;
    }
    if missing.is_empty() {
        output.line("  nothing; send the draft with --draft")?;
    }
    if detail.item.status != "RESOLVED" {
        output.line(format!(
            "\nThe incident is {}: it must be RESOLVED first.",
            detail.item.status
        ))?;
        incident::print_next(output, detail)?;
    }
    output.gap()?;
    let lead = if detail.item.status == "RESOLVED" { "next:" } else { "then:" };
    output.line(format!("{lead} stormbell rca {number} --edit"))?;
    output.line(format!(
        "      stormbell rca {number} --category CAPACITY --fix 'What was done…' --prevention 'What will keep it away…'"
    ))?;
    Err(Failure::Negative)
}
