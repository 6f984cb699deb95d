//! `backup`: a copy of a data folder that a server may be working on, made so that it can be started from.
//!
//! The order is what makes it consistent. Snapshots come first and the journal last, so everything that
//! a part builds on is in a part that is copied after it: an engine snapshot is saved when lake and store
//! have reached it, and what the lake and the store hold was in the journal before.
//! Invariant: `MANIFEST.json` is written last; a folder without it is no backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::Serialize;

use super::copies::{self, Meter};
use super::held::Held;
use super::manifest::{self, FileEntry, Manifest, Positions};
use super::store_file::StoreFile;
use super::{Progress, journal_files, lake_files, runtime, snapshot_files};
use crate::config::Config;
use crate::serve::open::private_from_now_on;
use crate::serve::sealed::{KEY_FILE, secrets_of};

/// The parts of a data folder that are copied. `admin.key` is not: keys are in the store, as digests. The key
/// that secrets are sealed with is: without it no endpoint that has one could be reached again.
const PARTS: [&str; 5] = ["snapshots", "lake", "store.sqlite", KEY_FILE, "journal"];

/// A backup that was made.
#[derive(Debug, Serialize)]
pub(crate) struct BackupReport {
    /// Where it is.
    pub(crate) to: PathBuf,
    /// Where its parts stand.
    pub(crate) positions: Positions,
    /// How many files it has.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// What is damaged in it because it is damaged in the data folder.
    pub(crate) warnings: Vec<String>,
    /// How long it took.
    #[serde(skip)]
    pub(crate) took: Duration,
}

/// Copies the data folder into the folder `to`, which must be empty or not exist. Progress is in bytes,
/// each of which is copied and then read again.
pub(crate) fn backup(
    config: &Config,
    to: &Path,
    progress: Progress<'_>,
) -> anyhow::Result<BackupReport> {
    let began = Instant::now();
    private_from_now_on();
    check_places(config, to)?;
    copies::make_folder(to)?;
    let mut meter = Meter::new(progress);
    meter.expect(2 * bytes_of_parts(config));
    let made = runtime()?.block_on(copy_parts(config, to, &mut meter));
    let made = made.and_then(|(positions, warnings)| {
        let files = seal(to, &positions, &mut meter)?;
        Ok((positions, warnings, files))
    });
    let (positions, warnings, files) = made.inspect_err(|_| discard(to))?;
    meter.finish();
    let bytes = files.iter().map(|(_, bytes)| bytes).sum();
    let (to, files) = (to.to_owned(), files.len() as u64);
    Ok(BackupReport { to, positions, files, bytes, warnings, took: began.elapsed() })
}

fn check_places(config: &Config, to: &Path) -> anyhow::Result<()> {
    let data = &config.data_dir;
    let store = config.folder("store.sqlite");
    ensure!(copies::is_there(&store)?, "{} holds no data: there is no store in it", data.display());
    ensure!(
        copies::is_empty(to)?,
        "{} is not empty: a backup needs a folder of its own",
        to.display()
    );
    let whole = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    let existing = whole.ancestors().find_map(|above| above.canonicalize().ok());
    if let (Ok(data), Some(existing)) = (data.canonicalize(), existing) {
        ensure!(!existing.starts_with(&data), "{} lies in the data folder", to.display());
    }
    Ok(())
}

async fn copy_parts(
    config: &Config,
    to: &Path,
    meter: &mut Meter<'_>,
) -> anyhow::Result<(Positions, Vec<String>)> {
    let places = |part: &str| (config.folder(part), to.join(part));
    let (from, target) = places("snapshots");
    let (snapshots, mut warnings) = snapshot_files::copy_snapshots(&from, &target, meter)?;
    let (from, target) = places("lake");
    let (lake_durable, damaged) = lake_files::copy_lake(&from, &target, meter)?;
    warnings.extend(damaged);
    let (from, target) = places("store.sqlite");
    let (store_applied, sealed) = copy_store(config, &from, &target, meter).await?;
    // A folder from before there were secrets has no such key.
    let (from, target) = places(KEY_FILE);
    if copies::copy(&from, &target, meter)?.is_none() && sealed > 0 {
        let (path, secrets) = (from.display(), secrets_of(sealed));
        warnings.push(format!("{path} is missing: {secrets} will not open"));
    }
    let (from, target) = places("journal");
    copies::make_folder(&target)?;
    let journal = journal_files::copy_journal(&from, &target, meter)?;
    warnings.extend(journal.warnings);
    let (journal_start, journal_end) = (journal.start, journal.end);
    let snapshots = snapshots.iter().map(|position| position.0).collect();
    let positions =
        Positions { journal_start, journal_end, store_applied, lake_durable, snapshots };
    positions.check().context(
        "the parts do not fit together; if the journal's retention went on meanwhile, a second try helps",
    )?;
    Ok((positions, warnings))
}

/// Copies the store and checks the copy. Answers the position it stands at, and how many endpoints have secrets.
async fn copy_store(
    config: &Config,
    from: &Path,
    to: &Path,
    meter: &mut Meter<'_>,
) -> anyhow::Result<(u64, usize)> {
    // Kept no longer than this copy takes: a server may start while the rest is copied.
    let held = Held::look(config)?;
    let mut store = StoreFile::open(from, &held).await?;
    store.copy_to(to).await?;
    store.close().await?;
    drop(held);
    meter.add(fs::metadata(to).map_or(0, |file| file.len()));
    let mut copy = StoreFile::open(to, &Held::Free(None)).await?;
    let problems = copy.problems().await?;
    ensure!(problems.is_empty(), "the store is damaged: {}", problems.join("; "));
    let found = (copy.applied().await?, copy.sealed().await?.len());
    copy.close().await?;
    Ok(found)
}

/// Notes the length and the checksum of every file, and makes the whole survive a crash.
fn seal(
    to: &Path,
    positions: &Positions,
    meter: &mut Meter<'_>,
) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut entries = Vec::new();
    for path in copies::files_below(to)? {
        let whole = to.join(&path);
        let sha256 = copies::digest(&whole, meter)?;
        let bytes = fs::metadata(&whole).map(|file| file.len());
        let bytes = bytes.with_context(|| format!("cannot look at {}", whole.display()))?;
        entries.push(FileEntry { path, bytes, sha256 });
    }
    copies::sync_folders(to)?;
    let files = entries.iter().map(|entry| (entry.path.clone(), entry.bytes)).collect();
    Manifest::new(positions.clone(), entries).write(to)?;
    Ok(files)
}

/// Deletes what was copied into a folder that was empty before.
fn discard(to: &Path) {
    for part in PARTS {
        let path = to.join(part);
        // What cannot be deleted is no backup without a manifest, and the next one says that it is there.
        let _left = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
    let _left = fs::remove_file(to.join(manifest::NAME));
}

fn bytes_of_parts(config: &Config) -> u64 {
    let store = fs::metadata(config.folder("store.sqlite")).map_or(0, |file| file.len());
    let folders = ["snapshots", "lake", "journal"];
    store + folders.iter().map(|part| copies::bytes_below(&config.folder(part))).sum::<u64>()
}
