//! A lake in memory: the same contract, a crash at will. For the simulator; it is what scans are
//! compared with in tests, so it shares no code with them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{ProjectId, Seq};

use crate::{
    CompactionReport, Error, Lake, Manifest, PAGE_BYTES, PAGE_ROWS, Row, SignalPage, SignalQuery,
    Status, StoredSignal,
};

/// Keeps everything in a list. Rows become durable by [`Lake::flush`] or [`MemoryLake::set_durable`].
#[derive(Default)]
pub struct MemoryLake(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    rows: Vec<(ProjectId, StoredSignal)>,
    taken: Seq,
    durable: Seq,
    closed: bool,
}

impl MemoryLake {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes everything up to `through` durable, or up to what was taken if that is less. Never goes back.
    pub fn set_durable(&self, through: Seq) {
        let mut inner = self.inner();
        inner.durable = inner.durable.max(through.min(inner.taken));
    }

    /// Forgets what is not durable, as a process that is killed does, and opens again.
    pub fn crash(&self) {
        let mut inner = self.inner();
        let durable = inner.durable;
        inner.rows.retain(|(_, row)| row.seq <= durable);
        inner.taken = durable;
        inner.closed = false;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lake for MemoryLake {
    fn append(&self, rows: &[Row<'_>]) -> Result<(), Error> {
        let mut inner = self.inner();
        if inner.closed {
            return Err(Error::closed());
        }
        for row in rows {
            if row.seq > inner.taken {
                inner.taken = row.seq;
                inner.rows.push((row.project, stored(row)));
            }
        }
        Ok(())
    }

    fn durable(&self) -> Seq {
        self.inner().durable
    }

    fn advance(&self, through: Seq) {
        let mut inner = self.inner();
        inner.taken = inner.taken.max(through);
    }

    fn flush(&self) -> Result<Seq, Error> {
        let mut inner = self.inner();
        inner.durable = inner.taken;
        Ok(inner.durable)
    }

    fn signals(&self, query: &SignalQuery) -> Result<SignalPage, Error> {
        let inner = self.inner();
        let fitting = inner.rows.iter().rev();
        let fitting: Vec<_> = fitting
            .filter(|(project, row)| *project == query.project && fits(query, row))
            .map(|(_, row)| row)
            .collect();
        let after = fitting.iter().filter(|row| query.before.is_none_or(|before| row.seq < before));
        let mut page = SignalPage { total: fitting.len() as u64, ..SignalPage::default() };
        let (mut bytes, limit) = (0, query.limit.min(PAGE_ROWS));
        for row in after {
            if page.items.len() == limit || bytes >= PAGE_BYTES {
                page.next = page.items.last().map(|last| last.seq);
                break;
            }
            bytes += crate::text_bytes(&row.signal);
            page.items.push((*row).clone());
        }
        Ok(page)
    }

    fn status(&self) -> Status {
        let inner = self.inner();
        let hot = inner.rows.iter().filter(|(_, row)| row.seq > inner.durable).count() as u64;
        Status {
            hot_rows: hot,
            file_rows: inner.rows.len() as u64 - hot,
            taken: inner.taken,
            durable: inner.durable,
            ..Status::default()
        }
    }

    fn compact(&self) -> Result<CompactionReport, Error> {
        Ok(CompactionReport::default())
    }

    fn manifest(&self) -> Manifest {
        Manifest { durable: self.durable(), ..Manifest::default() }
    }

    fn close(&self) -> Result<(), Error> {
        self.flush()?;
        self.inner().closed = true;
        Ok(())
    }
}

fn stored(row: &Row<'_>) -> StoredSignal {
    StoredSignal {
        seq: row.seq,
        received_at: row.received_at,
        signal: row.signal.to_owned_signal(),
        identity: row.identity,
        incident: row.incident,
        reason: row.reason,
    }
}

fn fits(query: &SignalQuery, row: &StoredSignal) -> bool {
    let belongs = match &query.incidents {
        None => true,
        Some(_) if query.moved_in.contains(&row.seq) => true,
        Some(_) if query.moved_out.contains(&row.seq) => false,
        Some(incidents) => row.incident.is_some_and(|incident| incidents.contains(&incident)),
    };
    belongs
        && (query.ids.is_empty() || query.ids.contains(&row.signal.id))
        && query.from.is_none_or(|from| row.received_at >= from)
        && query.until.is_none_or(|until| row.received_at < until)
}
