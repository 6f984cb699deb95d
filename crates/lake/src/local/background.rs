//! The two threads of a local lake: one writes files, one merges them. A failure is kept in the status,
//! and tried again later and later; it never ends a thread.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Core;
use crate::{Error, ErrorKind};

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause after a failed flush.
const FLUSH_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause after a failed merge.
const MERGE_PAUSE: Duration = Duration::from_secs(300);
/// How long merging waits while rows are behind that have no file yet.
const MERGE_PATIENCE: Duration = Duration::from_secs(60);
/// How often is looked whether they still are.
const MERGE_LOOK: Duration = Duration::from_millis(250);
/// How often the age of rows is looked at, at least.
const LOOK: Duration = Duration::from_secs(1);

/// Wakes the threads.
#[derive(Default)]
pub(super) struct Wake {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Default)]
struct Asked {
    flush: bool,
    compact: bool,
    stop: bool,
    /// Whether a file is being written.
    writing: bool,
}

impl Wake {
    pub(super) fn flush(&self) {
        self.asked().flush = true;
        self.changed.notify_all();
    }

    pub(super) fn compact(&self) {
        self.asked().compact = true;
        self.changed.notify_all();
    }

    /// Waits while a file is written, so that writing and merging take one processor between them and not
    /// two from the doors; answers whether to go on.
    pub(super) fn make_way(&self) -> bool {
        self.wait(MERGE_PATIENCE, |asked| !asked.writing)
    }

    fn writes(&self, writing: bool) {
        self.asked().writing = writing;
        if !writing {
            self.changed.notify_all();
        }
    }

    fn stop(&self) {
        self.asked().stop = true;
        self.changed.notify_all();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready` or for `longest`; answers whether to go on.
    fn wait(&self, longest: Duration, mut ready: impl FnMut(&mut Asked) -> bool) -> bool {
        let deadline = Instant::now() + longest;
        let mut asked = self.asked();
        loop {
            if asked.stop {
                return false;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if ready(&mut asked) || left.is_zero() {
                return true;
            }
            let waited = self.changed.wait_timeout(asked, left);
            asked = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The running threads.
#[derive(Default)]
pub(super) struct Background(Mutex<Vec<JoinHandle<()>>>);

impl Background {
    pub(super) fn start(core: &Arc<Core>) -> Result<Self, Error> {
        let background = Self::default();
        let started = background
            .spawn("lake-flush", core, flush_loop)
            .and_then(|()| background.spawn("lake-compact", core, compact_loop));
        if let Err(error) = started {
            background.stop(&core.wake);
            return Err(error);
        }
        Ok(background)
    }

    /// Stops the threads and waits for what they are in the middle of.
    pub(super) fn stop(&self, wake: &Wake) {
        wake.stop();
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the lake had panicked");
            }
        }
    }

    fn spawn(&self, name: &str, core: &Arc<Core>, run: fn(&Core)) -> Result<(), Error> {
        let core = Arc::clone(core);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&core))
            .map_err(|error| {
                Error::caused(ErrorKind::Disk, format!("cannot start thread {name}"), error)
            })?;
        self.threads().push(thread);
        Ok(())
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn flush_loop(core: &Core) {
    let look = LOOK.min(core.options.flush_age / 4).max(Duration::from_millis(1));
    let mut pause = Duration::ZERO;
    let mut written = Instant::now();
    loop {
        // After a failure nobody's impatience makes the disk better.
        let going = if pause.is_zero() {
            core.wake.wait(look, |asked| std::mem::take(&mut asked.flush))
        } else {
            core.wake.wait(pause, |_| false)
        };
        if !going {
            return;
        }
        if !core.has_work(written) {
            continue;
        }
        core.wake.writes(true);
        let flushed = core.flush_some();
        core.wake.writes(false);
        pause = match flushed {
            Ok(()) => {
                written = Instant::now();
                Duration::ZERO
            }
            Err(error) => {
                tracing::error!(error = error.chain(), "the lake could not be written to");
                longer(pause, FLUSH_PAUSE)
            }
        };
        if pause.is_zero() && core.flush_is_due(&core.read()) {
            core.wake.flush();
        }
    }
}

fn compact_loop(core: &Core) {
    let mut pause = Duration::ZERO;
    let mut again = true;
    loop {
        let going = if pause.is_zero() {
            let wait = if again { Duration::ZERO } else { MERGE_PAUSE };
            core.wake.wait(wait, |asked| std::mem::take(&mut asked.compact))
        } else {
            core.wake.wait(pause, |_| false)
        };
        if !going || !core.wait_for_flushes() {
            return;
        }
        match core.compact_round() {
            Ok(report) => {
                again = report.merges > 0;
                pause = Duration::ZERO;
            }
            Err(error) if error.kind() == ErrorKind::Closed => return,
            Err(error) => {
                tracing::error!(error = error.chain(), "files of the lake could not be merged");
                pause = longer(pause, MERGE_PAUSE);
            }
        }
    }
}

impl Core {
    /// Lets files be written before files are merged: rows without a file hold the pipeline back, and
    /// through it the doors; merging can wait, though not for ever. Answers whether to go on.
    fn wait_for_flushes(&self) -> bool {
        let until = Instant::now() + MERGE_PATIENCE;
        while self.flush_is_due(&self.read()) && Instant::now() < until {
            if !self.wake.wait(MERGE_LOOK, |_| false) {
                return false;
            }
        }
        true
    }

    /// Whether enough waits to be written, or something has waited long enough.
    fn has_work(&self, written: Instant) -> bool {
        let age = self.options.flush_age;
        let state = self.read();
        let old = state.hot.oldest().is_some_and(|oldest| oldest.elapsed() >= age);
        let passed = state.taken > state.durable && written.elapsed() >= age;
        old || passed
            || self.flush_is_due(&state)
            || state.hot.bytes() >= self.options.hot_limit_bytes
    }
}

fn longer(pause: Duration, longest: Duration) -> Duration {
    (pause * 2).clamp(FIRST_PAUSE, longest)
}
