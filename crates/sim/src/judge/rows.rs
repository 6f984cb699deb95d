//! Holds the rows of the store against the auditor, and against a second store.

use std::collections::BTreeMap;

use model::effect::AuditAction;
use model::{AuditRow, Incident, IncidentId, ProjectId, Status};
use store::{IncidentFilter, Store};

use super::{Judge, projects};
use crate::auditor::{AuditedIncident, Move};
use crate::invariant::{Invariant, Violation};
use crate::world::{World, at_once};

impl Judge {
    /// Every incident of the auditor is in the store, as the auditor says it is, and no other.
    pub(super) fn check_rows(&mut self, rows: &Rows) -> Result<(), Violation> {
        for &(project, ref rows) in rows {
            let mut found: BTreeMap<IncidentId, &Incident> =
                rows.iter().map(|row| (row.id, row)).collect();
            let own = self.auditor.incidents().iter().filter(|own| own.row.project == project);
            for expected in own {
                self.checked.count(Invariant::Domain);
                self.checked.count(Invariant::I1);
                let Some(row) = found.remove(&expected.row.id) else {
                    let what = format!("incident {} is missing", named(&expected.row));
                    return Err(Violation::new(Invariant::Domain, what));
                };
                compare(row, expected)?;
            }
            if let Some(extra) = found.into_values().next() {
                let what = format!("incident {} should not be", named(extra));
                return Err(Violation::new(Invariant::Domain, what));
            }
        }
        Ok(())
    }

    /// The audit trail of every incident tells the moves that the auditor knows, in order.
    pub(super) fn check_trails(&mut self, world: &World) -> Result<(), Violation> {
        for incident in self.auditor.incidents() {
            let rows = trail(&*world.store, incident.row.project, incident.row.id);
            let moves: Vec<Move> = rows.iter().filter_map(moved).collect();
            if moves != incident.moves {
                let what = format!(
                    "incident {} moved {moves:?}, the auditor says {:?}",
                    named(&incident.row),
                    incident.moves
                );
                return Err(Violation::new(Invariant::Domain, what));
            }
            let opened = rows.iter().filter(|row| row.action == AuditAction::Opened).count();
            if opened != 1 || rows.first().is_none_or(|row| row.action != AuditAction::Opened) {
                let what = format!("incident {} was opened {opened} times", named(&incident.row));
                return Err(Violation::new(Invariant::Domain, what));
            }
            super::laws::check_moves(&incident.row, &rows)?;
        }
        self.checked.count(Invariant::I4);
        Ok(())
    }

    /// The policies in force are those of the auditor.
    pub(super) fn check_policies(&mut self, world: &World) -> Result<(), Violation> {
        for project in projects(world) {
            let found =
                at_once(world.store.policies(project)).expect("the store in memory answers");
            let expected = self.auditor.policies(project);
            if found.iter().ne(expected.iter().copied()) {
                let what = format!("policies {found:?}, the auditor says {expected:?}");
                return Err(Violation::new(Invariant::Domain, what));
            }
        }
        Ok(())
    }

    /// What doors count as duplicates is what the auditor remembers, no more and no less.
    pub(super) fn check_remembered(&mut self, world: &World) -> Result<(), Violation> {
        if world.pipeline().engine().seq() != self.seq() {
            // The engine is ahead of the store, and doors know what it knows.
            return Ok(());
        }
        let handle = world.pipeline().handle();
        let mut remembered = self.auditor.remembered();
        match remembered.find(|&(project, id, within)| handle.ids.contains(project, id) != within) {
            None => Ok(()),
            Some((project, id, within)) => {
                let not = if within { "do not know" } else { "still say" };
                let what = format!("the doors {not} that {id} of project {project} was applied");
                Err(Violation::new(Invariant::I1, what))
            }
        }
    }

    /// The alerts that fire are those of the auditor, with their leases.
    pub(super) fn check_alerts(&mut self, world: &World) -> Result<(), Violation> {
        let handle = world.pipeline().handle();
        for project in projects(world) {
            let list = handle.alerts.snapshot(project);
            let found = list
                .alerts
                .iter()
                .map(|alert| (alert.lease.fingerprint, alert.lease.ends_at, alert.body.incident));
            let expected = self.auditor.firing(project);
            if !found.clone().eq(expected.iter().copied()) {
                let found: Vec<_> = found.collect();
                let what = format!("alerts {found:?} fire, the auditor says {expected:?}");
                return Err(Violation::new(Invariant::Domain, what));
            }
        }
        Ok(())
    }

