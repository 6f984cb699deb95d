//! Batches of signals on their way to a server: a few requests in flight, repeated with patience when
//! the server asks for it or cannot be reached.
//!
//! Invariant: every signal of a batch has an id, so a batch that is sent again doubles nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::client::{Answer, Client};
use super::documents;
use crate::cli::terminal::failure::Failure;

/// Signals of one batch.
pub(crate) const BATCH_SIGNALS: usize = 256;
/// Bytes of one batch.
pub(crate) const BATCH_BYTES: usize = 1 << 20;
/// Requests in flight where the order of signals says nothing.
pub(crate) const IN_FLIGHT: usize = 4;
/// How long a batch is tried while the server is away or full.
const PATIENCE: Duration = Duration::from_secs(120);
/// The first wait before a batch is tried again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Rejections kept one by one; the rest are only counted.
const LISTED: usize = 1_000;

/// Signals that are sent together, one JSON object a line.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    body: Vec<u8>,
    /// For each signal, the line of the source it began in.
    lines: Vec<u64>,
}

/// A signal that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Rejected {
    pub(crate) line: u64,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What became of everything sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    /// The first of them.
    pub(crate) rejections: Vec<Rejected>,
}

/// Batches on their way.
pub(crate) struct Upload {
    queue: Option<SyncSender<Batch>>,
    senders: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What the senders share.
struct Shared {
    tally: Mutex<Tally>,
    failure: Mutex<Option<Failure>>,
    /// Set with the first failure: nothing is sent after it.
    stopped: AtomicBool,
    /// Set with the first answer: from then on the server is known to be there.
    reached: AtomicBool,
    /// Signals the server has judged.
    judged: AtomicU64,
    /// Set once it was said that the server asks to wait.
    told_of_wait: AtomicBool,
    watch: Box<dyn Fn(News<'_>) + Send + Sync>,
}

/// What whoever watches an upload is told, from the threads that send.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// So many signals the server has judged by now.
    Judged(u64),
    /// The server asks to wait, said once: without it, patience looks like a command that hangs.
    Waits(&'a str),
}

/// The answer to a batch, or the part of a refusal that says what is wrong with each signal.
#[derive(Debug, Deserialize)]
struct Verdicts {
    #[serde(default)]
    accepted: u64,
    #[serde(default)]
    duplicates: u64,
    rejected: Vec<Verdict>,
    #[serde(default)]
    rejected_unlisted: u64,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    index: usize,
    code: String,
    message: String,
}

impl Batch {
    /// Adds a signal, which is one JSON object on one line and has an id.
    pub(crate) fn push(&mut self, signal: &[u8], line: u64) {
        self.body.extend_from_slice(signal);
        self.body.push(b'\n');
        self.lines.push(line);
    }

    /// How many signals it holds.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether it holds none.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a signal of `bytes` no longer fits.
    pub(crate) fn is_full_for(&self, bytes: usize) -> bool {
        self.len() >= BATCH_SIGNALS || (!self.is_empty() && self.body.len() + bytes >= BATCH_BYTES)
    }
}

impl Tally {
    /// Counts a signal that was not taken.
    pub(crate) fn reject(&mut self, rejected: Rejected) {
        self.rejected += 1;
        if self.rejections.len() < LISTED {
            self.rejections.push(rejected);
        }
    }

