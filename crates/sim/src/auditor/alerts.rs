//! Alerts with their leases, and signals that say that something is over.

use std::collections::BTreeSet;

use model::{
    AlertLease, Duration, IdentityKey, IncidentId, ProjectId, Reason, Signal, SignalStatus,
    Timestamp,
};

use super::policies::{self, Key};
use super::{Auditor, Fate};

/// How long a resolved alert is remembered.
const RESOLVED_REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// What fires: a signal by its identity, an alert by its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    Signal(IdentityKey),
    Alert(u64),
}

/// An alert that fires, or did until a short while ago.
#[derive(Debug)]
pub(super) struct AuditedAlert {
    pub(super) lease: AlertLease,
    pub(super) incident: Option<IncidentId>,
    pub(super) firing: bool,
    pub(super) deadline: Timestamp,
    key: Key,
}

impl Auditor {
    pub(super) fn alert(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        lease: AlertLease,
    ) -> Fate {
        let known = self.alerts.get(&(project, lease.fingerprint));
        let incident = known.and_then(|known| known.incident);
        let closed = incident.is_some_and(|id| self.incident(id).is_closed());
        let root = incident.map(|id| self.root(id));
        let resolved_at = root.and_then(|id| self.incident(id).row.resolved_at);
        let after = resolved_at.is_some_and(|resolved_at| lease.starts_at > resolved_at);
        let known = self.alerts.get_mut(&(project, lease.fingerprint));
        let fires = signal.status == SignalStatus::Firing;
        match known {
            // It fires on although people are done with its incident: that is a new matter.
            Some(known)
                if known.firing
                    && fires
                    && (closed || after && lease.starts_at > known.lease.starts_at) =>
            {
                let ends_at = known.lease.ends_at.max(lease.ends_at);
                self.fired_anew += 1;
                self.alert_fires(project, signal, AlertLease { ends_at, ..lease })
            }
            Some(known) if known.firing && fires => {
                known.lease.ends_at = known.lease.ends_at.max(lease.ends_at);
                Fate::Skipped(Reason::AlertRepeated)
            }
            Some(known)
                if known.firing
                    && (lease.starts_at >= known.lease.starts_at
                        || lease.ends_at > known.lease.starts_at) =>
            {
                let fate = self.file_resolution(project, incident.filter(|_| !closed));
                self.alert_over(project, lease.fingerprint, Reason::AllResolved);
                fate
            }
            Some(known) if known.firing => Fate::Skipped(Reason::AlertRepeated),
            Some(known) if !fires && lease.starts_at <= known.lease.starts_at => {
                Fate::Skipped(Reason::AlertRepeated)
            }
            _ if fires => self.alert_fires(project, signal, lease),
            _ => {
                let deadline = self.at + RESOLVED_REMEMBERED;
                let key = policies::key(&self.policy_for(project, signal), project, signal);
                let (incident, firing) = (None, false);
                let alert = AuditedAlert { lease, incident, firing, deadline, key };
                self.alerts.insert((project, lease.fingerprint), alert);
                self.file(project, None, Reason::NothingFiring)
            }
        }
    }

    fn alert_fires(&mut self, project: ProjectId, signal: &Signal<'_>, lease: AlertLease) -> Fate {
        let key = policies::key(&self.policy_for(project, signal), project, signal);
        let fate = self.firing_signal(project, signal, Identity::Alert(lease.fingerprint));
        let incident = match fate {
            Fate::Filed(incident, _) => incident,
            Fate::Skipped(_) => None,
        };
        let (firing, deadline) = (true, lease.ends_at);
        let alert = AuditedAlert { lease, incident, firing, deadline, key };
        self.alerts.insert((project, lease.fingerprint), alert);
        fate
    }

    /// Alerts that waited with their signals belong to the incident that these opened.
    pub(super) fn claim_alerts(
        &mut self,
        project: ProjectId,
        firing: &BTreeSet<Identity>,
        id: IncidentId,
    ) {
        for (&(of, fingerprint), alert) in &mut self.alerts {
            if of == project && alert.firing && firing.contains(&Identity::Alert(fingerprint)) {
                alert.incident.get_or_insert(id);
            }
        }
    }

    /// A lease may have run out; if it was renewed, its new end is the next deadline.
    pub(super) fn lease_is_due(&mut self, project: ProjectId, fingerprint: u64) {
        let at = self.at;
        let Some(alert) = self.alerts.get_mut(&(project, fingerprint)) else { return };
        if alert.lease.ends_at > at {
            alert.deadline = alert.lease.ends_at;
        } else {
            self.alert_over(project, fingerprint, Reason::LeaseExpired);
        }
    }

    fn alert_over(&mut self, project: ProjectId, fingerprint: u64, reason: Reason) {
        let at = self.at;
        self.forget_quiet_alert(project, fingerprint);
        let Some(alert) = self.alerts.get_mut(&(project, fingerprint)) else { return };
        alert.firing = false;
        alert.deadline = at + RESOLVED_REMEMBERED;
        let (key, incident) = (alert.key.clone(), alert.incident);
        self.end_firing(&key, incident, Identity::Alert(fingerprint), reason);
    }

    /// A signal that says that its identity no longer fires.
    pub(super) fn resolution(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        identity: Identity,
    ) -> Fate {
        let key = policies::key(&self.policy_for(project, signal), project, signal);
        let named = signal.incident_id.filter(|&id| {
            let mut incidents = self.incidents.iter().filter(|incident| incident.row.id == id);
            incidents.any(|incident| incident.row.project == project && !incident.is_closed())
        });
        let incident = named.or(self.active(&key).last().copied());
        let fate = self.file_resolution(project, incident);
        self.end_firing(&key, incident, identity, Reason::AllResolved);
        fate
    }

    fn file_resolution(&mut self, project: ProjectId, incident: Option<IncidentId>) -> Fate {
        let Some(id) = incident else { return self.file(project, None, Reason::NothingFiring) };
        let root = self.root(id);
        self.count(root);
        self.file(project, Some(root), Reason::OpenIncident)
    }

    /// Ends an identity's firing wherever its key leads; what has nothing firing left may resolve.
    fn end_firing(
        &mut self,
        key: &Key,
        incident: Option<IncidentId>,
        identity: Identity,
        reason: Reason,
    ) {
        self.end_waiting(key, identity);
        let mut ids = self.active(key);
        ids.extend(incident.filter(|&id| !self.incident(id).is_closed()));
        for id in ids {
            let root = self.root(id);
            let incident = self.incident_mut(root);
            let ended = incident.firing.remove(&identity);
            let over = ended && incident.firing.is_empty() && incident.resolve_with_alerts;
            if over && incident.row.status.is_active() {
                self.resolve(root, None, reason);
            }
        }
    }
}
