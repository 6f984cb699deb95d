//! Copies of files that survive a crash, with progress; and checksums.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use super::Progress;

/// Bytes read and written at once.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes of a piece of a file that is being written to: little time passes while it is read.
const LIVE_PIECE_BYTES: usize = 64 << 10;

/// Counts bytes and says how far things are.
pub(super) struct Meter<'p> {
    progress: Progress<'p>,
    done: u64,
    total: u64,
}

impl<'p> Meter<'p> {
    pub(super) fn new(progress: Progress<'p>) -> Self {
        Self { progress, done: 0, total: 0 }
    }

    /// There is more to do.
    pub(super) fn expect(&mut self, bytes: u64) {
        self.total += bytes;
        (self.progress)(self.done, self.total);
    }

    /// More was done.
    pub(super) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        self.total = self.total.max(self.done);
        (self.progress)(self.done, self.total);
    }

    /// Everything is done, were it less than expected.
    pub(super) fn finish(&mut self) {
        self.total = self.done;
        (self.progress)(self.done, self.total);
    }
}

/// Makes a folder that only its owner can look into, with the folders above it.
pub(super) fn make_folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot create the folder {}", path.display()))
}

/// Creates a file that only its owner can read: one of them may be a key.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Copies a file that nobody changes, and syncs the copy. `None` where there is no such file.
pub(super) fn copy(from: &Path, to: &Path, meter: &mut Meter<'_>) -> anyhow::Result<Option<u64>> {
    let Some(mut source) = open(from)? else { return Ok(None) };
    let copied = create(to).and_then(|mut target| {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut bytes = 0;
        loop {
            let read = read_some(&mut source, &mut buffer)?;
            if read == 0 {
                target.sync_all()?;
                return Ok(bytes);
            }
            target.write_all(&buffer[..read])?;
            bytes += read as u64;
            meter.add(read as u64);
        }
    });
    copied.map(Some).with_context(|| copying(from, to))
}

/// Copies a file of fixed length to whose end somebody is appending, from the end to the beginning: what
/// was written while it was copied is then missing at the end, and never in the middle.
pub(super) fn copy_live(
    from: &Path,
    to: &Path,
    meter: &mut Meter<'_>,
) -> anyhow::Result<Option<u64>> {
    let Some(source) = open(from)? else { return Ok(None) };
    let copied = create(to).and_then(|target| {
        let bytes = source.metadata()?.len();
        target.set_len(bytes)?;
        let mut buffer = vec![0; LIVE_PIECE_BYTES];
        let mut end = bytes;
        while end > 0 {
            let start = end.saturating_sub(LIVE_PIECE_BYTES as u64);
            let piece = &mut buffer[..usize::try_from(end - start).unwrap_or(LIVE_PIECE_BYTES)];
            source.read_exact_at(piece, start)?;
            target.write_all_at(piece, start)?;
            meter.add(end - start);
            end = start;
        }
        target.sync_all()?;
        Ok(bytes)
    });
    copied.map(Some).with_context(|| copying(from, to))
}

/// SHA-256 of a file, in hexadecimal digits.
pub(super) fn digest(path: &Path, meter: &mut Meter<'_>) -> anyhow::Result<String> {
    let digested = File::open(path).and_then(|mut file| {
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; PIECE_BYTES]);
        loop {
            let read = read_some(&mut file, &mut buffer)?;
            if read == 0 {
                return Ok(hasher.finalize());
            }
            hasher.update(&buffer[..read]);
            meter.add(read as u64);
        }
    });
    let digest = digested.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Every file below a folder, relative to it, in order of name.
pub(super) fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(below) = folders.pop() {
        for (name, is_folder) in entries(&folder.join(&below))? {
            let path = below.join(name);
            if is_folder { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Makes the names in a folder, and in all folders below it, survive a crash.
pub(super) fn sync_folders(folder: &Path) -> anyhow::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.with_context(|| format!("cannot sync the folder {}", folder.display()))?;
        let below = entries(&folder)?.into_iter().filter(|(_, is_folder)| *is_folder);
        folders.extend(below.map(|(name, _)| folder.join(name)));
    }
    Ok(())
}

/// Bytes of all files below a folder; those of a folder that is not there are none.
pub(super) fn bytes_below(folder: &Path) -> u64 {
    let files = files_below(folder).unwrap_or_default();
    files
        .iter()
        .filter_map(|file| fs::metadata(folder.join(file)).ok())
        .map(|file| file.len())
        .sum()
}

/// Whether something is at the path. What cannot be looked at is an error: to call it missing would send somebody
/// after data that are there.
pub(super) fn is_there(path: &Path) -> anyhow::Result<bool> {
    path.try_exists().with_context(|| format!("cannot look at {}", path.display()))
}

/// Whether a folder holds nothing, or is not there. What a file system keeps for itself does not count.
pub(super) fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    if !is_there(folder)? {
        return Ok(true);
    }
    Ok(entries(folder)?.iter().all(|(name, _)| name == "lost+found"))
}

fn entries(folder: &Path) -> anyhow::Result<Vec<(String, bool)>> {
    let listed = fs::read_dir(folder).and_then(|entries| {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.file_type()?.is_dir()))
        };
        entries.map(entry).collect::<io::Result<Vec<_>>>()
    });
    listed.with_context(|| format!("cannot list {}", folder.display()))
}

fn open(path: &Path) -> anyhow::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", path.display())),
    }
}

fn read_some(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn copying(from: &Path, to: &Path) -> String {
    format!("cannot copy {} to {}", from.display(), to.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_made_backwards_is_the_same_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for bytes in [0, 1, LIVE_PIECE_BYTES, LIVE_PIECE_BYTES + 1, 3 * LIVE_PIECE_BYTES - 1] {
            let content: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
            fs::write(&from, &content).expect("it is written");
            let mut seen = (0, 0);
            let mut progress = |done, total| seen = (done, total);
            let copied = copy_live(&from, &to, &mut Meter::new(&mut progress)).expect("it copies");
            assert_eq!(copied, Some(bytes as u64));
            assert_eq!(fs::read(&to).expect("it is there"), content);
            assert_eq!(seen.0, bytes as u64);
        }
    }

    #[test]
    fn the_digest_of_a_file_is_its_sha_256() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        fs::write(&path, "abc").expect("it is written");
        let digest = digest(&path, &mut Meter::new(&mut |_, _| {})).expect("it is read");
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn files_are_found_below_folders_and_in_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("b/c")).expect("folders");
        for name in ["z", "b/c/d", "a"] {
            fs::write(folder.path().join(name), name).expect("it is written");
        }
        let found = files_below(folder.path()).expect("it is listed");
        assert_eq!(found, ["a", "b/c/d", "z"].map(PathBuf::from));
        assert_eq!(bytes_below(folder.path()), 7);
    }
}
