//! Walks the batches of one segment and judges the bytes behind the last good one.
//!
//! It decides nothing about acknowledged or not; it says what lies where.

use std::io;

use super::format::{BATCH_HEADER_BYTES, BATCH_MAGIC, BatchHeader};
use super::window::Window;
use crate::disk::File;

/// What lies at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An intact batch; its body follows the header.
    Batch(BatchHeader),
    /// Nothing was written here, or no header fits any more.
    Nothing,
    /// Bytes that are no intact batch.
    Bad(&'static str),
}

/// Where a walk along a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    /// Sequence number after the last good batch.
    pub(super) end_seq: u64,
    /// Time of the last good batch, or of the segment.
    pub(super) at: i64,
    /// Offset of the last good batch; the same as `offset` if there is none.
    pub(super) last_offset: u64,
    /// Offset behind the last good batch.
    pub(super) offset: u64,
    /// What is wrong there, if something is.
    pub(super) bad: Option<&'static str>,
    /// Whether what is wrong is an intact batch in the wrong place: no torn write looks like that.
    pub(super) misplaced: bool,
}

/// One segment to look at: batches of `seed` lie below `limit`.
#[derive(Clone, Copy)]
pub(super) struct Extent<'a> {
    pub(super) file: &'a dyn File,
    pub(super) seed: u32,
    pub(super) limit: u64,
}

impl Extent<'_> {
    /// Reads and verifies what lies at `offset`.
    pub(super) fn batch_at(&self, window: &mut Window, offset: u64) -> io::Result<Found> {
        let header = window.get(self.file, offset, BATCH_HEADER_BYTES as u64, self.limit)?;
        if header.len() < BATCH_HEADER_BYTES || header.iter().all(|byte| *byte == 0) {
            return Ok(Found::Nothing);
        }
        let Some(header) = BatchHeader::decode(header, self.seed) else {
            return Ok(Found::Bad("there is no intact batch header"));
        };
        let body = self.body(window, offset, &header)?;
        if body.len() as u64 != u64::from(header.body_bytes) {
            return Ok(Found::Bad("the segment ends inside the batch"));
        }
        if header.count == 0 || !header.matches(body) {
            return Ok(Found::Bad("the records do not match their checksum"));
        }
        Ok(Found::Batch(header))
    }

    /// The bytes of the body of the batch at `offset`, as far as the segment goes.
    pub(super) fn body<'w>(
        &self,
        window: &'w mut Window,
        offset: u64,
        header: &BatchHeader,
    ) -> io::Result<&'w [u8]> {
        // Both in one request, so that the read goes ahead from the header on.
        let batch = window.get(self.file, offset, header.batch_bytes(), self.limit)?;
        Ok(batch.get(BATCH_HEADER_BYTES..).unwrap_or(&[]))
    }

    /// Follows good batches from `from`, where `from.end_seq` is expected next.
    pub(super) fn walk(&self, window: &mut Window, from: Walk) -> io::Result<Walk> {
        let mut walk = from;
        loop {
            let (what, misplaced) = match self.batch_at(window, walk.offset)? {
                Found::Nothing => return Ok(walk),
                Found::Bad(what) => (what, false),
                Found::Batch(header) if header.first_seq != walk.end_seq => {
                    ("the sequence numbers do not continue", true)
                }
                Found::Batch(header) if header.at < walk.at => ("the time goes back", true),
                Found::Batch(header) => {
                    walk.end_seq = header.end_seq();
                    walk.at = header.at;
                    walk.last_offset = walk.offset;
                    walk.offset += header.batch_bytes();
                    continue;
                }
            };
            return Ok(Walk { bad: Some(what), misplaced, ..walk });
        }
    }

    /// The first intact batch header at or behind `from` whose records come at or after `seq`.
    ///
    /// The header alone is the proof: it is written once the batches before it are durable, and
    /// its body may itself be damaged or torn.
    pub(super) fn later_header(
        &self,
        from: u64,
        seq: u64,
    ) -> io::Result<Option<(u64, BatchHeader)>> {
        let mut found = None;
        self.chunks(from, BATCH_HEADER_BYTES - 1, |offset, bytes| {
            let mut rest = 0;
            while let Some(next) = bytes[rest..].iter().position(|byte| *byte == BATCH_MAGIC[0]) {
                let at = rest + next;
                let header = BatchHeader::decode(&bytes[at..], self.seed);
                if let Some(header) = header.filter(|header| header.first_seq >= seq) {
                    found = Some((offset + at as u64, header));
                    return true;
                }
                rest = at + 1;
            }
            false
        })?;
        Ok(found)
    }

    /// Offset behind the last byte that is not zero, or `from` if all are.
    pub(super) fn used_end(&self, from: u64) -> io::Result<u64> {
        let mut end = from;
        self.chunks(from, 0, |offset, bytes| {
            // Most of it is zeros, and this fold is one the compiler makes wide.
            if bytes.iter().fold(0, |seen, byte| seen | byte) != 0
                && let Some(last) = bytes.iter().rposition(|byte| *byte != 0)
            {
                end = offset + last as u64 + 1;
            }
            false
        })?;
        Ok(end)
    }

    /// Shows all bytes from `from` in pieces that overlap, until `look` says it has seen enough.
    fn chunks(
        &self,
        from: u64,
        overlap: usize,
        mut look: impl FnMut(u64, &[u8]) -> bool,
    ) -> io::Result<()> {
        let mut buffer = vec![0; (256 << 10) + overlap];
        let mut offset = from;
        while offset < self.limit {
            let room = (self.limit - offset).min(buffer.len() as u64) as usize;
            let read = self.file.read_full_at(&mut buffer[..room], offset)?;
            if read == 0 || look(offset, &buffer[..read]) || read <= overlap {
                break;
            }
            offset += (read - overlap) as u64;
        }
        Ok(())
    }
}
