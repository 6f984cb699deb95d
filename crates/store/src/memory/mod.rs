//! The store in memory, for the simulator and for tests of what stands on a store: plain ordered
//! maps, a loss of power that takes the latest commits, and commits that fail when told to.
//!
//! It applies effects one by one, without folding them first: what it holds is what the other
//! backends must hold. Refuses to know: files, SQL, the time of day.

mod administration;
mod deliveries;
mod directory;
mod outbox;
mod tables;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::{AuditRow, GroupingPolicy, Incident, IncidentId, ProjectId, Seq, Severity, Status};

use self::deliveries::Change;
use self::tables::{Tables, Undo};
use crate::commit::{Commit, PartitionId};
use crate::query::{
    IncidentCounts, IncidentFilter, IncidentPage, IncidentView, MERGE_DEPTH, PageCursor, RcaView,
    SignalMoves, TimelinePage, page_rows,
};
use crate::{Error, ErrorKind, Store};

/// Commits that a crash can take back.
pub const COMMITS_AT_RISK: usize = 32;

/// The store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    tables: Tables,
    /// How to take back the latest commits, oldest first; at most [`COMMITS_AT_RISK`].
    at_risk: VecDeque<Vec<Undo>>,
    /// Commits that are still to fail, and as what.
    failures: (usize, ErrorKind),
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// A new store with organization and project `default`.
    #[must_use]
    pub fn new() -> Self {
        let (at_risk, failures) = (VecDeque::new(), (0, ErrorKind::Disk));
        Self { state: Mutex::new(State { tables: Tables::new(), at_risk, failures }) }
    }

    /// Loses power: the latest `lose_last` commits are gone, as far as they are at risk, which is
    /// those since the last [`Store::sync`] or change of administration and at most
    /// [`COMMITS_AT_RISK`]. Answers how many were lost.
    pub fn crash(&self, lose_last: usize) -> usize {
        let mut state = self.lock();
        let lost = lose_last.min(state.at_risk.len());
        for _ in 0..lost {
            let undo = state.at_risk.pop_back().unwrap_or_default();
            state.tables.take_back(undo);
        }
        state.at_risk.clear();
        state.failures.0 = 0;
        lost
    }

    /// Lets the next `commits` commits fail as `kind`; they change nothing.
    pub fn fail_next(&self, commits: usize, kind: ErrorKind) {
        self.lock().failures = (commits, kind);
    }

    /// Every change leaves the tables whole, so a panic elsewhere while it was held is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes what was written beside the commits: it goes with the latest commit, if that is lost.
    fn also(&mut self, changes: impl IntoIterator<Item = Change>) {
        if let Some(latest) = self.at_risk.back_mut() {
            latest.push(Undo::Outbox(changes.into_iter().collect()));
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn offset(&self, partition: PartitionId) -> Result<Seq, Error> {
        Ok(self.lock().tables.offset(partition))
    }

    async fn commit(&self, commit: Commit<'_>) -> Result<(), Error> {
        let mut state = self.lock();
        let stands = state.tables.offset(commit.partition);
        if stands != commit.expected {
            let what = format!(
                "the store stands at {stands} of partition {}, not at {}: another owner wrote",
                commit.partition.0, commit.expected
            );
            return Err(Error::new(ErrorKind::Fenced, what));
        }
        if state.failures.0 > 0 {
            state.failures.0 -= 1;
            return Err(Error::new(state.failures.1, "cannot commit: told to fail"));
        }
        let undo = state.tables.apply(&commit);
        state.at_risk.push_back(undo);
        if state.at_risk.len() > COMMITS_AT_RISK {
            state.at_risk.pop_front();
        }
        Ok(())
    }

    async fn incidents(
        &self,
        project: ProjectId,
        filter: &IncidentFilter,
    ) -> Result<IncidentPage, Error> {
        let state = self.lock();
        let mut fitting: Vec<&Incident> =
            state.tables.incidents_of(project).filter(|incident| fits(incident, filter)).collect();
        fitting.sort_by_key(|incident| place(PageCursor::of_incident(incident)));
        let total = fitting.len() as u64;
        let after = filter.after.map(place);
        let rest = fitting.into_iter().filter(|incident| {
            after.is_none_or(|after| place(PageCursor::of_incident(incident)) > after)
        });
        let (items, next) = page(rest, page_rows(filter.limit), PageCursor::of_incident);
        Ok(IncidentPage { items, next, total })
    }

    async fn incident(
        &self,
        project: ProjectId,
        id: IncidentId,
    ) -> Result<Option<IncidentView>, Error> {
        let state = self.lock();
        let Some(incident) = state.tables.incident(project, id) else { return Ok(None) };
        let merged = state.tables.incidents_of(project);
        let mut children: Vec<&Incident> =
            merged.filter(|child| child.merged_into == Some(id)).collect();
        children.sort_by_key(|child| child.number);
        Ok(Some(IncidentView {
            incident: incident.clone(),
            children: children.into_iter().map(|child| child.id).collect(),
            rca: cited_rca(&state.tables, incident),
        }))
    }

    async fn incident_id(
        &self,
        project: ProjectId,
        number: u64,
    ) -> Result<Option<IncidentId>, Error> {
        let state = self.lock();
        let mut incidents = state.tables.incidents_of(project);
        Ok(incidents.find(|incident| incident.number == number).map(|incident| incident.id))
    }

    async fn timeline(
        &self,
        project: ProjectId,
        id: IncidentId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<TimelinePage, Error> {
        let state = self.lock();
        let rows: Vec<&AuditRow> =
            state.tables.audit_of(project).filter(|row| row.incident == Some(id)).collect();
        let total = rows.len() as u64;
        let after = after.map(|PageCursor(seq, index, _)| (seq, index));
        let rest = rows.into_iter().filter(|row| {
            let PageCursor(seq, index, _) = PageCursor::of_audit(row);
            after.is_none_or(|after| (seq, index) > after)
        });
        let (items, next) = page(rest, page_rows(limit), PageCursor::of_audit);
        Ok(TimelinePage { items, next, total })
    }

    async fn signal_moves(
        &self,
        project: ProjectId,
        incidents: &[IncidentId],
    ) -> Result<SignalMoves, Error> {
        let state = self.lock();
        let mut moves = SignalMoves::default();
        for (seq, from, to) in state.tables.moves_of(project) {
            let was_here = from.is_some_and(|from| incidents.contains(&from));
            match (was_here, incidents.contains(&to)) {
                (true, false) => moves.moved_out.push(seq),
                (false, true) => moves.moved_in.push(seq),
                (true, true) | (false, false) => {}
            }
        }
        Ok(moves)
    }

    async fn policies(&self, project: ProjectId) -> Result<Vec<GroupingPolicy>, Error> {
        let state = self.lock();
        let mut policies: Vec<GroupingPolicy> =
            state.tables.policies_of(project).cloned().collect();
        policies.sort_by_key(|policy| (policy.position, policy.id));
        Ok(policies)
    }

    async fn counts(&self) -> Result<IncidentCounts, Error> {
        let state = self.lock();
        let mut counts = Vec::new();
        for &status in Status::ALL {
            for severity in Severity::ALL {
                let here = |incident: &&Incident| {
                    incident.status == status && incident.severity == severity
                };
                let count = state.tables.all_incidents().filter(here).count() as u64;
                if count > 0 {
                    counts.push((status, severity, count));
                }
            }
        }
        Ok(IncidentCounts(counts))
    }

    async fn firing_alerts(&self) -> Result<Vec<model::Alert>, Error> {
        Ok(self.lock().tables.alerts().cloned().collect())
    }

    async fn ping(&self) -> Result<u64, Error> {
        Ok(0)
    }

    async fn sync(&self) -> Result<(), Error> {
        self.lock().at_risk.clear();
        Ok(())
    }

    async fn backup(&self, _path: &Path) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Database, "the store in memory has no backup"))
    }
}

