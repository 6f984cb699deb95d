//! Merge and split.

use std::collections::BTreeSet;

use model::{
    Actor, ActorKind, Incident, IncidentId, Mode, ProjectId, Reason, Seq, Status, Trigger, limits,
};

use super::Auditor;
use super::answer::{Answer, Refused};
use super::incident::AuditedIncident;
use super::policies::Key;

impl Auditor {
    pub(super) fn merge(
        &mut self,
        project: ProjectId,
        into: IncidentId,
        children: &[IncidentId],
        by: &Actor,
    ) -> Result<Answer, Refused> {
        self.open_incident(project, into)?;
        if let Some(parent) = self.incident(into).row.merged_into {
            return Err(Refused::FollowsParent(parent));
        }
        if children.is_empty() || children.len() > limits::MERGE_CHILDREN {
            return Err(Refused::NotMergeable);
        }
        let children: BTreeSet<IncidentId> = children.iter().copied().collect();
        for &child in &children {
            self.open_incident(project, child)?;
            self.check_mergeable(into, child, by)?;
        }
        for child in children {
            self.adopt(into, child, by);
        }
        Ok(Answer::Incident(into))
    }

    fn check_mergeable(
        &self,
        into: IncidentId,
        child: IncidentId,
        by: &Actor,
    ) -> Result<(), Refused> {
        let merging = self.incident(child);
        let reopens =
            merging.row.status == Status::Resolved && self.incident(into).row.status.is_active();
        if child == into || merging.row.merged_into.is_some() {
            return Err(Refused::NotMergeable);
        }
        if reopens && by.kind != ActorKind::Person {
            return Err(Refused::PersonRequired);
        }
        if reopens && self.key_is_taken(child, into) {
            return Err(Refused::NotMergeable);
        }
        Ok(())
    }

    /// Makes `child`, and what was merged into it, children of `parent`.
    fn adopt(&mut self, parent: IncidentId, child: IncidentId, by: &Actor) {
        let status = self.incident(parent).row.status;
        let firing = std::mem::take(&mut self.incident_mut(child).firing);
        self.incident_mut(parent).firing.extend(firing);
        let family = std::iter::once(child).chain(self.children(child));
        for member in family.collect::<Vec<_>>() {
            let (at, moment) = (self.at, self.moment());
            let incident = self.incident_mut(member);
            incident.row.merged_into = Some(parent);
            incident.merged = moment;
            if incident.row.status != status {
                incident.row.resolved_at = (status == Status::Resolved).then_some(at);
                if status == Status::Investigating {
                    incident.row.acknowledged_at.get_or_insert(at);
                }
                self.set_status(member, status, Some(by), Reason::FollowsParent);
            }
        }
        let severity = self.incident(child).row.severity;
        let into = self.incident_mut(parent);
        into.worst = into.worst.worse(severity);
        let before = into.row.severity;
        if !into.row.severity_pinned {
            into.row.severity = into.worst;
        }
        self.note_rise(parent, before);
    }

    /// Whether an incident for which `root` does not speak is open with a key of this one or of its
    /// children: reopening would make two. Windows do not count: they have several by nature.
    pub(super) fn key_is_taken(&self, id: IncidentId, root: IncidentId) -> bool {
        let mut family = std::iter::once(id).chain(self.children(id));
        family.any(|member| {
            let member = self.incident(member);
            member.mode == Mode::Ongoing
                && self.active(&member.key).into_iter().any(|other| self.root(other) != root)
        })
    }

    pub(super) fn split(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        signals: &[Seq],
    ) -> Result<Answer, Refused> {
        self.open_incident(project, id)?;
        let moving: BTreeSet<Seq> = signals.iter().copied().collect();
        self.check_splittable(id, &moving)?;
        let new_id = IncidentId::mint(project, self.seq, self.at);
        let count = moving.len() as u64;
        let from = self.incident_mut(id);
        from.row.signal_count -= count;
        from.split_off.extend(&moving);
        let mut incident = from.clone();
        incident.row = self.split_row(id, new_id, count);
        self.insert_split(incident, new_id);
        self.note(new_id, Trigger::Opened);
        for seq in moving {
            if let Some(signal) = self.signals.get_mut(&seq) {
                signal.incident = Some(new_id);
            }
        }
        self.arm_quiet(new_id);
        Ok(Answer::Incident(new_id))
    }

    fn insert_split(&mut self, mut incident: AuditedIncident, new_id: IncidentId) {
        incident.key = Key::Split(new_id);
        incident.moves.clear();
        incident.firing.clear();
        incident.split_off.clear();
        (incident.by_system, incident.held, incident.deadline) = (false, false, None);
        (incident.activated, incident.resolved, incident.merged) = (self.moment(), 0, 0);
        self.incidents.push(incident);
    }

    fn check_splittable(&self, id: IncidentId, moving: &BTreeSet<Seq>) -> Result<(), Refused> {
        let incident = self.incident(id);
        let bounded = !moving.is_empty() && moving.len() <= limits::SPLIT_SIGNALS;
        let free = incident.row.merged_into.is_none() && incident.row.status.is_active();
        let anew = moving.is_disjoint(&incident.split_off);
        let leaves = (moving.len() as u64) < incident.row.signal_count;
        if bounded && free && anew && leaves { Ok(()) } else { Err(Refused::NotSplittable) }
    }

    fn split_row(&self, id: IncidentId, new_id: IncidentId, signal_count: u64) -> Incident {
        let from = &self.incident(id).row;
        Incident {
            id: new_id,
            number: self.next_number(from.project),
            status: Status::Open,
            signal_count,
            opened_at: self.at,
            assignee: None,
            acknowledged_at: None,
            split_from: Some(id),
            links: Vec::new(),
            ..from.clone()
        }
    }
}
