//! Signals and alerts.

use std::borrow::Cow;

use model::{
    AlertLease, ComponentType, Duration, Entry, IncidentId, Kind, ProjectId, Severity, Signal,
    SignalId, SignalStatus, Timestamp,
};

use super::Workload;
use crate::auditor::Auditor;

impl Workload {
    /// A few signals of one sender, some of them sent before.
    pub fn signals(&mut self, auditor: &Auditor, now: Timestamp, most: u64) -> Vec<Entry<'static>> {
        let project = self.project();
        let count = self.random.between(1, most);
        (0..count).map(|_| self.signal(auditor, project, now)).collect()
    }

    /// An alert that fires, is sent again, or is over.
    pub fn alerts(&mut self, now: Timestamp) -> Vec<Entry<'static>> {
        let known = self.random.pick(&self.alerts).cloned();
        match known {
            Some(known) if self.random.chance(65) => vec![self.alert_again(known, now)],
            _ => {
                let count = self.random.between(1, 3);
                (0..count).map(|_| self.alert(now)).collect()
            }
        }
    }

    fn signal(&mut self, auditor: &Auditor, project: ProjectId, now: Timestamp) -> Entry<'static> {
        if self.random.chance(self.duplicates)
            && let Some((first, known)) = self.random.pick(&self.sent).cloned()
        {
            if self.random.chance(90) {
                return Entry::Signal { project: first, signal: known };
            }
            // The same id in another project is another signal.
            let signal = Signal { id: known.id, id_given: true, ..self.fresh(project, now) };
            return Entry::Signal { project, signal };
        }
        let mut signal = self.fresh(project, now);
        signal.id_given = self.random.chance(self.given_ids);
        if self.random.chance(self.resolved) {
            signal.status = SignalStatus::Resolved;
        }
        if self.random.chance(self.named) {
            signal.incident_id = self.some_incident(auditor, project);
        }
        if signal.id_given {
            self.sent.push((project, signal.clone()));
        }
        Entry::Signal { project, signal }
    }

    /// A signal like nobody sent before.
    fn fresh(&mut self, project: ProjectId, now: Timestamp) -> Signal<'static> {
        let component = format!("p{project}-c{}", self.random.below(self.components));
        let environment = ["prod", "staging"][self.random.below(self.environments) as usize];
        let mut signal = Signal::new(SignalId(self.wide()), component, environment);
        let types = [ComponentType::Rdbms, ComponentType::Api, ComponentType::Host];
        signal.component_type = types[self.random.below(3) as usize];
        signal.kind = [Kind::Failure, Kind::Healthcheck][self.random.below(2) as usize];
        signal.severity = self.severity();
        signal.source = Cow::Borrowed(["", "agent"][self.random.below(2) as usize]);
        signal.error_code = Cow::Borrowed(["", "E1", "E2"][self.random.below(3) as usize]);
        signal.summary = Cow::Owned(format!("it fails, says {}", self.random.below(1_000)));
        signal.occurred_at = now;
        let teams = ["red", "blue"];
        if let Some(team) = self.random.pick(&teams).filter(|_| signal.error_code.is_empty()) {
            signal.labels = vec![(Cow::Borrowed("team"), Cow::Borrowed(*team))];
        }
        let filling = self.random.below(300);
        signal.payload = Cow::Owned(
            format!("{{\"filling\":{filling:0>width$}}}", width = filling as usize).into_bytes(),
        );
        signal
    }

    /// An alert that fires for the first time, or its resolution out of the blue.
    fn alert(&mut self, now: Timestamp) -> Entry<'static> {
        let project = self.project();
        let mut signal = self.fresh(project, now);
        signal.kind = Kind::Alert;
        let fingerprint = self.random.below(4 * self.components);
        let starts_at = now - Duration::from_secs(self.random.below(30));
        let ends_at = now + Duration::from_secs(self.random.between(1, 240));
        let lease = AlertLease { fingerprint, starts_at, ends_at };
        if self.random.chance(7) {
            signal.status = SignalStatus::Resolved;
        } else {
            self.alerts.push((project, lease, signal.clone()));
        }
        Entry::Alert { project, lease, signal }
    }

    /// A known alert again: renewed, over, over late, or a new round.
    fn alert_again(
        &mut self,
        (project, lease, signal): (ProjectId, AlertLease, Signal<'static>),
        now: Timestamp,
    ) -> Entry<'static> {
        let mut signal = Signal { id: SignalId(self.wide()), ..signal };
        let ends_at = now + Duration::from_secs(self.random.between(1, 240));
        let mut lease = AlertLease { ends_at, ..lease };
        match self.random.below(10) {
            0..4 => {}
            4..7 => {
                signal.status = SignalStatus::Resolved;
                lease.ends_at = now;
            }
            7 => {
                signal.status = SignalStatus::Resolved;
                lease.starts_at = lease.starts_at - Duration::from_secs(60);
            }
            _ => lease.starts_at = now,
        }
        Entry::Alert { project, lease, signal }
    }

    pub(super) fn severity(&mut self) -> Severity {
        self.random.pick(&Severity::ALL).copied().unwrap_or(Severity::P2)
    }

    /// An incident somebody may name: mostly one of the project that is not closed.
    pub(super) fn some_incident(
        &mut self,
        auditor: &Auditor,
        project: ProjectId,
    ) -> Option<IncidentId> {
        let anything = self.random.chance(8);
        let fitting: Vec<IncidentId> = auditor
            .incidents()
            .iter()
            .filter(|incident| {
                anything || (incident.row.project == project && incident.row.closed_at.is_none())
            })
            .map(|incident| incident.row.id)
            .collect();
        if self.random.chance(2) {
            return Some(IncidentId(self.wide()));
        }
        // The latest are the most interesting.
        let recent = &fitting[fitting.len().saturating_sub(12)..];
        self.random.pick(recent).copied()
    }
}
