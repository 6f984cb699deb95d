//! The thread: gathers what is durable, commits it while it is still news, appends a tick when a
//! deadline has come, and hands snapshots to be saved.
//!
//! Under load it lingers, so that commits are worth their cost: a little before it reads on, and
//! longer before it commits where there are only counters and alerts to be written. Whoever waits ends both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use journal::Records;
use model::{Entry, Seq, codec};
use tokio::runtime;

use crate::{Error, ErrorKind, Pipeline, Ports};

/// How the loop is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long records may wait for company when nobody waits for them.
    pub linger: Duration,
    /// How long counters and alerts may wait to be committed when nobody waits for them.
    pub counters_linger: Duration,
    /// Entries after which a snapshot is taken.
    pub snapshot_entries: u64,
    /// Time after which a snapshot is taken if anything happened.
    pub snapshot_age: Duration,
    /// Told how long each batch took.
    pub observer: Observer,
}

/// Somebody who is told how long batches took; nobody by default.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<dyn Fn(Duration) + Send + Sync>>);

impl Observer {
    /// Tells `observe`.
    pub fn new(observe: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    fn tell(&self, took: Duration) {
        if let Some(observe) = &self.0 {
            observe(took);
        }
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Observer" } else { "Nobody" })
    }
}

/// A loop that runs.
pub struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), Error>>,
}

/// How long an idle loop sleeps before it looks at deadlines again.
const IDLE: Duration = Duration::from_millis(100);
/// How long the loop waits after a passing error.
const PASSING: Duration = Duration::from_millis(200);

impl Default for Options {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(8),
            counters_linger: Duration::from_millis(250),
            snapshot_entries: 2_000_000,
            snapshot_age: Duration::from_secs(60),
            observer: Observer::default(),
        }
    }
}

impl Running {
    /// Asks the loop to finish what is durable and stop, and waits. A snapshot is saved on the way out.
    ///
    /// # Errors
    /// What stopped it, if it was not this.
    pub fn stop(self) -> Result<(), Error> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Whether the loop has ended by itself.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

impl Pipeline {
    /// Runs the loop on a thread of its own until it is stopped or cannot go on.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn run(self, options: Options, runtime: runtime::Handle) -> std::io::Result<Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("pipeline".to_owned())
            .spawn(move || Loop::new(self, options, runtime, stopping).run())?;
        Ok(Running { stop, thread })
    }

    /// Takes a snapshot and saves it here and now, after the store and the lake have what it builds on.
    ///
    /// # Errors
    /// The lake, the store or the disk refuses.
    pub async fn save_snapshot(&mut self) -> Result<(), Error> {
        // A snapshot ahead of the store would let the journal go of what the store does not have.
        self.commit().await?;
        let (seq, snapshot) = (self.engine.seq(), self.engine.snapshot());
        self.snapshot_at = seq;
        self.ports.store.sync().await?;
        save(&self.ports, seq, &snapshot)
    }

    /// Appends a tick if a deadline has come. The tick takes effect when it is read back.
    ///
    /// # Errors
    /// The journal refuses; the deadline stays due.
    pub fn tick_if_due(&mut self) -> Result<Option<journal::Append>, journal::Error> {
        let now = model::Timestamp::from_micros(self.ports.clock.now_us());
        if self.engine.next_deadline().is_none_or(|deadline| deadline > now) {
            return Ok(None);
        }
        let mut records = Records::new();
        records.push_with(|buffer| codec::encode(&Entry::Tick, buffer));
        self.ports.journal.append(records).map(Some)
    }
}

/// What a turn of the loop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There was nothing to do.
    Idle,
    /// Something is applied and waits for its commit.
    Waiting,
    /// Everything applied is committed.
    Committed,
}

struct Loop {
    pipeline: Pipeline,
    options: Options,
    runtime: runtime::Handle,
    stop: Arc<AtomicBool>,
    last_gather: Instant,
    last_commit: Instant,
    /// Work on what is not yet committed.
    worked: Duration,
    last_snapshot: Instant,
    saving: Option<JoinHandle<Result<(), Error>>>,
}

impl Loop {
    fn new(
        pipeline: Pipeline,
        options: Options,
        runtime: runtime::Handle,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let now = Instant::now();
        Self {
            pipeline,
            options,
            runtime,
            stop,
            last_gather: now,
            last_commit: now,
            worked: Duration::ZERO,
            last_snapshot: now,
            saving: None,
        }
    }

    fn run(mut self) -> Result<(), Error> {
        self.pipeline.handle.driven_by(std::thread::current());
        loop {
            // Read before the turn: what was durable when the stop was asked for is still applied.
            let stopping = self.stop.load(Ordering::SeqCst);
            self.linger();
            match self.turn()? {
                Turn::Committed => self.snapshot_if_due(),
                Turn::Waiting => {}
                Turn::Idle if stopping => return self.finish(),
                Turn::Idle => self.idle(),
            }
        }
    }

