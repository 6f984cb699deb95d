//! A query made ready: sorted lists, and the one place that says whether a row fits.

use std::collections::HashSet;

use model::{IncidentId, ProjectId, SignalId, Timestamp};

use crate::SignalQuery;

/// A query made ready.
pub(crate) struct Plan {
    pub(crate) project: ProjectId,
    /// Sorted; `None` for all of the project.
    pub(crate) incidents: Option<Vec<IncidentId>>,
    /// Sorted; empty without incidents.
    moved_in: Vec<u64>,
    /// Sorted, without those that are in `moved_in`.
    moved_out: Vec<u64>,
    pub(crate) ids: HashSet<SignalId>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) limit: usize,
    pub(crate) before: Option<u64>,
}

impl Plan {
    pub(crate) fn new(query: &SignalQuery) -> Self {
        let (mut moved_in, mut moved_out) = (Vec::new(), Vec::new());
        let incidents = query.incidents.clone().map(sorted);
        if incidents.is_some() {
            moved_in = sorted(query.moved_in.iter().map(|seq| seq.0).collect());
            moved_out = sorted(query.moved_out.iter().map(|seq| seq.0).collect());
            moved_out.retain(|seq| moved_in.binary_search(seq).is_err());
        }
        Self {
            project: query.project,
            incidents,
            moved_in,
            moved_out,
            ids: query.ids.iter().copied().collect(),
            from: query.from,
            until: query.until,
            limit: query.limit.min(crate::PAGE_ROWS),
            before: query.before.map(|seq| seq.0),
        }
    }

    /// Every row that was filed under an incident.
    pub(crate) fn of_incident(project: ProjectId, incident: IncidentId) -> Self {
        Self {
            project,
            incidents: Some(vec![incident]),
            moved_in: Vec::new(),
            moved_out: Vec::new(),
            ids: HashSet::new(),
            from: None,
            until: None,
            limit: 0,
            before: None,
        }
    }

    /// Whether a row of the project fits, the cursor apart.
    pub(crate) fn fits(
        &self,
        seq: u64,
        received_at: Timestamp,
        incident: Option<IncidentId>,
        id: SignalId,
    ) -> bool {
        self.belongs(seq, self.filed(incident)) && self.in_time(received_at) && self.has_id(id)
    }

    /// Whether rows of this incident were filed where the query looks.
    pub(crate) fn filed(&self, incident: Option<IncidentId>) -> bool {
        let Some(incidents) = &self.incidents else { return true };
        incident.is_some_and(|incident| incidents.binary_search(&incident).is_ok())
    }

    /// Whether a row belongs where the query looks, given whether it was filed there.
    pub(crate) fn belongs(&self, seq: u64, filed: bool) -> bool {
        if filed {
            self.moved_out.binary_search(&seq).is_err()
        } else {
            self.moved_in.binary_search(&seq).is_ok()
        }
    }

    pub(crate) fn in_time(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    pub(crate) fn has_id(&self, id: SignalId) -> bool {
        self.ids.is_empty() || self.ids.contains(&id)
    }

    /// Whether the cursor lets a position through.
    pub(crate) fn before_cursor(&self, seq: u64) -> bool {
        self.before.is_none_or(|before| seq < before)
    }

    /// Whether any row received between the two can fit.
    pub(crate) fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from.is_none_or(|bound| to >= bound) && self.until.is_none_or(|bound| from < bound)
    }

    /// Whether time excludes no row received between the two.
    pub(crate) fn covers(&self, from: Timestamp, to: Timestamp) -> bool {
        self.in_time(from) && self.in_time(to)
    }

    /// Whether an incident of the query can be among those between the two.
    pub(crate) fn incident_between(&self, range: Option<(IncidentId, IncidentId)>) -> bool {
        let Some(incidents) = &self.incidents else { return true };
        let Some((low, high)) = range else { return false };
        let at = incidents.partition_point(|&incident| incident < low);
        incidents.get(at).is_some_and(|&incident| incident <= high)
    }

    /// Positions between the two that came in from elsewhere.
    pub(crate) fn moved_in_between(&self, first: u64, last: u64) -> &[u64] {
        between(&self.moved_in, first, last)
    }

    /// Whether any position between the two came in or went out.
    pub(crate) fn moved_between(&self, first: u64, last: u64) -> bool {
        !between(&self.moved_in, first, last).is_empty()
            || !between(&self.moved_out, first, last).is_empty()
    }
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

fn between(sorted: &[u64], first: u64, last: u64) -> &[u64] {
    let start = sorted.partition_point(|&seq| seq < first);
    let end = sorted.partition_point(|&seq| seq <= last);
    &sorted[start..end.max(start)]
}
