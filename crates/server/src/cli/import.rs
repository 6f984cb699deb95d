//! `stormbell import`: the configuration of another tool, brought over by the server, with what became of
//! every element of it.

use serde::Deserialize;

use super::remote::client::{Connection, with_query};
use super::terminal::failure::Failure;
use super::terminal::input;
use super::terminal::output::{Ink, Output};
use super::terminal::progress::Waiting;
use super::terminal::table::{Cell, Table};

/// What to import.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// The configuration of an Alertmanager; the same again changes nothing
    Alertmanager {
        /// alertmanager.yml; - is standard input
        #[arg(value_name = "FILE")]
        file: String,
        /// Only report what would be made
        #[arg(long)]
        dry_run: bool,
        /// Whether receivers are told of every alert, as by Alertmanager, or of incidents
        #[arg(long, value_name = "WHAT", default_value = "alerts")]
        on: Told,
        #[command(flatten)]
        connection: Connection,
    },
}

/// What receivers are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Told {
    /// Every alert
    Alerts,
    /// Incidents, by the alert that opened each
    Incidents,
}

/// What became of a configuration.
#[derive(Debug, Deserialize)]
struct Report {
    dry_run: bool,
    counts: Counts,
    elements: Vec<Element>,
    suggested_keys: Vec<Vec<String>>,
    removed: u64,
}

/// Elements by verdict.
#[derive(Debug, Deserialize)]
struct Counts {
    mapped: u64,
    approximated: u64,
    not_supported: u64,
    without_effect: u64,
}

/// What became of one element.
#[derive(Debug, Deserialize)]
struct Element {
    element: String,
    line: u64,
    verdict: String,
    into: Vec<String>,
    note: String,
}

/// Runs `stormbell import`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let Command::Alertmanager { file, dry_run, on, connection } = &options.command;
    let text = input::file(file)?;
    let on = match on {
        Told::Alerts => "alerts",
        Told::Incidents => "incidents",
    };
    let dry_run = if *dry_run { "true" } else { "false" };
    let path = with_query("/v1/import/alertmanager", &[("dry_run", dry_run), ("on", on)]);
    let client = connection.open()?;
    let waiting = Waiting::new("bringing it over");
    let answer = client.post_yaml(&path, &text)?;
    drop(waiting);
    let Some(report) = output.document(&answer.bytes)? else { return Ok(()) };
    print(&report, output)
}

fn print(report: &Report, output: &mut Output) -> Result<(), Failure> {
    let headings = ["LINE", "ELEMENT", "VERDICT", "INTO", "NOTE"];
    let mut table = Table::new(&headings).right(&[0]).wrapped();
    for element in &report.elements {
        let ink = match element.verdict.as_str() {
            "mapped" => Ink::Green,
            "approximated" => Ink::Yellow,
            "not_supported" => Ink::Red,
            _ => Ink::Dim,
        };
        table.row([
            Cell::inked(element.line.to_string(), Ink::Dim),
            Cell::plain(&element.element),
            Cell::inked(element.verdict.replace('_', " "), ink),
            Cell::plain(element.into.join(", ")),
            Cell::plain(&element.note),
        ]);
    }
    output.table(table)?;
    output.gap()?;
    let counts = &report.counts;
    output.line(format!(
        "{} mapped, {} approximated, {} not supported, {} without effect; {} of an earlier import {}",
        counts.mapped,
        counts.approximated,
        counts.not_supported,
        counts.without_effect,
        report.removed,
        if report.dry_run { "would be removed" } else { "removed" },
    ))?;
    for key in &report.suggested_keys {
        output
            .line(format!("group_by suggests a grouping policy with the key {}", key.join(", ")))?;
    }
    if report.dry_run {
        output.line("Nothing was changed: this was a dry run.")?;
    }
    Ok(())
}
