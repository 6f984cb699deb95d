//! The rows in memory: how an effect changes them, and how a commit is taken back.
//!
//! Invariant: taking back what a commit answered leaves the tables as they were before it.

use std::collections::BTreeMap;

use model::{
    Alert, AuditRow, Directive, DirectiveId, DirectiveKind, Effect, EndpointId, GroupingPolicy,
    IdentityKey, Incident, IncidentId, PolicyId, ProjectId, Seq, SubscriberId, Timestamp,
};

use super::deliveries::{Change, Deliveries};
use crate::admin::{KeyRow, ProjectRow, RcaDraft};
use crate::batch::DirectiveKey;
use crate::commit::{Commit, PartitionId};
use crate::directory::{DocumentKind, DocumentRow, EndpointRow, SubscriberRow};
use crate::query::RcaView;

type IncidentKey = (ProjectId, IncidentId);
type AuditKey = (ProjectId, Seq, u32);
type PolicyKey = (ProjectId, PolicyId);
type AlertKey = (ProjectId, IdentityKey);
type MoveKey = (ProjectId, Seq);
/// Where a signal was filed, and where it is.
type Move = (Option<IncidentId>, IncidentId);

/// Every row.
#[derive(Debug, Default)]
pub(super) struct Tables {
    offsets: BTreeMap<PartitionId, Seq>,
    incidents: BTreeMap<IncidentKey, Incident>,
    audit: BTreeMap<AuditKey, AuditRow>,
    rcas: BTreeMap<IncidentKey, RcaView>,
    policies: BTreeMap<PolicyKey, GroupingPolicy>,
    alerts: BTreeMap<AlertKey, Alert>,
    moves: BTreeMap<MoveKey, Move>,
    directives: BTreeMap<DirectiveKey, Directive>,
    pub(super) outbox: Deliveries,
    pub(super) subscribers: BTreeMap<(ProjectId, SubscriberId), SubscriberRow>,
    pub(super) endpoints: BTreeMap<(ProjectId, EndpointId), EndpointRow>,
    pub(super) documents: BTreeMap<(ProjectId, DocumentKind, u128), DocumentRow>,
    pub(super) projects: Vec<ProjectRow>,
    pub(super) keys: Vec<KeyRow>,
    pub(super) drafts: BTreeMap<IncidentKey, RcaDraft>,
}

/// A row as it was before it was changed; `None` where there was none.
#[derive(Debug)]
pub(super) enum Undo {
    Offset(PartitionId, Option<Seq>),
    Incident(IncidentKey, Option<Box<Incident>>),
    Counters(IncidentKey, u64, Timestamp),
    Audit(AuditKey),
    Rca(IncidentKey, Option<Box<RcaView>>),
    Policy(PolicyKey, Option<Box<GroupingPolicy>>),
    Alert(AlertKey, Option<Box<Alert>>),
    Move(MoveKey, Option<Move>),
    Directive(DirectiveKey, Option<Box<Directive>>),
    Outbox(Vec<Change>),
}

impl Tables {
    /// The tables of a new store.
    pub(super) fn new() -> Self {
        let project = ProjectRow {
            id: ProjectId(1),
            organization: "default".to_owned(),
            name: "default".to_owned(),
            created_at: Timestamp::default(),
        };
        Self { projects: vec![project], ..Self::default() }
    }

    /// Applies a commit, effect by effect, and answers how to take it back.
    pub(super) fn apply(&mut self, commit: &Commit<'_>) -> Vec<Undo> {
        let mut undo = Vec::new();
        for effect in &commit.effects.0 {
            undo.extend(self.apply_effect(effect));
        }
        let before = self.offsets.insert(commit.partition, commit.through);
        undo.push(Undo::Offset(commit.partition, before));
        undo
    }

