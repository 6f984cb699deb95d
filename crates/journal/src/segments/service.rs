//! The writer: takes what waits, commits it, answers.
//!
//! Natural batching: what arrives during one sync is the next group; there is no artificial delay.
//! When the disk is full it refuses and looks again every 200 ms. After a failed sync it never
//! writes again: the kernel may have dropped the pages and would call the next sync a success.

use std::sync::Arc;
use std::time::Duration;

use super::log::{Fault, Log};
use super::queue::{Pending, Taken};
use super::{Shared, keeper};
use crate::{Appended, Error, Records, State};

/// How often a full disk is tried again.
const PROBE: Duration = Duration::from_millis(200);
/// How long the writer waits for work; it only bounds a lost wake-up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Service {
    shared: Arc<Shared>,
    log: Log,
    group: Vec<Pending>,
    health: Health,
    /// First sequence number of the segment a spare was asked for last.
    spare_asked: u64,
    finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Ok,
    Full,
    Failed,
}

impl Service {
    pub(super) fn new(shared: Arc<Shared>, log: Log) -> Self {
        let (group, health) = (Vec::new(), Health::Ok);
        Self { shared, log, group, health, spare_asked: 0, finished: false }
    }

    /// The body of the writer's thread.
    pub(super) fn run(mut self) {
        loop {
            let patience = if self.health == Health::Full { PROBE } else { PATIENCE };
            match self.shared.take(&mut self.group, patience) {
                Taken::Group => self.commit(),
                Taken::Idle => self.probe(),
                Taken::Closed => return self.finish(),
            }
        }
    }

    /// Commits one group if something waits; says whether it did.
    pub(super) fn step(&mut self) -> bool {
        match self.shared.take(&mut self.group, Duration::ZERO) {
            Taken::Group => {
                self.commit();
                keeper::retain(&self.shared);
                true
            }
            Taken::Idle => {
                self.probe();
                keeper::retain(&self.shared);
                false
            }
            Taken::Closed => false,
        }
    }

    /// Marks a clean shutdown, if the journal is in a state to promise one.
    pub(super) fn finish(&mut self) {
        if !self.finished
            && self.health == Health::Ok
            && let Err(Fault::Full(what, error) | Fault::Failed(what, error)) = self.log.finish()
        {
            tracing::warn!(what, %error, "the journal closes without its clean mark");
        }
        self.finished = true;
        self.shared.catalog.set_state(State::Closed);
    }

    fn commit(&mut self) {
        let appends = self.group.iter().map(|pending| &pending.records);
        let now = self.shared.clock.now_us();
        let spare = || self.shared.keeper.take_spare();
        match self.log.commit(appends, now, spare) {
            Ok(committed) => {
                self.shared.catalog.publish(self.log.active(), self.log.last_sync());
                self.prepare_ahead();
                answer(&mut self.group, committed.first_seq, committed.at);
            }
            Err(fault) => self.stop_acknowledging(fault),
        }
    }

    fn probe(&mut self) {
        if self.health != Health::Full {
            return;
        }
        let now = self.shared.clock.now_us();
        let mut tried = self.log.repair();
        if tried.is_ok() && self.log.needs_segment() {
            tried = self.log.roll(now, || self.shared.keeper.take_spare());
        }
        match tried {
            Ok(()) => {
                tracing::info!("the journal acknowledges again");
                self.health = Health::Ok;
                self.shared.catalog.set_state(State::Ok);
                self.shared.queue.accept();
            }
            Err(Fault::Full(..)) => {}
            Err(fault @ Fault::Failed(..)) => self.stop_acknowledging(fault),
        }
    }

    fn stop_acknowledging(&mut self, fault: Fault) {
        let since = self.shared.clock.now_us();
        let (health, what, error) = match fault {
            Fault::Full(what, error) => (Health::Full, what, error),
            Fault::Failed(what, error) => (Health::Failed, what, error),
        };
        let what = match health {
            Health::Failed => format!("cannot {what}: {error}; restart to go on"),
            Health::Ok | Health::Full => {
                format!("cannot {what}: {error}; it goes on by itself when there is space")
            }
        };
        tracing::error!(what, "the journal stops acknowledging");
        self.health = health;
        self.shared.catalog.set_state(match health {
            Health::Failed => State::Failed { since, what: what.clone() },
            Health::Ok | Health::Full => State::Full { since, what: what.clone() },
        });
        let refusal = Error::Disk { what: what.into(), source: Some(Arc::new(error)) };
        let waiting = self.shared.queue.refuse(refusal.clone());
        for pending in self.group.drain(..).chain(waiting) {
            pending.answer.send(Err(refusal.clone()));
        }
    }

    fn prepare_ahead(&mut self) {
        let active = self.log.active().first_seq;
        if self.spare_asked != active && self.log.is_half_full() {
            self.spare_asked = active;
            self.shared.keeper.want_spare();
        }
    }
}

impl Drop for Service {
    /// The thread ends without `finish` only by a panic; nobody may wait for it then.
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let what: Arc<str> = "the writer stopped unexpectedly; restart to go on".into();
        let since = self.shared.clock.now_us();
        self.shared.catalog.set_state(State::Failed { since, what: what.to_string() });
        drop(self.shared.queue.refuse(Error::Disk { what, source: None }));
    }
}

fn answer(group: &mut Vec<Pending>, first_seq: u64, at: i64) {
    let mut next = first_seq;
    for Pending { records, answer } in group.drain(..) {
        let count = Records::len(&records);
        answer.send(Ok(Appended { first_seq: next, count, at }));
        next += u64::from(count);
    }
}
