//! Holds the lake against the auditor: every signal that was acknowledged and not a duplicate once,
//! and each with the incident it belongs to.

use std::collections::BTreeMap;

use lake::{Lake, SignalQuery, StoredSignal};
use model::{Entry, IncidentId, ProjectId, Seq, codec};
use store::Store;

use super::rows::named;
use super::{Judge, projects};
use crate::invariant::{Invariant, Violation};
use crate::world::{World, at_once};

/// Rows of a page.
const PAGE: usize = 500;
/// Newest signals that are looked at in every step.
const NEWEST: usize = 8;

impl Judge {
    /// I1, in every step: how many signals there are, and which are the newest.
    pub(super) fn check_newest_signals(&mut self, world: &World) -> Result<(), Violation> {
        self.checked.count(Invariant::I1);
        for project in projects(world) {
            let query = SignalQuery { limit: NEWEST, ..all(project) };
            let page = world.lake.signals(&query).expect("the lake in memory answers");
            let kept = self.auditor.signals().iter().filter(|(_, kept)| kept.project == project);
            // The lake has rows before the store has their commit.
            let ahead = page.items.iter().filter(|row| row.seq > self.seq()).count();
            let total = kept.clone().count() as u64;
            if ahead == 0 && page.total != total {
                let what = format!(
                    "the lake has {} signals of project {project}, not {total}",
                    page.total
                );
                return Err(Violation::new(Invariant::I1, what));
            }
            let newest = page.items.iter().map(|row| row.seq).filter(|&seq| seq <= self.seq());
            if !newest.clone().eq(kept.rev().map(|(&seq, _)| seq).take(newest.clone().count())) {
                let newest: Vec<Seq> = newest.collect();
                let what = format!("the newest signals of project {project} are {newest:?}");
                return Err(Violation::new(Invariant::I1, what));
            }
        }
        Ok(())
    }

    /// I1, at length: every row is the signal that was sent; every incident lists and counts its own.
    pub(super) fn check_signals(&mut self, world: &World) -> Result<(), Violation> {
        for project in projects(world) {
            let rows = read(world, &all(project));
            let mut rows: BTreeMap<Seq, StoredSignal> = rows
                .into_iter()
                .filter(|row| row.seq <= self.seq())
                .map(|row| (row.seq, row))
                .collect();
            let kept = self.auditor.signals().iter().filter(|(_, kept)| kept.project == project);
            for (&seq, expected) in kept {
                let found = rows.remove(&seq);
                let fits = found.is_some_and(|row| {
                    row.incident == expected.filed_under
                        && row.reason == expected.reason
                        && is_as_sent(world, &row)
                });
                if !fits {
                    let what =
                        format!("signal {seq} of project {project} is not in the lake as sent");
                    return Err(Violation::new(Invariant::I1, what));
                }
            }
            if let Some(extra) = rows.into_keys().next() {
                let what =
                    format!("the lake has signal {extra} of project {project}, which was not kept");
                return Err(Violation::new(Invariant::I1, what));
            }
        }
        self.check_membership(world)
    }

    fn check_membership(&mut self, world: &World) -> Result<(), Violation> {
        let mut members: BTreeMap<IncidentId, Vec<Seq>> = BTreeMap::new();
        for (&seq, signal) in self.auditor.signals() {
            if let Some(incident) = signal.incident {
                members.entry(incident).or_default().push(seq);
            }
        }
        for incident in self.auditor.incidents() {
            let (project, id) = (incident.row.project, incident.row.id);
            let moves = at_once(world.store.signal_moves(project, &[id]));
            let moves = moves.expect("the store in memory answers");
            let query = SignalQuery {
                incidents: Some(vec![id]),
                moved_in: moves.moved_in,
                moved_out: moves.moved_out,
                ..all(project)
            };
            let rows = read(world, &query).into_iter().map(|row| row.seq);
            let mut found: Vec<Seq> = rows.filter(|&seq| seq <= self.seq()).collect();
            found.reverse();
            let expected = members.remove(&id).unwrap_or_default();
            if found != expected {
                let what = format!(
                    "{} lists {found:?}, the auditor says {expected:?}",
                    named(&incident.row)
                );
                return Err(Violation::new(Invariant::I1, what));
            }
            if incident.row.signal_count != expected.len() as u64 {
                let what = format!(
                    "{} counts {} and has {}",
                    named(&incident.row),
                    incident.row.signal_count,
                    expected.len()
                );
                return Err(Violation::new(Invariant::I1, what));
            }
        }
        Ok(())
    }
}

fn all(project: ProjectId) -> SignalQuery {
    SignalQuery {
        project,
        incidents: None,
        moved_in: Vec::new(),
        moved_out: Vec::new(),
        ids: Vec::new(),
        from: None,
        until: None,
        limit: PAGE,
        before: None,
    }
}

/// Every row of a query, newest first, page by page.
fn read(world: &World, query: &SignalQuery) -> Vec<StoredSignal> {
    let (mut rows, mut query) = (Vec::new(), query.clone());
    loop {
        let page = world.lake.signals(&query).expect("the lake in memory answers");
        rows.extend(page.items);
        query.before = page.next;
        if query.before.is_none() {
            return rows;
        }
    }
}

fn is_as_sent(world: &World, row: &StoredSignal) -> bool {
    let Some(entry) = world.ledger.get(row.seq) else { return false };
    match codec::decode(&entry.record) {
        Ok(Entry::Signal { signal, .. } | Entry::Alert { signal, .. }) => {
            signal == row.signal && entry.at == row.received_at
        }
        Ok(Entry::Command(_) | Entry::Tick | Entry::Receipt(_)) | Err(_) => false,
    }
}
