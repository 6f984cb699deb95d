//! Reads ahead in one file, so that replay is a few large reads however small the batches are.
//!
//! It never reads at or beyond the `end` it is given: bytes beyond may still change.

use std::io;

use crate::disk::File;

/// How far a read goes ahead, in bytes.
const AHEAD_BYTES: u64 = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Window {
    buffer: Vec<u8>,
    start: u64,
    filled: usize,
}

impl Window {
    /// Forgets what was read: the next bytes come from another file.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// `bytes` bytes from `offset`, or fewer where `end` or the end of the file comes first.
    pub(super) fn get(
        &mut self,
        file: &dyn File,
        offset: u64,
        bytes: u64,
        end: u64,
    ) -> io::Result<&[u8]> {
        let bytes = bytes.min(end.saturating_sub(offset));
        if offset < self.start || offset + bytes > self.start + self.filled as u64 {
            self.fill(file, offset, bytes.max(AHEAD_BYTES.min(end.saturating_sub(offset))))?;
        }
        let from = (offset - self.start) as usize;
        let to = (from + bytes as usize).min(self.filled);
        Ok(&self.buffer[from.min(to)..to])
    }

    fn fill(&mut self, file: &dyn File, offset: u64, bytes: u64) -> io::Result<()> {
        let held = self.start..self.start + self.filled as u64;
        let kept = if held.contains(&offset) {
            let from = (offset - self.start) as usize;
            self.buffer.copy_within(from..self.filled, 0);
            self.filled - from
        } else {
            0
        };
        (self.start, self.filled) = (offset, kept);
        let wanted = bytes as usize;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        if kept < wanted {
            let rest = &mut self.buffer[kept..wanted];
            self.filled += file.read_full_at(rest, offset + kept as u64)?;
        }
        Ok(())
    }
}
