//! One simulated file: what the page cache shows, and what is durable.
//!
//! The unit of durability is a sector of 512 bytes: it is old or new as a whole.

use std::collections::BTreeSet;

use super::Random;

const SECTOR_BYTES: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Node {
    cached: Vec<u8>,
    durable: Vec<u8>,
    unsynced: BTreeSet<usize>,
}

impl Node {
    pub(super) fn durable(bytes: &[u8]) -> Self {
        Self { cached: bytes.to_vec(), durable: bytes.to_vec(), unsynced: BTreeSet::new() }
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: usize) -> usize {
        let rest = self.cached.get(offset..).unwrap_or(&[]);
        let bytes = rest.len().min(buffer.len());
        buffer[..bytes].copy_from_slice(&rest[..bytes]);
        bytes
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.cached.len() {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        self.unsynced.extend(offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
    }

    pub(super) fn resize(&mut self, bytes: usize) {
        // Space that was cut off and comes back reads as zeros, also after it is synced.
        let stale = bytes.min(self.durable.len());
        if self.cached.len() < stale {
            self.unsynced.extend(self.cached.len() / SECTOR_BYTES..=(stale - 1) / SECTOR_BYTES);
        }
        self.cached.resize(bytes, 0);
    }

    pub(super) fn flip(&mut self, offset: usize, mask: u8) {
        for bytes in [&mut self.cached, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= mask;
            }
        }
    }

    pub(super) fn sync(&mut self) {
        let unsynced = std::mem::take(&mut self.unsynced);
        self.durable.resize(self.cached.len(), 0);
        for sector in unsynced {
            self.keep(sector);
        }
    }

    /// What a failing sync does: the cache looks clean and nothing became durable.
    pub(super) fn forget_unsynced(&mut self) {
        self.unsynced.clear();
    }

    /// Keeps all, none, a prefix, or any of the unsynced sectors.
    pub(super) fn crash(&mut self, random: &mut Random) {
        if random.below(2) == 0 {
            self.durable.resize(self.cached.len(), 0);
        }
        let unsynced: Vec<usize> = std::mem::take(&mut self.unsynced).into_iter().collect();
        let manner = random.below(4);
        let prefix = random.below(unsynced.len() as u64 + 1) as usize;
        for (index, sector) in unsynced.into_iter().enumerate() {
            let kept = match manner {
                0 => true,
                1 => false,
                2 => index < prefix,
                _ => random.below(2) == 0,
            };
            if kept {
                self.keep(sector);
            }
        }
        self.cached = self.durable.clone();
    }

    fn keep(&mut self, sector: usize) {
        let from = sector * SECTOR_BYTES;
        let to = (from + SECTOR_BYTES).min(self.cached.len()).min(self.durable.len());
        if from < to {
            self.durable[from..to].copy_from_slice(&self.cached[from..to]);
        }
    }
}
