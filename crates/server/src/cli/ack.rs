//! `stormbell ack`, `assign`, `resolve` and `reopen`: who has an incident, and the moves a person makes.
//! Whether one is legal is the server's to say.

use http::Method;
use serde_json::json;

use super::incident::{self, Named};
use super::remote::client::Connection;
use super::remote::documents::IncidentDetail;
use super::terminal::failure::{Failure, Problem};
use super::terminal::output::Output;

/// Which incident to acknowledge.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Ack {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    /// Why, in words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Whose an incident is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Assign {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    /// Who has it from now on; nobody where no name is given
    #[arg(value_name = "NAME")]
    assignee: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Which incident to resolve.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Resolve {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    /// Why, in words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Which incident to open again.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Reopen {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    /// Why, in words
    #[arg(value_name = "REASON")]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

impl Ack {
    /// Runs `stormbell ack`.
    pub(crate) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        change(&self.connection, &self.incident, "INVESTIGATING", self.reason.as_deref(), output)
    }
}

impl Assign {
    /// Runs `stormbell assign`.
    pub(crate) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        let client = self.connection.open()?;
        let body = json!({ "assignee": self.assignee });
        let answer = client.send(&Method::POST, &self.incident.path("/assign"), &body)?;
        let Some(detail) = output.document::<IncidentDetail>(&answer.bytes)? else { return Ok(()) };
        let whose = detail.item.assignee.as_deref().unwrap_or("nobody");
        output.line(format!("{}  (assigned to {whose})", incident::headline(output, &detail)))
    }
}

impl Resolve {
    /// Runs `stormbell resolve`.
    pub(crate) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        change(&self.connection, &self.incident, "RESOLVED", self.reason.as_deref(), output)
    }
}

impl Reopen {
    /// Runs `stormbell reopen`.
    pub(crate) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        change(&self.connection, &self.incident, "OPEN", Some(&self.reason), output)
    }
}

/// What to do about a move that is not legal now.
pub(crate) fn legal_hint(named: &Named, problem: &Problem) -> Option<String> {
    let command = |to: &String| match to.as_str() {
        "INVESTIGATING" => Some(format!("stormbell ack {named}")),
        "RESOLVED" => Some(format!("stormbell resolve {named}")),
        "CLOSED" => Some(format!("stormbell rca {named} --edit")),
        "OPEN" => Some(format!("stormbell reopen {named} REASON")),
        _ => None,
    };
    let commands: Vec<String> = problem.legal.as_ref()?.iter().filter_map(command).collect();
    if commands.is_empty() { None } else { Some(format!("  next: {}", commands.join(", or "))) }
}

fn change(
    connection: &Connection,
    named: &Named,
    to: &str,
    reason: Option<&str>,
    output: &mut Output,
) -> Result<(), Failure> {
    let client = connection.open()?;
    let mut body = json!({ "to": to });
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    let answer = client
        .send(&Method::PATCH, &named.path("/state"), &body)
        .map_err(|failure| failure.hinted(|problem| legal_hint(named, problem)))?;
    let Some(detail) = output.document::<IncidentDetail>(&answer.bytes)? else { return Ok(()) };
    let assignee = match (&detail.item.assignee, to) {
        (Some(name), "INVESTIGATING") => format!("  (assigned to {name})"),
        _ => String::new(),
    };
    output.line(format!("{}{assignee}", incident::headline(output, &detail)))?;
    incident::print_next(output, &detail)
}
