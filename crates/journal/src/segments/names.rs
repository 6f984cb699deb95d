//! The names of the files in a journal directory, and who else may be in it.
//!
//! Names it does not know, such as `.corrupt` side files, are left alone.

use crate::Error;
use crate::disk::Disk;

/// Says that everything before it was durable when the journal was closed.
pub(super) const CLEAN_MARK: &str = "clean";
/// A clean mark being written.
pub(super) const NEW_MARK: &str = "clean.new";
/// A segment being made by the writer.
pub(super) const NEW_SEGMENT: &str = "segment.new";
/// A segment prepared ahead.
pub(super) const SPARE: &str = "spare.new";
/// Held by the process that has the journal open.
pub(super) const LOCK: &str = "lock";

/// The file name of the segment that begins with `first_seq`.
pub(super) fn segment(first_seq: u64) -> String {
    format!("{first_seq:020}.seg")
}

/// First sequence numbers of all segments, ascending.
pub(super) fn segments(disk: &dyn Disk) -> Result<Vec<u64>, Error> {
    let names = disk.list().map_err(|error| Error::io("list the journal directory", error))?;
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_seq(name)).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Takes the journal for this process.
pub(super) fn acquire(disk: &dyn Disk) -> Result<Box<dyn std::any::Any + Send + Sync>, Error> {
    disk.lock(LOCK).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => {
            Error::Locked { place: disk.place(), holder: error.to_string() }
        }
        _ => Error::io("lock the journal directory", error),
    })
}

fn first_seq(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 20)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
