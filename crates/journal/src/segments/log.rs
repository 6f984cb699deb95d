//! The writing end of the segments: one batch at a time, synchronous, no threads.
//!
//! A batch that failed is overwritten with zeros before anything else is written, so its sequence
//! numbers are used again and none of its bytes can be taken for a batch later.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::format::seed_of;
use super::format::{BATCH_HEADER_BYTES, BLOCK_BYTES, BatchHeader, End, SegmentHeader};
use super::names;
use super::survey::Segment;
use crate::disk::{Disk, File};
use crate::{Durability, Records};

/// Why a commit did not happen.
#[derive(Debug)]
pub(super) enum Fault {
    /// No space; may be tried again after [`Log::repair`].
    Full(&'static str, io::Error),
    /// The state of the file is unknown; nothing may be written to it any more.
    Failed(&'static str, io::Error),
}

/// A segment file that is prepared but has no header yet.
pub(super) struct Spare {
    pub(super) file: Arc<dyn File>,
    pub(super) name: &'static str,
    pub(super) bytes: u64,
}

/// What a commit made durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    pub(super) first_seq: u64,
    pub(super) at: i64,
}

pub(super) struct Log {
    disk: Arc<dyn Disk>,
    durability: Durability,
    segment_bytes: u64,
    file: Arc<dyn File>,
    active: Segment,
    /// Set when the decision to seal is made; no batch goes to the active segment from then on.
    sealing: bool,
    /// Bytes of a failed batch that must be zeroed first.
    dirty: Option<Range<u64>>,
    buffer: Vec<u8>,
    last_sync: Duration,
}

impl Log {
    /// Goes on behind the last batch of `active`, or begins a new journal.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        durability: Durability,
        segment_bytes: u64,
        active: Option<Segment>,
        now: i64,
    ) -> Result<Self, Fault> {
        let (file, active) = match active {
            Some(active) => {
                let file = disk.open(&names::segment(active.first_seq));
                (file.map_err(|error| Fault::Failed("open the segment", error))?, active)
            }
            None => {
                let header = SegmentHeader { first_seq: 1, created_at: now, segment_bytes };
                create(&*disk, header, None)?
            }
        };
        let (sealing, dirty, buffer, last_sync) = (active.sealed, None, Vec::new(), Duration::ZERO);
        Ok(Self {
            disk,
            durability,
            segment_bytes,
            file,
            active,
            sealing,
            dirty,
            buffer,
            last_sync,
        })
    }

    /// The segment being written.
    pub(super) fn active(&self) -> Segment {
        self.active
    }

    pub(super) fn last_sync(&self) -> Duration {
        self.last_sync
    }

    /// Whether more than half of the active segment is used.
    pub(super) fn is_half_full(&self) -> bool {
        self.active.end_offset > self.active.segment_bytes / 2
    }

