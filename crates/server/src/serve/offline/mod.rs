//! What is done to a data folder beside a server or instead of one: `doctor` looks, `replay` applies the
//! journal again and compares, `backup` copies, `restore` makes a folder from a copy, and salvaging and forgetting
//! go on without what is damaged or lost.
//!
//! Refuses to know the command line: everything here answers with a report and prints nothing.
//! Invariant: but for `restore`, salvaging and forgetting, nothing here changes what a server will read.

mod backup;
mod copies;
mod doctor;
mod forget;
mod frozen;
mod held;
mod journal_files;
mod lake_files;
mod manifest;
mod replay;
mod restore;
mod salvage;
mod snapshot_files;
mod store_file;
#[cfg(test)]
mod tests;

use anyhow::Context;

pub(crate) use backup::{BackupReport, backup};
pub(crate) use doctor::{Check, Status, doctor};
pub(crate) use forget::{SecretsForgotten, forget_lost_secrets};
pub(crate) use replay::{Difference, ReplayReport, replay};
pub(crate) use restore::{RestoreReport, restore};
pub(crate) use salvage::{JournalSalvaged, LakeSalvaged, salvage_journal, salvage_lake};

/// Told how much is done, and of how much: entries of a replay, bytes of everything else. What there is
/// to do may grow on the way.
pub(crate) type Progress<'p> = &'p mut dyn FnMut(u64, u64);

/// A runtime for the store, which is the only one here that needs one.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
