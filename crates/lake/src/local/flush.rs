//! From the hot buffer to files: write the oldest rows, list the files, forget the rows.
//!
//! Rows stay readable throughout: a reader finds them in memory until the manifest lists their files.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use model::{ProjectId, Seq, Timestamp};

use super::{Core, hold, open};
use crate::file::{Batch, FileWriter, LakeFile};
use crate::hot::Block;
use crate::manifest::{Day, FileInfo, MANIFEST_FILE};
use crate::{Error, disk};

/// A change of the list of files.
#[derive(Default)]
pub(super) struct Change {
    pub(super) added: Vec<FileInfo>,
    /// Numbers of files.
    pub(super) removed: Vec<u64>,
    /// What is durable with it, if that changes.
    pub(super) durable: Option<Seq>,
    /// Oldest blocks of the hot buffer whose rows are in `added`.
    pub(super) blocks: usize,
}

/// Rows after which the processor is offered to others: some 200 µs.
const YIELD_ROWS: usize = 128;

impl Core {
    /// Writes until everything that was taken before the call is durable.
    pub(super) fn flush_all(&self) -> Result<Seq, Error> {
        let taken = self.read().taken;
        loop {
            let durable = self.read().durable;
            if durable >= taken {
                return Ok(durable);
            }
            self.flush_some()?;
        }
    }

    /// Writes the oldest rows, as many as one flush takes.
    pub(super) fn flush_some(&self) -> Result<(), Error> {
        let _flushing = hold(&self.flushing);
        let (blocks, through) = {
            let mut state = self.write();
            let (rows, bytes) = (self.options.flush_rows, self.options.flush_bytes);
            let (blocks, next) = state.hot.oldest_blocks(rows, bytes);
            (blocks, next.map_or(state.taken, |next| Seq(next - 1)))
        };
        if blocks.is_empty() && through <= self.read().durable {
            return Ok(());
        }
        let flushed = self.write_files(&blocks).and_then(|added| {
            let blocks = blocks.len();
            self.commit(Change { added, durable: Some(through), blocks, ..Change::default() })
        });
        let mut state = self.write();
        state.flush_error = flushed.as_ref().err().map(Error::chain);
        if flushed.is_ok() {
            state.last_flush_at = Some(now());
        }
        drop(state);
        self.wake.compact();
        flushed
    }

    /// Replaces the manifest and, once it is in place, what readers see.
    pub(super) fn commit(&self, change: Change) -> Result<(), Error> {
        let _committing = hold(&self.committing);
        let dir = &self.options.dir;
        let mut manifest = self.manifest();
        manifest.kept = None;
        let old = Arc::clone(&self.read().files);
        let (removed, mut files): (Vec<_>, Vec<_>) =
            old.iter().cloned().partition(|file| change.removed.contains(&file.info.number));
        files.extend(change.added.iter().map(|info| Arc::new(LakeFile::new(dir, info.clone()))));
        open::in_order(&mut files);
        manifest.files = files.iter().map(|file| file.info.clone()).collect();
        manifest.durable = change.durable.unwrap_or(manifest.durable);

        let path = dir.join(MANIFEST_FILE);
        if let Err(error) = disk::replace(&path, manifest.to_text().as_bytes()) {
            // Where the new list may be in place, its files must stay: they are left-overs otherwise,
            // which the next opening deletes.
            if !error.in_place {
                delete(self, &change.added);
            }
            return Err(Error::disk("write", &path, error.source));
        }
        let mut state = self.write();
        state.files = Arc::new(files);
        state.durable = manifest.durable;
        state.hot.forget(change.blocks);
        drop(state);
        removed.iter().for_each(|file| file.retire());
        Ok(())
    }

    /// A number that no file of this lake has had.
    pub(super) fn new_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::AcqRel)
    }

    /// Writes one file for each project and day; none stays behind when one fails.
    fn write_files(&self, blocks: &[Arc<Block>]) -> Result<Vec<FileInfo>, Error> {
        let mut written = Vec::new();
        for ((project, day), places) in partitions(blocks) {
            match self.write_file(project, day, blocks, &places) {
                Ok(info) => written.push(info),
                Err(error) => {
                    delete(self, &written);
                    return Err(error);
                }
            }
        }
        Ok(written)
    }

    fn write_file(
        &self,
        project: ProjectId,
        day: Day,
        blocks: &[Arc<Block>],
        places: &[(usize, usize)],
    ) -> Result<FileInfo, Error> {
        let mut writer = FileWriter::create(&self.options.dir, project, day, self.new_number())?;
        let mut batch = Batch::default();
        // Others go first while not much more waits than this file takes.
        let polite = self.read().hot.rows() < self.options.flush_rows * 2;
        for &(block, row) in places {
            let signal = blocks[block].signal(row);
            batch.push(&blocks[block].row(row, &signal));
            if polite && row % YIELD_ROWS == 0 {
                std::thread::yield_now();
            }
            if batch.is_full() {
                writer.write(&batch.take()?)?;
            }
        }
        writer.write(&batch.take()?)?;
        writer.finish()
    }
}

/// The rows of each partition: block and row, in order of position.
fn partitions(blocks: &[Arc<Block>]) -> BTreeMap<(ProjectId, Day), Vec<(usize, usize)>> {
    let mut partitions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (index, block) in blocks.iter().enumerate() {
        for row in 0..block.len() {
            let partition = (block.project(row), Day::of(block.occurred_at(row)));
            partitions.entry(partition).or_default().push((index, row));
        }
    }
    partitions
}

fn delete(core: &Core, files: &[FileInfo]) {
    for file in files {
        // What cannot be deleted now is a left-over, which the next opening deletes.
        let _ = fs::remove_file(core.options.dir.join(&file.path));
    }
}

/// For status only: nothing durable depends on the wall clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
