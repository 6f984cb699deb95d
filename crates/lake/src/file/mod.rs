//! One Parquet file of signals: its columns, how rows become one, how it is read back.
//!
//! `docs/formats/lake.md` is its page. A file never changes once it has its name. Invariant: no byte of
//! a file is believed before its checksum fits.

mod checked;
mod columns;
mod decode;
mod encode;
mod footer;
mod group;
mod reader;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::manifest::FileInfo;

pub(crate) use encode::Batch;
pub(crate) use footer::Cache;
pub(crate) use reader::OpenFile;
pub(crate) use writer::{FileWriter, PARTITION_ROOT};

/// A file of the manifest. The last holder of a retired one deletes it.
#[derive(Debug)]
pub(crate) struct LakeFile {
    /// What the manifest says of it.
    pub(crate) info: FileInfo,
    path: PathBuf,
    retired: AtomicBool,
}

impl LakeFile {
    pub(crate) fn new(dir: &Path, info: FileInfo) -> Self {
        let path = dir.join(&info.path);
        Self { info, path, retired: AtomicBool::new(false) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file is no longer in the manifest: it goes when nobody reads it any more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

impl Drop for LakeFile {
    fn drop(&mut self) {
        // A file that could not be deleted is a left-over, which the next opening deletes.
        if self.retired.load(Ordering::Acquire) && fs::remove_file(&self.path).is_err() {
            tracing::warn!(path = %self.path.display(), "a merged lake file could not be deleted");
        }
    }
}
