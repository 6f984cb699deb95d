//! The auditor: recomputes the truth from the entries of the journal, apart from the engine.
//!
//! Its own small model of grouping, lifecycle, alerts, commands and counters, written from the
//! domain page with lists and linear scans: slow, and simple enough to be seen to be right. It uses
//! the words of `model`, never the crate `engine`. Where the page is silent, `docs/simulator.md` says
//! how it is read.

mod alerts;
mod answer;
mod commands;
mod grouping;
mod incident;
mod lifecycle;
mod merging;
mod policies;
mod rca;
mod telling;

use std::collections::BTreeMap;

use model::{
    DirectiveId, Entry, IncidentId, PolicyId, ProjectId, Reason, Seq, SignalId, Timestamp, limits,
};

pub use answer::{Answer, Refused};
pub use incident::{AuditedIncident, Move};
pub(crate) use policies::Key;
pub(crate) use rca::complete;
pub use telling::Told;

use alerts::{AuditedAlert, Identity};
use grouping::{Pending, Window};
use telling::{RunKey, Telling};

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Kept, and under which incident.
    Filed(Option<IncidentId>, Reason),
    /// Not applied.
    Skipped(Reason),
}

/// What an entry must lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prediction {
    /// A signal has a fate.
    Signal(Fate),
    /// A command has an outcome.
    Command(Answer),
    /// Nothing that answers anybody.
    Nothing,
}

/// A signal that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledSignal {
    /// Whose.
    pub project: ProjectId,
    /// The incident it was filed under when it came.
    pub filed_under: Option<IncidentId>,
    /// The incident it belongs to now.
    pub incident: Option<IncidentId>,
    /// Why there.
    pub reason: Reason,
}

/// The truth so far.
#[derive(Debug, Default)]
pub struct Auditor {
    seq: Seq,
    at: Timestamp,
    /// Every incident ever, in order of opening.
    incidents: Vec<AuditedIncident>,
    /// Every signal that was kept.
    signals: BTreeMap<Seq, FiledSignal>,
    alerts: BTreeMap<(ProjectId, u64), AuditedAlert>,
    remembered: BTreeMap<(ProjectId, SignalId), Timestamp>,
    /// How often an alert fired anew because its incident was closed.
    fired_anew: u64,
    policies: BTreeMap<(ProjectId, PolicyId), model::GroupingPolicy>,
    windows: BTreeMap<Key, Window>,
    pending: BTreeMap<Key, Pending>,
    answered: BTreeMap<(ProjectId, u128), (u64, Answer)>,
    telling: Telling,
    /// Orders activations and resolutions.
    moments: u64,
}

impl Auditor {
    /// Takes the next entry and says what it must lead to.
    ///
    /// # Panics
    /// Entries come in order and without gaps; anything else is a mistake of the simulator.
    pub fn apply(&mut self, seq: Seq, at: Timestamp, entry: &Entry<'_>) -> Prediction {
        assert_eq!(seq, self.seq.next(), "the auditor takes entries in order");
        (self.seq, self.at) = (seq, at);
        let prediction = match entry {
            Entry::Signal { project, signal } => {
                Prediction::Signal(self.signal(*project, signal, None))
            }
            Entry::Alert { project, lease, signal } => {
                Prediction::Signal(self.signal(*project, signal, Some(*lease)))
            }
            Entry::Command(command) => Prediction::Command(self.command(command)),
            Entry::Tick => {
                self.tick();
                Prediction::Nothing
            }
            Entry::Receipt(_) => Prediction::Nothing,
        };
        self.tell(entry, &prediction);
        prediction
    }

    /// The last position taken.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Every incident ever, in order of opening.
    #[must_use]
    pub fn incidents(&self) -> &[AuditedIncident] {
        &self.incidents
    }

    /// Every signal that was kept, by position.
    #[must_use]
    pub fn signals(&self) -> &BTreeMap<Seq, FiledSignal> {
        &self.signals
    }

    /// Every given id that was ever applied, and whether that is within the horizon.
    pub fn remembered(&self) -> impl Iterator<Item = (ProjectId, SignalId, bool)> {
        let horizon = self.at - limits::DEDUP_HORIZON;
        let applied = self.remembered.iter();
        applied.map(move |(&(project, id), &then)| (project, id, then >= horizon))
    }

    /// How often an alert fired anew because its incident was closed.
    #[must_use]
    pub fn fired_anew(&self) -> u64 {
        self.fired_anew
    }

    /// The policies of a project in order of position.
    #[must_use]
    pub fn policies(&self, project: ProjectId) -> Vec<&model::GroupingPolicy> {
        let mut policies: Vec<_> =
            self.policies.values().filter(|policy| policy.project == project).collect();
        policies.sort_by_key(|policy| (policy.position, policy.id));
        policies
    }

