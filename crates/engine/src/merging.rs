//! Merge and split: people correct what grouping got wrong.
//!
//! A merged incident follows its parent's state and cites its root cause analysis; signals with its
//! key join the parent. Merging never makes chains: the children of a child move to its new parent.

use std::collections::BTreeSet;

use model::effect::AuditAction;
use model::id::KeyHasher;
use model::{
    Actor, ActorKind, Effect, Effects, GroupingKey, Incident, IncidentId, Outcome, ProjectId,
    Reason, Refusal, Seq, Status, limits,
};

use crate::Engine;
use crate::cases::{Case, Index};
use crate::lifecycle::By;

impl Engine {
    pub(crate) fn merge(
        &mut self,
        project: ProjectId,
        into: IncidentId,
        children: &[IncidentId],
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let (parent, indexes) = self.mergeable(project, into, children, actor)?;
        for child in indexes {
            self.adopt(parent, child, actor, out);
        }
        Ok(Outcome::Incident(into))
    }

    pub(crate) fn split(
        &mut self,
        project: ProjectId,
        id: IncidentId,
        signals: &[Seq],
        title: &str,
        actor: &Actor,
        out: &mut Effects,
    ) -> Result<Outcome, Refusal> {
        let index = self.open_case(project, id)?;
        let moving = self.splittable(index, signals)?;
        let incident = self.split_state(index, moving.len() as u64, title);
        let (new_id, conduct) = (incident.id, self.cases.get(index).conduct);
        let case = self.cases.get_mut(index);
        case.incident.signal_count -= moving.len() as u64;
        case.incident.changed_seq = self.seq;
        case.split_off.extend(moving.iter().copied());
        let (key, worst, opened_by) = (incident.key, case.worst, case.opened_by.clone());
        let new_index =
            self.cases.insert(Case { worst, ..Case::new(incident, conduct, opened_by) });
        self.groups.became_active(key, new_index);
        self.changed(index, out);
        self.announce_opening(
            new_index,
            Reason::Split,
            By::Somebody(actor.clone()),
            String::new(),
            out,
        );
        let signals = moving.len() as u64;
        for (of, other) in [(index, new_id), (new_index, id)] {
            let action = AuditAction::Split { other, signals };
            self.audit(of, actor.clone(), action, Reason::Split, String::new(), out);
        }
        for signal_seq in moving {
            out.push(Effect::Moved { signal_seq, project, from: Some(id), to: new_id });
        }
        self.arm_quiet(new_index);
        Ok(Outcome::Incident(new_id))
    }

    fn mergeable(
        &self,
        project: ProjectId,
        into: IncidentId,
        children: &[IncidentId],
        actor: &Actor,
    ) -> Result<(Index, Vec<Index>), Refusal> {
        let parent = self.open_case(project, into)?;
        if let Some(grandparent) = self.cases.get(parent).parent {
            return Err(Refusal::FollowsParent(self.cases.get(grandparent).incident.id));
        }
        if children.is_empty() || children.len() > limits::MERGE_CHILDREN {
            return Err(Refusal::NotMergeable("a merge takes between 1 and 100 children"));
        }
        let distinct: BTreeSet<IncidentId> = children.iter().copied().collect();
        let mut indexes = Vec::with_capacity(distinct.len());
        for &id in &distinct {
            let child = self.open_case(project, id)?;
            self.check_child(parent, child, actor)?;
            indexes.push(child);
        }
        Ok((parent, indexes))
    }

    fn check_child(&self, parent: Index, child: Index, actor: &Actor) -> Result<(), Refusal> {
        if child == parent {
            return Err(Refusal::NotMergeable("an incident cannot be merged into itself"));
        }
        if self.cases.get(child).parent.is_some() {
            return Err(Refusal::NotMergeable("a child is merged into another incident already"));
        }
        let reopens = self.cases.get(child).incident.status == Status::Resolved
            && self.cases.get(parent).incident.status.is_active();
        if reopens && actor.kind != ActorKind::Person {
            return Err(Refusal::PersonRequired);
        }
        if reopens && self.key_is_taken(child, parent) {
            return Err(Refusal::NotMergeable(
                "another incident with a child's grouping key is open",
            ));
        }
        Ok(())
    }