    /// Gathers, and commits if it is time to.
    fn turn(&mut self) -> Result<Turn, Error> {
        let began = Instant::now();
        let turned = self.gather_and_commit();
        self.worked += began.elapsed();
        match turned {
            Ok(Turn::Committed) => {
                self.last_commit = Instant::now();
                self.options.observer.tell(std::mem::take(&mut self.worked));
                Ok(Turn::Committed)
            }
            Ok(turn) => Ok(turn),
            Err(error)
                if error.kind() == ErrorKind::Passing && !self.stop.load(Ordering::SeqCst) =>
            {
                tracing::error!(error = %chain(&error), "the pipeline waits");
                self.pipeline.handle.set_trouble(Some(chain(&error).into()));
                std::thread::sleep(PASSING);
                Ok(Turn::Waiting)
            }
            Err(error) => {
                self.pipeline.handle.set_trouble(Some(chain(&error).into()));
                Err(error)
            }
        }
    }

    fn gather_and_commit(&mut self) -> Result<Turn, Error> {
        self.runtime.block_on(self.pipeline.gather())?;
        if self.pipeline.uncommitted.is_none() {
            return Ok(Turn::Idle);
        }
        self.last_gather = Instant::now();
        if !self.is_commit_due() {
            return Ok(Turn::Waiting);
        }
        self.runtime.block_on(self.pipeline.commit())?;
        Ok(Turn::Committed)
    }

    /// After a quiet time everything is committed at once; then only what is news or fills a commit.
    fn is_commit_due(&self) -> bool {
        self.is_hurried()
            || self.last_commit.elapsed() >= self.options.counters_linger
            || self.pipeline.uncommitted.as_ref().is_some_and(|batch| {
                batch.is_full()
                    || batch.is_pressing() && self.last_commit.elapsed() >= self.options.linger
            })
    }

    fn is_hurried(&self) -> bool {
        self.pipeline.handle.is_awaited() || self.stop.load(Ordering::SeqCst)
    }

    /// Under load reading waits for company, unless somebody waits for what is there.
    fn linger(&self) {
        let end = self.last_gather + self.options.linger;
        while !self.is_hurried() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    /// Waits for the journal; with a deadline due, appends the tick that fires it.
    fn idle(&mut self) {
        let next = self.pipeline.reader.position();
        match self.pipeline.tick_if_due() {
            // Waiting until it is durable keeps one tick in flight at a time.
            Ok(Some(append)) => {
                if append.wait().is_err() {
                    std::thread::sleep(PASSING);
                }
            }
            Ok(None) => {
                self.pipeline.ports.journal.wait(next, self.until_deadline());
            }
            Err(_refused) => std::thread::sleep(PASSING),
        }
    }

    fn until_deadline(&self) -> Duration {
        let now = self.pipeline.ports.clock.now_us();
        let Some(deadline) = self.pipeline.engine.next_deadline() else { return IDLE };
        let micros = u64::try_from(deadline.micros().saturating_sub(now)).unwrap_or(0);
        Duration::from_micros(micros.max(1_000)).min(IDLE)
    }

    fn snapshot_if_due(&mut self) {
        let seq = self.pipeline.engine.seq();
        let entries = seq.0 - self.pipeline.snapshot_at.0;
        let due = entries >= self.options.snapshot_entries
            || (entries > 0 && self.last_snapshot.elapsed() >= self.options.snapshot_age);
        // While the store refuses, the engine is ahead of it, and a snapshot must not be.
        let due = due && self.pipeline.uncommitted.is_none();
        if !due || self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        self.report_saved();
        self.last_snapshot = Instant::now();
        self.pipeline.snapshot_at = seq;
        let (snapshot, ports, runtime) =
            (self.pipeline.engine.snapshot(), self.pipeline.ports.clone(), self.runtime.clone());
        let saving = std::thread::Builder::new().name("snapshot".to_owned()).spawn(move || {
            runtime.block_on(ports.store.sync())?;
            save(&ports, seq, &snapshot)
        });
        self.saving = saving
            .inspect_err(|error| tracing::error!(%error, "no thread to save a snapshot"))
            .ok();
    }

    /// A snapshot that could not be saved costs time at the next start, nothing else: it is said, and tried again.
    fn report_saved(&mut self) {
        if let Some(saving) = self.saving.take()
            && let Ok(Err(error)) = saving.join()
        {
            tracing::error!(error = %chain(&error), "an engine snapshot was not saved");
        }
    }

    fn finish(mut self) -> Result<(), Error> {
        self.report_saved();
        let saved = self.runtime.block_on(self.pipeline.save_snapshot());
        if let Err(error) = saved {
            tracing::error!(error = %chain(&error), "the last engine snapshot was not saved; the next start replays");
        }
        Ok(())
    }
}

/// Makes the lake durable up to the snapshot, saves it, and lets the journal go of what is no longer needed.
fn save(ports: &Ports, seq: Seq, snapshot: &engine::Snapshot) -> Result<(), Error> {
    let mut durable = ports.lake.durable();
    if durable < seq {
        durable = ports.lake.flush()?;
    }
    if durable < seq {
        return Ok(());
    }
    let failed = |source| Error::Snapshot { what: "cannot save".to_owned(), source };
    ports.snapshots.save(seq, snapshot).map_err(failed)?;
    if let Some(oldest) = ports.snapshots.oldest().map_err(failed)? {
        ports.journal.release(oldest.next().0);
    }
    Ok(())
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
