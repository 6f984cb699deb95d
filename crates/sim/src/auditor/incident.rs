//! An incident as the auditor knows it: the row the store must hold, and what the rules need besides.

use std::collections::BTreeSet;

use model::{
    ActorKind, Duration, GroupingPolicy, Incident, IncidentId, Mode, Reason, Seq, Severity, Status,
    Timestamp,
};

use super::Auditor;
use super::alerts::Identity;
use super::policies::Key;

/// One step of an incident's life, as the audit trail must show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// From where.
    pub from: Status,
    /// To where.
    pub to: Status,
    /// Who.
    pub by: ActorKind,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// An incident.
#[derive(Debug, Clone)]
pub struct AuditedIncident {
    /// What the store must hold, but for the fields the auditor does not work out:
    /// key hash, texts of title and key, and the position of the last change.
    pub row: Incident,
    /// Its life so far.
    pub moves: Vec<Move>,
    /// The mode of the policy that opened it.
    pub mode: Mode,
    pub(super) key: Key,
    /// The worst severity seen.
    pub(super) worst: Severity,
    pub(super) auto_lifecycle: bool,
    pub(super) resolve_with_alerts: bool,
    pub(super) quiet: Duration,
    pub(super) reopen_within: Duration,
    /// Whether the system made it INVESTIGATING.
    pub(super) by_system: bool,
    /// Whether a person reopened it and nothing came since.
    pub(super) held: bool,
    pub(super) investigating_since: Timestamp,
    pub(super) firing: BTreeSet<Identity>,
    pub(super) deadline: Option<Timestamp>,
    /// Signals that were split off it.
    pub(super) split_off: BTreeSet<Seq>,
    /// When it became active, in the order of things.
    pub(super) activated: u64,
    /// When it was resolved, in the order of things.
    pub(super) resolved: u64,
    /// When it was merged into another, in the order of things.
    pub(super) merged: u64,
}

impl AuditedIncident {
    pub(super) fn new(row: Incident, key: Key, policy: &GroupingPolicy, activated: u64) -> Self {
        Self {
            worst: row.severity,
            row,
            moves: Vec::new(),
            mode: policy.mode,
            key,
            auto_lifecycle: policy.auto_lifecycle,
            resolve_with_alerts: policy.resolve_with_alerts,
            quiet: policy.quiet,
            reopen_within: policy.reopen_within,
            by_system: false,
            held: false,
            investigating_since: Timestamp::default(),
            firing: BTreeSet::new(),
            deadline: None,
            split_off: BTreeSet::new(),
            activated,
            resolved: 0,
            merged: 0,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.row.status == Status::Closed
    }
}

impl Auditor {
    /// The incident of an id.
    ///
    /// # Panics
    /// There is none: a mistake of the auditor.
    pub(super) fn incident(&self, id: IncidentId) -> &AuditedIncident {
        let found = self.incidents.iter().find(|incident| incident.row.id == id);
        found.expect("the auditor names incidents it knows")
    }

    pub(super) fn incident_mut(&mut self, id: IncidentId) -> &mut AuditedIncident {
        let found = self.incidents.iter_mut().find(|incident| incident.row.id == id);
        found.expect("the auditor names incidents it knows")
    }

    /// The incident that speaks for this one.
    pub(super) fn root(&self, id: IncidentId) -> IncidentId {
        self.incident(id).row.merged_into.unwrap_or(id)
    }

    /// The incidents merged into this one, in order of merging.
    pub(super) fn children(&self, id: IncidentId) -> Vec<IncidentId> {
        let mut children: Vec<_> =
            self.incidents.iter().filter(|child| child.row.merged_into == Some(id)).collect();
        children.sort_by_key(|child| child.merged);
        children.into_iter().map(|child| child.row.id).collect()
    }

    /// The incidents with this key that are OPEN or INVESTIGATING, the newest last.
    pub(super) fn active(&self, key: &Key) -> Vec<IncidentId> {
        let mut active: Vec<_> = self
            .incidents
            .iter()
            .filter(|incident| incident.key == *key && incident.row.status.is_active())
            .collect();
        active.sort_by_key(|incident| incident.activated);
        active.into_iter().map(|incident| incident.row.id).collect()
    }
}