    /// All signals that were judged.
    pub(crate) fn all(&self) -> u64 {
        self.accepted + self.duplicates + self.rejected
    }
}

impl Upload {
    /// Starts senders, one for each request in flight; they share the client's connections. With one
    /// the signals arrive in the order they are sent. `watch` is told how it goes.
    pub(crate) fn start(
        client: &Client,
        in_flight: usize,
        watch: impl Fn(News<'_>) + Send + Sync + 'static,
    ) -> Self {
        let (queue, batches) = sync_channel(in_flight);
        let batches = Arc::new(Mutex::new(batches));
        let shared = Arc::new(Shared::watched_by(Box::new(watch)));
        let sender = |_| {
            let (client, batches, shared) =
                (client.clone(), Arc::clone(&batches), Arc::clone(&shared));
            std::thread::spawn(move || send_all(&client, &batches, &shared))
        };
        Self { queue: Some(queue), senders: (0..in_flight).map(sender).collect(), shared }
    }

    /// Hands a batch over; waits while enough are in flight. Answers whether there is a point in
    /// going on.
    pub(crate) fn send(&self, batch: Batch) -> bool {
        let stopped = self.shared.stopped.load(Ordering::Relaxed);
        !stopped && self.queue.as_ref().is_some_and(|queue| queue.send(batch).is_ok())
    }

    /// Waits for everything in flight. The tally is there even where the sending failed.
    pub(crate) fn finish(mut self) -> (Tally, Option<Failure>) {
        self.queue = None;
        for sender in self.senders.drain(..) {
            if sender.join().is_err() {
                self.shared.fail(Failure::Local(anyhow::anyhow!(
                    "a sender ended in the middle of its work"
                )));
            }
        }
        (std::mem::take(&mut *lock(&self.shared.tally)), lock(&self.shared.failure).take())
    }
}

impl Shared {
    fn watched_by(watch: Box<dyn Fn(News<'_>) + Send + Sync>) -> Self {
        Self {
            tally: Mutex::default(),
            failure: Mutex::default(),
            stopped: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            judged: AtomicU64::new(0),
            told_of_wait: AtomicBool::new(false),
            watch,
        }
    }

    fn tell_of_wait(&self, refusal: &Failure, asked: Duration) {
        let (Failure::Refused(problem) | Failure::Failed(problem)) = refusal else { return };
        if !self.told_of_wait.swap(true, Ordering::Relaxed) {
            let (seconds, code) = (asked.as_secs_f64(), &problem.code);
            let text =
                format!("the server asks to wait {seconds} s: {code}; this goes on as it lets it");
            (self.watch)(News::Waits(&text));
        }
    }

    fn fail(&self, failure: Failure) {
        self.stopped.store(true, Ordering::Relaxed);
        lock(&self.failure).get_or_insert(failure);
    }

    fn count(&self, batch: &Batch, verdicts: Verdicts) {
        let mut tally = lock(&self.tally);
        tally.accepted += verdicts.accepted;
        tally.duplicates += verdicts.duplicates;
        tally.rejected += verdicts.rejected_unlisted;
        for verdict in verdicts.rejected {
            let line = batch.lines.get(verdict.index).copied().unwrap_or(0);
            tally.reject(Rejected { line, code: verdict.code, message: verdict.message });
        }
        drop(tally);
        let more = batch.len() as u64;
        let judged = self.judged.fetch_add(more, Ordering::Relaxed) + more;
        (self.watch)(News::Judged(judged));
    }
}

fn send_all(client: &Client, batches: &Mutex<Receiver<Batch>>, shared: &Shared) {
    loop {
        let Ok(batch) = lock(batches).recv() else { return };
        // After a failure the queue is emptied, so that whoever fills it does not wait for ever.
        if shared.stopped.load(Ordering::Relaxed) {
            continue;
        }
        match deliver(client, &batch, shared) {
            Ok(verdicts) => shared.count(&batch, verdicts),
            Err(failure) => shared.fail(failure),
        }
    }
}

/// Sends one batch until it is judged.
fn deliver(client: &Client, batch: &Batch, shared: &Shared) -> Result<Verdicts, Failure> {
    let started = Instant::now();
    let mut wait = FIRST_WAIT;
    loop {
        let (failure, asked) = match client.post_signals(&batch.body) {
            Ok(answer) => {
                shared.reached.store(true, Ordering::Relaxed);
                if !answer.is_to_be_repeated() {
                    return verdicts(answer, client);
                }
                // A rate limit is no trouble of the server: it is waited out, however long it takes.
                let limited = answer.status == 429;
                let asked = answer.wait();
                let refusal = answer.into_failure(client);
                shared.tell_of_wait(&refusal, asked);
                (if limited { None } else { Some(refusal) }, asked)
            }
            Err(failure @ Failure::Unreachable(_)) if shared.reached.load(Ordering::Relaxed) => {
                (Some(failure), wait)
            }
            Err(failure) => return Err(failure),
        };
        if let Some(failure) = failure
            && started.elapsed() > PATIENCE
        {
            return Err(failure);
        }
        if shared.stopped.load(Ordering::Relaxed) {
            return Err(Failure::Negative);
        }
        std::thread::sleep(wait.max(asked).min(LONGEST_WAIT));
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The verdicts of an answer: of a batch that was taken, or of one where every signal was refused.
fn verdicts(answer: Answer, client: &Client) -> Result<Verdicts, Failure> {
    if (200..300).contains(&answer.status) {
        return documents::read(&answer.checked(client)?.bytes);
    }
    if answer.status == 400
        && let Ok(verdicts) = documents::read::<Verdicts>(&answer.bytes)
        && !verdicts.rejected.is_empty()
    {
        return Ok(verdicts);
    }
    Err(answer.into_failure(client))
}

/// What stands behind the lock is whole after every change, so a sender that died in between leaves
/// nothing that must not be read.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::terminal::failure::Problem;

    #[test]
    fn a_batch_is_full_at_its_signals_or_its_bytes_and_never_before_the_first() {
        let mut batch = Batch::default();
        assert!(!batch.is_full_for(BATCH_BYTES * 2), "a signal of any size fits an empty batch");
        for line in 0..BATCH_SIGNALS as u64 {
            assert!(!batch.is_full_for(2));
            batch.push(b"{}", line);
        }
        assert!(batch.is_full_for(2));
        let mut large = Batch::default();
        large.push(&vec![b' '; BATCH_BYTES - 10], 1);
        assert!(!large.is_full_for(2) && large.is_full_for(20));
    }

    #[test]
    fn a_refusal_of_every_signal_counts_as_verdicts() {
        let shared = Shared::watched_by(Box::new(|_| {}));
        let mut batch = Batch::default();
        batch.push(b"{}", 17);
        let text = br#"{"code":"missing_component","rejected":[{"index":0,"code":"missing_component","message":"m"}]}"#;
        shared.count(&batch, documents::read(text).expect("it can be read"));
        let tally = lock(&shared.tally).clone();
        assert_eq!((tally.rejected, tally.all()), (1, 1));
        assert_eq!(tally.rejections[0].line, 17);
    }

    #[test]
    fn that_the_server_asks_to_wait_is_said_once() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let shared = Shared::watched_by(Box::new(move |news| match news {
            News::Waits(text) => lock(&heard).push(text.to_owned()),
            News::Judged(_) => {}
        }));
        let problem = Problem { code: "rate_limited".to_owned(), ..Problem::default() };
        let refusal = Failure::Refused(Box::new(problem));
        for _ in 0..3 {
            shared.tell_of_wait(&refusal, Duration::from_secs(256));
        }
        let said = lock(&said).clone();
        assert!(said.len() == 1 && said[0].contains("256 s: rate_limited"), "{said:?}");
    }
}
