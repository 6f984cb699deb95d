//! Files beside the writer's way: prepares the next segment, removes what retention allows.
//!
//! A prepared segment is written full of zeros. Overwriting allocated blocks changes no metadata
//! of the file system, so the sync of a commit is one disk write; after `fallocate` alone every
//! sync of 4 KiB or more also journals the conversion of an extent, and takes half as long again.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Shared;
use super::log::{Spare, discard};
use super::names;
use super::survey::Segment;
use crate::lock;

/// How often retention by age looks, and how soon a failed preparation is tried again.
const ROUND: Duration = Duration::from_secs(10);
/// Zeros are synced in pieces, so that a commit never waits behind a large one.
const PIECE_BYTES: u64 = 1 << 20;

#[derive(Default)]
pub(super) struct Keeper {
    inner: Mutex<Inner>,
    wake: Condvar,
}

#[derive(Default)]
struct Inner {
    spare: Option<Spare>,
    spare_wanted: bool,
    retention_due: bool,
    stopped: bool,
}

impl Keeper {
    /// The prepared segment, if it is ready. Until another is asked for, its file is left alone: it keeps
    /// its passing name until whoever took it has given it its own.
    pub(super) fn take_spare(&self) -> Option<Spare> {
        let mut inner = lock(&self.inner);
        let spare = inner.spare.take()?;
        inner.spare_wanted = false;
        Some(spare)
    }

    /// Asks for a prepared segment.
    pub(super) fn want_spare(&self) {
        lock(&self.inner).spare_wanted = true;
        self.wake.notify_one();
    }

    /// Asks to look what may be removed.
    pub(super) fn want_retention(&self) {
        lock(&self.inner).retention_due = true;
        self.wake.notify_one();
    }

    pub(super) fn stop(&self) {
        lock(&self.inner).stopped = true;
        self.wake.notify_one();
    }
}

/// The body of the keeper's thread.
pub(super) fn run(shared: &Shared) {
    let keeper = &shared.keeper;
    let mut inner = lock(&keeper.inner);
    while !inner.stopped {
        let prepare = inner.spare_wanted && inner.spare.is_none();
        inner.spare_wanted = false;
        inner.retention_due = false;
        drop(inner);
        let spare = if prepare { prepare_or_say(shared) } else { None };
        retain(shared);
        inner = lock(&keeper.inner);
        inner.spare_wanted |= prepare && spare.is_none();
        inner.spare = inner.spare.take().or(spare);
        let failed = inner.spare_wanted && prepare;
        if !inner.stopped && (failed || !(inner.spare_wanted || inner.retention_due)) {
            let waited = keeper.wake.wait_timeout(inner, ROUND);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
    if inner.spare.take().is_some() {
        discard(&*shared.disk, names::SPARE);
    }
}

/// Removes the oldest segments while they are released and over age, or all are over size.
pub(super) fn retain(shared: &Shared) {
    while let Some(oldest) = shared.catalog.oldest_finished() {
        if oldest.end_seq > shared.released() || !is_over(shared, &oldest) {
            return;
        }
        let name = names::segment(oldest.first_seq);
        // One at a time, each durable before the next: a crash never leaves a gap.
        if let Err(error) = shared.disk.remove(&name).and_then(|()| shared.disk.sync_dir()) {
            tracing::warn!(name, %error, "cannot remove an old journal segment");
            return;
        }
        shared.catalog.forget_oldest();
        tracing::debug!(name, "removed an old journal segment");
    }
}

fn is_over(shared: &Shared, oldest: &Segment) -> bool {
    let aged = shared.options.max_age.is_some_and(|age| {
        let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        oldest.at < shared.clock.now_us().saturating_sub(age_us)
    });
    aged || shared.options.max_bytes.is_some_and(|limit| shared.catalog.totals().0 > limit)
}

fn prepare_or_say(shared: &Shared) -> Option<Spare> {
    match prepare(shared) {
        Ok(spare) => Some(spare),
        Err(error) => {
            tracing::warn!(%error, "cannot prepare the next journal segment");
            discard(&*shared.disk, names::SPARE);
            None
        }
    }
}

fn prepare(shared: &Shared) -> io::Result<Spare> {
    let bytes = shared.options.segment_bytes;
    discard(&*shared.disk, names::SPARE);
    let file = shared.disk.create(names::SPARE)?;
    file.allocate(bytes)?;
    let mut offset = 0;
    while offset < bytes {
        let end = (offset + PIECE_BYTES).min(bytes);
        file.write_zeros(offset, end)?;
        file.sync_data()?;
        offset = end;
    }
    Ok(Spare { file, name: names::SPARE, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Disk, RealDisk};

    #[test]
    fn what_was_asked_for_before_a_spare_was_taken_does_not_make_another_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = RealDisk::new(folder.path()).expect("a disk");
        let keeper = Keeper::default();
        let file = disk.create(names::SPARE).expect("a file");
        lock(&keeper.inner).spare = Some(Spare { file, name: names::SPARE, bytes: 4_096 });
        // A preparation that came late: the next segment was half full before this one was taken.
        keeper.want_spare();
        assert!(keeper.take_spare().is_some());
        assert!(!lock(&keeper.inner).spare_wanted, "it would remove the file that was taken");
        keeper.want_spare();
        assert!(keeper.take_spare().is_none());
        assert!(lock(&keeper.inner).spare_wanted, "nothing was taken");
    }
}
