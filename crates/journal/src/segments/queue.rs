//! Appends that wait for the writer, bounded in records and bytes.
//!
//! Refusing is immediate: nobody ever waits for room.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Answer, Append, Error, Records, lock};

/// One append and who waits for it.
pub(super) struct Pending {
    pub(super) records: Records,
    pub(super) answer: Answer,
}

/// What the writer found in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Group,
    /// Nothing came in time.
    Idle,
    /// Nothing is left and nothing will come.
    Closed,
}

#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Default)]
struct Inner {
    pending: Vec<Pending>,
    records: u64,
    bytes: u64,
    writer_waits: bool,
    closed: bool,
    refusal: Option<Error>,
}

impl Queue {
    /// Queues an append, unless that would exceed the limits.
    pub(super) fn push(
        &self,
        records: Records,
        max_records: u64,
        max_bytes: u64,
    ) -> Result<Append, Error> {
        let (count, bytes) = (u64::from(records.len()), records.bytes() as u64);
        let mut inner = lock(&self.inner);
        if inner.closed {
            return Err(Error::Closed);
        }
        if let Some(refusal) = &inner.refusal {
            return Err(refusal.clone());
        }
        // One append alone may hold more records than the limit: it is bounded in bytes.
        let crowded = !inner.pending.is_empty() && inner.records + count > max_records;
        if crowded || inner.bytes + bytes > max_bytes {
            return Err(Error::Full { records: inner.records, bytes: inner.bytes });
        }
        let (answer, append) = Append::pair();
        inner.pending.push(Pending { records, answer });
        inner.records += count;
        inner.bytes += bytes;
        if inner.writer_waits {
            inner.writer_waits = false;
            self.arrived.notify_one();
        }
        Ok(append)
    }

    /// Moves the oldest appends into `group`, which is empty: at least one, and further ones while
    /// they stay within `group_bytes`. Waits up to `patience` for the first.
    pub(super) fn take(
        &self,
        group: &mut Vec<Pending>,
        group_bytes: u64,
        patience: Duration,
    ) -> Taken {
        let mut inner = self.wait_for_work(patience);
        if inner.pending.is_empty() {
            return if inner.closed { Taken::Closed } else { Taken::Idle };
        }
        if inner.bytes <= group_bytes {
            std::mem::swap(&mut inner.pending, group);
            (inner.records, inner.bytes) = (0, 0);
            return Taken::Group;
        }
        let mut taken_bytes = 0;
        let fits = |pending: &&Pending| {
            taken_bytes += pending.records.bytes() as u64;
            taken_bytes <= group_bytes
        };
        let count = inner.pending.iter().take_while(fits).count().max(1);
        group.extend(inner.pending.drain(..count));
        for pending in group {
            inner.records -= u64::from(pending.records.len());
            inner.bytes -= pending.records.bytes() as u64;
        }
        Taken::Group
    }

    /// Refuses everything from now on with `refusal`, and hands back what was waiting.
    pub(super) fn refuse(&self, refusal: Error) -> Vec<Pending> {
        let mut inner = lock(&self.inner);
        inner.refusal = Some(refusal);
        (inner.records, inner.bytes) = (0, 0);
        std::mem::take(&mut inner.pending)
    }

    /// Takes appends again.
    pub(super) fn accept(&self) {
        lock(&self.inner).refusal = None;
    }

    /// Takes no further append; the writer drains what is there.
    pub(super) fn close(&self) {
        lock(&self.inner).closed = true;
        self.arrived.notify_all();
    }

    /// Records and bytes waiting.
    pub(super) fn depth(&self) -> (u64, u64) {
        let inner = lock(&self.inner);
        (inner.records, inner.bytes)
    }

    fn wait_for_work(&self, patience: Duration) -> MutexGuard<'_, Inner> {
        let mut inner = lock(&self.inner);
        if patience.is_zero() {
            return inner;
        }
        let deadline = Instant::now() + patience;
        while inner.pending.is_empty() && !inner.closed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inner.writer_waits = true;
            let waited = self.arrived.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        inner.writer_waits = false;
        inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(payloads: &[usize]) -> Records {
        let mut records = Records::new();
        for bytes in payloads {
            records.push(&vec![7; *bytes]);
        }
        records
    }

    #[test]
    fn a_group_is_cut_at_its_bytes_and_keeps_the_order() {
        let queue = Queue::default();
        for bytes in [10, 20, 30, 400, 1] {
            queue.push(records(&[bytes]), 100, 10_000).expect("there is room");
        }
        let mut sizes = Vec::new();
        let mut group = Vec::new();
        while queue.take(&mut group, 100, Duration::ZERO) == Taken::Group {
            sizes.push(group.drain(..).map(|taken| taken.records.bytes()).collect::<Vec<_>>());
        }
        assert_eq!(sizes, [vec![18, 28, 38], vec![408], vec![9]]);
        assert_eq!(queue.depth(), (0, 0));
    }

    #[test]
    fn the_queue_is_full_at_its_records_and_at_its_bytes() {
        let queue = Queue::default();
        queue.push(records(&[1, 1]), 2, 100).expect("an empty queue has room");
        let error = queue.push(records(&[1]), 2, 100).expect_err("two records are the limit");
        assert!(matches!(error, Error::Full { records: 2, bytes: 18 }));
        let error = queue.push(records(&[80]), 9, 100).expect_err("a hundred bytes are the limit");
        assert!(matches!(error, Error::Full { records: 2, bytes: 18 }));
    }

    #[test]
    fn a_closed_queue_is_drained_before_it_says_so() {
        let queue = Queue::default();
        queue.push(records(&[1]), 2, 100).expect("there is room");
        queue.close();
        assert!(matches!(queue.push(records(&[1]), 2, 100), Err(Error::Closed)));
        let mut group = Vec::new();
        assert_eq!(queue.take(&mut group, 100, Duration::from_secs(60)), Taken::Group);
        group.clear();
        assert_eq!(queue.take(&mut group, 100, Duration::from_secs(60)), Taken::Closed);
    }
}
