//! The journal of a data folder, opened for looking and copied, while a server writes to it or not.
//!
//! Invariant: looking changes nothing in the folder; a copy is a prefix of the journal that holds
//! everything that was durable when copying began.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use journal::segments::{Drive, Recovery};
use journal::{Corruption, Journal, Options, RealDisk, SegmentJournal, SystemClock};
use model::Seq;

use super::copies::{Meter, copy, copy_live, is_there};
use super::frozen::FrozenDisk;
use super::held::Held;

/// How often something is tried again that a running server got in the way of.
const TRIES: usize = 10;

/// A journal opened for looking: every segment was read and verified.
pub(super) struct JournalView {
    pub(super) journal: SegmentJournal,
    pub(super) recovery: Recovery,
}

/// Opens the journal in `folder` for looking; `None` where there is none yet.
pub(super) fn look(folder: &Path, held: &Held) -> anyhow::Result<Option<JournalView>> {
    let mut tried = 1;
    loop {
        match look_once(folder, held) {
            // A server may have been in the middle of writing the bytes, or have removed the file.
            Err(error) if held.running().is_some() && tried < TRIES => {
                tracing::debug!(error = format!("{error:#}"), "the journal is looked at again");
                tried += 1;
            }
            looked => return looked,
        }
    }
}

/// A journal that was copied.
pub(super) struct Copied {
    /// The first record of the copy.
    pub(super) start: u64,
    /// The number after its last.
    pub(super) end: u64,
    /// What was left out of it because it is damaged.
    pub(super) warnings: Vec<String>,
}

/// Copies the journal from one folder to another, and opens the copy to prove that it is one. Damage in
/// an older segment, which a server may never need again, leaves out that segment and those before it.
pub(super) fn copy_journal(
    from: &Path,
    to: &Path,
    meter: &mut Meter<'_>,
) -> anyhow::Result<Copied> {
    let mut finished: BTreeSet<String> = BTreeSet::new();
    let (mut warnings, mut left_out, mut trouble) = (Vec::new(), String::new(), None);
    for _ in 0..TRIES {
        let mut segments = segments(from)?;
        segments.retain(|name| *name > left_out);
        forget_removed(to, &segments, &mut finished)?;
        if !copy_segments(from, to, &segments, &mut finished, meter)? {
            continue;
        }
        match close_copy(to) {
            Ok(Recovery { first_seq: start, end_seq: end, .. }) => {
                // It names this process, which means nothing to whoever restores the copy.
                let _not_needed = fs::remove_file(to.join("lock"));
                return Ok(Copied { start, end, warnings });
            }
            Err(error) => match damaged_segment(&error) {
                Some(damaged) if Some(damaged) == segments.last() => trouble = Some(error),
                Some(damaged) if segments.contains(damaged) => {
                    left_out.clone_from(damaged);
                    warnings.extend(error.corruption().map(|corruption| {
                        format!("{}; it and what is older are left out", describe(corruption))
                    }));
                }
                _ => return Err(error).context("the journal in the data folder is damaged"),
            },
        }
    }
    match trouble {
        Some(error) => {
            Err(error).context("the newest segment of the journal could not be copied whole")
        }
        None => bail!("the journal could not be copied in {TRIES} tries: {}", warnings.join("; ")),
    }
}

/// Whether the damage that an error is about lies where a start from the engine snapshot at `newest` does
/// not look: in a segment that ends at or before it.
pub(super) fn unneeded<'e>(
    folder: &Path,
    error: &'e anyhow::Error,
    newest: Option<Seq>,
) -> anyhow::Result<Option<&'e Corruption>> {
    let corruption = error.downcast_ref::<journal::Error>().and_then(journal::Error::corruption);
    let (Some(corruption), Some(newest)) = (corruption, newest) else { return Ok(None) };
    let segments = segments(folder)?;
    let next = segments.iter().find(|name| **name > corruption.segment);
    let ends_before = next.and_then(|name| name.strip_suffix(".seg")?.parse::<u64>().ok());
    // Headers are looked at in any case.
    let behind = corruption.offset > 0 && ends_before.is_some_and(|end| end <= newest.next().0);
    Ok(behind.then_some(corruption))
}

