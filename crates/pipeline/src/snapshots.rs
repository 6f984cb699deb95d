//! Where engine snapshots are kept: files of `magic | crc32c | seq | body`, newest few only.
//!
//! A snapshot is saved only when the store and the lake durably hold everything up to its position,
//! so it never has to be doubted against them; `docs/formats/snapshot.md` is its page.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use engine::Snapshot;
use model::Seq;

const MAGIC: &[u8; 8] = b"STBSNAP1";
const HEAD_BYTES: usize = 8 + 4 + 8;
/// Snapshots kept: the newest, and one to fall back to.
pub const KEPT: usize = 2;

/// Keeps the newest engine snapshots.
pub trait Snapshots: Send + Sync + 'static {
    /// Keeps a snapshot durably and forgets those beyond [`KEPT`].
    ///
    /// # Errors
    /// The disk refuses; what was kept before still is.
    fn save(&self, seq: Seq, snapshot: &Snapshot) -> io::Result<()>;

    /// The newest snapshot at or below `seq` that is whole.
    ///
    /// # Errors
    /// The disk cannot be read. A damaged snapshot is passed over.
    fn newest(&self, seq: Seq) -> io::Result<Option<(Seq, Snapshot)>>;

    /// The position of the oldest snapshot kept: the journal is needed from after it.
    ///
    /// # Errors
    /// The disk cannot be read.
    fn oldest(&self) -> io::Result<Option<Seq>>;
}

/// How a file is called while it is being written.
const UNFINISHED: &str = "unfinished";

/// Snapshots as files of a directory.
#[derive(Debug)]
pub struct DirSnapshots {
    dir: PathBuf,
}

impl DirSnapshots {
    /// Keeps snapshots in `dir`, which is created.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned() })
    }

    fn path(&self, seq: Seq) -> PathBuf {
        self.dir.join(format!("{:020}.snapshot", seq.0))
    }

    /// Positions of the files, ascending.
    fn positions(&self) -> io::Result<Vec<Seq>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".snapshot"));
            if let Some(seq) = stem.and_then(|stem| stem.parse().ok()) {
                found.push(Seq(seq));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes what a save left that was killed or found no space. Only one save runs at a time.
    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

impl Snapshots for DirSnapshots {
    fn save(&self, seq: Seq, snapshot: &Snapshot) -> io::Result<()> {
        self.remove_unfinished()?;
        let unfinished = self.path(seq).with_extension(UNFINISHED);
        let mut file = File::create(&unfinished)?;
        file.write_all(&head(seq, &snapshot.0))?;
        file.write_all(&snapshot.0)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path(seq))?;
        File::open(&self.dir)?.sync_all()?;
        let positions = self.positions()?;
        for &old in positions.iter().rev().skip(KEPT) {
            fs::remove_file(self.path(old))?;
        }
        Ok(())
    }

    fn newest(&self, seq: Seq) -> io::Result<Option<(Seq, Snapshot)>> {
        for position in self.positions()?.into_iter().rev().filter(|&position| position <= seq) {
            let bytes = fs::read(self.path(position))?;
            match body(position, &bytes) {
                Some(body) => return Ok(Some((position, Snapshot(body.to_vec())))),
                None => {
                    tracing::warn!(seq = position.0, "engine snapshot is damaged and passed over")
                }
            }
        }
        Ok(None)
    }

    fn oldest(&self) -> io::Result<Option<Seq>> {
        Ok(self.positions()?.first().copied())
    }
}

/// Snapshots in memory, for the simulator and tests.
#[derive(Debug, Default)]
pub struct MemorySnapshots(Mutex<BTreeMap<Seq, Snapshot>>);

impl Snapshots for MemorySnapshots {
    fn save(&self, seq: Seq, snapshot: &Snapshot) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(seq, snapshot.clone());
        while kept.len() > KEPT {
            kept.pop_first();
        }
        Ok(())
    }

    fn newest(&self, seq: Seq) -> io::Result<Option<(Seq, Snapshot)>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.range(..=seq).next_back().map(|(&seq, snapshot)| (seq, snapshot.clone())))
    }

    fn oldest(&self) -> io::Result<Option<Seq>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.keys().next().copied())
    }
}

fn head(seq: Seq, body: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&seq.0.to_le_bytes()), body);
    head[..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&checksum.to_le_bytes());
    head[12..].copy_from_slice(&seq.0.to_le_bytes());
    head
}

/// The body of a file, if the file is whole and is what its name says.
fn body(seq: Seq, bytes: &[u8]) -> Option<&[u8]> {
    let (found, body) = bytes.split_at_checked(HEAD_BYTES)?;
    (found == head(seq, body)).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_snapshot_at_or_below_is_found_and_old_ones_go() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let snapshots = DirSnapshots::open(dir.path()).expect("it opens");
        for seq in [3, 7, 9] {
            snapshots.save(Seq(seq), &Snapshot(vec![seq as u8; 10])).expect("it saves");
        }
        assert_eq!(snapshots.oldest().expect("it lists"), Some(Seq(7)));
        assert_eq!(snapshots.newest(Seq(8)).expect("it reads").map(|(seq, _)| seq), Some(Seq(7)));
        assert_eq!(snapshots.newest(Seq(6)).expect("it reads"), None);
        let left_over = dir.path().join("00000000000000000004.unfinished");
        fs::write(&left_over, "half").expect("it is writable");
        snapshots.save(Seq(9), &Snapshot(vec![9; 10])).expect("it saves");
        assert!(!left_over.exists(), "what a kill left is removed");
        let path = snapshots.path(Seq(9));
        let mut bytes = fs::read(&path).expect("it is there");
        bytes[HEAD_BYTES + 3] ^= 1;
        fs::write(&path, bytes).expect("it is writable");
        assert_eq!(snapshots.newest(Seq(99)).expect("it reads").map(|(seq, _)| seq), Some(Seq(7)));
    }
}