    /// I2: the store, which lost commits and took batches, holds what a second store holds that took
    /// one entry at a time; the engine, which was restored, is the one that never stopped.
    pub(super) fn check_replay(&mut self, world: &World) -> Result<(), Violation> {
        self.checked.count(Invariant::I2);
        let broken = |what: String| Err(Violation::new(Invariant::I2, what));
        let (kept, replayed) = (&*world.store, &self.replayed);
        for project in projects(world) {
            let (mine, theirs) = (incidents(kept, project), incidents(replayed, project));
            if let Some((mine, theirs)) = mine.iter().zip(&theirs).find(|(a, b)| a != b) {
                return broken(format!("the store has {mine:?}, a replay {theirs:?}"));
            }
            if mine.len() != theirs.len() {
                return broken(format!("{} incidents, in a replay {}", mine.len(), theirs.len()));
            }
            for incident in mine {
                let id = incident.id;
                let moves = [kept as &dyn Store, replayed].map(|store| {
                    let moves = at_once(store.signal_moves(project, &[id]));
                    let view = at_once(store.incident(project, id));
                    let known = "the store in memory answers";
                    (moves.expect(known), view.expect(known), trail(store, project, id))
                });
                if moves[0] != moves[1] {
                    return broken(format!(
                        "the store has {:?}, a replay {:?}",
                        moves[0], moves[1]
                    ));
                }
            }
        }
        let alerts = [kept as &dyn Store, replayed]
            .map(|store| at_once(store.firing_alerts()).expect("the store in memory answers"));
        if alerts[0] != alerts[1] {
            return broken(format!("alerts {:?}, in a replay {:?}", alerts[0], alerts[1]));
        }
        let engine = world.pipeline().engine();
        if engine.seq() == self.shadow.seq() && engine.snapshot() != self.shadow.snapshot() {
            return broken(format!("the engine at {} is not what a replay gives", engine.seq()));
        }
        Ok(())
    }
}

/// The incidents of every project, as the store has them.
pub(super) type Rows = Vec<(ProjectId, Vec<Incident>)>;

/// Every incident of the store.
pub(super) fn read(world: &World) -> Rows {
    projects(world).map(|project| (project, incidents(&*world.store, project))).collect()
}

/// Every incident of a project, whatever its status.
fn incidents(store: &dyn Store, project: ProjectId) -> Vec<Incident> {
    let statuses = Status::ALL.to_vec();
    let limit = model::limits::PAGE;
    let mut filter = IncidentFilter { statuses, limit, ..IncidentFilter::default() };
    let mut incidents = Vec::new();
    loop {
        let page = at_once(store.incidents(project, &filter)).expect("the store in memory answers");
        incidents.extend(page.items);
        filter.after = page.next;
        if filter.after.is_none() {
            return incidents;
        }
    }
}

/// The whole audit trail of an incident.
fn trail(store: &dyn Store, project: ProjectId, id: IncidentId) -> Vec<AuditRow> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = at_once(store.timeline(project, id, after, model::limits::PAGE));
        let page = page.expect("the store in memory answers");
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

/// Compares a row with the auditor's; texts, the hash of the key and the last change are not its matter.
fn compare(row: &Incident, expected: &AuditedIncident) -> Result<(), Violation> {
    if row.signal_count != expected.row.signal_count {
        let what = format!(
            "incident {} counts {} signals, the auditor {}",
            named(row),
            row.signal_count,
            expected.row.signal_count
        );
        return Err(Violation::new(Invariant::I1, what));
    }
    let expected = Incident {
        title: row.title.clone(),
        grouping_key: row.grouping_key.clone(),
        key: row.key,
        changed_seq: row.changed_seq,
        ..expected.row.clone()
    };
    if *row == expected {
        return Ok(());
    }
    let what = format!("the store has {row:?}, the auditor {expected:?}");
    Err(Violation::new(Invariant::Domain, what))
}

fn moved(row: &AuditRow) -> Option<Move> {
    let AuditAction::Moved { from, to } = row.action else { return None };
    Some(Move { from, to, by: row.actor.kind, reason: row.reason, at: row.at })
}

pub(super) fn named(row: &Incident) -> String {
    format!("#{} of project {} ({})", row.number, row.project, row.id)
}
