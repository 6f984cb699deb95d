//! The lake on a local disk: a hot buffer, Parquet files, and a manifest that says which of them count.
//!
//! Invariant: every row that was taken is in the hot buffer or in a file of the manifest, never in both
//! for a reader, and every row of a file lies at or below `durable`.

mod background;
mod compact;
mod flush;
mod merge;
mod open;
pub(crate) mod salvage;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use model::{Seq, Timestamp};

use crate::file::{Cache, LakeFile};
use crate::hot::Hot;
use crate::scan::{self, Plan, Sources};
use crate::{
    CompactionReport, Error, ErrorKind, Lake, Manifest, Row, SignalPage, SignalQuery, Status,
};
use background::{Background, Wake};

/// How a local lake works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives. Made if it is missing; one process at a time.
    pub dir: PathBuf,
    /// Rows that wait before files are written, and that one write takes, give or take 8 192: 131 072.
    pub flush_rows: usize,
    /// Bytes that wait before files are written, and that one write takes: 64 MiB.
    pub flush_bytes: usize,
    /// How long a row waits at most before it is written, roughly: 30 s.
    pub flush_age: Duration,
    /// When files are merged.
    pub compaction: Compaction,
    /// Memory for rows not yet in files; beyond it `append` answers `Full`: 512 MiB.
    pub hot_limit_bytes: usize,
    /// Whether threads write and merge by themselves; otherwise only `flush` and `compact` do.
    pub background: bool,
}

/// When files of one project and day are merged.
#[derive(Debug, Clone)]
pub struct Compaction {
    /// Files of about one size that are merged at once: 8.
    pub fan_in: usize,
    /// Rows up to which files grow: 1 048 576.
    pub target_rows: u64,
    /// Bytes up to which files grow: 128 MiB.
    pub target_bytes: u64,
    /// Without new rows for this long, by the journal's stamps, a day is merged whole: 1 h.
    pub settle: model::Duration,
}

impl Options {
    /// The usual ones for a directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            flush_rows: 131_072,
            flush_bytes: 64 << 20,
            flush_age: Duration::from_secs(30),
            compaction: Compaction::default(),
            hot_limit_bytes: 512 << 20,
            background: true,
        }
    }
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            fan_in: 8,
            target_rows: 1 << 20,
            target_bytes: 128 << 20,
            settle: model::Duration::from_secs(3_600),
        }
    }
}

/// A lake on a local disk. Dropped without [`Lake::close`] it forgets what is not durable.
pub struct LocalLake {
    core: Arc<Core>,
    background: Background,
}

/// Rows taken under one hold of the lock, so that readers wait for microseconds only.
const APPEND_ROWS: usize = 512;

impl LocalLake {
    /// Opens the lake in `options.dir`, or makes one. Left-overs of a crash are deleted; a file of the
    /// manifest never is.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] while another process has it open, [`ErrorKind::Corrupt`] when the manifest
    /// is damaged or a file it lists is missing or has another size, [`ErrorKind::Version`] when a newer
    /// version wrote it, [`ErrorKind::Options`], [`ErrorKind::Disk`].
    pub fn open(options: Options) -> Result<Self, Error> {
        let with_threads = options.background;
        let core = Arc::new(open::open(options)?);
        let background =
            if with_threads { Background::start(&core)? } else { Background::default() };
        Ok(Self { core, background })
    }
}

