//! Deadlines, in order of time and then of what they are for, so that ticks fire them in one order
//! on every machine.

use std::collections::BTreeSet;

use model::{
    DirectiveId, GroupingKey, IdentityKey, IncidentId, ProjectId, SubscriberId, Timestamp,
};

/// Deadlines one tick fires at most; with more due, the next tick goes on.
pub(crate) const FIRED_PER_TICK: usize = 10_000;

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// An incident may have been quiet for long enough.
    Incident(IncidentId),
    /// An alert's lease may have run out.
    Lease(IdentityKey),
    /// A resolved alert may be forgotten.
    Forget(IdentityKey),
    /// Signals that wait for `open_when` may be too old.
    Pending(GroupingKey),
    /// An incident may have been open for as long as a rule asks for.
    Reminder(IncidentId),
    /// A step of an escalation policy that runs for an incident and a subscriber is due.
    Escalation(IncidentId, SubscriberId, DirectiveId),
    /// A silence may have ended, or be old enough to be forgotten.
    Silence(ProjectId, DirectiveId),
    /// What inhibitions keep quiet in a project may be told after all.
    Inhibited(ProjectId),
}

/// Every deadline that is armed.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Timestamp, Timer)>);

impl Timers {
    pub(crate) fn arm(&mut self, at: Timestamp, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn disarm(&mut self, at: Timestamp, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|&(at, _)| at)
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        let &(at, timer) = self.0.first()?;
        if at > now {
            return None;
        }
        self.0.pop_first();
        Some(timer)
    }
}