/// Where a journal is damaged, and why, in words.
pub(super) fn describe(corruption: &Corruption) -> String {
    let Corruption { segment, offset, expected_seq, what } = corruption;
    format!("{segment} is damaged at byte {offset} (expected record {expected_seq}): {what}")
}

/// The names of all segments, oldest first; none where there is no folder.
pub(super) fn segments(folder: &Path) -> anyhow::Result<Vec<String>> {
    Ok(names(folder)?.into_iter().filter(|name| is_segment(name)).collect())
}

fn look_once(folder: &Path, held: &Held) -> anyhow::Result<Option<JournalView>> {
    let names = names(folder)?;
    let Some(newest) = names.iter().rfind(|name| is_segment(name)).cloned() else {
        return Ok(None);
    };
    let disk = FrozenDisk::new(folder, names).context("cannot make a temporary folder")?;
    if held.running().is_some() {
        let mut unseen = |_: u64, _: u64| {};
        let (from, to) = (folder.join(&newest), disk.copy_path(&newest));
        copy_live(&from, &to, &mut Meter::new(&mut unseen))?;
        disk.show_copy(&newest).with_context(|| format!("cannot open {}", to.display()))?;
    }
    let (journal, recovery) =
        SegmentJournal::open(options(), Arc::new(disk), Arc::new(SystemClock))?;
    Ok(Some(JournalView { journal, recovery }))
}

/// Without threads, without retention, with every record verified.
fn options() -> Options {
    Options {
        drive: Drive::Manual,
        max_age: None,
        max_bytes: None,
        verify_from: 0,
        ..Options::default()
    }
}

/// Says whether every segment was there.
fn copy_segments(
    from: &Path,
    to: &Path,
    segments: &[String],
    finished: &mut BTreeSet<String>,
    meter: &mut Meter<'_>,
) -> anyhow::Result<bool> {
    let Some((newest, older)) = segments.split_last() else {
        bail!("there is no journal in {}", from.display());
    };
    for name in older {
        // What has a successor is never written to again.
        if !finished.contains(name) {
            if copy(&from.join(name), &to.join(name), meter)?.is_none() {
                return Ok(false);
            }
            finished.insert(name.clone());
        }
    }
    Ok(copy_live(&from.join(newest), &to.join(newest), meter)?.is_some())
}

/// Opens the copy, which cuts off a batch that was being written, and closes it in order.
fn close_copy(to: &Path) -> Result<Recovery, journal::Error> {
    let disk = RealDisk::new(to).map_err(|error| journal::Error::Io {
        what: format!("open {}", to.display()).into(),
        source: Arc::new(error),
    })?;
    let (journal, recovery) =
        SegmentJournal::open(options(), Arc::new(disk), Arc::new(SystemClock))?;
    journal.close();
    Ok(recovery)
}

fn damaged_segment(error: &journal::Error) -> Option<&String> {
    error.corruption().map(|corruption| &corruption.segment)
}

/// Deletes copies of segments that no longer count, so that the copy has no gap.
fn forget_removed(
    to: &Path,
    segments: &[String],
    finished: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    for name in names(to)?.into_iter().filter(|name| is_segment(name)) {
        if !segments.contains(&name) {
            finished.remove(&name);
            let path = to.join(&name);
            fs::remove_file(&path).with_context(|| format!("cannot delete {}", path.display()))?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    if !is_there(folder)? {
        return Ok(BTreeSet::new());
    }
    let listed = fs::read_dir(folder).and_then(|entries| {
        let name = |entry: std::io::Result<fs::DirEntry>| {
            Ok(entry?.file_name().to_string_lossy().into_owned())
        };
        entries.map(name).collect()
    });
    listed.with_context(|| format!("cannot list {}", folder.display()))
}

/// Segments are named by the number of their first record, in twenty digits.
fn is_segment(name: &str) -> bool {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 20);
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}
