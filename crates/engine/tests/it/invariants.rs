//! What must hold after every entry, worked out from the effects alone and not as the engine does it.

use std::collections::{BTreeMap, BTreeSet};

use model::effect::AuditAction;
use model::{
    ActorKind, AuditRow, Effect, Entry, GroupingKey, IdentityKey, Incident, IncidentId, Mode,
    Notification, NotificationId, PolicyId, ProjectId, Reason, Seq, Status, Subject,
};

/// What the effects so far say there is.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    incidents: BTreeMap<IncidentId, Incident>,
    /// In order of opening.
    opened: Vec<IncidentId>,
    /// The incident each filed signal belongs to, by position.
    signals: BTreeMap<Seq, Option<IncidentId>>,
    /// The alerts that fire, each with the incident it belongs to.
    alerts: BTreeMap<IdentityKey, Option<IncidentId>>,
    modes: BTreeMap<(ProjectId, PolicyId), Mode>,
    /// The mode in which a key was first used.
    mode_of: BTreeMap<GroupingKey, Mode>,
    /// Incidents that the system made INVESTIGATING.
    by_system: BTreeSet<IncidentId>,
    notifications: BTreeSet<NotificationId>,
}

impl Ledger {
    /// One of the incidents, mostly of the project and sometimes of another; or one that never was.
    pub(crate) fn pick(&self, project: ProjectId, nth: usize) -> IncidentId {
        let own = self.opened.iter().filter(|id| self.incidents[id].project == project);
        let others = self.opened.iter().filter(|id| self.incidents[id].project != project);
        // The latest ones are the likeliest to be worked on.
        let mut listed: Vec<IncidentId> = own.rev().take(6).copied().collect();
        listed.extend(others.rev().take(1));
        listed.get(nth % 7).or(listed.first()).copied().unwrap_or(IncidentId(1))
    }

    /// Positions of the signals that belong to an incident.
    pub(crate) fn signals_of(&self, incident: IncidentId) -> Vec<Seq> {
        let own = self.signals.iter().filter(|(_, of)| **of == Some(incident));
        own.map(|(seq, _)| *seq).collect()
    }

    /// How many incidents are not closed.
    pub(crate) fn active(&self) -> usize {
        self.incidents.values().filter(|incident| incident.status != Status::Closed).count()
    }

    /// Takes in what an entry did and checks that it may.
    pub(crate) fn apply(&mut self, seq: Seq, entry: &Entry<'_>, effects: &[Effect]) {
        check_answers(seq, entry, effects);
        check_projects(entry, effects);
        check_audit_order(seq, effects);
        for effect in effects {
            self.effect(seq, effect, effects);
        }
        self.check_counts();
        self.check_keys();
        self.check_families();
    }

    fn effect(&mut self, seq: Seq, effect: &Effect, all: &[Effect]) {
        match effect {
            Effect::Filed { seq: filed, incident, signal_count, at, .. } => {
                assert_eq!(*filed, seq);
                assert!(self.signals.insert(seq, *incident).is_none(), "filed twice");
                let Some(id) = incident else { return assert_eq!(*signal_count, 0) };
                let incident = self.incidents.get_mut(id).expect("known");
                assert_ne!(incident.status, Status::Closed, "a closed incident takes no signals");
                assert_eq!(incident.merged_into, None, "signals go to the parent");
                incident.signal_count = *signal_count;
                incident.last_signal_at = *at;
            }
            Effect::Moved { signal_seq, project, from, to } => {
                assert_eq!(self.signals.insert(*signal_seq, Some(*to)), Some(*from));
                assert_eq!(self.incidents[to].project, *project);
            }
            Effect::Incident(incident) => self.incident(seq, incident, all),
            Effect::Audited(row) => self.audited(row),
            Effect::PolicySaved(policy) => {
                self.modes.insert((policy.project, policy.id), policy.mode);
            }
            Effect::PolicyRemoved { project, id } => {
                assert!(self.modes.remove(&(*project, *id)).is_some());
            }
            Effect::AlertFiring(_)
            | Effect::AlertJoined { .. }
            | Effect::AlertRenewed { .. }
            | Effect::AlertResolved { .. } => self.alert(seq, effect),
            Effect::Notified(notification) => self.notified(seq, notification),
            Effect::Skipped { .. }
            | Effect::DirectiveSaved(_)
            | Effect::DirectiveRemoved { .. }
            | Effect::Attempted { .. }
            | Effect::Replayed { .. }
            | Effect::RcaAccepted { .. }
            | Effect::Replied { .. }
            | Effect::LimitHit { .. } => {}
        }
    }

    /// One notification for each (subscriber, subject, transition, entry), with its rules and either
    /// somewhere to go or a reason not to.
    fn notified(&mut self, seq: Seq, notification: &Notification) {
        assert_eq!(notification.seq, seq);
        assert!(self.notifications.insert(notification.id), "told twice");
        assert!(notification.rules.is_sorted() && !notification.rules.is_empty());
        assert!(notification.targets.is_sorted());
        assert_eq!(notification.targets.is_empty(), notification.held.is_some());
        assert_eq!(notification.rules.len(), notification.muted_by.len());
        if let Subject::Incident(id) = notification.subject {
            assert_eq!(self.incidents[&id].project, notification.project);
        }
    }

