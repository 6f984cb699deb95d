//! A signal's way through the engine: known already, resolved, or firing.

use model::id::KeyHasher;
use model::{
    Alert, AlertLease, Effect, Effects, IdentityKey, IncidentId, ProjectId, Reason, Signal,
    SignalStatus,
};

use crate::Engine;
use crate::alerts::{AlertState, Arrival};
use crate::dedup::Remembered;
use crate::groups::Group;

/// A signal on its way, with what was worked out about it.
pub(crate) struct Arriving<'e, 'a> {
    pub(crate) project: ProjectId,
    pub(crate) signal: &'e Signal<'a>,
    pub(crate) identity: IdentityKey,
}

impl Engine {
    pub(crate) fn signal(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        lease: Option<AlertLease>,
        out: &mut Effects,
    ) {
        if signal.id_given {
            match self.dedup.remember(project, signal.id, self.at) {
                Remembered::New => {}
                Remembered::NewAtLimit => Self::limit_hit(project, Reason::DedupLimit, out),
                Remembered::Known => return self.skip(project, signal, Reason::DuplicateId, out),
            }
        }
        let identity = lease.map_or_else(
            || signal.identity(project),
            |lease| alert_identity(project, lease.fingerprint),
        );
        let arriving = Arriving { project, signal, identity };
        match lease {
            Some(lease) => self.alert(&arriving, lease, out),
            None if signal.status == SignalStatus::Resolved => self.resolved(&arriving, out),
            None => {
                self.firing(&arriving, out);
            }
        }
    }

    /// The lease of an alert has reached its deadline.
    pub(crate) fn lease_is_due(&mut self, identity: IdentityKey, out: &mut Effects) {
        if self.alerts.lease_is_over(identity, self.at, &mut self.timers) {
            self.alert_over(identity, Reason::LeaseExpired, out);
        }
    }

    fn skip(&self, project: ProjectId, signal: &Signal<'_>, reason: Reason, out: &mut Effects) {
        out.push(Effect::Skipped { seq: self.seq, project, signal: signal.id, reason });
    }

    fn alert(&mut self, arriving: &Arriving<'_, '_>, lease: AlertLease, out: &mut Effects) {
        let firing = arriving.signal.status == SignalStatus::Firing;
        match self.alerts.classify(arriving.identity, lease, firing, &self.cases) {
            Arrival::Repeats => {
                if firing {
                    self.alerts.renew(arriving.identity, lease, self.at, out);
                }
                self.skip(arriving.project, arriving.signal, Reason::AlertRepeated, out);
            }
            Arrival::Fires => self.alert_fires(arriving, lease, out),
            Arrival::Resolves => {
                let incident =
                    self.alerts.map.get(&arriving.identity).and_then(|known| known.incident);
                let incident = incident.filter(|&id| self.cases.index(id).is_some());
                self.file_resolution(arriving, incident, out);
                self.alert_over(arriving.identity, Reason::AllResolved, out);
            }
            Arrival::Unknown => {
                self.file(arriving, None, Reason::NothingFiring, out);
                let state = self.alert_state(arriving, lease, None, false);
                let most = self.bounds.firing_alerts;
                let kept = self.alerts.follow(arriving.identity, state, most, &mut self.timers);
                if kept.is_none() {
                    Self::limit_hit(arriving.project, Reason::AlertLimit, out);
                }
            }
        }
    }

    fn alert_fires(&mut self, arriving: &Arriving<'_, '_>, lease: AlertLease, out: &mut Effects) {
        let (project, signal) = (arriving.project, arriving.signal);
        let incident = self.firing(arriving, out);
        let state = self.alert_state(arriving, lease, incident, true);
        let most = self.bounds.firing_alerts;
        let kept = self.alerts.follow(arriving.identity, state, most, &mut self.timers);
        let Some(lease) = kept else {
            return Self::limit_hit(project, Reason::AlertLimit, out);
        };
        out.push(Effect::AlertFiring(Box::new(Alert {
            project,
            identity: arriving.identity,
            lease,
            updated_at: self.at,
            incident,
            signal: signal.to_owned_signal(),
        })));
    }

    fn alert_state(
        &self,
        arriving: &Arriving<'_, '_>,
        lease: AlertLease,
        incident: Option<IncidentId>,
        firing: bool,
    ) -> AlertState {
        let (project, signal) = (arriving.project, arriving.signal);
        AlertState {
            project,
            lease,
            updated_at: self.at,
            incident,
            group: self.policies.for_signal(project, signal).key(project, signal),
            firing,
            let_go: false,
            deadline: lease.ends_at,
        }
    }

    /// An alert no longer fires: neither does its identity in its incident.
    fn alert_over(&mut self, identity: IdentityKey, reason: Reason, out: &mut Effects) {
        let Some(state) = self.alerts.resolves(identity, self.at, &mut self.timers) else { return };
        self.quiet.forget_alert(state.project, identity);
        out.push(Effect::AlertResolved { project: state.project, identity, reason, at: self.at });
        self.end_firing(state.project, state.group, state.incident, identity, reason, out);
    }

    fn resolved(&mut self, arriving: &Arriving<'_, '_>, out: &mut Effects) {
        let (project, signal) = (arriving.project, arriving.signal);
        let group = self.policies.for_signal(project, signal).key(project, signal);
        let named = signal.incident_id.filter(|&id| self.cases.find(project, id).is_some());
        let newest = self.groups.get(group).and_then(Group::newest);
        let incident = named.or_else(|| Some(self.cases.get(newest?).incident.id));
        self.file_resolution(arriving, incident, out);
        self.end_firing(project, group, incident, arriving.identity, Reason::AllResolved, out);
    }

    /// Keeps a resolved signal with the incident it ends something in, which counts it.
    fn file_resolution(
        &mut self,
        arriving: &Arriving<'_, '_>,
        incident: Option<IncidentId>,
        out: &mut Effects,
    ) {
        match incident.and_then(|id| self.cases.index(id)) {
            Some(index) => {
                let root = self.cases.root(index);
                self.count(root);
                self.file(arriving, Some(root), Reason::OpenIncident, out);
            }
            None => self.file(arriving, None, Reason::NothingFiring, out),
        }
    }

    /// Ends an identity's firing in every open incident of its group, in the one it is known to be in, and
    /// among the signals that wait to open one.
    fn end_firing(
        &mut self,
        project: ProjectId,
        group: model::GroupingKey,
        incident: Option<IncidentId>,
        identity: IdentityKey,
        reason: Reason,
        out: &mut Effects,
    ) {
        self.groups.end_waiting(group, identity);
        let active = self.groups.get(group).into_iter().flat_map(Group::active);
        let named = incident.and_then(|id| self.cases.find(project, id));
        let mut roots: Vec<_> = active.chain(named).map(|index| self.cases.root(index)).collect();
        roots.dedup();
        for root in roots {
            let case = self.cases.get_mut(root);
            if case.firing.end(identity)
                && case.conduct.resolve_with_alerts
                && case.incident.status.is_active()
            {
                self.resolve_by_source(root, reason, out);
            }
        }
    }
}

/// The identity of an alert: what Alertmanager calls its fingerprint, within a project.
fn alert_identity(project: ProjectId, fingerprint: u64) -> IdentityKey {
    IdentityKey(
        KeyHasher::for_project(project).part(b"alert").part(&fingerprint.to_be_bytes()).finish(),
    )
}
