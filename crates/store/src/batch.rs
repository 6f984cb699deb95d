//! The effects of a batch, folded to what has to be written: the last state of each row.
//!
//! Ten thousand signals to one incident become one row. Invariant: writing the folded rows leaves
//! the store as writing every effect in order would.

mod outgoing;

use std::collections::BTreeMap;

use model::{
    Actor, Alert, AuditRow, Directive, DirectiveId, DirectiveKind, Effect, Effects, GroupingPolicy,
    IdentityKey, Incident, IncidentId, PolicyId, ProjectId, Rca, Seq, Timestamp,
};

use self::outgoing::OutgoingFolding;
pub(crate) use self::outgoing::{DeliveryKey, Outgoing};

/// What a batch leaves to be written, each list in order of its key.
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    /// Incidents as a whole.
    pub(crate) incidents: Vec<IncidentRow<'a>>,
    /// Incidents of which only the counters changed.
    pub(crate) counters: Vec<CounterRow>,
    /// Audit rows, as they came.
    pub(crate) audit: Vec<&'a AuditRow>,
    /// Accepted analyses.
    pub(crate) rcas: Vec<RcaRow<'a>>,
    /// Policies in force.
    pub(crate) policies_saved: Vec<&'a GroupingPolicy>,
    /// Policies no longer in force.
    pub(crate) policies_removed: Vec<(ProjectId, PolicyId)>,
    /// Alerts that fire.
    pub(crate) alerts_firing: Vec<AlertRow<'a>>,
    /// Alerts that fired before and belong to an incident now.
    pub(crate) alerts_joined: Vec<(ProjectId, IdentityKey, IncidentId)>,
    /// Alerts that no longer fire.
    pub(crate) alerts_resolved: Vec<(ProjectId, IdentityKey)>,
    /// Signals that moved.
    pub(crate) moves: Vec<MoveRow>,
    /// Directives in force.
    pub(crate) directives_saved: Vec<&'a Directive>,
    /// Directives no longer in force.
    pub(crate) directives_removed: Vec<DirectiveKey>,
    /// What is due, and what became of it.
    pub(crate) outgoing: Outgoing<'a>,
}

/// Names a directive.
pub(crate) type DirectiveKey = (ProjectId, DirectiveKind, DirectiveId);

/// An incident with the counters it has at the end of the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IncidentRow<'a> {
    /// All but the counters.
    pub(crate) incident: &'a Incident,
    /// Its signals.
    pub(crate) signal_count: u64,
    /// Its latest signal.
    pub(crate) last_signal_at: Timestamp,
}

/// The counters of an incident at the end of the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CounterRow {
    pub(crate) project: ProjectId,
    pub(crate) incident: IncidentId,
    pub(crate) signal_count: u64,
    pub(crate) last_signal_at: Timestamp,
}

/// An accepted analysis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RcaRow<'a> {
    pub(crate) project: ProjectId,
    pub(crate) incident: IncidentId,
    pub(crate) submitted_by: &'a Actor,
    pub(crate) at: Timestamp,
    pub(crate) rca: &'a Rca,
}

/// An alert with the incident it has at the end of the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AlertRow<'a> {
    /// All but the incident.
    pub(crate) alert: &'a Alert,
    /// The incident it belongs to.
    pub(crate) incident: Option<IncidentId>,
}

/// A signal that moved: where it was before its first move of the batch, and where it is after the last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MoveRow {
    pub(crate) project: ProjectId,
    pub(crate) signal_seq: Seq,
    pub(crate) from: Option<IncidentId>,
    pub(crate) to: IncidentId,
}

impl<'a> Batch<'a> {
    /// Folds the effects.
    pub(crate) fn fold(effects: &'a Effects) -> Self {
        let mut folding = Folding::default();
        for effect in &effects.0 {
            folding.take(effect);
        }
        folding.finish()
    }
}

/// The last word on an incident so far.
#[derive(Debug, Clone, Copy)]
enum LastWord<'a> {
    Whole(IncidentRow<'a>),
    Counters(CounterRow),
}

/// The last word on an alert so far.
#[derive(Debug, Clone, Copy)]
enum AlertWord<'a> {
    Fires(AlertRow<'a>),
    Joined(IncidentId),
    Over,
}

#[derive(Default)]
struct Folding<'a> {
    incidents: BTreeMap<(ProjectId, IncidentId), LastWord<'a>>,
    rcas: BTreeMap<(ProjectId, IncidentId), RcaRow<'a>>,
    policies: BTreeMap<(ProjectId, PolicyId), Option<&'a GroupingPolicy>>,
    alerts: BTreeMap<(ProjectId, IdentityKey), AlertWord<'a>>,
    moves: BTreeMap<(ProjectId, Seq), MoveRow>,
    audit: Vec<&'a AuditRow>,
    directives: BTreeMap<DirectiveKey, Option<&'a Directive>>,
    outgoing: OutgoingFolding<'a>,
}

