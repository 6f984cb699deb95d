//! The embedded journal: segment files with group commit.
//!
//! `Options` open a `SegmentJournal`, the handle everybody shares; a `Service` behind it is the
//! only writer. The format of the files is described in `docs/formats/journal.md`.
//!
//! Invariant: a batch is answered only after it and everything before it were synced.

mod catalog;
mod format;
mod keeper;
mod log;
mod names;
mod options;
mod queue;
mod reader;
mod recover;
mod salvage;
mod scan;
mod service;
mod survey;
mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use options::{Drive, MAX_SEGMENT_BYTES, MIN_SEGMENT_BYTES, Options};
pub use recover::Recovery;
pub use salvage::{Salvage, salvage};
pub use survey::Truncated;

use crate::{Append, Clock, Disk, Error, Journal, Reader, Records, Status, lock};
use catalog::Catalog;
use keeper::Keeper;
use log::{Fault, Log};
use queue::{Pending, Queue, Taken};
use reader::SegmentReader;
use service::Service;

/// The handle of a journal in segment files. Dropping it closes the journal.
pub struct SegmentJournal {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// The writer itself, where the caller drives it.
    manual: Option<Mutex<Service>>,
    /// The lock on the directory; let go when nothing of this journal touches it any more.
    held: Mutex<Option<Held>>,
}

type Held = Box<dyn std::any::Any + Send + Sync>;

/// What the handle, the writer, the keeper and the readers have in common.
struct Shared {
    options: Options,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    queue: Queue,
    catalog: Catalog,
    keeper: Keeper,
    released: AtomicU64,
}

impl SegmentJournal {
    /// Recovers the journal on `disk`, or begins a new one, and starts writing.
    ///
    /// # Errors
    /// `Corrupt` if something acknowledged is damaged, `Version`, `Locked`, `Options`, `Io`.
    pub fn open(
        options: Options,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Recovery), Error> {
        options.validate()?;
        let held = names::acquire(&*disk)?;
        let survey = recover::recover(&disk, options.verify_from)?;
        let log = open_log(&options, &disk, &*clock, survey.segments.last().copied())?;
        let mut segments = survey.segments;
        if segments.is_empty() {
            segments.push(log.active());
        }
        let recovery = Recovery {
            first_seq: segments[0].first_seq,
            end_seq: log.active().end_seq,
            at: log.active().at,
            truncated: survey.torn,
            clean: survey.clean,
        };
        let (queue, keeper, released) = (Queue::default(), Keeper::default(), AtomicU64::new(0));
        let catalog = Catalog::new(segments);
        let shared = Shared { options, disk, clock, queue, catalog, keeper, released };
        Ok((Self::start_service(Arc::new(shared), log, held)?, recovery))
    }

    /// With [`Drive::Manual`]: commits one group if something waits, or else sees whether a full
    /// disk has space again. Says whether there was a group. With threads it does nothing.
    pub fn step(&self) -> bool {
        self.manual.as_ref().is_some_and(|service| lock(service).step())
    }

    fn start_service(shared: Arc<Shared>, log: Log, held: Held) -> Result<Self, Error> {
        let service = Service::new(shared.clone(), log);
        let held = Mutex::new(Some(held));
        if shared.options.drive == Drive::Manual {
            let (threads, manual) = (Mutex::default(), Some(Mutex::new(service)));
            return Ok(Self { shared, threads, manual, held });
        }
        let keeper = shared.clone();
        let threads = spawn("journal", move || service.run())
            .and_then(|writer| {
                Ok(vec![writer, spawn("journal-files", move || keeper::run(&keeper))?])
            })
            .inspect_err(|_| shared.queue.close())?;
        Ok(Self { shared, threads: Mutex::new(threads), manual: None, held })
    }
}

impl Journal for SegmentJournal {
    fn append(&self, records: Records) -> Result<Append, Error> {
        let options = &self.shared.options;
        options.check(&records)?;
        self.shared.queue.push(records, options.queue_records, options.queue_bytes)
    }

    fn durable_end(&self) -> u64 {
        self.shared.catalog.durable_end()
    }

    fn start(&self) -> u64 {
        self.shared.catalog.start()
    }

    fn reader(&self, from: u64) -> Result<Box<dyn Reader>, Error> {
        Ok(Box::new(SegmentReader::open(self.shared.clone(), from)?))
    }

    fn wait(&self, seq: u64, timeout: Duration) -> u64 {
        self.shared.catalog.wait(seq, timeout)
    }

    fn release(&self, before: u64) {
        let previous = self.shared.released.fetch_max(before, Ordering::AcqRel);
        if previous < before {
            self.shared.keeper.want_retention();
        }
    }

    fn status(&self) -> Status {
        let (queue_records, queue_bytes) = self.shared.queue.depth();
        let (disk_bytes, segments, last_sync) = self.shared.catalog.totals();
        Status {
            state: self.shared.catalog.state(),
            durability: self.shared.options.durability,
            queue_records,
            queue_bytes,
            start: self.start(),
            durable_end: self.durable_end(),
            disk_bytes,
            free_bytes: self.shared.disk.free_bytes().ok(),
            segments,
            last_sync,
        }
    }

    fn close(&self) {
        self.shared.queue.close();
        self.shared.keeper.stop();
        if let Some(service) = &self.manual {
            let mut service = lock(service);
            while service.step() {}
            service.finish();
        }
        for thread in lock(&self.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the journal panicked");
            }
        }
        lock(&self.held).take();
    }
}

impl Drop for SegmentJournal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn take(&self, group: &mut Vec<Pending>, patience: Duration) -> Taken {
        self.queue.take(group, self.options.group_bytes(), patience)
    }

    fn released(&self) -> u64 {
        self.released.load(Ordering::Acquire)
    }
}

fn open_log(
    options: &Options,
    disk: &Arc<dyn Disk>,
    clock: &dyn Clock,
    active: Option<survey::Segment>,
) -> Result<Log, Error> {
    let (durability, bytes) = (options.durability, options.segment_bytes);
    Log::open(disk.clone(), durability, bytes, active, clock.now_us()).map_err(|fault| {
        let (Fault::Full(what, error) | Fault::Failed(what, error)) = fault;
        Error::io(format!("open the journal: {what}"), error)
    })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| Error::io(format!("start the thread {name}"), error))
}
