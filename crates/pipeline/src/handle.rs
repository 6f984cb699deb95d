//! What others see of the loop, and how they wait for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;

use model::{CommandId, Effect, Effects, Outcome, Seq};
use store::ActiveAlerts;
use tokio::sync::{Notify, oneshot, watch};

use crate::{AppliedIds, Meters};

/// Commands whose outcome is waited for at once.
const WAITING_COMMANDS: usize = 10_000;

/// Batches after a reader came in which the next one is expected: about a second at most.
const READERS_STAY: u64 = 100;

/// The shared face of a loop.
pub struct Handle {
    applied: watch::Sender<Seq>,
    decided: AtomicU64,
    /// Batches for which the last reader still counts.
    lately: AtomicU64,
    trouble: watch::Sender<Option<Arc<str>>>,
    waiting: Mutex<HashMap<CommandId, oneshot::Sender<Outcome>>>,
    waiters: AtomicUsize,
    /// The thread of the loop, which is woken where somebody begins to wait.
    driver: OnceLock<Thread>,
    /// Told after each commit that has something for whoever delivers.
    pub due: Arc<Notify>,
    /// Given ids that were applied.
    pub ids: AppliedIds,
    /// Alerts that fire.
    pub alerts: Arc<ActiveAlerts>,
    /// What is counted.
    pub meters: Meters,
}

/// A place in the line for a command's outcome. Dropping it gives the place up.
pub struct Waiting<'h> {
    handle: &'h Handle,
    command: CommandId,
    outcome: oneshot::Receiver<Outcome>,
}

impl Handle {
    pub(crate) fn new(applied: Seq, alerts: ActiveAlerts) -> Self {
        Self {
            applied: watch::Sender::new(applied),
            decided: AtomicU64::new(applied.0),
            lately: AtomicU64::new(0),
            trouble: watch::Sender::new(None),
            waiting: Mutex::default(),
            waiters: AtomicUsize::new(0),
            driver: OnceLock::new(),
            due: Arc::default(),
            ids: AppliedIds::default(),
            alerts: Arc::new(alerts),
            meters: Meters::default(),
        }
    }

    /// The last position whose effects are in the store and whose rows are in the lake.
    #[must_use]
    pub fn applied(&self) -> Seq {
        *self.applied.borrow()
    }

    /// The last position that the engine has decided on: ahead of what is applied by what waits for its
    /// commit. It moves in smaller steps, so it is what admission goes by.
    #[must_use]
    pub fn decided(&self) -> Seq {
        Seq(self.decided.load(Ordering::Relaxed))
    }

    /// Waits until `seq` is applied. Callers bound it in time.
    pub async fn wait_applied(&self, seq: Seq) {
        if self.applied() >= seq {
            return;
        }
        // Counting waiters tells the loop not to linger; the guard counts down even when cancelled.
        let _waiter = Waiter::enter(self);
        let mut applied = self.applied.subscribe();
        // The sender lives as long as the handle, so waiting cannot fail.
        let _reached = applied.wait_for(|&at| at >= seq).await;
    }

    /// Follows the last position whose effects are in the store.
    #[must_use]
    pub fn follow_applied(&self) -> watch::Receiver<Seq> {
        self.applied.subscribe()
    }

    /// What keeps the loop from going on, if anything does.
    #[must_use]
    pub fn trouble(&self) -> Option<Arc<str>> {
        self.trouble.borrow().clone()
    }

    /// Takes a place in the line for the outcome of a command; to be called before it is appended.
    /// `None` when the line is full.
    #[must_use]
    pub fn expect(&self, command: CommandId) -> Option<Waiting<'_>> {
        let (sender, outcome) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_COMMANDS {
            return None;
        }
        waiting.insert(command, sender);
        self.add_waiter();
        Some(Waiting { handle: self, command, outcome })
    }

    /// Whether somebody waits for what is being applied.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiters.load(Ordering::SeqCst) > 0
    }

    /// Whether somebody waits, or did when one of the last batches was decided; asked once a batch.
    pub(crate) fn was_awaited(&self) -> bool {
        if self.is_awaited() {
            self.lately.store(READERS_STAY, Ordering::Relaxed);
            return true;
        }
        let left = self.lately.load(Ordering::Relaxed);
        self.lately.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }

    /// Says which thread is to be woken by whoever begins to wait.
    pub(crate) fn driven_by(&self, thread: Thread) {
        // There is one loop to a handle, so this is the first time.
        let _first = self.driver.set(thread);
    }

    /// The loop looks at the waiters before it parks, and an unparked thread does not park: nobody is missed.
    fn add_waiter(&self) {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        if let Some(driver) = self.driver.get() {
            driver.unpark();
        }
    }

    pub(crate) fn set_decided(&self, through: Seq) {
        self.decided.store(through.0, Ordering::Relaxed);
    }

    pub(crate) fn publish(&self, through: Seq, effects: &Effects) {
        self.applied.send_replace(through);
        if effects.0.iter().any(concerns_delivery) {
            self.due.notify_one();
        }
        for effect in &effects.0 {
            if let Effect::Replied { command, outcome } = effect {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(sender) = waiting.remove(command) {
                    // Whoever waited may have left.
                    let _left = sender.send(outcome.clone());
                }
            }
        }
    }

    pub(crate) fn set_trouble(&self, trouble: Option<Arc<str>>) {
        self.trouble.send_if_modified(|current| {
            let changed = *current != trouble;
            *current = trouble;
            changed
        });
    }
}

/// Whether an effect changes what is to be delivered.
fn concerns_delivery(effect: &Effect) -> bool {
    match effect {
        Effect::Notified(notification) => notification.held.is_none(),
        Effect::Attempted { .. } | Effect::Replayed { .. } => true,
        Effect::Filed { .. }
        | Effect::Skipped { .. }
        | Effect::Moved { .. }
        | Effect::Incident(_)
        | Effect::Audited(_)
        | Effect::RcaAccepted { .. }
        | Effect::PolicySaved(_)
        | Effect::PolicyRemoved { .. }
        | Effect::AlertFiring(_)
        | Effect::AlertJoined { .. }
        | Effect::AlertRenewed { .. }
        | Effect::AlertResolved { .. }
        | Effect::DirectiveSaved(_)
        | Effect::DirectiveRemoved { .. }
        | Effect::Replied { .. }
        | Effect::LimitHit { .. } => false,
    }
}

impl Waiting<'_> {
    /// The outcome, once its effects are in the store. `None` when the loop has ended.
    pub async fn outcome(mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.handle.waiters.fetch_sub(1, Ordering::SeqCst);
        self.handle.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.command);
    }
}

struct Waiter<'h>(&'h AtomicUsize);

impl<'h> Waiter<'h> {
    fn enter(handle: &'h Handle) -> Self {
        handle.add_waiter();
        Self(&handle.waiters)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
