//! Which incident a signal joins, and when it opens one.

use std::collections::BTreeSet;

use model::id::KeyHasher;
use model::{
    AlertLease, Duration, GroupingKey, GroupingPolicy, Incident, IncidentId, Mode, ProjectId,
    Reason, Seq, Severity, Signal, SignalStatus, Status, Timestamp, Trigger,
};

use super::alerts::Identity;
use super::incident::AuditedIncident;
use super::policies::{self, Key};
use super::{Auditor, Fate, FiledSignal};

/// A tumbling window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    started_at: Timestamp,
    signals: u64,
    incident: IncidentId,
}

/// Signals that wait for `open_when`.
#[derive(Debug, Default)]
pub(super) struct Pending {
    waiting: Vec<Waiting>,
    within: Duration,
    pub(super) deadline: Option<Timestamp>,
}

impl Pending {
    /// The last moment at which the oldest counts.
    pub(super) fn until(&self) -> Option<Timestamp> {
        self.waiting.first().map(|oldest| oldest.at + self.within)
    }
}

/// A signal that waits for company.
#[derive(Debug)]
struct Waiting {
    at: Timestamp,
    seq: Seq,
    severity: Severity,
    identity: Identity,
    /// Whether its identity has not been resolved since.
    firing: bool,
}

impl Auditor {
    /// A signal or an alert: known, resolved or firing.
    pub(super) fn signal(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        lease: Option<AlertLease>,
    ) -> Fate {
        if signal.id_given && self.is_duplicate(project, signal.id) {
            return Fate::Skipped(Reason::DuplicateId);
        }
        match lease {
            Some(lease) => self.alert(project, signal, lease),
            None => {
                let identity = Identity::Signal(signal.identity(project));
                if signal.status == SignalStatus::Resolved {
                    self.resolution(project, signal, identity)
                } else {
                    self.firing_signal(project, signal, identity)
                }
            }
        }
    }

    /// A firing signal: joins, opens or waits.
    pub(super) fn firing_signal(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        identity: Identity,
    ) -> Fate {
        let policy = self.policy_for(project, signal);
        let key = policies::key(&policy, project, signal);
        if let Some(named) = self.named(project, signal) {
            let root = self.root(named);
            let again = self.may_fire_again(root);
            let fate = self.join(named, signal, project, identity, Reason::NamedIncident);
            if again {
                self.reopen(root, None, Reason::FiredAgain);
            }
            return fate;
        }
        let joined = match policy.mode {
            Mode::Ongoing => self.join_ongoing(&key, signal, project, identity),
            Mode::Window => self.join_window(&key, &policy, signal, project, identity),
        };
        match joined {
            Ok(fate) => fate,
            Err(reason) => self.open_or_wait(&key, &policy, signal, project, identity, reason),
        }
    }

    /// The incident a signal names, if it is there and not closed.
    fn named(&self, project: ProjectId, signal: &Signal<'_>) -> Option<IncidentId> {
        let id = signal.incident_id?;
        let mut incidents = self.incidents.iter();
        let found = incidents.find(|incident| incident.row.id == id)?;
        (found.row.project == project && !found.is_closed()).then_some(id)
    }

    fn join_ongoing(
        &mut self,
        key: &Key,
        signal: &Signal<'_>,
        project: ProjectId,
        identity: Identity,
    ) -> Result<Fate, Reason> {
        if let Some(&newest) = self.active(key).last() {
            let merged = self.incident(newest).row.merged_into.is_some();
            let reason = if merged { Reason::MergedIncident } else { Reason::OpenIncident };
            return Ok(self.join(newest, signal, project, identity, reason));
        }
        let mut resolved: Vec<_> = self
            .incidents
            .iter()
            .filter(|incident| incident.key == *key && incident.row.status == Status::Resolved)
            .collect();
        resolved.sort_by_key(|incident| incident.resolved);
        let Some(last) = resolved.last().map(|incident| incident.row.id) else {
            return Err(Reason::NewKey);
        };
        let root = self.root(last);
        if !self.may_fire_again(root) {
            return Err(Reason::NewKey);
        }
        let fate = self.join(last, signal, project, identity, Reason::FiredAgain);
        self.reopen(root, None, Reason::FiredAgain);
        Ok(fate)
    }