    /// Writes the records of all appends as one batch and makes it durable.
    pub(super) fn commit<'a>(
        &mut self,
        appends: impl Iterator<Item = &'a Records>,
        now: i64,
        spare: impl FnOnce() -> Option<Spare>,
    ) -> Result<Committed, Fault> {
        if self.dirty.is_some() {
            self.repair()?;
        }
        let count = self.collect(appends);
        if self.sealing || self.active.end_offset + self.buffer.len() as u64 > self.limit() {
            self.roll(now, spare)?;
        }
        let header = self.finish_batch(count, now);
        let offset = self.active.end_offset;
        let end = offset + self.buffer.len() as u64;
        if let Err(error) = self.file.write_all_at(&self.buffer, offset) {
            self.dirty = Some(offset..end);
            return Err(Fault::writing("write a batch", error));
        }
        if self.durability == Durability::Disk {
            self.sync()?;
        }
        self.active.end_seq = header.end_seq();
        self.active.end_offset = end;
        self.active.at = header.at;
        Ok(Committed { first_seq: header.first_seq, at: header.at })
    }

    /// Finds out whether writing works again, and leaves nothing of a failed batch behind.
    pub(super) fn repair(&mut self) -> Result<(), Fault> {
        if let Some(dirty) = self.dirty.clone() {
            let zeroed = self.file.write_zeros(dirty.start, dirty.end);
            zeroed.map_err(|error| Fault::writing("clear a failed batch", error))?;
            self.sync()?;
            self.dirty = None;
        }
        Ok(())
    }

    /// Whether a new segment has to be made before the next batch.
    pub(super) fn needs_segment(&self) -> bool {
        self.sealing
    }

    /// Seals the active segment and makes the next one. May be called again after `Full`.
    pub(super) fn roll(
        &mut self,
        now: i64,
        spare: impl FnOnce() -> Option<Spare>,
    ) -> Result<(), Fault> {
        self.sealing = true;
        if !self.active.sealed {
            let footer = self.end().encode_footer(self.active.seed);
            let written = self.file.write_all_at(&footer, self.limit());
            written.map_err(|error| Fault::writing("finish a segment", error))?;
            self.sync()?;
            self.active.sealed = true;
        }
        let first_seq = self.active.end_seq;
        let created_at = now.max(self.active.at);
        let spare = spare();
        let segment_bytes = spare.as_ref().map_or(self.segment_bytes, |spare| spare.bytes);
        let header = SegmentHeader { first_seq, created_at, segment_bytes };
        (self.file, self.active) = create(&*self.disk, header, spare)?;
        self.sealing = false;
        Ok(())
    }

    /// Marks a clean shutdown: whoever opens the journal next must find all of it.
    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        self.repair()?;
        if self.durability == Durability::Os {
            self.sync()?;
        }
        let mark = self.end().encode_mark();
        write_mark(&*self.disk, &mark).map_err(|error| Fault::writing("mark the shutdown", error))
    }

    /// Puts all frames into the buffer, behind room for the header.
    fn collect<'a>(&mut self, appends: impl Iterator<Item = &'a Records>) -> u32 {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; BATCH_HEADER_BYTES]);
        let mut count = 0;
        for records in appends {
            self.buffer.extend_from_slice(records.as_bytes());
            count += records.len();
        }
        count
    }

    fn finish_batch(&mut self, count: u32, now: i64) -> BatchHeader {
        let (head, body) = self.buffer.split_at_mut(BATCH_HEADER_BYTES);
        let header = BatchHeader {
            body_bytes: u32::try_from(body.len()).expect("a segment is smaller than 4 GiB"),
            count,
            first_seq: self.active.end_seq,
            at: now.max(self.active.at),
            body_crc: crc32c::crc32c(body),
        };
        head.copy_from_slice(&header.encode(self.active.seed));
        header
    }

    fn end(&self) -> End {
        let Segment { first_seq, end_seq, end_offset, at, .. } = self.active;
        End { first_seq, end_seq, offset: end_offset, at }
    }

    /// Where the footer begins.
    fn limit(&self) -> u64 {
        self.active.segment_bytes - BLOCK_BYTES as u64
    }

    fn sync(&mut self) -> Result<(), Fault> {
        let started = Instant::now();
        let synced = self.file.sync_data();
        self.last_sync = started.elapsed();
        synced.map_err(|error| Fault::Failed("sync the segment", error))
    }
}

impl Fault {
    /// A failed write or allocation: out of space may pass, everything else does not.
    fn writing(what: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(what, error),
            _ => Self::Failed(what, error),
        }
    }
}

/// Makes a segment: complete and durable under a passing name before it gets its own.
pub(super) fn create(
    disk: &dyn Disk,
    header: SegmentHeader,
    spare: Option<Spare>,
) -> Result<(Arc<dyn File>, Segment), Fault> {
    let block = header.encode();
    let prepared = spare.map_or_else(|| reserve(disk, header.segment_bytes), Ok);
    let spare = prepared.map_err(|error| Fault::writing("reserve a segment", error))?;
    if let Err(error) = spare.file.write_all_at(&block, 0) {
        discard(disk, spare.name);
        return Err(Fault::writing("begin a segment", error));
    }
    let entered = spare
        .file
        .sync_data()
        .and_then(|()| disk.rename(spare.name, &names::segment(header.first_seq)))
        .and_then(|()| disk.sync_dir());
    entered.map_err(|error| Fault::Failed("begin a segment", error))?;
    let segment = Segment {
        first_seq: header.first_seq,
        end_seq: header.first_seq,
        end_offset: BLOCK_BYTES as u64,
        at: header.created_at,
        segment_bytes: header.segment_bytes,
        seed: seed_of(&block),
        sealed: false,
    };
    Ok((spare.file, segment))
}

/// Removes a file nobody needs; a leftover is removed when the journal is opened.
pub(super) fn discard(disk: &dyn Disk, name: &str) {
    if let Err(error) = disk.remove(name)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(name, %error, "cannot remove a journal file");
    }
}

fn reserve(disk: &dyn Disk, bytes: u64) -> io::Result<Spare> {
    let name = names::NEW_SEGMENT;
    discard(disk, name);
    let file = disk.create(name)?;
    if let Err(error) = file.allocate(bytes) {
        discard(disk, name);
        return Err(error);
    }
    Ok(Spare { file, name, bytes })
}

fn write_mark(disk: &dyn Disk, mark: &[u8]) -> io::Result<()> {
    discard(disk, names::NEW_MARK);
    let file = disk.create(names::NEW_MARK)?;
    file.write_all_at(mark, 0)?;
    file.sync_data()?;
    disk.rename(names::NEW_MARK, names::CLEAN_MARK)?;
    disk.sync_dir()
}
