//! The engine decides: a pure state machine from journal entries to effects.
//!
//! It reads no clock, no randomness, no file and no environment; position and time arrive as
//! arguments. The same entries give the same effects, byte for byte, on any machine.
//!
//! Refuses to know: tokio, SQL, JSON, HTTP. Never iterates over a hash map. Where to look:
//! `grouping` decides which incident a signal joins, `lifecycle` is the one place that moves an
//! incident, `rca` is the gate before CLOSED, `telling` decides who hears of it.

#![deny(clippy::float_arithmetic)]

mod alerts;
mod blocks;
mod bounds;
mod cases;
mod commands;
mod dedup;
mod firing;
mod grouping;
mod groups;
mod lifecycle;
mod merging;
mod policies;
mod rca;
mod signals;
mod snapshot;
mod telling;
mod timers;

use model::{
    Effect, Effects, Entry, IncidentId, ProjectId, Reason, Seq, SignalId, Timestamp, limits,
};

pub use dedup::Dedup;
pub use snapshot::{Snapshot, SnapshotError};

/// The state of one partition. See the crate's documentation.
#[derive(Debug, Default)]
pub struct Engine {
    seq: Seq,
    at: Timestamp,
    bounds: bounds::Bounds,
    policies: policies::Policies,
    cases: cases::Cases,
    groups: groups::Groups,
    alerts: alerts::Alerts,
    dedup: Dedup,
    answered: commands::Answered,
    timers: timers::Timers,
    directives: telling::Directives,
    allowances: telling::Allowances,
    quiet: telling::Quiet,
    sources: telling::Sources,
    escalations: telling::Escalations,
    /// What the entry at hand has made happen so far; empty between entries.
    news: Vec<telling::News>,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one entry. Total and infallible.
    ///
    /// # Panics
    /// When `seq` is not the next position or `at` goes back: the journal broke its word, and going
    /// on would be worse than stopping.
    pub fn apply(&mut self, seq: Seq, at: Timestamp, entry: &Entry<'_>, out: &mut Effects) {
        assert_eq!(seq, self.seq.next(), "entries come in order and without gaps");
        assert!(at >= self.at, "journal time never goes back");
        self.seq = seq;
        self.at = at;
        let before = out.0.len();
        match entry {
            Entry::Signal { project, signal } => self.signal(*project, signal, None, out),
            Entry::Alert { project, lease, signal } => {
                self.signal(*project, signal, Some(*lease), out);
            }
            Entry::Command(command) => self.command(command, out),
            Entry::Tick => self.tick(out),
            Entry::Receipt(receipt) => {
                out.push(Effect::Attempted { at, receipt: receipt.clone() });
            }
        }
        self.tell(entry, before, out);
    }

    /// The last position applied.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// The time of the last entry.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// When the next [`Entry::Tick`] is due, if anything waits for time to pass.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Given ids that are still remembered and when they were applied, oldest first: what a door may
    /// count as duplicates.
    pub fn remembered_ids(&self) -> impl Iterator<Item = (Timestamp, ProjectId, SignalId)> {
        self.dedup.dated()
    }

    /// Brings what [`Engine::apply`] looks up about these ids near the processor; see [`Dedup::touch`].
    pub fn touch_ids(&self, ids: impl Iterator<Item = (ProjectId, SignalId)>) {
        self.dedup.touch(ids);
    }

    /// The leases of all alerts that fire, to bring a restored list of alerts up to date.
    pub fn leases(&self, out: &mut Effects) {
        self.alerts.renewals(out);
    }

    /// How many incidents are not closed.
    #[must_use]
    pub fn active_incidents(&self) -> usize {
        self.cases.len()
    }

    /// Fires what is due, a bounded number at a time: what is left stays due.
    fn tick(&mut self, out: &mut Effects) {
        for _ in 0..timers::FIRED_PER_TICK {
            if self.news.len() >= limits::QUIET_TOLD_PER_TICK {
                return;
            }
            let Some(timer) = self.timers.pop_due(self.at) else { return };
            match timer {
                timers::Timer::Incident(id) => self.incident_is_due(id, out),
                timers::Timer::Lease(identity) => self.lease_is_due(identity, out),
                timers::Timer::Forget(identity) => {
                    self.alerts.forget(identity, self.at, &mut self.timers)
                }
                timers::Timer::Reminder(id) => self.reminder_is_due(id),
                timers::Timer::Escalation(incident, subscriber, policy) => {
                    self.escalation_is_due((incident, subscriber, policy));
                }
                timers::Timer::Silence(project, id) => self.silence_is_due(project, id, out),
                timers::Timer::Inhibited(project) => self.inhibited_are_due(project),
                timers::Timer::Pending(key) => {
                    self.groups.pending_is_due(key, self.at, &mut self.timers)
                }
            }
        }
    }

    fn limit_hit(project: ProjectId, reason: Reason, out: &mut Effects) {
        out.push(Effect::LimitHit { project, reason });
    }

    fn mint(&self, project: ProjectId) -> IncidentId {
        IncidentId::mint(project, self.seq, self.at)
    }
}