    /// The incident an alert belongs to is known and not closed when the alert is sent again.
    fn alert(&mut self, seq: Seq, effect: &Effect) {
        match effect {
            Effect::AlertFiring(alert) => {
                let before = self.alerts.insert(alert.identity, alert.incident);
                // Closed, or resolved by somebody before this round began; a new round may have reopened it just now.
                let known = before.flatten().map(|id| &self.incidents[&id]);
                let over = known
                    .is_some_and(|known| !known.status.is_active() || known.changed_seq == seq);
                assert!(before.is_none() || over, "it fires already");
            }
            Effect::AlertJoined { identity, incident, .. } => {
                let before = self.alerts.insert(*identity, Some(*incident));
                assert_eq!(before, Some(None), "it fires, and belonged nowhere");
            }
            Effect::AlertRenewed { identity, .. } => {
                let incident = self.alerts[identity].map(|id| &self.incidents[&id]);
                let closed = incident.is_some_and(|incident| incident.status == Status::Closed);
                assert!(!closed, "an alert of a closed incident fires anew");
            }
            Effect::AlertResolved { identity, .. } => {
                assert!(self.alerts.remove(identity).is_some(), "it fires");
            }
            other => unreachable!("{other:?} is not about an alert"),
        }
    }

    fn incident(&mut self, seq: Seq, new: &Incident, all: &[Effect]) {
        assert_eq!(new.changed_seq, seq);
        assert_eq!(new.closed_at.is_some(), new.status == Status::Closed);
        assert_eq!(new.resolved_at.is_some(), !new.status.is_active(), "{new:?}");
        assert!(new.first_signal_at <= new.last_signal_at && new.first_signal_at <= new.opened_at);
        let Some(old) = self.incidents.insert(new.id, new.clone()) else {
            return self.opened(new, all);
        };
        assert_ne!(old.status, Status::Closed, "a closed incident never changes");
        if new.status == Status::Closed {
            check_closing(&old, new, all);
        }
        if old.status != new.status {
            assert!(all.iter().any(|effect| is_move(effect, &old, new)), "unaudited move");
        }
        let unchanged = |incident: &Incident| {
            (incident.project, incident.number, incident.key, incident.policy, incident.opened_at)
        };
        assert_eq!(unchanged(&old), unchanged(new));
    }

    fn opened(&mut self, new: &Incident, all: &[Effect]) {
        let of_project = self.incidents.values().filter(|other| other.project == new.project);
        assert_eq!(new.number, of_project.count() as u64, "numbers have no gaps");
        assert_eq!(new.status, Status::Open);
        assert!(all.iter().any(|effect| matches!(effect, Effect::Audited(row)
            if row.incident == Some(new.id) && row.action == AuditAction::Opened)));
        self.opened.push(new.id);
        let mode = self.modes.get(&(new.project, new.policy)).copied().unwrap_or(Mode::Ongoing);
        if new.split_from.is_none() {
            assert_eq!(*self.mode_of.entry(new.key).or_insert(mode), mode, "a key has one mode");
        }
    }

    /// The lifecycle table.
    fn audited(&mut self, row: &AuditRow) {
        let AuditAction::Moved { from, to } = row.action else { return };
        let id = row.incident.expect("a move is an incident's");
        let (kind, reason) = (row.actor.kind, row.reason);
        let system = kind == ActorKind::System;
        if reason != Reason::FollowsParent {
            let legal = match (from, to) {
                (Status::Open, Status::Investigating) => !system || reason == Reason::Quiet,
                (Status::Investigating, Status::Open) => {
                    system && reason == Reason::NewSpike && self.by_system.contains(&id)
                }
                (Status::Investigating, Status::Resolved) => {
                    !system || reason == Reason::QuietWindow || is_source(reason)
                }
                (Status::Open, Status::Resolved) => system && is_source(reason),
                (Status::Resolved, Status::Open) if system => reason == Reason::FiredAgain,
                (Status::Resolved, Status::Open) => {
                    kind == ActorKind::Person && !row.text.trim().is_empty()
                }
                (Status::Resolved, Status::Closed) => {
                    kind == ActorKind::Person && reason == Reason::RcaComplete
                }
                _ => false,
            };
            assert!(legal, "{row:?} is not in the table");
        }
        if to == Status::Investigating && system {
            self.by_system.insert(id);
        } else {
            self.by_system.remove(&id);
        }
    }

    /// Counters are what was filed and moved.
    fn check_counts(&self) {
        let mut counts: BTreeMap<IncidentId, u64> = BTreeMap::new();
        for id in self.signals.values().flatten() {
            *counts.entry(*id).or_default() += 1;
        }
        for (id, incident) in &self.incidents {
            assert_eq!(incident.signal_count, counts.get(id).copied().unwrap_or(0), "{id}");
        }
    }