    /// Makes `child`, and those merged into it before, children of `parent`.
    fn adopt(&mut self, parent: Index, child: Index, actor: &Actor, out: &mut Effects) {
        let parent_id = self.cases.get(parent).incident.id;
        let status = self.cases.get(parent).incident.status;
        let number = self.cases.get(child).incident.number;
        let mut family = vec![child];
        family.append(&mut self.cases.get_mut(child).children);
        self.hand_over_firing(parent, child);
        for member in family {
            let case = self.cases.get_mut(member);
            case.parent = Some(parent);
            case.incident.merged_into = Some(parent_id);
            case.incident.changed_seq = self.seq;
            self.cases.get_mut(parent).children.push(member);
            self.changed(member, out);
            let action = AuditAction::MergedInto { parent: parent_id };
            self.audit(member, actor.clone(), action, Reason::Merged, String::new(), out);
            self.follow(member, status, actor, out);
        }
        let severity = self.cases.get(child).incident.severity;
        let into = self.cases.get_mut(parent);
        into.worst = into.worst.worse(severity);
        if into.worst < into.incident.severity && !into.incident.severity_pinned {
            self.change_severity(parent, severity, actor.clone(), Reason::Merged, out);
        }
        let text = format!("incident #{number} was merged into this one");
        let action = AuditAction::MergedInto { parent: parent_id };
        self.audit(parent, actor.clone(), action, Reason::Merged, text, out);
    }

    /// What fires in the child fires in the parent from now on.
    fn hand_over_firing(&mut self, parent: Index, child: Index) {
        let firing = std::mem::take(&mut self.cases.get_mut(child).firing);
        let into = &mut self.cases.get_mut(parent).firing;
        into.overflown |= firing.overflown;
        for identity in firing.sorted() {
            into.add(identity);
        }
    }

    /// Brings a child to where its parent stands.
    fn follow(&mut self, member: Index, status: Status, actor: &Actor, out: &mut Effects) {
        let incident = &mut self.cases.get_mut(member).incident;
        if incident.status == status {
            return;
        }
        match status {
            Status::Resolved => incident.resolved_at = Some(self.at),
            Status::Open => incident.resolved_at = None,
            Status::Investigating => {
                incident.resolved_at = None;
                incident.acknowledged_at.get_or_insert(self.at);
            }
            Status::Closed => {}
        }
        self.set_status(member, status, actor.clone(), Reason::FollowsParent, String::new(), out);
    }

    fn splittable(&self, index: Index, signals: &[Seq]) -> Result<BTreeSet<Seq>, Refusal> {
        let moving: BTreeSet<Seq> = signals.iter().copied().collect();
        let case = self.cases.get(index);
        if moving.is_empty() || moving.len() > limits::SPLIT_SIGNALS {
            return Err(Refusal::NotSplittable("a split moves between 1 and 10 000 signals"));
        }
        if case.parent.is_some() || !case.incident.status.is_active() {
            return Err(Refusal::NotSplittable(
                "only an incident that is OPEN or INVESTIGATING and not merged can be split",
            ));
        }
        if moving.iter().any(|&seq| seq < Seq(1) || seq >= self.seq) {
            return Err(Refusal::NotSplittable("one of the positions holds no signal"));
        }
        if moving.iter().any(|seq| case.split_off.contains(seq)) {
            return Err(Refusal::NotSplittable("one of the signals was split off before"));
        }
        if self.cases.len() >= self.bounds.active_incidents {
            return Err(Refusal::Limit("incidents that are not closed"));
        }
        if case.split_off.len() + moving.len() > limits::SPLIT_SIGNALS {
            return Err(Refusal::Limit("signals split off one incident"));
        }
        if moving.len() as u64 >= case.incident.signal_count {
            return Err(Refusal::NotSplittable("at least one signal has to stay"));
        }
        Ok(moving)
    }

    /// The incident that a split opens. Its key is its own: nothing joins it by itself, and the one it
    /// came from stays the only one open for the old key (I3).
    fn split_state(&mut self, index: Index, signal_count: u64, title: &str) -> Incident {
        let project = self.cases.get(index).incident.project;
        let number = self.cases.next_number(project);
        let id = self.mint(project);
        let from = &self.cases.get(index).incident;
        let mut hasher = KeyHasher::for_project(project);
        hasher.part(b"split").part(&id.to_bytes());
        Incident {
            id,
            number,
            title: if title.trim().is_empty() { from.title.clone() } else { title.to_owned() },
            status: Status::Open,
            key: GroupingKey(hasher.finish()),
            grouping_key: format!("split={id}"),
            signal_count,
            opened_at: self.at,
            assignee: None,
            acknowledged_at: None,
            split_from: Some(from.id),
            links: Vec::new(),
            changed_seq: self.seq,
            ..from.clone()
        }
    }
}
