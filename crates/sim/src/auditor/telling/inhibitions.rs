//! What keeps something else quiet: a signal or alert that was seen firing while it fitted the source
//! of an inhibition, and that fires still.
//!
//! What no longer fires is forgotten when somebody asks, up to the first that does fire: whether a
//! thing that fires again counts without fitting the source anew depends on it.

use model::id::KeyHasher;
use model::{DirectiveId, IncidentId, ProjectId};

use super::conditions::Facts;
use crate::auditor::Auditor;
use crate::auditor::alerts::Identity;

/// What may inhibit: by which inhibition, the values that must be the same, and what fires.
pub(super) type SourceKey = (ProjectId, DirectiveId, Vec<String>, u128, Identity);

/// Something that was seen firing as a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    incident: Option<IncidentId>,
    /// Whether it fits what the inhibition keeps quiet as well.
    is_target: bool,
}

impl Auditor {
    /// Something fires: it is the source of every inhibition that it fits.
    pub(super) fn see_source(
        &mut self,
        project: ProjectId,
        facts: &Facts,
        identity: Identity,
        incident: Option<IncidentId>,
    ) {
        let fitting: Vec<(SourceKey, Source)> = self
            .inhibitions(project)
            .filter(|(_, inhibition)| inhibition.enabled && facts.fit(&inhibition.source))
            .map(|(id, inhibition)| {
                let values = inhibition.equal.iter().map(|field| facts.text(field)).collect();
                let key = (project, id, values, number(project, identity), identity);
                (key, Source { incident, is_target: facts.fit(&inhibition.target) })
            })
            .collect();
        self.telling.sources.extend(fitting);
    }

    /// The first inhibition, by id, that has a source which fires. For what fits both sides only those
    /// count that fit the source alone.
    pub(super) fn inhibited_by(
        &mut self,
        project: ProjectId,
        facts: &Facts,
    ) -> Option<DirectiveId> {
        let fitting: Vec<(DirectiveId, Vec<String>, bool)> = self
            .inhibitions(project)
            .filter(|(_, one)| one.enabled && facts.fit(&one.target))
            .map(|(id, one)| {
                let values = one.equal.iter().map(|field| facts.text(field)).collect();
                (id, values, facts.fit(&one.source))
            })
            .collect();
        fitting.into_iter().find_map(|(id, values, fits_both)| {
            let known = self.telling.sources.iter().filter(|((of, by, same, ..), source)| {
                let counts = !(fits_both && source.is_target);
                counts && (*of, *by) == (project, id) && *same == values
            });
            let known: Vec<_> = known.map(|(key, source)| (key.clone(), source.incident)).collect();
            known.into_iter().find_map(|(key, incident)| {
                if self.fires(project, key.4, incident) {
                    return Some(id);
                }
                self.telling.sources.remove(&key);
                None
            })
        })
    }

    fn fires(&self, project: ProjectId, identity: Identity, incident: Option<IncidentId>) -> bool {
        if let Identity::Alert(fingerprint) = identity
            && self.alerts.get(&(project, fingerprint)).is_some_and(|alert| alert.firing)
        {
            return true;
        }
        let Some(id) = incident.filter(|&id| !self.incident(id).is_closed()) else { return false };
        let speaks = self.incident(self.root(id));
        speaks.row.status.is_active() && speaks.firing.contains(&identity)
    }
}

/// Puts signals and alerts in one order, the one in which deadlines of alerts come as well.
pub(in crate::auditor) fn number(project: ProjectId, identity: Identity) -> u128 {
    match identity {
        Identity::Signal(identity) => identity.0,
        Identity::Alert(fingerprint) => {
            KeyHasher::for_project(project).part(b"alert").part(&fingerprint.to_be_bytes()).finish()
        }
    }
}
