//! `stormbell backup DIR` and `stormbell restore DIR`: everything into a folder, and back.

use std::path::PathBuf;

use indicatif::HumanBytes;

use super::doctor::print_json;
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::progress::{Progress, Unit};
use super::terminal::times;
use crate::config::Flags;
use crate::serve::offline::{self, BackupReport, RestoreReport};

/// Where to copy to.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Backup {
    /// Folder for the copy: empty, or not there yet
    #[arg(value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    flags: Flags,
}

/// Where to copy from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Restore {
    /// Folder of a backup; the data folder it is made into (--data) must be empty, or not there yet
    #[arg(value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    flags: Flags,
}

impl Backup {
    /// Runs `stormbell backup`.
    pub(crate) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        let config = super::configured(&self.flags)?;
        let progress = Progress::new(Unit::Bytes);
        let report = offline::backup(&config, &self.to, &mut |done, of| progress.show(done, of))?;
        drop(progress);
        if output.is_json() { print_json(output, &report) } else { print_backup(&report, output) }
    }
}

impl Restore {
    /// Runs `stormbell restore`.
    pub(crate) fn run(&self, output: &mut Output) -> Result<(), Failure> {
        let config = super::configured(&self.flags)?;
        let progress = Progress::new(Unit::Bytes);
        let report =
            offline::restore(&config, &self.from, &mut |done, of| progress.show(done, of))?;
        drop(progress);
        if output.is_json() { print_json(output, &report) } else { print_restore(&report, output) }
    }
}

fn print_backup(report: &BackupReport, output: &mut Output) -> Result<(), Failure> {
    let to = report.to.display();
    output.line(format!(
        "Backed up {} in {} files to {to}, in {}.",
        HumanBytes(report.bytes),
        times::grouped(report.files),
        times::brief(report.took),
    ))?;
    let last = report.positions.journal_end.saturating_sub(1);
    output.line(format!("Its last record is {last}."))?;
    for warning in &report.warnings {
        output.line(format!("{}: {warning}", output.paint(Ink::Yellow, "warning")))?;
    }
    output.line(format!("restore it with: stormbell restore {to} --data NEW"))
}

fn print_restore(report: &RestoreReport, output: &mut Output) -> Result<(), Failure> {
    let data = report.data.display();
    output.line(format!(
        "Restored {} in {} files to {data}, in {}; every file is as it was backed up.",
        HumanBytes(report.bytes),
        times::grouped(report.files),
        times::brief(report.took),
    ))?;
    let from = match report.snapshot {
        0 => "nothing".to_owned(),
        snapshot => format!("the snapshot at {snapshot}"),
    };
    output.line(format!(
        "It came up from {from} to record {}, {} of them new to the store.",
        report.applied,
        times::grouped(report.caught_up),
    ))?;
    output.line(format!("Incidents not closed: {}.", times::grouped(report.active_incidents)))?;
    output.line(format!("next: stormbell serve --data {data}"))
}
