//! The lake in memory, with flushes that refuse on demand.

use std::sync::atomic::{AtomicBool, Ordering};

use lake::{
    CompactionReport, Error, ErrorKind, Lake, Manifest, MemoryLake, Row, SignalPage, SignalQuery,
    Status,
};
use model::{ProjectId, Seq};

use super::Planted;

/// The lake of the simulated world.
#[derive(Default)]
pub struct SimLake {
    inner: MemoryLake,
    refuses_flush: AtomicBool,
    planted: Option<Planted>,
}

impl SimLake {
    /// An empty lake, with a planted mistake if there is one.
    #[must_use]
    pub fn new(planted: Option<Planted>) -> Self {
        Self { inner: MemoryLake::new(), refuses_flush: AtomicBool::new(false), planted }
    }

    /// The lake itself.
    #[must_use]
    pub fn inner(&self) -> &MemoryLake {
        &self.inner
    }

    /// Lets flushes fail, or work again.
    pub fn refuse_flush(&self, refuses: bool) {
        self.refuses_flush.store(refuses, Ordering::SeqCst);
    }
}

impl Lake for SimLake {
    fn append(&self, rows: &[Row<'_>]) -> Result<(), Error> {
        let mut rows = rows.to_vec();
        match self.planted {
            Some(Planted::LakeLosesRow) if rows.len() > 3 => {
                rows.remove(1);
            }
            Some(Planted::LakeCrossesTenant) => {
                if let Some(row) = rows.first_mut() {
                    row.project = ProjectId(row.project.0 % 3 + 1);
                }
            }
            Some(_) | None => {}
        }
        self.inner.append(&rows)
    }

    fn durable(&self) -> Seq {
        self.inner.durable()
    }

    fn advance(&self, through: Seq) {
        self.inner.advance(through);
    }

    fn flush(&self) -> Result<Seq, Error> {
        if self.refuses_flush.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Disk, "cannot flush: told to fail"));
        }
        self.inner.flush()
    }

    fn signals(&self, query: &SignalQuery) -> Result<SignalPage, Error> {
        self.inner.signals(query)
    }

    fn status(&self) -> Status {
        self.inner.status()
    }

    fn compact(&self) -> Result<CompactionReport, Error> {
        self.inner.compact()
    }

    fn manifest(&self) -> Manifest {
        self.inner.manifest()
    }

    fn close(&self) -> Result<(), Error> {
        self.inner.close()
    }
}
