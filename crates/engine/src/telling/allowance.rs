//! How often a rule may tell: a window begins with the first notification and holds so many.

use std::collections::BTreeMap;

use model::{DirectiveId, ProjectId, Timestamp};

use crate::Engine;

/// The windows of the rules that have told lately.
#[derive(Debug, Default)]
pub(crate) struct Allowances(BTreeMap<(ProjectId, DirectiveId), Spent>);

/// What a rule has told since its window began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) since: Timestamp,
    pub(super) count: u32,
}

impl Allowances {
    pub(super) fn forget(&mut self, project: ProjectId, id: DirectiveId) {
        self.0.remove(&(project, id));
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (ProjectId, DirectiveId, Spent)> {
        self.0.iter().map(|(&(project, id), &spent)| (project, id, spent))
    }

    pub(super) fn restore(&mut self, project: ProjectId, id: DirectiveId, spent: Spent) {
        self.0.insert((project, id), spent);
    }
}

impl Engine {
    /// The rules that may tell now; each of them is charged.
    pub(super) fn allowed(
        &mut self,
        project: ProjectId,
        rules: &[DirectiveId],
    ) -> Vec<DirectiveId> {
        let at = self.at;
        let mut allowed = Vec::with_capacity(rules.len());
        for &id in rules {
            let at_most = self.directives.rule(project, id).and_then(|rule| rule.at_most);
            let Some(at_most) = at_most else {
                allowed.push(id);
                continue;
            };
            let fresh = Spent { since: at, count: 0 };
            let spent = self.allowances.0.entry((project, id)).or_insert(fresh);
            if at.since(spent.since) >= at_most.within {
                *spent = fresh;
            }
            if spent.count < at_most.count {
                spent.count += 1;
                allowed.push(id);
            }
        }
        allowed
    }
}
