//! What readers may see: the segments, where each one's durable bytes end, and the state.
//!
//! The writer publishes here after a sync and before it answers; nothing here does I/O.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::survey::Segment;
use crate::{State, lock};

pub(super) struct Catalog {
    inner: Mutex<Inner>,
    progress: Condvar,
    /// Copy of the end, so that a caught-up reader takes no lock.
    durable_end: AtomicU64,
}

struct Inner {
    /// Oldest first, contiguous, never empty.
    segments: Vec<Segment>,
    state: State,
    last_sync: Duration,
}

/// Where a sequence number lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    In(Segment),
    /// Below the first retained record, which this is.
    Gone(u64),
    /// At or beyond the end.
    Ahead,
}

impl Catalog {
    pub(super) fn new(segments: Vec<Segment>) -> Self {
        let end = segments.last().map_or(1, |last| last.end_seq);
        let inner = Inner { segments, state: State::Ok, last_sync: Duration::ZERO };
        let (inner, progress) = (Mutex::new(inner), Condvar::new());
        Self { inner, progress, durable_end: AtomicU64::new(end) }
    }

    pub(super) fn durable_end(&self) -> u64 {
        self.durable_end.load(Ordering::Acquire)
    }

    pub(super) fn start(&self) -> u64 {
        lock(&self.inner).segments.first().map_or(1, |first| first.first_seq)
    }

    /// The segment that holds the durable record `seq`.
    pub(super) fn find(&self, seq: u64) -> Place {
        let inner = lock(&self.inner);
        let after = inner.segments.partition_point(|segment| segment.first_seq <= seq);
        match after.checked_sub(1).map(|index| inner.segments[index]) {
            Some(segment) if seq < segment.end_seq => Place::In(segment),
            Some(_) => Place::Ahead,
            None => Place::Gone(inner.segments.first().map_or(1, |first| first.first_seq)),
        }
    }

    /// Shows a commit: `active` is the segment it went to.
    pub(super) fn publish(&self, active: Segment, last_sync: Duration) {
        let mut inner = lock(&self.inner);
        match inner.segments.last_mut() {
            Some(last) if last.first_seq == active.first_seq => *last = active,
            _ => inner.segments.push(active),
        }
        inner.last_sync = last_sync;
        self.durable_end.store(active.end_seq, Ordering::Release);
        drop(inner);
        self.progress.notify_all();
    }

    pub(super) fn set_state(&self, state: State) {
        lock(&self.inner).state = state;
        self.progress.notify_all();
    }

    pub(super) fn state(&self) -> State {
        lock(&self.inner).state.clone()
    }

    /// Bytes and number of all segments, and how long the last sync took.
    pub(super) fn totals(&self) -> (u64, u64, Duration) {
        let inner = lock(&self.inner);
        let bytes = inner.segments.iter().map(|segment| segment.segment_bytes).sum();
        (bytes, inner.segments.len() as u64, inner.last_sync)
    }

    /// The oldest segment, unless it is the one being written.
    pub(super) fn oldest_finished(&self) -> Option<Segment> {
        let inner = lock(&self.inner);
        (inner.segments.len() > 1).then(|| inner.segments[0])
    }

    /// Forgets the oldest segment, whose file is gone.
    pub(super) fn forget_oldest(&self) {
        lock(&self.inner).segments.remove(0);
    }

    /// Waits until the end is beyond `seq`, the journal is closed, or the time is over.
    pub(super) fn wait(&self, seq: u64, timeout: Duration) -> u64 {
        let started = Instant::now();
        let mut inner = lock(&self.inner);
        while self.durable_end() <= seq && inner.state != State::Closed {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            let waited = self.progress.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.durable_end()
    }
}
