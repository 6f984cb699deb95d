//! Cases: incidents that are not closed, with what only the engine needs to know about them.
//!
//! They live in a slab; everything that orders or names them uses their id, so that where one lies
//! never shows in an effect.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hashbrown::HashMap;
use model::{
    Duration, GroupingPolicy, Incident, IncidentId, Mode, ProjectId, Seq, Severity, Timestamp,
    limits,
};
use slab::Slab;

use crate::firing::Firing;
use crate::telling::Reminders;

/// Where a case lies in the slab.
pub(crate) type Index = usize;

/// An incident that is not closed.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) incident: Incident,
    pub(crate) conduct: Conduct,
    /// The worst severity seen, which is the incident's while nobody pins another.
    pub(crate) worst: Severity,
    /// Whether the system, not a person, made it INVESTIGATING.
    pub(crate) moved_by_system: bool,
    /// A person reopened it: the system keeps its hands off until something new arrives.
    pub(crate) held: bool,
    /// When it last became INVESTIGATING.
    pub(crate) investigating_since: Timestamp,
    pub(crate) firing: Firing,
    /// The deadline that is armed for it.
    pub(crate) deadline: Option<Timestamp>,
    /// Incidents merged into it, in order of merging.
    pub(crate) children: Vec<Index>,
    /// The case it was merged into.
    pub(crate) parent: Option<Index>,
    /// Positions of signals that were split off it.
    pub(crate) split_off: BTreeSet<Seq>,
    /// The signal that opened it, in the codec of the journal: what rules are held against later.
    pub(crate) opened_by: Box<[u8]>,
    pub(crate) reminders: Reminders,
}

/// How the policy that opened it wants it to behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conduct {
    pub(crate) mode: Mode,
    pub(crate) auto_lifecycle: bool,
    pub(crate) resolve_with_alerts: bool,
    pub(crate) quiet: Duration,
    pub(crate) quiet_window: Duration,
    pub(crate) reopen_within: Duration,
}

/// All cases, the numbers given so far, and the closed incidents still remembered.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    slab: Slab<Case>,
    by_id: HashMap<IncidentId, Index>,
    pub(crate) numbers: BTreeMap<ProjectId, u64>,
    closed: HashMap<IncidentId, ProjectId>,
    closed_order: VecDeque<(ProjectId, IncidentId)>,
}

impl Conduct {
    pub(crate) fn of(policy: &GroupingPolicy) -> Self {
        Self {
            mode: policy.mode,
            auto_lifecycle: policy.auto_lifecycle,
            resolve_with_alerts: policy.resolve_with_alerts,
            quiet: policy.quiet,
            quiet_window: policy.quiet_window(),
            reopen_within: policy.reopen_within,
        }
    }
}

impl Cases {
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn insert(&mut self, case: Case) -> Index {
        let id = case.incident.id;
        let index = self.slab.insert(case);
        self.by_id.insert(id, index);
        index
    }

    pub(crate) fn get(&self, index: Index) -> &Case {
        &self.slab[index]
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> &mut Case {
        &mut self.slab[index]
    }

    /// The case of an id, whatever its project.
    pub(crate) fn index(&self, id: IncidentId) -> Option<Index> {
        self.by_id.get(&id).copied()
    }

    /// The case of an id within a project.
    pub(crate) fn find(&self, project: ProjectId, id: IncidentId) -> Option<Index> {
        self.index(id).filter(|&index| self.slab[index].incident.project == project)
    }

    /// The case that speaks for this one: itself, or the one it was merged into. Merging never makes
    /// chains, so one step is enough.
    pub(crate) fn root(&self, index: Index) -> Index {
        self.slab[index].parent.unwrap_or(index)
    }

    /// The next number of a project.
    pub(crate) fn next_number(&mut self, project: ProjectId) -> u64 {
        let number = self.numbers.entry(project).or_default();
        *number += 1;
        *number
    }

    /// Takes a closed case out, remembering that it was.
    pub(crate) fn close(&mut self, index: Index) -> Case {
        let case = self.slab.remove(index);
        self.by_id.remove(&case.incident.id);
        self.remember_closed(case.incident.project, case.incident.id);
        case
    }

    pub(crate) fn remember_closed(&mut self, project: ProjectId, id: IncidentId) {
        self.closed.insert(id, project);
        self.closed_order.push_back((project, id));
        if self.closed_order.len() > limits::CLOSED_REMEMBERED
            && let Some((_, oldest)) = self.closed_order.pop_front()
        {
            self.closed.remove(&oldest);
        }
    }

    pub(crate) fn is_closed(&self, project: ProjectId, id: IncidentId) -> bool {
        self.closed.get(&id) == Some(&project)
    }

    /// Closed incidents still remembered, oldest first.
    pub(crate) fn closed(&self) -> impl Iterator<Item = (ProjectId, IncidentId)> {
        self.closed_order.iter().copied()
    }

    /// All cases by project and number.
    pub(crate) fn sorted(&self) -> Vec<&Case> {
        let mut cases: Vec<&Case> = self.slab.iter().map(|(_, case)| case).collect();
        cases.sort_unstable_by_key(|case| (case.incident.project, case.incident.number));
        cases
    }
}