/// The order of the list: severity, then signal time and number, newest first.
fn place(PageCursor(rank, last_signal_at, number): PageCursor) -> (i64, i64, i64) {
    (rank, last_signal_at.saturating_neg(), number.saturating_neg())
}

fn fits(incident: &Incident, filter: &IncidentFilter) -> bool {
    let status = if filter.statuses.is_empty() {
        incident.status != Status::Closed
    } else {
        filter.statuses.contains(&incident.status)
    };
    let is = |wanted: &Option<String>, value: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == value)
    };
    let text = filter.text.as_ref().is_none_or(|text| {
        [&incident.title, &incident.component, &incident.grouping_key]
            .into_iter()
            .any(|field| field.to_ascii_lowercase().contains(&text.to_ascii_lowercase()))
    });
    status
        && (filter.severities.is_empty() || filter.severities.contains(&incident.severity))
        && is(&filter.component, &incident.component)
        && is(&filter.environment, &incident.environment)
        && filter.assignee.as_ref().is_none_or(|wanted| incident.assignee.as_ref() == Some(wanted))
        && text
}

/// Up to `limit` rows, and where the next page starts if there are more.
fn page<'t, T: Clone + 't>(
    mut rest: impl Iterator<Item = &'t T>,
    limit: usize,
    place: fn(&T) -> PageCursor,
) -> (Vec<T>, Option<PageCursor>) {
    let items: Vec<T> = rest.by_ref().take(limit).cloned().collect();
    let next = rest.next().and(items.last()).map(place);
    (items, next)
}

/// The analysis of the incident or, where it has none, of the nearest one it was merged into.
fn cited_rca(tables: &Tables, incident: &Incident) -> Option<RcaView> {
    let mut here = incident;
    for _ in 0..=MERGE_DEPTH {
        if let Some(rca) = tables.rca(here.project, here.id) {
            return Some(rca.clone());
        }
        here = tables.incident(here.project, here.merged_into?)?;
    }
    None
}