    fn join_window(
        &mut self,
        key: &Key,
        policy: &GroupingPolicy,
        signal: &Signal<'_>,
        project: ProjectId,
        identity: Identity,
    ) -> Result<Fate, Reason> {
        let Some(&window) = self.windows.get(key) else { return Err(Reason::NewKey) };
        if self.at.since(window.started_at) >= policy.window {
            return Err(Reason::WindowElapsed);
        }
        if window.signals >= u64::from(policy.cap) {
            return Err(Reason::WindowFull);
        }
        let root = self.root(window.incident);
        let resolved = self.incident(root).row.status == Status::Resolved;
        if resolved && !self.may_fire_again(root) {
            return Err(Reason::NewKey);
        }
        self.windows.insert(key.clone(), Window { signals: window.signals + 1, ..window });
        let fate = self.join(root, signal, project, identity, Reason::CurrentWindow);
        if resolved {
            self.reopen(root, None, Reason::FiredAgain);
        }
        Ok(fate)
    }

    fn may_fire_again(&self, root: IncidentId) -> bool {
        let incident = self.incident(root);
        incident.row.status == Status::Resolved
            && incident
                .row
                .resolved_at
                .is_some_and(|resolved_at| self.at.since(resolved_at) <= incident.reopen_within)
            && !self.key_is_taken(root, root)
    }

    /// Counts the signal with the incident that speaks for `id`, with all that follows.
    fn join(
        &mut self,
        id: IncidentId,
        signal: &Signal<'_>,
        project: ProjectId,
        identity: Identity,
        reason: Reason,
    ) -> Fate {
        let root = self.root(id);
        self.count(root);
        let incident = self.incident_mut(root);
        incident.held = false;
        incident.firing.insert(identity);
        incident.worst = incident.worst.worse(signal.severity);
        let before = incident.row.severity;
        if !incident.row.severity_pinned {
            incident.row.severity = incident.worst;
        }
        let spike = incident.row.status == Status::Investigating && incident.by_system;
        self.note_rise(root, before);
        if spike {
            self.reopen(root, None, Reason::NewSpike);
        }
        self.arm_quiet(root);
        self.file(project, Some(root), reason)
    }

    /// Severity may have risen from what it was.
    pub(super) fn note_rise(&mut self, id: IncidentId, before: Severity) {
        if self.incident(id).row.severity < before {
            self.note(id, Trigger::Escalated);
        }
    }

    /// Counts one more signal.
    pub(super) fn count(&mut self, id: IncidentId) {
        let at = self.at;
        let row = &mut self.incident_mut(id).row;
        row.signal_count += 1;
        row.last_signal_at = at;
    }

    /// Keeps the signal at the current position.
    pub(super) fn file(
        &mut self,
        project: ProjectId,
        incident: Option<IncidentId>,
        reason: Reason,
    ) -> Fate {
        let signal = FiledSignal { project, filed_under: incident, incident, reason };
        self.signals.insert(self.seq, signal);
        Fate::Filed(incident, reason)
    }

    fn open_or_wait(
        &mut self,
        key: &Key,
        policy: &GroupingPolicy,
        signal: &Signal<'_>,
        project: ProjectId,
        identity: Identity,
        reason: Reason,
    ) -> Fate {
        let wanted = policy.open_when;
        if wanted.count <= 1 {
            return self.open(key, policy, signal, project, identity, reason, Vec::new());
        }
        let (at, seq) = (self.at, self.seq);
        let pending = self.pending.entry(key.clone()).or_default();
        pending.waiting.retain(|waiting| at.since(waiting.at) <= wanted.within);
        if pending.waiting.len() + 1 >= wanted.count as usize {
            let before = self.pending.remove(key).map_or_else(Vec::new, |pending| pending.waiting);
            let reason = Reason::OpenWhenReached;
            return self.open(key, policy, signal, project, identity, reason, before);
        }
        pending.waiting.push(Waiting {
            at,
            seq,
            severity: signal.severity,
            identity,
            firing: true,
        });
        pending.within = wanted.within;
        pending.deadline.get_or_insert(at + wanted.within + Duration::from_micros(1));
        self.file(project, None, Reason::OpenWhenPending)
    }

