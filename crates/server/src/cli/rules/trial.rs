//! `stormbell rules test`: what a rule would have told in the last hours.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::written;
use crate::cli::remote::client::Connection;
use crate::cli::remote::names::{self, Kind};
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::output::{Ink, Output};
use crate::cli::terminal::progress::Waiting;
use crate::cli::terminal::table::{Cell, Table};
use crate::cli::terminal::times;

/// Which rule, and how far back.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Options {
    /// A rule that there is, by name or id
    #[arg(value_name = "RULE", required_unless_present = "file", conflicts_with = "file")]
    rule: Option<String>,
    /// A rule as JSON; - is standard input. Name, subscriber and targets may be left out
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,
    /// How many hours to look back
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
    #[command(flatten)]
    connection: Connection,
}

/// What a rule would have told.
#[derive(Debug, Deserialize)]
struct Trial {
    matched_signals: u64,
    matched_incidents: u64,
    would_have_sent: u64,
    examples: Vec<Example>,
    scanned: u64,
    looked_back_to: String,
    complete: bool,
    truncated: bool,
}

/// One thing it would have told of.
#[derive(Debug, Deserialize)]
struct Example {
    at: String,
    transition: String,
    summary: String,
}

/// Runs `stormbell rules test`.
pub(super) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let written = options.file.as_deref().map(written::read).transpose()?;
    let client = options.connection.open()?;
    let mut body = json!({ "hours": options.hours });
    if let Some(written) = written {
        body["rule"] = Value::Object(written::with_ids(&client, written)?);
    }
    if let Some(rule) = &options.rule {
        body["rule_id"] = names::id(&client, Kind::Rule, rule)?.into();
    }
    let waiting = Waiting::new("holding the rule against what there was");
    let answer = client.send(&Method::POST, "/v1/rules/test", &body)?;
    drop(waiting);
    let Some(report) = output.document(&answer.bytes)? else { return Ok(()) };
    print(&report, options.hours, output)
}

fn print(trial: &Trial, hours: u32, output: &mut Output) -> Result<(), Failure> {
    let sent = times::counted(trial.would_have_sent, "notification");
    output.line(format!("In the last {hours} h it would have sent {sent}."))?;
    output.line(format!(
        "It fits {} of {}, and {}.",
        times::grouped(trial.matched_signals),
        times::counted(trial.scanned, "signal"),
        times::counted(trial.matched_incidents, "incident")
    ))?;
    if trial.truncated {
        output.line("There was more in these hours than is looked at.")?;
    } else if !trial.complete {
        let back = times::exact(&trial.looked_back_to);
        output.line(format!("It took too long: signals were looked at back to {back}."))?;
    }
    if trial.examples.is_empty() {
        return Ok(());
    }
    output.gap()?;
    let mut table = Table::new(&["AT", "WHAT", "SUMMARY"]);
    for example in &trial.examples {
        table.row([
            Cell::inked(times::exact(&example.at), Ink::Dim),
            Cell::plain(&example.transition),
            Cell::plain(&example.summary),
        ]);
    }
    output.table(table)
}
