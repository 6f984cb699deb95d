//! The few things that make files survive a crash: sync the file, rename it, sync its directory.
//!
//! Refuses to know what is in the files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Syncs a directory, so that the names in it survive a crash.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes `below` and every missing directory between it and `base`, and syncs the parents.
pub(crate) fn create_dirs(base: &Path, below: &Path) -> io::Result<()> {
    let mut dir = base.to_path_buf();
    for part in below {
        let parent = dir.clone();
        dir.push(part);
        match fs::create_dir(&dir) {
            Ok(()) => sync_dir(&parent)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Why a file could not be replaced.
pub(crate) struct ReplaceError {
    /// Whether the new content may be in place although its name is not known to survive a crash.
    pub(crate) in_place: bool,
    /// The error of the operating system.
    pub(crate) source: io::Error,
}

/// Replaces the content of `path` whole: after a crash it holds the old bytes or the new ones.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReplaceError> {
    let before = |source| ReplaceError { in_place: false, source };
    let draft = path.with_extension("tmp");
    let mut file = File::create(&draft).map_err(before)?;
    file.write_all(bytes).map_err(before)?;
    file.sync_all().map_err(before)?;
    fs::rename(&draft, path).map_err(before)?;
    let parent = path.parent().unwrap_or(Path::new("."));
    sync_dir(parent).map_err(|source| ReplaceError { in_place: true, source })
}