    /// The alerts of a project that fire: fingerprint, end of the lease, incident.
    #[must_use]
    pub fn firing(&self, project: ProjectId) -> Vec<(u64, Timestamp, Option<IncidentId>)> {
        let own = self.alerts.iter().filter(|((of, _), alert)| *of == project && alert.firing);
        own.map(|((_, fingerprint), alert)| (*fingerprint, alert.lease.ends_at, alert.incident))
            .collect()
    }

    /// When something waits for time to pass, the earliest moment of it, and what waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, String)> {
        self.deadlines().min().map(|(at, .., due)| (at, format!("{due:?}")))
    }

    /// Moments at which a rule turns: what is due next, the last moment at which a resolved incident
    /// reopens, the last at which a waiting signal counts, the end of a window, the beginning of a
    /// silence, the end of a rule's measure.
    #[must_use]
    pub fn bounds(&self) -> Vec<Timestamp> {
        let due = self.deadlines().map(|(at, ..)| at).min();
        let reopening = self.incidents.iter().filter_map(|incident| {
            let resolved_at = incident.row.resolved_at?;
            (!incident.is_closed()).then_some(resolved_at + incident.reopen_within)
        });
        let waiting = self.pending.values().filter_map(Pending::until);
        let telling = self.silences_begin().chain(self.measures_end());
        let grouping = due.into_iter().chain(reopening).chain(waiting).chain(self.window_ends());
        grouping.chain(telling).collect()
    }

    /// Whether the id was applied within the horizon; remembers it if not.
    fn is_duplicate(&mut self, project: ProjectId, id: SignalId) -> bool {
        let horizon = self.at - limits::DEDUP_HORIZON;
        if self.remembered.get(&(project, id)).is_some_and(|&then| then >= horizon) {
            return true;
        }
        self.remembered.insert((project, id), self.at);
        false
    }

    /// Fires everything that is due, in order of deadline; for one deadline incidents come first.
    fn tick(&mut self) {
        while let Some(due) = self.first_due() {
            match due {
                Due::Incident(id) => self.incident_is_due(id),
                Due::Lease(project, fingerprint) => self.lease_is_due(project, fingerprint),
                Due::Forget(project, fingerprint) => {
                    self.alerts.remove(&(project, fingerprint));
                }
                Due::Pending(key) => self.pending_is_due(&key),
                Due::Reminder(id) => self.reminder_is_due(id),
                Due::Step(key) => self.step_is_due(key),
                Due::Silence(project, id) => self.silence_is_due(project, id),
                Due::Look(project) => self.look_is_due(project),
            }
        }
    }

    fn first_due(&self) -> Option<Due> {
        let due = self.deadlines().filter(|(at, ..)| *at <= self.at);
        due.min().map(|(.., due)| due)
    }

    /// Everything that waits for time to pass, in the order in which it is due.
    fn deadlines(&self) -> impl Iterator<Item = (Timestamp, u8, u128, Due)> {
        let incidents = self.incidents.iter().filter_map(|incident| {
            Some((incident.deadline?, 0, incident.row.id.0, Due::Incident(incident.row.id)))
        });
        let alerts = self.alerts.iter().map(|(&(project, fingerprint), alert)| {
            let (order, due) = if alert.firing {
                (1, Due::Lease(project, fingerprint))
            } else {
                (2, Due::Forget(project, fingerprint))
            };
            (alert.deadline, order, telling::number(project, Identity::Alert(fingerprint)), due)
        });
        let pending = self.pending.iter().filter_map(|(key, pending)| {
            Some((pending.deadline?, 3, 0, Due::Pending(key.clone())))
        });
        let reminders = self.reminders_due().map(|(at, id)| (at, 4, 0, Due::Reminder(id)));
        let steps = self.steps_due().map(|(at, key)| (at, 5, 0, Due::Step(key)));
        let silences = self.silences_due();
        let silences = silences.map(|(at, of, id)| (at, 6, 0, Due::Silence(of, id)));
        let looks = self.looks_due().map(|(at, project)| (at, 7, 0, Due::Look(project)));
        let grouping = incidents.chain(alerts).chain(pending);
        grouping.chain(reminders).chain(steps).chain(silences).chain(looks)
    }

    /// The next number in the order of things.
    fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }
}

/// Something that waits for its time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Incident(IncidentId),
    Lease(ProjectId, u64),
    Forget(ProjectId, u64),
    Pending(Key),
    Reminder(IncidentId),
    Step(RunKey),
    Silence(ProjectId, DirectiveId),
    Look(ProjectId),
}