    /// I3: in `ongoing` mode one incident speaks for everything that is open with a key. Merged
    /// incidents keep their key and follow their parent, so they count as their parent.
    fn check_keys(&self) {
        let mut roots: BTreeMap<GroupingKey, BTreeSet<IncidentId>> = BTreeMap::new();
        for (id, incident) in &self.incidents {
            let ongoing = self.mode_of.get(&incident.key) != Some(&Mode::Window);
            if incident.status.is_active() && ongoing {
                roots.entry(incident.key).or_default().insert(incident.merged_into.unwrap_or(*id));
            }
        }
        assert!(roots.values().all(|roots| roots.len() == 1), "I3: {roots:?}");
    }

    /// Children stand where their parent stands, are of its project, and have no children.
    fn check_families(&self) {
        for child in self.incidents.values() {
            let Some(parent) = child.merged_into.map(|id| &self.incidents[&id]) else { continue };
            assert_eq!(parent.merged_into, None, "no chains");
            assert_eq!(child.status, parent.status);
            assert_eq!(child.project, parent.project);
        }
    }
}

/// Exactly one `Filed` or `Skipped` for a signal or an alert, exactly one `Replied` for a command.
fn check_answers(seq: Seq, entry: &Entry<'_>, effects: &[Effect]) {
    let count = |is: fn(&Effect) -> bool| effects.iter().filter(|effect| is(effect)).count();
    let filed = count(|effect| matches!(effect, Effect::Filed { .. } | Effect::Skipped { .. }));
    let replied = count(|effect| matches!(effect, Effect::Replied { .. }));
    let expected = match entry {
        Entry::Signal { .. } | Entry::Alert { .. } => (1, 0),
        Entry::Command(_) => (0, 1),
        Entry::Tick | Entry::Receipt(_) => (0, 0),
    };
    assert_eq!((filed, replied), expected, "{seq}: {entry:?}");
}

/// I6: an entry of a project touches nothing of another.
fn check_projects(entry: &Entry<'_>, effects: &[Effect]) {
    let of = match entry {
        Entry::Signal { project, .. } | Entry::Alert { project, .. } => *project,
        Entry::Command(command) => command.project,
        Entry::Tick | Entry::Receipt(_) => return,
    };
    for effect in effects {
        let touched = match effect {
            Effect::Filed { project, .. }
            | Effect::Skipped { project, .. }
            | Effect::Moved { project, .. }
            | Effect::RcaAccepted { project, .. }
            | Effect::PolicyRemoved { project, .. }
            | Effect::AlertJoined { project, .. }
            | Effect::AlertRenewed { project, .. }
            | Effect::AlertResolved { project, .. }
            | Effect::LimitHit { project, .. } => *project,
            Effect::Incident(incident) => incident.project,
            Effect::Audited(row) => row.project,
            Effect::PolicySaved(policy) => policy.project,
            Effect::AlertFiring(alert) => alert.project,
            Effect::DirectiveSaved(directive) => directive.project,
            Effect::DirectiveRemoved { project, .. } | Effect::Replayed { project, .. } => *project,
            Effect::Notified(notification) => notification.project,
            Effect::Attempted { receipt, .. } => receipt.project,
            Effect::Replied { .. } => of,
        };
        assert_eq!(touched, of, "{effect:?}");
    }
}

/// The audit rows of an entry are numbered from 0.
fn check_audit_order(seq: Seq, effects: &[Effect]) {
    let rows = effects.iter().filter_map(|effect| match effect {
        Effect::Audited(row) => Some((row.seq, row.index)),
        _ => None,
    });
    for (index, row) in (0..).zip(rows) {
        assert_eq!(row, (seq, index));
    }
}

/// I4: CLOSED only from RESOLVED, with an analysis accepted in the same entry: its own, or its
/// parent's.
fn check_closing(old: &Incident, new: &Incident, all: &[Effect]) {
    assert_eq!(old.status, Status::Resolved, "I4");
    let cited = new.merged_into.unwrap_or(new.id);
    let accepted = all.iter().find_map(|effect| match effect {
        Effect::RcaAccepted { incident, submitted_by, rca, .. } if *incident == cited => {
            Some((submitted_by, rca))
        }
        _ => None,
    });
    let (by, rca) = accepted.expect("I4: an analysis is accepted in the same entry");
    assert_eq!(by.kind, ActorKind::Person);
    for text in [&rca.fix_applied, &rca.prevention_steps] {
        assert!(text.trim().chars().count() >= 20, "I4: {text}");
    }
    let span = rca.incident_end.zip(rca.incident_start).map(|(end, start)| end.since(start).secs());
    assert_eq!(new.mttr_seconds, span);
    let taken = new.acknowledged_at.map(|at| at.since(new.opened_at).secs());
    assert_eq!(new.mtta_seconds, taken);
}

fn is_move(effect: &Effect, old: &Incident, new: &Incident) -> bool {
    let action = AuditAction::Moved { from: old.status, to: new.status };
    matches!(effect, Effect::Audited(row) if row.incident == Some(new.id) && row.action == action)
}

fn is_source(reason: Reason) -> bool {
    matches!(reason, Reason::AllResolved | Reason::LeaseExpired)
}
