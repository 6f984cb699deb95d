//! `stormbell doctor`: a checklist of everything a server needs, and the ways to go on without what is damaged
//! or lost.

use anyhow::Context;
use serde_json::json;

use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::table::{Cell, Table};
use super::terminal::times;
use crate::config::{Config, Flags};
use crate::serve::offline::{self, Check, JournalSalvaged, LakeSalvaged, SecretsForgotten, Status};

/// What to look at, or what to give up.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Cut the journal at its damage, so that a server starts again; what is cut is kept aside. First
    /// think of a backup: records are lost by this
    #[arg(long, conflicts_with_all = ["salvage_lake", "forget_lost_secrets"])]
    salvage_journal: bool,
    /// Take damaged and missing files out of the lake; their rows are lost by this
    #[arg(long, conflicts_with = "forget_lost_secrets")]
    salvage_lake: bool,
    /// Take the secrets out of endpoints that secret.key does not open, because it was lost or is another
    /// one; a new one is made where it is missing. First look for the file in a backup: each secret has to
    /// be given again after this
    #[arg(long)]
    forget_lost_secrets: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Runs `stormbell doctor`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let config = super::configured(&options.flags)?;
    if options.salvage_journal {
        return print_journal(&offline::salvage_journal(&config)?, output);
    }
    if options.salvage_lake {
        return print_lake(&offline::salvage_lake(&config)?, output);
    }
    if options.forget_lost_secrets {
        return print_forgotten(&offline::forget_lost_secrets(&config)?, output);
    }
    print_checks(&config, &offline::doctor(&config), output)
}

fn print_checks(config: &Config, checks: &[Check], output: &mut Output) -> Result<(), Failure> {
    let worst = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok);
    if output.is_json() {
        print_json(output, &json!({ "status": worst, "checks": checks }))?;
    } else {
        output.line(format!("{}:", config.data_dir.display()))?;
        let mut table = Table::new(&["", "", "", ""]).wrapped().right(&[3]);
        for check in checks {
            let (mark, ink) = mark(check.status);
            table.row([
                Cell::inked(format!("  {mark}"), ink),
                Cell::plain(check.name),
                Cell::plain(&check.detail),
                Cell::inked(times::brief(check.took), Ink::Dim),
            ]);
        }
        output.table(table)?;
        let count = |status| checks.iter().filter(|check| check.status == status).count();
        let (verdict, ink) = match worst {
            Status::Ok => ("All is well.".to_owned(), Ink::Green),
            Status::Warn => {
                let warnings = things(count(Status::Warn), "warning");
                (format!("A server runs with this; {warnings}."), Ink::Yellow)
            }
            Status::Fail => {
                (format!("{} to put right.", things(count(Status::Fail), "thing")), Ink::Red)
            }
        };
        output.line(output.paint(ink, &verdict))?;
    }
    if worst == Status::Fail { Err(Failure::Negative) } else { Ok(()) }
}

fn mark(status: Status) -> (&'static str, Ink) {
    match status {
        Status::Ok => ("ok", Ink::Green),
        Status::Warn => ("warn", Ink::Yellow),
        Status::Fail => ("FAIL", Ink::Alarm),
    }
}

fn things(count: usize, name: &str) -> String {
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

fn print_journal(salvaged: &JournalSalvaged, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return print_json(output, salvaged);
    }
    if salvaged.cuts.is_empty() {
        return output
            .line(format!("The journal is sound; its next record is {}.", salvaged.end_seq));
    }
    for cut in &salvaged.cuts {
        output.line(format!("cut: {cut}"))?;
    }
    let records = times::grouped(salvaged.records);
    output.line(format!(
        "{} bytes with {records} whole records were cut; the next record is {}.",
        times::grouped(salvaged.bytes),
        salvaged.end_seq
    ))?;
    for file in &salvaged.kept_aside {
        output.line(format!("kept aside in the journal's folder: {file}"))?;
    }
    if let Some(applied) = salvaged.store_ahead {
        output.line(format!(
            "The store has applied record {applied}, which is beyond the journal's end now: a server will not \
             start on it. Restore a backup into another folder."
        ))?;
        return Err(Failure::Negative);
    }
    Ok(())
}

fn print_lake(salvaged: &LakeSalvaged, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return print_json(output, salvaged);
    }
    if salvaged.files.is_empty() {
        return output.line("The lake is sound.");
    }
    for file in &salvaged.files {
        output.line(format!("taken out: {file}"))?;
    }
    let rows = times::grouped(salvaged.rows);
    output.line(format!(
        "{rows} rows are no longer in the lake; what was there of them is in its folder `damaged`."
    ))
}

fn print_forgotten(forgotten: &SecretsForgotten, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return print_json(output, forgotten);
    }
    let key = forgotten.key.display();
    if forgotten.key_made {
        output.line(format!("made: {key}"))?;
    }
    if forgotten.endpoints.is_empty() {
        return output.line("No secret is lost.");
    }
    for endpoint in &forgotten.endpoints {
        let (project, id) = (endpoint.project, &endpoint.id);
        output.line(format!(
            "forgotten: the secrets of {} ({}, {id}) in project {project}",
            endpoint.name, endpoint.channel
        ))?;
    }
    output.line(
        "Start the server and give them again: what is due there waits for them, a day at most.",
    )
}

/// Prints a report as JSON.
pub(crate) fn print_json(
    output: &mut Output,
    report: &impl serde::Serialize,
) -> Result<(), Failure> {
    let text = serde_json::to_vec(report).context("cannot write JSON")?;
    output.json(&text)
}
