//! Inhibitions: while something worse is known, what follows from it is not told.
//!
//! What fires and matches the source of an inhibition is remembered under the values of its `equal` fields;
//! whether it still fires is asked when it matters. An alert that is sent again counts as one that fires, so
//! an inhibition that is made while its source fires sees it with the next repeat. What matches both sides is not inhibited by what does
//! so too, as in Alertmanager, so that nothing keeps itself quiet.

use std::collections::BTreeMap;

use matching::{Binding, Conjunction, Facts};
use model::id::KeyHasher;
use model::{
    DirectiveId, Effect, Effects, Field, IdentityKey, IncidentId, Inhibition, ProjectId, Reason,
    Signal, SignalStatus, limits,
};

use super::directives::Directives;
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

/// Everything that was seen firing as a source, project by project.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<ProjectId, BTreeMap<Place, Source>>);

/// Where a source stands in its project.
type Place = (DirectiveId, u128, IdentityKey);

/// Sources that are asked whether they still fire when there is no room for another.
const ASKED_FOR_ROOM: usize = 64;

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
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SourceKey, Source)> {
        self.0.iter().flat_map(|(&project, sources)| {
            let key = move |&(id, hash, identity): &Place| (project, id, hash, identity);
            sources.iter().map(move |(place, &source)| (key(place), source))
        })
    }

    pub(super) fn put(&mut self, (project, id, hash, identity): SourceKey, source: Source) {
        self.0.entry(project).or_default().insert((id, hash, identity), source);
    }

    fn remove(&mut self, (project, id, hash, identity): SourceKey) {
        let Some(sources) = self.0.get_mut(&project) else { return };
        sources.remove(&(id, hash, identity));
        if sources.is_empty() {
            self.0.remove(&project);
        }
    }

    /// Whether this one is there, or there is room for it in its project.
    fn takes(&self, (project, id, hash, identity): SourceKey) -> bool {
        let Some(sources) = self.0.get(&project) else { return true };
        sources.len() < limits::INHIBITION_SOURCES || sources.contains_key(&(id, hash, identity))
    }

    /// The sources in order of their places from this one on, and from the first when that was the last.
    fn from(&self, (project, id, hash, identity): SourceKey) -> Vec<(SourceKey, Source)> {
        let Some(sources) = self.0.get(&project) else { return Vec::new() };
        let place = (id, hash, identity);
        let round = sources.range(place..).chain(sources.range(..place)).take(ASKED_FOR_ROOM);
        let key = |&(id, hash, identity): &Place| (project, id, hash, identity);
        round.map(|(place, &source)| (key(place), source)).collect()
    }

    /// The sources of an inhibition that have these values.
    fn with_values(
        &self,
        project: ProjectId,
        id: DirectiveId,
        hash: u128,
    ) -> Vec<(SourceKey, Source)> {
        let Some(sources) = self.0.get(&project) else { return Vec::new() };
        let (from, to) = ((id, hash, IdentityKey(0)), (id, hash, IdentityKey(u128::MAX)));
        let known = sources.range(from..=to);
        known.map(|(place, &source)| ((project, id, hash, place.2), source)).collect()
    }
}

impl Directives {
    /// Whether an inhibition is in force.
    pub(super) fn has_inhibition(&self, project: ProjectId, id: DirectiveId) -> bool {
        self.book(project).is_some_and(|book| book.inhibitions.contains_key(&id))
    }

    /// The hash of the values that must be equal for an inhibition to keep this quiet, and whether it is
    /// a source itself.
    pub(super) fn inhibition_values(
        &self,
        project: ProjectId,
        id: DirectiveId,
        facts: &Facts<'_>,
    ) -> Option<(u128, bool)> {
        let guard = self.book(project)?.inhibitions.get(&id)?;
        Some((guard.equal_hash(project, facts), guard.source.holds(facts)))
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
        let fires = out.0[before..].iter().find_map(|effect| match effect {
            Effect::Filed { identity, incident, .. } => Some((*identity, *incident)),
            Effect::AlertRenewed { identity, .. } => {
                Some((*identity, self.alerts.map.get(identity).and_then(|alert| alert.incident)))
            }
            _ => None,
        });
        let Some((identity, incident)) = fires else { return };
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
        if !self.sources.takes(key) {
            for (other, source) in self.sources.from(key) {
                if !self.still_fires(other.3, source.incident) {
                    self.sources.remove(other);
                }
            }
        }
        let taken = self.sources.takes(key);
        if taken {
            self.sources.put(key, source);
        }
        taken
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
    pub(super) fn source_fires(
        &mut self,
        project: ProjectId,
        id: DirectiveId,
        hash: u128,
        is_source: bool,
    ) -> bool {
        for (key, source) in self.sources.with_values(project, id, hash) {
            if is_source && source.is_target {
                continue;
            }
            if self.still_fires(key.3, source.incident) {
                return true;
            }
            self.sources.remove(key);
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