    /// Takes a commit back, last change first.
    pub(super) fn take_back(&mut self, undo: Vec<Undo>) {
        for change in undo.into_iter().rev() {
            match change {
                Undo::Offset(key, before) => restore(&mut self.offsets, key, before),
                Undo::Incident(key, before) => {
                    restore(&mut self.incidents, key, before.map(|row| *row));
                }
                Undo::Counters(key, signal_count, last_signal_at) => {
                    self.count(key, signal_count, last_signal_at);
                }
                Undo::Audit(key) => restore(&mut self.audit, key, None),
                Undo::Rca(key, before) => restore(&mut self.rcas, key, before.map(|row| *row)),
                Undo::Policy(key, before) => {
                    restore(&mut self.policies, key, before.map(|row| *row));
                }
                Undo::Alert(key, before) => restore(&mut self.alerts, key, before.map(|row| *row)),
                Undo::Move(key, before) => restore(&mut self.moves, key, before),
                Undo::Directive(key, before) => {
                    restore(&mut self.directives, key, before.map(|row| *row));
                }
                Undo::Outbox(changes) => {
                    changes.into_iter().rev().for_each(|change| self.outbox.take_back(change));
                }
            }
        }
    }

    fn apply_effect(&mut self, effect: &Effect) -> Option<Undo> {
        match effect {
            &Effect::Filed { project, incident: Some(incident), signal_count, at, .. } => {
                self.count((project, incident), signal_count, at)
            }
            &Effect::Moved { signal_seq, project, from, to } => {
                Some(self.move_signal((project, signal_seq), from, to))
            }
            Effect::Incident(incident) => {
                let key = (incident.project, incident.id);
                let before = self.incidents.insert(key, (**incident).clone());
                Some(Undo::Incident(key, before.map(Box::new)))
            }
            Effect::Audited(row) => {
                let key = (row.project, row.seq, row.index);
                let new = !self.audit.contains_key(&key);
                self.audit.entry(key).or_insert_with(|| (**row).clone());
                new.then_some(Undo::Audit(key))
            }
            Effect::RcaAccepted { incident, project, submitted_by, at, rca } => {
                let (rca, submitted_by) = ((**rca).clone(), submitted_by.clone());
                let view = RcaView { incident: *incident, rca, submitted_by, submitted_at: *at };
                let key = (*project, *incident);
                Some(Undo::Rca(key, self.rcas.insert(key, view).map(Box::new)))
            }
            Effect::PolicySaved(policy) => {
                let key = (policy.project, policy.id);
                let before = self.policies.insert(key, (**policy).clone());
                Some(Undo::Policy(key, before.map(Box::new)))
            }
            &Effect::PolicyRemoved { project, id } => {
                let key = (project, id);
                self.policies.remove(&key).map(|row| Undo::Policy(key, Some(Box::new(row))))
            }
            Effect::AlertFiring(alert) => {
                let key = (alert.project, alert.identity);
                let before = self.alerts.insert(key, (**alert).clone());
                Some(Undo::Alert(key, before.map(Box::new)))
            }
            &Effect::AlertJoined { project, identity, incident } => {
                self.join((project, identity), incident)
            }
            &Effect::AlertResolved { project, identity, .. } => {
                let key = (project, identity);
                self.alerts.remove(&key).map(|row| Undo::Alert(key, Some(Box::new(row))))
            }
            Effect::DirectiveSaved(directive) => {
                let key = (directive.project, directive.body.kind(), directive.id);
                self.direct(key, Some(directive))
            }
            &Effect::DirectiveRemoved { project, kind, id } => {
                self.direct((project, kind, id), None)
            }
            Effect::Notified(notification) => {
                Some(Undo::Outbox(self.outbox.notified(notification)))
            }
            Effect::Attempted { at, receipt } => {
                Some(Undo::Outbox(self.outbox.attempted(*at, receipt)))
            }
            Effect::Replayed { project, letters, seq, at } => {
                Some(Undo::Outbox(self.outbox.replayed(*project, letters, (*seq, *at))))
            }
            Effect::Filed { incident: None, .. }
            | Effect::Skipped { .. }
            | Effect::AlertRenewed { .. }
            | Effect::Replied { .. }
            | Effect::LimitHit { .. } => None,
        }
    }

