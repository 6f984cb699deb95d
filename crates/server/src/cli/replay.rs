//! `stormbell replay`: the journal applied again into a fresh store, and held against the store there is.

use super::doctor::print_json;
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use super::terminal::progress::{Progress, Unit};
use super::terminal::times;
use crate::config::Flags;
use crate::serve::offline::{self, Difference, ReplayReport};

/// Which records.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// First record; a replay begins at the snapshot before it [default: the first there is]
    #[arg(long, value_name = "SEQ")]
    from: Option<u64>,
    /// Last record [default: the last that the store has applied]
    #[arg(long, value_name = "SEQ")]
    until: Option<u64>,
    #[command(flatten)]
    flags: Flags,
}

/// Runs `stormbell replay`.
pub(crate) fn run(options: &Options, output: &mut Output) -> Result<(), Failure> {
    let config = super::configured(&options.flags)?;
    let progress = Progress::new(Unit::Entries);
    let mut show = |done, of| progress.show(done, of);
    let report = offline::replay(&config, options.from, options.until, &mut show)?;
    drop(progress);
    print(&report, output)?;
    if report.differences_total == 0 { Ok(()) } else { Err(Failure::Negative) }
}

fn print(report: &ReplayReport, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return print_json(output, report);
    }
    let from = match report.snapshot {
        0 => "nothing".to_owned(),
        snapshot => format!("the snapshot at {snapshot}"),
    };
    output.line(format!(
        "Applied records {} to {} again, from {from}: {} entries, {}/s, {} in all.",
        report.from,
        report.until,
        times::grouped(report.entries),
        times::grouped(report.entries_per_second),
        times::brief(report.took),
    ))?;
    output.line(format!(
        "Compared {} incidents, {} audit rows, {} policies and {} firing alerts.",
        times::grouped(report.incidents),
        times::grouped(report.audit_rows),
        times::grouped(report.policies),
        times::grouped(report.alerts),
    ))?;
    if report.left_out > 0 {
        let left_out = times::grouped(report.left_out);
        output
            .line(format!("{left_out} incidents changed after that and could not be compared."))?;
    }
    if report.differences_total == 0 {
        return output.line(output.paint(Ink::Green, "The store is what the journal says."));
    }
    let total = times::grouped(report.differences_total);
    output
        .line(output.paint(Ink::Red, &format!("{total} differences between store and journal:")))?;
    for Difference { subject, what } in &report.differences {
        output.line(format!("  {subject}: {what}"))?;
    }
    let unlisted = report.differences_total.saturating_sub(report.differences.len() as u64);
    if unlisted > 0 {
        output.line(format!("  … and {} more", times::grouped(unlisted)))?;
    }
    Ok(())
}
