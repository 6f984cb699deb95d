//! What others see of the loop, and how they wait for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{CommandId, Effect, Effects, Outcome, Seq};
use store::ActiveAlerts;
use tokio::sync::{oneshot, watch};

use crate::{AppliedIds, Meters};

/// Commands whose outcome is waited for at once.
const WAITING_COMMANDS: usize = 10_000;

/// The shared face of a loop.
pub struct Handle {
    applied: watch::Sender<Seq>,
    trouble: watch::Sender<Option<Arc<str>>>,
    waiting: Mutex<HashMap<CommandId, oneshot::Sender<Outcome>>>,
    waiters: AtomicUsize,
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
            trouble: watch::Sender::new(None),
            waiting: Mutex::default(),
            waiters: AtomicUsize::new(0),
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

    /// Waits until `seq` is applied. Callers bound it in time.
    pub async fn wait_applied(&self, seq: Seq) {
        if self.applied() >= seq {
            return;
        }
        // Counting waiters tells the loop not to linger; the guard counts down even when cancelled.
        let _waiter = Waiter::enter(&self.waiters);
        let mut applied = self.applied.subscribe();
        // The sender lives as long as the handle, so waiting cannot fail.
        let _reached = applied.wait_for(|&at| at >= seq).await;
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
        self.waiters.fetch_add(1, Ordering::Relaxed);
        Some(Waiting { handle: self, command, outcome })
    }

    /// Whether somebody waits for what is being applied.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiters.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn publish(&self, through: Seq, effects: &Effects) {
        self.applied.send_replace(through);
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

impl Waiting<'_> {
    /// The outcome, once its effects are in the store. `None` when the loop has ended.
    pub async fn outcome(mut self) -> Option<Outcome> {
        (&mut self.outcome).await.ok()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.handle.waiters.fetch_sub(1, Ordering::Relaxed);
        self.handle.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.command);
    }
}

struct Waiter<'h>(&'h AtomicUsize);

impl<'h> Waiter<'h> {
    fn enter(waiters: &'h AtomicUsize) -> Self {
        waiters.fetch_add(1, Ordering::Relaxed);
        Self(waiters)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
