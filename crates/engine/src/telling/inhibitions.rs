//! Inhibitions: while something worse is known, what follows from it is not told.
//!
//! What fires and matches the source of an inhibition is remembered under the values of its `equal` fields;
//! whether it still fires is asked when it matters. What matches both sides is not inhibited by what does
//! so too, as in Alertmanager, so that nothing keeps itself quiet.

use std::collections::BTreeMap;

use matching::{Binding, Conjunction, Facts};
use model::id::KeyHasher;
use model::{
    DirectiveId, Effect, Effects, Field, IdentityKey, IncidentId, Inhibition, ProjectId, Reason,
    Signal, SignalStatus, limits,
};

use crate::Engine;

/// One inhibition, compiled.
#[derive(Debug)]
pub(super) struct Guard {
    source: Conjunction,
    target: Conjunction,
    equal: Vec<Field>,
}

/// What may inhibit: which inhibition, the hash of the values that must be equal, and what fires.
pub(super) type SourceKey = (ProjectId, DirectiveId, u128, IdentityKey);

/// Something that was seen firing as a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// The incident it was filed in.
    pub(super) incident: Option<IncidentId>,
    /// Whether it is what the inhibition keeps quiet as well.
    pub(super) is_target: bool,
}

/// Everything that was seen firing as a source.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<SourceKey, Source>);

impl Guard {
    /// `None` where it is not in force or cannot be compiled.
    pub(super) fn compile(inhibition: &Inhibition) -> Option<Self> {
        let compile = |conditions| Conjunction::compile(conditions, Binding::Whole).ok();
        inhibition.enabled.then_some(())?;
        Some(Self {
            source: compile(&inhibition.source)?,
            target: compile(&inhibition.target)?,
            equal: inhibition.equal.clone(),
        })
    }

    fn equal_hash(&self, project: ProjectId, facts: &Facts<'_>) -> u128 {
        let mut hasher = KeyHasher::for_project(project);
        for field in &self.equal {
            hasher.part(facts.text(field).as_bytes());
        }
        hasher.finish()
    }
}

impl Sources {
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (SourceKey, Source)> {
        self.0.iter().map(|(&key, &source)| (key, source))
    }

    pub(super) fn restore(&mut self, key: SourceKey, source: Source) {
        self.0.insert(key, source);
    }
}

impl Engine {
    /// Remembers a signal that fires and is a source; `before` is where the effects of its entry begin.
    pub(super) fn follow_sources(
        &mut self,
        project: ProjectId,
        signal: &Signal<'_>,
        before: usize,
        out: &mut Effects,
    ) {
        let Some(book) = self.directives.book(project).filter(|book| book.has_inhibitions()) else {
            return;
        };
        if signal.status != SignalStatus::Firing {
            return;
        }
        let filed = out.0[before..].iter().find_map(|effect| match effect {
            Effect::Filed { identity, incident, .. } => Some((*identity, *incident)),
            _ => None,
        });
        let Some((identity, incident)) = filed else { return };
        let facts = Facts::of_signal(signal);
        let sources = book.inhibitions.iter().filter(|(_, guard)| guard.source.holds(&facts));
        let found: Vec<(SourceKey, Source)> = sources
            .map(|(&id, guard)| {
                let key = (project, id, guard.equal_hash(project, &facts), identity);
                (key, Source { incident, is_target: guard.target.holds(&facts) })
            })
            .collect();
        for (key, source) in found {
            if !self.follow_source(key, source) {
                Self::limit_hit(project, Reason::InhibitionLimit, out);
            }
        }
    }

    /// False where there are too many that fire.
    fn follow_source(&mut self, key: SourceKey, source: Source) -> bool {
        if self.sources.0.len() >= limits::INHIBITION_SOURCES && !self.sources.0.contains_key(&key)
        {
            let mut all = std::mem::take(&mut self.sources.0);
            all.retain(|key, source| self.still_fires(key.3, source.incident));
            self.sources.0 = all;
        }
        let room = self.sources.0.len() < limits::INHIBITION_SOURCES;
        if room || self.sources.0.contains_key(&key) {
            self.sources.0.insert(key, source);
            return true;
        }
        false
    }

    /// The first inhibition, by id, of which a source fires.
    pub(super) fn inhibited(
        &mut self,
        project: ProjectId,
        facts: &Facts<'_>,
    ) -> Option<DirectiveId> {
        let book = self.directives.book(project).filter(|book| book.has_inhibitions())?;
        let fitting: Vec<(DirectiveId, u128, bool)> = book
            .inhibitions
            .iter()
            .filter(|(_, guard)| guard.target.holds(facts))
            .map(|(&id, guard)| (id, guard.equal_hash(project, facts), guard.source.holds(facts)))
            .collect();
        let mut fires =
            |(id, hash, is_source)| self.source_fires(project, id, hash, is_source).then_some(id);
        fitting.into_iter().find_map(&mut fires)
    }

    /// Whether a source fires; what no longer does is forgotten on the way. For what is a source itself
    /// only those count that are no target.
    fn source_fires(
        &mut self,
        project: ProjectId,
        id: DirectiveId,
        hash: u128,
        is_source: bool,
    ) -> bool {
        let from = (project, id, hash, IdentityKey(0));
        let to = (project, id, hash, IdentityKey(u128::MAX));
        let known: Vec<_> = self.sources.0.range(from..=to).map(|(k, v)| (*k, *v)).collect();
        for (key, source) in known {
            if is_source && source.is_target {
                continue;
            }
            if self.still_fires(key.3, source.incident) {
                return true;
            }
            self.sources.0.remove(&key);
        }
        false
    }

    /// An alert fires until it has resolved, any other signal until its incident has or it says so itself.
    fn still_fires(&self, identity: IdentityKey, incident: Option<IncidentId>) -> bool {
        if self.alerts.fire(identity) {
            return true;
        }
        let Some(index) = incident.and_then(|id| self.cases.index(id)) else { return false };
        let case = self.cases.get(self.cases.root(index));
        case.incident.status.is_active() && case.firing.has(identity)
    }
}