impl Lake for LocalLake {
    fn append(&self, rows: &[Row<'_>]) -> Result<(), Error> {
        rows.chunks(APPEND_ROWS).try_for_each(|rows| self.core.take(rows))
    }

    fn durable(&self) -> Seq {
        self.core.read().durable
    }

    fn advance(&self, through: Seq) {
        let mut state = self.core.write();
        state.taken = state.taken.max(through);
    }

    fn flush(&self) -> Result<Seq, Error> {
        self.core.flush_all()
    }

    fn signals(&self, query: &SignalQuery) -> Result<SignalPage, Error> {
        let plan = Plan::new(query);
        let sources = {
            let state = self.core.read();
            Sources::look(&state.hot, &state.files, &plan)
        };
        scan::page(&sources, &plan, &self.core.cache)
    }

    fn status(&self) -> Status {
        let state = self.core.read();
        Status {
            hot_rows: state.hot.rows() as u64,
            hot_bytes: state.hot.bytes() as u64,
            hot_limit_bytes: self.core.options.hot_limit_bytes as u64,
            files: state.files.len() as u64,
            file_rows: state.files.iter().map(|file| file.info.rows).sum(),
            file_bytes: state.files.iter().map(|file| file.info.bytes).sum(),
            taken: state.taken,
            durable: state.durable,
            last_flush_at: state.last_flush_at,
            flush_error: state.flush_error.clone(),
            compactions: state.compactions,
            compaction_error: state.compaction_error.clone(),
        }
    }

    fn compact(&self) -> Result<CompactionReport, Error> {
        self.core.compact_round()
    }

    fn manifest(&self) -> Manifest {
        self.core.manifest()
    }

    fn close(&self) -> Result<(), Error> {
        self.core.write().closed = true;
        let flushed = self.core.flush_all();
        self.background.stop(&self.core.wake);
        flushed.map(|_| ())
    }
}

impl Drop for LocalLake {
    fn drop(&mut self) {
        self.background.stop(&self.core.wake);
    }
}

/// What the caller's threads and the background share.
struct Core {
    options: Options,
    state: RwLock<State>,
    cache: Cache,
    next_number: AtomicU64,
    flushing: Mutex<()>,
    compacting: Mutex<()>,
    committing: Mutex<()>,
    wake: Wake,
    /// Held for as long as the lake is open.
    _lock: File,
}

struct State {
    hot: Hot,
    taken: Seq,
    durable: Seq,
    /// In order of project, day and position.
    files: Arc<Vec<Arc<LakeFile>>>,
    closed: bool,
    last_flush_at: Option<Timestamp>,
    flush_error: Option<String>,
    compactions: u64,
    compaction_error: Option<String>,
}

impl Core {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("nobody panics with this lock held")
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("nobody panics with this lock held")
    }

    fn take(&self, rows: &[Row<'_>]) -> Result<(), Error> {
        let limit = self.options.hot_limit_bytes;
        let mut state = self.write();
        if state.closed {
            return Err(Error::closed());
        }
        for row in rows {
            if row.seq <= state.taken {
                continue;
            }
            if state.hot.bytes() >= limit {
                let waiting = state.hot.bytes();
                let cause = state.flush_error.clone();
                drop(state);
                self.wake.flush();
                return Err(full(waiting, cause));
            }
            state.hot.push(row);
            state.taken = row.seq;
        }
        let due = self.flush_is_due(&state);
        drop(state);
        if due {
            self.wake.flush();
        }
        Ok(())
    }

    /// Whether enough waits to be written.
    fn flush_is_due(&self, state: &State) -> bool {
        state.hot.rows() >= self.options.flush_rows || state.hot.bytes() >= self.options.flush_bytes
    }

    fn manifest(&self) -> Manifest {
        let state = self.read();
        Manifest {
            durable: state.durable,
            files: state.files.iter().map(|file| file.info.clone()).collect(),
            next_number: self.next_number.load(std::sync::atomic::Ordering::Acquire),
            kept: Some(Arc::clone(&state.files) as _),
        }
    }
}

fn full(waiting: usize, cause: Option<String>) -> Error {
    let why = cause.map_or_else(String::new, |cause| format!("; the last flush failed: {cause}"));
    Error::new(ErrorKind::Full, format!("{waiting} bytes of signals wait for the disk{why}"))
}

fn hold(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    // The lock guards no data: a holder that panicked has left nothing half done in memory.
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
