//! `stormbell rules export` and `rules import`: rules with their subscribers and endpoints as one file.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::remote::client::Connection;
use crate::cli::remote::names::{self, Kind};
use crate::cli::terminal::failure::Failure;
use crate::cli::terminal::input;
use crate::cli::terminal::output::Output;
use crate::cli::terminal::progress::Waiting;
use crate::cli::terminal::table::{Cell, Table};

/// What to export.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Export {
    /// Of this subscriber only
    #[arg(long, value_name = "SUBSCRIBER")]
    subscriber: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// What to import.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Import {
    /// A file as `rules export` writes it; - is standard input
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    connection: Connection,
}

/// What an import did.
#[derive(Debug, Deserialize)]
struct Report {
    subscribers: Counts,
    endpoints: Counts,
    rules: Counts,
    #[serde(default)]
    unverified: Vec<String>,
}

/// What it did with things of one kind.
#[derive(Debug, Deserialize)]
struct Counts {
    created: u64,
    updated: u64,
    unchanged: u64,
}

/// Runs `stormbell rules export`; with `--json` the same file is JSON, which an import takes too.
pub(super) fn export(options: &Export, output: &mut Output) -> Result<(), Failure> {
    let client = options.connection.open()?;
    let owner = names::optional(&client, Kind::Subscriber, options.subscriber.as_deref())?;
    let filter: Vec<_> = owner.iter().map(|id| ("subscriber", id.as_str())).collect();
    let answer = client.get("/v1/rules/export", &filter)?;
    if !output.is_json() {
        return output.bytes(&answer.bytes);
    }
    let unexpected = "the answer is no YAML";
    let text = std::str::from_utf8(&answer.bytes).context(unexpected)?;
    let file: Value = serde_saphyr::from_str(text).context(unexpected)?;
    output.json(&serde_json::to_vec(&file).context("cannot write the file as JSON")?)
}

/// Runs `stormbell rules import`.
pub(super) fn import(options: &Import, output: &mut Output) -> Result<(), Failure> {
    let file = input::file(&options.file)?;
    let client = options.connection.open()?;
    let waiting = Waiting::new("importing");
    let answer = client.post_yaml("/v1/rules/import", &file)?;
    drop(waiting);
    let Some(report) = output.document::<Report>(&answer.bytes)? else { return Ok(()) };
    let mut table = Table::new(&["", "CREATED", "UPDATED", "UNCHANGED"]).right(&[1, 2, 3]);
    let rows = [
        ("subscribers", &report.subscribers),
        ("endpoints", &report.endpoints),
        ("rules", &report.rules),
    ];
    for (name, counts) in rows {
        let numbers = [counts.created, counts.updated, counts.unchanged];
        let numbers = numbers.map(|number| Cell::plain(number.to_string()));
        table.row(std::iter::once(Cell::plain(name)).chain(numbers));
    }
    output.table(table)?;
    for id in &report.unverified {
        output.note(&format!("its owner has to confirm it: stormbell endpoints verify {id}"));
    }
    Ok(())
}
