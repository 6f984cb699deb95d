//! `restore`: a data folder made from a backup, and opened once to prove that it comes up.
//!
//! Invariant: nothing is put in place before every byte of the backup was compared with its checksum,
//! and the parts are put in place together, when all of them are there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use journal::Journal;
use lake::Lake;
use pipeline::{Opened, Pipeline};
use serde::Serialize;
use store::Store;

use super::copies::{self, Meter};
use super::manifest::{Manifest, Positions};
use super::{Progress, runtime};
use crate::config::Config;
use crate::serve::open::{PARTITION, Storage};

/// Where parts lie until all of them are there.
const UNFINISHED: &str = "restoring";
/// Damaged files that are named; of more only the number is said.
const NAMED: usize = 10;

/// A data folder that was made.
#[derive(Debug, Serialize)]
pub(crate) struct RestoreReport {
    /// Where it is.
    pub(crate) data: PathBuf,
    /// Where its parts stood in the backup.
    pub(crate) positions: Positions,
    /// The last record whose effects are in the store now.
    pub(crate) applied: u64,
    /// The engine snapshot it came up from; 0 for none.
    pub(crate) snapshot: u64,
    /// Records applied that the store had not.
    pub(crate) caught_up: u64,
    /// Incidents that are not closed.
    pub(crate) active_incidents: u64,
    /// Files copied.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// How long it took.
    #[serde(skip)]
    pub(crate) took: Duration,
}

/// Makes the data folder of `config`, which must be empty or not exist, from the backup in `from`.
/// Progress is in bytes, each of which is compared with its checksum and then copied.
pub(crate) fn restore(
    config: &Config,
    from: &Path,
    progress: Progress<'_>,
) -> anyhow::Result<RestoreReport> {
    let began = Instant::now();
    let data = &config.data_dir;
    ensure!(
        copies::is_empty(data)?,
        "{} is not empty: move away what is in it, or restore to another folder",
        data.display()
    );
    let manifest = Manifest::read(from)?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    let mut meter = Meter::new(progress);
    meter.expect(2 * bytes);
    verify(from, &manifest, &mut meter)?;
    let unfinished = data.join(UNFINISHED);
    copy(from, &unfinished, &manifest, &mut meter).inspect_err(|_| {
        // What is left of it keeps the folder from being taken for an empty one.
        let _left = fs::remove_dir_all(&unfinished);
    })?;
    put_in_place(&unfinished, data)?;
    let (opened, applied, active_incidents) = runtime()?
        .block_on(prove(config, &manifest.positions))
        .with_context(|| format!("the files are in {}, but do not come up", data.display()))?;
    Ok(RestoreReport {
        data: data.clone(),
        positions: manifest.positions,
        applied,
        snapshot: opened.snapshot.0,
        caught_up: opened.caught_up,
        active_incidents,
        files: manifest.files.len() as u64,
        bytes,
        took: began.elapsed(),
    })
}

/// Compares every file with its checksum; names those that do not fit.
fn verify(from: &Path, manifest: &Manifest, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for entry in &manifest.files {
        let path = from.join(&entry.path);
        match fs::metadata(&path) {
            Ok(file) if file.len() != entry.bytes => wrong.push(format!(
                "{} has {} bytes where {} were written",
                entry.path.display(),
                file.len(),
                entry.bytes
            )),
            Ok(_) if copies::digest(&path, meter)? != entry.sha256 => {
                wrong.push(format!("{} does not match its checksum", entry.path.display()));
            }
            Ok(_) => {}
            Err(error) => wrong.push(format!("{}: {error}", entry.path.display())),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    bail!("the backup in {} is damaged: {}{more}", from.display(), wrong.join("; "))
}

fn copy(from: &Path, to: &Path, manifest: &Manifest, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    copies::make_folder(to)?;
    for entry in &manifest.files {
        let target = to.join(&entry.path);
        if let Some(folder) = target.parent() {
            copies::make_folder(folder)?;
        }
        let copied = copies::copy(&from.join(&entry.path), &target, meter)?;
        ensure!(copied == Some(entry.bytes), "{} changed meanwhile", entry.path.display());
    }
    copies::sync_folders(to)
}

fn put_in_place(unfinished: &Path, data: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot move the restored files to {}", data.display());
    for entry in fs::read_dir(unfinished).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        fs::rename(entry.path(), data.join(entry.file_name())).with_context(cannot)?;
    }
    fs::remove_dir(unfinished).with_context(cannot)?;
    fs::File::open(data).and_then(|folder| folder.sync_all()).with_context(cannot)
}

/// Opens everything as a server does, catches up with the journal, and closes it in order. Answers how
/// that went, the position that the store has now, and how many incidents are not closed.
async fn prove(config: &Config, positions: &Positions) -> anyhow::Result<(Opened, u64, u64)> {
    let storage = Storage::open(config).await?;
    let journal_end = storage.journal.durable_end();
    ensure!(
        journal_end == positions.journal_end,
        "the journal ends before record {journal_end}, and before {} in the backup",
        positions.journal_end
    );
    // No snapshot is saved: it would let the journal go of what the backup has kept.
    let (pipeline, opened) = Pipeline::open(storage.ports(), PARTITION)
        .await
        .context("cannot bring the engine up to the journal")?;
    let active = pipeline.engine().active_incidents() as u64;
    drop(pipeline);
    storage.journal.close();
    storage.lake.close().context("cannot close the lake")?;
    let applied = storage.store.offset(PARTITION).await.context("cannot read the store")?;
    storage.store.close().await.context("cannot close the store")?;
    Ok((opened, applied.0, active))
}
