//! What goes wrong with disks, store and lake for a while, and how it gets well again.

use std::io;

use journal::{Journal, State};
use store::ErrorKind;

use super::World;
use crate::invariant::{Invariant, Violation};

/// Something that is wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Files cannot grow.
    DiskFull,
    /// Writes fail, for want of space.
    NoSpace,
    /// Writes fail.
    WriteFails,
    /// Syncs fail.
    SyncFails,
    /// Writes take a part only.
    ShortWrites,
    /// Snapshots cannot be saved: the lake does not write, or their own place does not.
    SnapshotRefused,
}

impl World {
    /// Makes something go wrong from now on.
    pub(crate) fn break_down(&mut self, fault: Fault) {
        self.trace.say(format!("fault: {fault:?}"));
        match fault {
            Fault::DiskFull => self.disk.inject(|faults| faults.capacity = Some(0)),
            Fault::NoSpace => {
                self.disk.inject(|faults| faults.write_error = Some(io::ErrorKind::StorageFull));
            }
            Fault::WriteFails => {
                self.disk.inject(|faults| faults.write_error = Some(io::ErrorKind::Other));
            }
            Fault::SyncFails => self.disk.inject(|faults| faults.sync_error = true),
            Fault::ShortWrites => self.disk.inject(|faults| faults.short_writes = true),
            Fault::SnapshotRefused => {
                self.snapshots_refused = true;
                let lake = self.random.chance(50);
                self.lake.refuse_flush(lake);
                self.snapshots.refuse(!lake);
            }
        }
    }

    /// The store refuses the next commits.
    pub(crate) fn break_store(&mut self) {
        let commits = usize::try_from(self.random.between(1, 3)).unwrap_or(1);
        let kinds = [ErrorKind::Disk, ErrorKind::Database, ErrorKind::Conflict];
        let kind = *self.random.pick(&kinds).unwrap_or(&ErrorKind::Disk);
        self.trace.say(format!("the store will refuse {commits} commits: {kind:?}"));
        self.store.inner().fail_next(commits, kind);
    }

    /// Everything is well again.
    pub(crate) fn heal(&mut self) {
        self.disk.inject(|faults| {
            faults.capacity = None;
            faults.write_error = None;
            faults.sync_error = false;
            faults.short_writes = false;
        });
        self.snapshots_refused = false;
        self.lake.refuse_flush(false);
        self.snapshots.refuse(false);
    }

    /// Whether the journal has failed for good and must be opened anew.
    pub(crate) fn must_restart(&self) -> bool {
        matches!(self.journal().status().state, State::Failed { .. })
    }

    /// With a healthy disk the journal acknowledges, unless it has failed for good.
    pub(crate) fn check_recovered(&mut self) -> Result<(), Violation> {
        self.checked.count(Invariant::Conduct);
        let state = self.journal().status().state;
        if matches!(state, State::Ok | State::Failed { .. }) {
            return Ok(());
        }
        let what = format!("the disk is well and the journal does not acknowledge: {state:?}");
        Err(Violation::new(Invariant::Conduct, what))
    }

    /// Flips a bit of an acknowledged record on the disk. `unclean` keeps away from the last batch,
    /// which without a clean shutdown nobody can tell from a torn one. Answers where.
    pub(crate) fn rot(&mut self, unclean: bool) -> Option<(String, u64, u8)> {
        let names = self.mount.list().ok()?;
        let end = self.ledger.end().0;
        let before = if unclean { self.last_batch.saturating_sub(1) } else { end };
        for _ in 0..if before == 0 { 0 } else { 20 } {
            let seq = model::Seq(self.random.between(1, before));
            let record = &self.ledger.get(seq)?.record;
            if record.len() < 100 || self.ledger.occurrences(record) > 1 {
                continue;
            }
            for name in &names {
                let Some(content) = self.disk.content(name) else { continue };
                let found = content.windows(record.len()).position(|window| window == record);
                let Some(offset) = found else { continue };
                let at = offset as u64 + self.random.below(record.len() as u64);
                let mask = 1 << self.random.below(8);
                self.disk.flip(name, at, mask);
                self.trace.say(format!("a bit of entry {seq} flips: {name} at {at}"));
                return Some((name.clone(), at, mask));
            }
        }
        None
    }
}
