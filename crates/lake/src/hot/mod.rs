//! The hot buffer: rows that are readable and not yet in files.
//!
//! Refuses to know files. Rows go to one growing block; a full block never changes again and is shared,
//! so that a reader holds the lock only while it looks at the growing one.

mod block;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use block::Block;

use crate::Row;

/// Rows after which a block is full.
const BLOCK_ROWS: usize = 8_192;
/// Bytes after which a block is full.
const BLOCK_BYTES: usize = 4 << 20;

/// Rows in ascending order of position, the newest in `growing`.
#[derive(Default)]
pub(crate) struct Hot {
    growing: Block,
    full: VecDeque<Arc<Block>>,
    full_rows: usize,
    full_bytes: usize,
    oldest: Option<Instant>,
}

impl Hot {
    /// Adds a row whose position is above all others.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        if self.oldest.is_none() {
            self.oldest = Some(Instant::now());
        }
        self.growing.push(row);
        if self.growing.len() >= BLOCK_ROWS || self.growing.bytes() >= BLOCK_BYTES {
            self.close_block();
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.full_rows + self.growing.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.full_bytes + self.growing.bytes()
    }

    /// When the oldest row came.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.oldest
    }

    /// The block that still grows: read it under the lock.
    pub(crate) fn growing(&self) -> &Block {
        &self.growing
    }

    /// The full blocks, newest first.
    pub(crate) fn full(&self) -> Vec<Arc<Block>> {
        self.full.iter().rev().cloned().collect()
    }

    /// The oldest blocks up to about `rows` or `bytes`, at least one if there is any row, and the position
    /// of the first row that is not in them.
    pub(crate) fn oldest_blocks(
        &mut self,
        rows: usize,
        bytes: usize,
    ) -> (Vec<Arc<Block>>, Option<u64>) {
        self.close_block();
        let (mut taken, mut taken_rows, mut taken_bytes) = (Vec::new(), 0, 0);
        for block in &self.full {
            if !taken.is_empty()
                && (taken_rows + block.len() > rows || taken_bytes + block.bytes() > bytes)
            {
                break;
            }
            taken_rows += block.len();
            taken_bytes += block.bytes();
            taken.push(Arc::clone(block));
        }
        let next = self.full.get(taken.len()).map(|block| block.seq(0));
        (taken, next)
    }

    /// Forgets the oldest `blocks`: their rows are in files.
    pub(crate) fn forget(&mut self, blocks: usize) {
        for block in self.full.drain(..blocks) {
            self.full_rows -= block.len();
            self.full_bytes -= block.bytes();
        }
        self.oldest = (self.rows() > 0).then(Instant::now);
    }

    fn close_block(&mut self) {
        if self.growing.len() == 0 {
            return;
        }
        let next = Block::with_room_of(&self.growing);
        let block = std::mem::replace(&mut self.growing, next);
        self.full_rows += block.len();
        self.full_bytes += block.bytes();
        self.full.push_back(Arc::new(block));
    }
}
