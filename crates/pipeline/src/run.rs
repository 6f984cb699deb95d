//! The thread: step after step, lingering a little under load so that commits are worth their cost,
//! appending a tick when a deadline has come, and handing snapshots to be saved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use journal::Records;
use model::{Entry, Seq, codec};
use tokio::runtime;

use crate::{Error, ErrorKind, Pipeline, Ports, Step};

/// How the loop is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a batch may wait for company when nobody waits for it.
    pub linger: Duration,
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

struct Loop {
    pipeline: Pipeline,
    options: Options,
    runtime: runtime::Handle,
    stop: Arc<AtomicBool>,
    last_commit: Instant,
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
            last_commit: now,
            last_snapshot: now,
            saving: None,
        }
    }

    fn run(mut self) -> Result<(), Error> {
        loop {
            // Read before stepping: what was durable when the stop was asked for is still applied.
            let stopping = self.stop.load(Ordering::SeqCst);
            self.linger(stopping);
            match self.step()? {
                Step::Applied(_) => self.snapshot_if_due(),
                Step::Idle if stopping => return self.finish(),
                Step::Idle => self.idle(),
            }
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        let began = Instant::now();
        match self.runtime.block_on(self.pipeline.step()) {
            Ok(Step::Applied(entries)) => {
                self.last_commit = Instant::now();
                self.options.observer.tell(began.elapsed());
                Ok(Step::Applied(entries))
            }
            Ok(Step::Idle) => Ok(Step::Idle),
            Err(error)
                if error.kind() == ErrorKind::Passing && !self.stop.load(Ordering::SeqCst) =>
            {
                tracing::error!(error = %chain(&error), "the pipeline waits");
                self.pipeline.handle.set_trouble(Some(chain(&error).into()));
                std::thread::sleep(PASSING);
                Ok(Step::Applied(0))
            }
            Err(error) => {
                self.pipeline.handle.set_trouble(Some(chain(&error).into()));
                Err(error)
            }
        }
    }

    /// Under load a commit waits for company, unless somebody waits for it.
    fn linger(&self, stopping: bool) {
        let end = self.last_commit + self.options.linger;
        while !stopping && !self.pipeline.handle.is_awaited() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(1)));
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
