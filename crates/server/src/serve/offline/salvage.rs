//! Going on without what is damaged, where there is no backup to go back to. Nothing is deleted.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use journal::{RealDisk, SystemClock};
use serde::Serialize;

use super::held::Held;
use super::store_file::StoreFile;
use super::{copies, journal_files, lake_files, runtime, snapshot_files};
use crate::config::Config;

/// What salvaging the journal gave up.
#[derive(Debug, Serialize)]
pub(crate) struct JournalSalvaged {
    /// Where the journal was cut, and why; empty if it was sound.
    pub(crate) cuts: Vec<String>,
    /// Bytes in use that were cut.
    pub(crate) bytes: u64,
    /// Whole records in what was cut.
    pub(crate) records: u64,
    /// The number of the next record.
    pub(crate) end_seq: u64,
    /// The files that keep what was cut, in the journal's folder.
    pub(crate) kept_aside: Vec<String>,
    /// Where the store or the lake stands, if that is beyond the journal's end now: a server will not
    /// start on it.
    pub(crate) store_ahead: Option<u64>,
}

/// What salvaging the lake gave up.
#[derive(Debug, Serialize)]
pub(crate) struct LakeSalvaged {
    /// Files that no longer belong to the lake; those that were there are in its folder `damaged`.
    pub(crate) files: Vec<String>,
    /// Their rows.
    pub(crate) rows: u64,
}

/// Cuts the journal at its damage, so that it opens again, shorter.
pub(crate) fn salvage_journal(config: &Config) -> anyhow::Result<JournalSalvaged> {
    let folder = config.folder("journal");
    let there = !journal_files::segments(&folder)?.is_empty();
    ensure!(there, "there is no journal in {}", folder.display());
    refuse_needless(config, &folder)?;
    let disk =
        RealDisk::new(&folder).with_context(|| format!("cannot open {}", folder.display()))?;
    let salvaged =
        journal::segments::salvage(&disk, &SystemClock).context("cannot salvage the journal")?;
    let in_lake = lake_files::listing(&config.folder("lake"))?.map(|listing| listing.durable);
    let applied = store_applied(config)?.max(in_lake);
    Ok(JournalSalvaged {
        cuts: salvaged.cuts.iter().map(journal_files::describe).collect(),
        bytes: salvaged.bytes,
        records: salvaged.records,
        end_seq: salvaged.end_seq,
        kept_aside: salvaged.kept_aside,
        store_ahead: applied.filter(|applied| *applied >= salvaged.end_seq),
    })
}

/// Takes damaged and missing files out of the lake.
pub(crate) fn salvage_lake(config: &Config) -> anyhow::Result<LakeSalvaged> {
    let salvaged = lake::salvage(&config.folder("lake")).context("cannot salvage the lake")?;
    let files = salvaged.files.iter().map(|file| file.display().to_string()).collect();
    Ok(LakeSalvaged { files, rows: salvaged.rows })
}

/// Cutting gives up everything behind the damage: not to be done where a server starts in spite of it.
fn refuse_needless(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let held = Held::stopped(config, "salvaging")?;
    let Err(error) = journal_files::look(folder, &held) else { return Ok(()) };
    let newest = snapshot_files::newest(&config.folder("snapshots"))?;
    match journal_files::unneeded(folder, &error, newest)? {
        None => Ok(()),
        Some(corruption) => bail!(
            "{}; a start does not read it, because an engine snapshot comes after it: cutting there would \
             give up what is sound. Take a backup, which leaves it out",
            journal_files::describe(corruption)
        ),
    }
}

/// The store's position; `None` where there is no store.
fn store_applied(config: &Config) -> anyhow::Result<Option<u64>> {
    let path = config.folder("store.sqlite");
    if !copies::is_there(&path)? {
        return Ok(None);
    }
    let held = Held::look(config)?;
    runtime()?.block_on(async {
        let mut store = StoreFile::open(&path, &held).await?;
        let applied = store.applied().await?;
        store.close().await?;
        Ok(Some(applied))
    })
}
