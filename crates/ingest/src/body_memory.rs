//! How many bytes of bodies are in memory at once, over all requests, and the limit on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::code::Code;
use crate::problem::Problem;

/// The account of all bodies in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    taken: AtomicUsize,
}

/// What one request has taken; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(0) }
    }

    /// Bytes that are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Nothing taken yet.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { memory: Arc::clone(self), bytes: 0 }
    }
}

impl Share {
    /// Takes `bytes` more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.memory.taken.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes > self.memory.limit {
            let detail = "the bodies being read take all the memory they may; try again";
            return Err(Problem::new(Code::MemoryFull, detail));
        }
        Ok(())
    }

    /// Has `bytes` from now on.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Problem> {
        if let Some(less) = self.bytes.checked_sub(bytes) {
            self.memory.taken.fetch_sub(less, Ordering::Relaxed);
            self.bytes = bytes;
            return Ok(());
        }
        self.grow(bytes - self.bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
