//! For `doctor` and `restore`: is every byte of a lake as it was written, and going on without what is not.

use std::fs;
use std::path::{Path, PathBuf};

use super::open;
use crate::file::{Cache, LakeFile, OpenFile};
use crate::manifest::{FileInfo, MANIFEST_FILE, Manifest};
use crate::{Error, ErrorKind, disk};

/// Where salvaging puts damaged files, below the directory of the lake.
const DAMAGED: &str = "damaged";

/// What [`verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Files of the manifest.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes, all of which were read.
    pub bytes: u64,
    /// Files that are missing or damaged, and what is wrong with each.
    pub damaged: Vec<(PathBuf, String)>,
}

/// What [`salvage`] gave up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Salvaged {
    /// Files that no longer belong to the lake. Those that were there are in its folder `damaged`.
    pub files: Vec<PathBuf>,
    /// Their rows.
    pub rows: u64,
}

/// Reads every byte of the lake in `dir` and compares it with its checksums. Changes nothing; a lake that
/// is open elsewhere may merge files away while this reads, which then look missing.
///
/// # Errors
/// The manifest cannot be read, or there is none.
pub fn verify(dir: &Path) -> Result<Verified, Error> {
    let manifest = listed(dir)?;
    let mut verified = Verified::default();
    for info in manifest.files {
        verified.files += 1;
        verified.rows += info.rows;
        verified.bytes += info.bytes;
        let path = info.path.clone();
        if let Err(error) = verify_file(dir, info) {
            verified.damaged.push((path, error.chain()));
        }
    }
    Ok(verified)
}

/// Takes damaged and missing files out of the manifest of the lake in `dir`, which must not be open.
///
/// # Errors
/// The manifest cannot be read or replaced, or the lake is open.
pub fn salvage(dir: &Path) -> Result<Salvaged, Error> {
    let _lock = open::lock(dir)?;
    let mut manifest = listed(dir)?;
    let mut salvaged = Salvaged::default();
    manifest.files.retain(|info| {
        let sound = verify_file(dir, info.clone()).is_ok();
        if !sound {
            salvaged.files.push(info.path.clone());
            salvaged.rows += info.rows;
        }
        sound
    });
    for path in &salvaged.files {
        put_aside(dir, path)?;
    }
    let path = dir.join(MANIFEST_FILE);
    disk::replace(&path, manifest.to_text().as_bytes())
        .map_err(|error| Error::disk("write", &path, error.source))?;
    Ok(salvaged)
}

fn listed(dir: &Path) -> Result<Manifest, Error> {
    Manifest::read(dir)?.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, format!("there is no lake in {}", dir.display()))
    })
}

fn verify_file(dir: &Path, info: FileInfo) -> Result<(), Error> {
    open::check_present(dir, &info)?;
    let file = LakeFile::new(dir, info);
    OpenFile::open(&file, &Cache::new())?.verify()
}

/// Copies a damaged file away; the original is a left-over once the manifest no longer lists it.
fn put_aside(dir: &Path, path: &Path) -> Result<(), Error> {
    let (from, name) = (dir.join(path), path.to_string_lossy().replace('/', "_"));
    if !from.is_file() {
        return Ok(());
    }
    let to = dir.join(DAMAGED);
    fs::create_dir_all(&to).map_err(|error| Error::disk("make", &to, error))?;
    fs::copy(&from, to.join(name)).map_err(|error| Error::disk("copy", &from, error))?;
    Ok(())
}