    /// Signals may have waited for too long.
    pub(super) fn pending_is_due(&mut self, key: &Key) {
        let now = self.at;
        let Some(pending) = self.pending.get_mut(key) else { return };
        let within = pending.within;
        pending.waiting.retain(|waiting| now.since(waiting.at) <= within);
        let oldest = pending.waiting.first().map(|waiting| waiting.at);
        pending.deadline = oldest.map(|at| at + within + Duration::from_micros(1));
        if oldest.is_none() {
            self.pending.remove(key);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a signal brings, and why it opens")]
    fn open(
        &mut self,
        key: &Key,
        policy: &GroupingPolicy,
        signal: &Signal<'_>,
        project: ProjectId,
        identity: Identity,
        reason: Reason,
        before: Vec<Waiting>,
    ) -> Fate {
        let id = IncidentId::mint(project, self.seq, self.at);
        let mut row = self.new_row(id, project, signal, policy);
        row.signal_count = 1 + before.len() as u64;
        for waiting in &before {
            if let Some(moved) = self.signals.get_mut(&waiting.seq) {
                moved.incident = Some(id);
            }
        }
        if let Some(first) = before.first() {
            row.first_signal_at = first.at;
        }
        let severities = before.iter().map(|waiting| waiting.severity);
        row.severity = severities.fold(row.severity, Severity::worse);
        let still = before.iter().filter(|waiting| waiting.firing).map(|waiting| waiting.identity);
        let firing: BTreeSet<Identity> = still.chain([identity]).collect();
        self.claim_alerts(project, &firing, id);
        if policy.mode == Mode::Window {
            let window = Window { started_at: self.at, signals: row.signal_count, incident: id };
            self.windows.insert(key.clone(), window);
        }
        let activated = self.moment();
        let mut incident = AuditedIncident::new(row, key.clone(), policy, activated);
        incident.firing = firing;
        self.incidents.push(incident);
        self.note(id, Trigger::Opened);
        self.arm_quiet(id);
        self.file(project, Some(id), reason)
    }

    fn new_row(
        &self,
        id: IncidentId,
        project: ProjectId,
        signal: &Signal<'_>,
        policy: &GroupingPolicy,
    ) -> Incident {
        Incident {
            id,
            project,
            number: self.next_number(project),
            title: String::new(),
            status: Status::Open,
            severity: signal.severity,
            severity_pinned: false,
            component: signal.component.to_string(),
            component_type: signal.component_type,
            environment: signal.environment.to_string(),
            policy: policy.id,
            key: GroupingKey(KeyHasher::default().finish()),
            grouping_key: String::new(),
            signal_count: 0,
            first_signal_at: self.at,
            last_signal_at: self.at,
            opened_at: self.at,
            assignee: None,
            acknowledged_at: None,
            resolved_at: None,
            closed_at: None,
            mtta_seconds: None,
            mttr_seconds: None,
            merged_into: None,
            split_from: None,
            links: Vec::new(),
            changed_seq: self.seq,
        }
    }

    /// Numbers count up within a project.
    pub(super) fn next_number(&self, project: ProjectId) -> u64 {
        1 + self.incidents.iter().filter(|incident| incident.row.project == project).count() as u64
    }

    /// An identity no longer fires: an incident its waiting signals may open need not wait for it.
    pub(super) fn end_waiting(&mut self, key: &Key, identity: Identity) {
        let Some(pending) = self.pending.get_mut(key) else { return };
        for waiting in pending.waiting.iter_mut().filter(|waiting| waiting.identity == identity) {
            waiting.firing = false;
        }
    }

    /// When the windows end that have begun.
    pub(super) fn window_ends(&self) -> impl Iterator<Item = Timestamp> {
        self.windows.iter().filter_map(|(key, window)| {
            let Key::Fields { project, policy, .. } = key else { return None };
            let policy = self.policies.get(&(*project, *policy))?;
            Some(window.started_at + policy.window)
        })
    }

    /// Forgets the window of an incident that was closed.
    pub(super) fn end_windows(&mut self, id: IncidentId) {
        self.windows.retain(|_, window| window.incident != id);
    }
}