impl<'a> Folding<'a> {
    fn take(&mut self, effect: &'a Effect) {
        match effect {
            &Effect::Filed { project, incident: Some(incident), signal_count, at, .. } => {
                self.count(CounterRow { project, incident, signal_count, last_signal_at: at });
            }
            Effect::Incident(incident) => {
                let row = IncidentRow {
                    incident,
                    signal_count: incident.signal_count,
                    last_signal_at: incident.last_signal_at,
                };
                self.incidents.insert((incident.project, incident.id), LastWord::Whole(row));
            }
            &Effect::Moved { signal_seq, project, from, to } => {
                let row = MoveRow { project, signal_seq, from, to };
                self.moves.entry((project, signal_seq)).or_insert(row).to = to;
            }
            Effect::Audited(row) => self.audit.push(row),
            Effect::RcaAccepted { incident, project, submitted_by, at, rca } => {
                let (project, incident, at) = (*project, *incident, *at);
                let row = RcaRow { project, incident, submitted_by, at, rca };
                self.rcas.insert((project, incident), row);
            }
            Effect::PolicySaved(policy) => {
                self.policies.insert((policy.project, policy.id), Some(policy));
            }
            &Effect::PolicyRemoved { project, id } => {
                self.policies.insert((project, id), None);
            }
            Effect::AlertFiring(alert) => {
                let row = AlertRow { alert, incident: alert.incident };
                self.alerts.insert((alert.project, alert.identity), AlertWord::Fires(row));
            }
            &Effect::AlertJoined { project, identity, incident } => {
                self.join(project, identity, incident);
            }
            &Effect::AlertResolved { project, identity, .. } => {
                self.alerts.insert((project, identity), AlertWord::Over);
            }
            Effect::DirectiveSaved(directive) => {
                let key = (directive.project, directive.body.kind(), directive.id);
                self.directives.insert(key, Some(directive));
            }
            &Effect::DirectiveRemoved { project, kind, id } => {
                self.directives.insert((project, kind, id), None);
            }
            Effect::Notified(notification) => self.outgoing.notified(notification),
            Effect::Attempted { at, receipt } => self.outgoing.attempted(*at, receipt),
            Effect::Replayed { project, letters, seq, at } => {
                self.outgoing.replayed(*project, letters, (*seq, *at));
            }
            Effect::Filed { incident: None, .. }
            | Effect::Skipped { .. }
            | Effect::AlertRenewed { .. }
            | Effect::Replied { .. }
            | Effect::LimitHit { .. } => {}
        }
    }

    fn count(&mut self, row: CounterRow) {
        let word = self.incidents.entry((row.project, row.incident));
        let word = word.or_insert(LastWord::Counters(row));
        match word {
            LastWord::Whole(whole) => {
                whole.signal_count = row.signal_count;
                whole.last_signal_at = row.last_signal_at;
            }
            LastWord::Counters(counters) => *counters = row,
        }
    }

    fn join(&mut self, project: ProjectId, identity: IdentityKey, incident: IncidentId) {
        let word = self.alerts.entry((project, identity));
        match word.or_insert(AlertWord::Joined(incident)) {
            AlertWord::Fires(row) => row.incident = Some(incident),
            AlertWord::Joined(last) => *last = incident,
            AlertWord::Over => {}
        }
    }

    fn finish(self) -> Batch<'a> {
        let mut batch = Batch {
            audit: self.audit,
            rcas: self.rcas.into_values().collect(),
            moves: self.moves.into_values().collect(),
            outgoing: self.outgoing.finish(),
            ..Batch::default()
        };
        for word in self.incidents.into_values() {
            match word {
                LastWord::Whole(row) => batch.incidents.push(row),
                LastWord::Counters(row) => batch.counters.push(row),
            }
        }
        for (key, policy) in self.policies {
            match policy {
                Some(policy) => batch.policies_saved.push(policy),
                None => batch.policies_removed.push(key),
            }
        }
        for (key, directive) in self.directives {
            match directive {
                Some(directive) => batch.directives_saved.push(directive),
                None => batch.directives_removed.push(key),
            }
        }
        for (key, word) in self.alerts {
            match word {
                AlertWord::Fires(row) => batch.alerts_firing.push(row),
                AlertWord::Joined(incident) => batch.alerts_joined.push((key.0, key.1, incident)),
                AlertWord::Over => batch.alerts_resolved.push(key),
            }
        }
        batch
    }
}
