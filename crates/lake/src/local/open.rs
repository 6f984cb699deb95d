//! Opening: lock, manifest, are all its files there, delete what is not in it.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use super::background::Wake;
use super::{Core, Options, State};
use crate::file::{Cache, LakeFile, PARTITION_ROOT};
use crate::hot::Hot;
use crate::manifest::{FileInfo, MANIFEST_FILE, Manifest};
use crate::{Error, ErrorKind, disk};

const LOCK_FILE: &str = "lock";

pub(super) fn open(options: Options) -> Result<Core, Error> {
    check(&options)?;
    let dir = &options.dir;
    fs::create_dir_all(dir).map_err(|error| Error::disk("make", dir, error))?;
    let lock = lock(dir)?;
    let manifest = match Manifest::read(dir)? {
        Some(manifest) => manifest,
        None => begin(dir)?,
    };
    for info in &manifest.files {
        check_present(dir, info)?;
    }
    delete_leftovers(dir, &manifest)?;
    let mut files: Vec<_> =
        manifest.files.into_iter().map(|info| Arc::new(LakeFile::new(dir, info))).collect();
    in_order(&mut files);
    let state = State {
        hot: Hot::default(),
        taken: manifest.durable,
        durable: manifest.durable,
        files: Arc::new(files),
        closed: false,
        last_flush_at: None,
        flush_error: None,
        compactions: 0,
        compaction_error: None,
    };
    Ok(Core {
        state: RwLock::new(state),
        cache: Cache::new(),
        next_number: AtomicU64::new(manifest.next_number),
        flushing: Mutex::default(),
        compacting: Mutex::default(),
        committing: Mutex::default(),
        wake: Wake::default(),
        _lock: lock,
        options,
    })
}

/// Sorts files by project, day and position.
pub(super) fn in_order(files: &mut [Arc<LakeFile>]) {
    files.sort_unstable_by_key(|file| (file.info.project, file.info.day, file.info.first_seq));
}

/// Takes the lock of a lake's directory, which lasts as long as the file is open.
pub(super) fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join(LOCK_FILE);
    let file = File::create(&path).map_err(|error| Error::disk("create", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            ErrorKind::Locked,
            format!("the lake in {} is in use by another process", dir.display()),
        )),
        Err(TryLockError::Error(error)) => Err(Error::disk("lock", &path, error)),
    }
}

/// Whether a file of the manifest is there, whole.
pub(super) fn check_present(dir: &Path, info: &FileInfo) -> Result<(), Error> {
    let path = dir.join(&info.path);
    let how = "restore it from a backup, or go on without its rows with \
               `stormbell doctor --salvage-lake`";
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() && metadata.len() == info.bytes => Ok(()),
        Ok(metadata) => Err(Error::corrupt(
            &path,
            format!("it has {} bytes where {} were written; {how}", metadata.len(), info.bytes),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::new(
            ErrorKind::Corrupt,
            format!("lake file {} with {} rows is missing; {how}", path.display(), info.rows),
        )),
        Err(error) => Err(Error::disk("look at", &path, error)),
    }
}

fn check(options: &Options) -> Result<(), Error> {
    let compaction = &options.compaction;
    let positive = [
        ("flush_rows", options.flush_rows as u64),
        ("flush_bytes", options.flush_bytes as u64),
        ("hot_limit_bytes", options.hot_limit_bytes as u64),
        ("compaction.target_rows", compaction.target_rows),
        ("compaction.target_bytes", compaction.target_bytes),
    ];
    if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
        return Err(Error::new(ErrorKind::Options, format!("lake option {name}: it is 0")));
    }
    if compaction.fan_in < 2 {
        let what = "lake option compaction.fan_in: fewer than 2 files cannot be merged";
        return Err(Error::new(ErrorKind::Options, what));
    }
    Ok(())
}

/// A new lake has an empty manifest before it has files: without manifest, files are somebody's data.
fn begin(dir: &Path) -> Result<Manifest, Error> {
    let path = dir.join(MANIFEST_FILE);
    if let Some(file) = found(dir)?.into_iter().find(|path| is_data(path)) {
        return Err(Error::corrupt(
            &path,
            format!(
                "it is missing, and {} is there; restore the manifest from a backup, or move the \
                 directory away to have the lake built again from what the journal still holds",
                file.display()
            ),
        ));
    }
    let manifest = Manifest { next_number: 1, ..Manifest::default() };
    disk::replace(&path, manifest.to_text().as_bytes())
        .map_err(|error| Error::disk("write", &path, error.source))?;
    Ok(manifest)
}

/// Deletes what writing and merging left behind when the process ended. Only names that this crate gives.
fn delete_leftovers(dir: &Path, manifest: &Manifest) -> Result<(), Error> {
    let listed: HashSet<PathBuf> = manifest.files.iter().map(|file| dir.join(&file.path)).collect();
    for path in found(dir)? {
        let draft = path.extension().is_some_and(|extension| extension == "tmp");
        if (draft || is_data(&path)) && !listed.contains(&path) {
            fs::remove_file(&path).map_err(|error| Error::disk("delete", &path, error))?;
            tracing::info!(path = %path.display(), "deleted a left-over of the lake");
        }
    }
    Ok(())
}

/// The files of all partitions.
fn found(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for project in entries(&dir.join(PARTITION_ROOT))? {
        for day in entries(&project)? {
            files.extend(entries(&day)?);
        }
    }
    Ok(files)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |error| Error::disk("list", dir, error);
    let entries = fs::read_dir(dir).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

fn is_data(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet")
}
