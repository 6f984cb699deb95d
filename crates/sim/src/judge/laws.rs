//! Laws that hold whatever the auditor thinks, checked on the rows of the store alone: one open
//! incident per key, no CLOSED without analysis, nothing of another tenant.

use std::collections::BTreeMap;

use lake::{Lake, SignalQuery};
use model::effect::AuditAction;
use model::{ActorKind, AuditRow, Incident, Mode, Reason, Seq, Status};
use store::Store;

use super::Judge;
use super::rows::{Rows, named};
use crate::auditor::complete;
use crate::invariant::{Invariant, Violation};
use crate::world::{World, at_once};

/// Newest rows of the lake that are looked at in every step.
const NEWEST: usize = 8;

impl Judge {
    /// I3: in `ongoing` mode at most one incident per key is OPEN or INVESTIGATING; what was merged
    /// counts as what it was merged into. An incident the auditor does not know counts as one.
    pub(super) fn check_keys(&mut self, rows: &Rows) -> Result<(), Violation> {
        self.checked.count(Invariant::I3);
        for (_, rows) in rows {
            let mut open: BTreeMap<_, &Incident> = BTreeMap::new();
            for row in rows {
                let known = self.auditor.incidents().iter().find(|known| known.row.id == row.id);
                let window = known.is_some_and(|known| known.mode == Mode::Window);
                if !row.status.is_active() || window {
                    continue;
                }
                let root = row.merged_into.unwrap_or(row.id);
                if let Some(other) = open.insert(row.key, row)
                    && other.merged_into.unwrap_or(other.id) != root
                {
                    let what = format!(
                        "{} and {} are open with the key {}",
                        named(other),
                        named(row),
                        row.grouping_key
                    );
                    return Err(Violation::new(Invariant::I3, what));
                }
            }
        }
        Ok(())
    }

    /// I4: what is CLOSED has an analysis that is complete, its own or its parent's.
    pub(super) fn check_closed(&mut self, world: &World, rows: &Rows) -> Result<(), Violation> {
        self.checked.count(Invariant::I4);
        for &(project, ref rows) in rows {
            for row in rows {
                if row.status != Status::Closed || !self.closed.insert((project, row.id)) {
                    continue;
                }
                let view = at_once(world.store.incident(project, row.id));
                let rca = view.expect("the store in memory answers").and_then(|view| view.rca);
                let gated = rca.as_ref().is_some_and(|view| {
                    complete(&view.rca, row.first_signal_at, view.submitted_at)
                        && view.submitted_by.kind == ActorKind::Person
                });
                if !gated || row.closed_at.is_none() || row.mttr_seconds.is_none() {
                    let what = format!("{} is CLOSED with the analysis {rca:?}", named(row));
                    return Err(Violation::new(Invariant::I4, what));
                }
            }
        }
        Ok(())
    }

    /// I6: what a project is asked for is its own. Components carry the project in their name.
    pub(super) fn check_isolation(&mut self, world: &World, rows: &Rows) -> Result<(), Violation> {
        self.checked.count(Invariant::I6);
        let foreign = |what: String| Err(Violation::new(Invariant::I6, what));
        for &(project, ref rows) in rows {
            let prefix = format!("p{project}-");
            for row in rows {
                if row.project != project || !row.component.starts_with(&prefix) {
                    return foreign(format!("project {project} reads {}", named(row)));
                }
            }
            let page = world.lake.signals(&SignalQuery {
                project,
                incidents: None,
                moved_in: Vec::new(),
                moved_out: Vec::new(),
                ids: Vec::new(),
                from: None,
                until: None,
                limit: NEWEST,
                before: None,
            });
            for row in page.expect("the lake in memory answers").items {
                if !row.signal.component.starts_with(&prefix) {
                    let component = &row.signal.component;
                    return foreign(format!(
                        "project {project} reads signal {} of {component}",
                        row.seq
                    ));
                }
            }
        }
        let violations = world.pipeline().handle().meters.violations();
        match violations.iter().find(|(_, count)| *count > 0) {
            None => Ok(()),
            Some(seen) => foreign(format!("the server itself saw {seen:?}")),
        }
    }
}

/// I4 along the trail: the moves are a chain from OPEN, each legal, and CLOSED comes from RESOLVED
/// with an analysis.
pub(super) fn check_moves(row: &Incident, trail: &[AuditRow]) -> Result<(), Violation> {
    let (mut status, mut last) = (Status::Open, Seq(0));
    for step in trail {
        let AuditAction::Moved { from, to } = step.action else { continue };
        let follows = matches!(step.reason, Reason::FollowsParent);
        let legal = match (from, to) {
            (Status::Open, Status::Investigating)
            | (Status::Open | Status::Investigating, Status::Resolved)
            | (Status::Investigating | Status::Resolved, Status::Open) => true,
            (Status::Resolved, Status::Investigating) => follows,
            (Status::Resolved, Status::Closed) => {
                follows
                    || (step.reason == Reason::RcaComplete && step.actor.kind == ActorKind::Person)
            }
            _ => false,
        };
        if from != status || !legal || step.seq < last {
            let what =
                format!("{} moved {from} → {to} while it was {status}: {step:?}", named(row));
            return Err(Violation::new(Invariant::I4, what));
        }
        (status, last) = (to, step.seq);
    }
    if status == row.status {
        return Ok(());
    }
    let what = format!("{} is {}, its trail ends with {status}", named(row), row.status);
    Err(Violation::new(Invariant::I4, what))
}
