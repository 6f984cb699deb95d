//! `stormbell comment ID TEXT`: a line for the timeline.

use std::io::Read;

use http::Method;
use serde_json::json;

use super::incident::{self, Named};
use super::remote::client::Connection;
use super::remote::documents::IncidentDetail;
use super::terminal::failure::Failure;
use super::terminal::output::Output;

/// What to say, and where.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Number or id of the incident
    #[arg(value_name = "ID")]
    incident: Named,
    /// What to say; - reads it from standard input
    #[arg(value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    connection: Connection,
}

/// Runs `stormbell comment`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let text = if options.text == "-" { from_standard_input()? } else { options.text.clone() };
    let body = json!({ "text": text });
    let answer = client.send(&Method::POST, &options.incident.path("/comments"), &body)?;
    let Some(detail) = output.document::<IncidentDetail>(&answer.bytes)? else { return Ok(()) };
    output.line(format!("{}  (commented)", incident::headline(output, &detail)))
}

/// As much as a comment may be, and one byte more for the server to refuse.
fn from_standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let limit = model::limits::TEXT_BYTES as u64 + 1;
    std::io::stdin().take(limit).read_to_string(&mut text).map_err(|error| {
        Failure::Usage(format!("cannot read the comment from standard input: {error}"))
    })?;
    Ok(text)
}