    /// Where a signal was filed stays what its first move said.
    fn move_signal(&mut self, key: MoveKey, from: Option<IncidentId>, to: IncidentId) -> Undo {
        let before = self.moves.get(&key).copied();
        self.moves.insert(key, (before.map_or(from, |(filed_in, _)| filed_in), to));
        Undo::Move(key, before)
    }

    fn join(&mut self, key: AlertKey, incident: IncidentId) -> Option<Undo> {
        let alert = self.alerts.get_mut(&key)?;
        let before = Box::new(alert.clone());
        alert.incident = Some(incident);
        Some(Undo::Alert(key, Some(before)))
    }

    fn direct(&mut self, key: DirectiveKey, directive: Option<&Directive>) -> Option<Undo> {
        let before = match directive {
            Some(directive) => self.directives.insert(key, directive.clone()),
            None => self.directives.remove(&key),
        };
        let changed = directive.is_some() || before.is_some();
        changed.then(|| Undo::Directive(key, before.map(Box::new)))
    }

    fn count(&mut self, key: IncidentKey, signal_count: u64, at: Timestamp) -> Option<Undo> {
        let incident = self.incidents.get_mut(&key)?;
        let undo = Undo::Counters(key, incident.signal_count, incident.last_signal_at);
        incident.signal_count = signal_count;
        incident.last_signal_at = at;
        Some(undo)
    }

    pub(super) fn offset(&self, partition: PartitionId) -> Seq {
        self.offsets.get(&partition).copied().unwrap_or_default()
    }

    pub(super) fn incident(&self, project: ProjectId, id: IncidentId) -> Option<&Incident> {
        self.incidents.get(&(project, id))
    }

    pub(super) fn all_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.values()
    }

    pub(super) fn incidents_of(&self, project: ProjectId) -> impl Iterator<Item = &Incident> {
        let (from, to) = ((project, IncidentId(0)), (project, IncidentId(u128::MAX)));
        self.incidents.range(from..=to).map(|(_, incident)| incident)
    }

    pub(super) fn audit_of(&self, project: ProjectId) -> impl Iterator<Item = &AuditRow> {
        let (from, to) = ((project, Seq(0), 0), (project, Seq(u64::MAX), u32::MAX));
        self.audit.range(from..=to).map(|(_, row)| row)
    }

    pub(super) fn rca(&self, project: ProjectId, id: IncidentId) -> Option<&RcaView> {
        self.rcas.get(&(project, id))
    }

    pub(super) fn policies_of(&self, project: ProjectId) -> impl Iterator<Item = &GroupingPolicy> {
        let (from, to) = ((project, PolicyId(0)), (project, PolicyId(u128::MAX)));
        self.policies.range(from..=to).map(|(_, policy)| policy)
    }

    pub(super) fn directives_of(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
    ) -> impl Iterator<Item = &Directive> {
        let (from, to) = (DirectiveId(0), DirectiveId(u128::MAX));
        self.directives.range((project, kind, from)..=(project, kind, to)).map(|(_, row)| row)
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// Position, origin and place of every signal that moved, by position.
    pub(super) fn moves_of(
        &self,
        project: ProjectId,
    ) -> impl Iterator<Item = (Seq, Option<IncidentId>, IncidentId)> {
        let (from, to) = ((project, Seq(0)), (project, Seq(u64::MAX)));
        self.moves.range(from..=to).map(|(&(_, seq), &(filed_in, now_in))| (seq, filed_in, now_in))
    }
}

fn restore<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, before: Option<V>) {
    match before {
        Some(row) => table.insert(key, row),
        None => table.remove(&key),
    };
}
