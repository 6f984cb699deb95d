//! What keeps something else quiet: a signal or alert that was seen firing while it fitted the source
//! of an inhibition, and that fires still.
//!
//! What no longer fires is forgotten when somebody asks, up to the first that does fire: whether a
//! thing that fires again counts without fitting the source anew depends on it.

use std::collections::{BTreeMap, BTreeSet};

use model::id::KeyHasher;
use model::{
    DirectiveId, Duration, IncidentId, ProjectId, Signal, SignalStatus, Timestamp, Trigger,
};

use super::conditions::Facts;
use super::{Matter, News, What};
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

/// By which inhibition an opening is kept quiet, the values that are the same, whether only what fits the
/// source alone counts, and which incident.
pub(super) type Inhibited = (ProjectId, DirectiveId, Vec<String>, bool, IncidentId);

/// How long it takes until somebody sees whether it still is kept quiet.
const LOOK_APART: Duration = Duration::from_secs(10);

impl Auditor {
    /// An alert that fires already was sent again: it is a source as if it had fired anew.
    pub(super) fn see_again(&mut self, project: ProjectId, signal: &Signal<'_>, fingerprint: u64) {
        let known = self.alerts.get(&(project, fingerprint)).filter(|alert| alert.firing);
        let fires = signal.status == SignalStatus::Firing;
        if let (Some(known), true, true) = (known, fires, self.listens(project)) {
            let (facts, incident) = (Facts::of_signal(signal), known.incident);
            self.see_source(project, &facts, Identity::Alert(fingerprint), incident);
        }
    }

    /// Remembers an opening that an inhibition keeps quiet, to look at it again later.
    pub(super) fn keep_inhibited(&mut self, matter: &Matter, by: DirectiveId, id: IncidentId) {
        let project = matter.project;
        let inhibition = self.inhibitions(project).find(|(of, _)| *of == by);
        let Some((_, inhibition)) = inhibition else { return };
        let values = inhibition.equal.iter().map(|field| matter.facts.text(field)).collect();
        let fits_both = matter.facts.fit(&inhibition.source);
        self.telling.inhibited.insert((project, by, values, fits_both, id));
        let due = self.at + LOOK_APART;
        self.telling.looks.entry(project).or_insert(due);
    }

    /// Looks that wait.
    pub(in crate::auditor) fn looks_due(&self) -> impl Iterator<Item = (Timestamp, ProjectId)> {
        self.telling.looks.iter().map(|(&project, &at)| (at, project))
    }

    /// What is not kept quiet any more and nobody has taken up is told as opened; what somebody has is
    /// forgotten; the rest is looked at again.
    pub(in crate::auditor) fn look_is_due(&mut self, project: ProjectId) {
        self.telling.looks.remove(&project);
        let kept = self.telling.inhibited.iter().filter(|(of, ..)| *of == project).cloned();
        let mut over = BTreeSet::new();
        let mut answers = BTreeMap::new();
        for opening in kept.collect::<Vec<_>>() {
            let (_, by, values, fits_both, id) = opening.clone();
            let group = (by, values, fits_both);
            let fires = match answers.get(&group) {
                Some(&fires) => fires,
                None => self.has_source(project, &group),
            };
            answers.insert(group, fires);
            if !(fires && self.incident(id).row.is_untaken()) {
                self.telling.inhibited.remove(&opening);
                over.insert(id);
            }
        }
        over.into_iter().for_each(|id| self.tell_after_all(id));
        if self.telling.inhibited.iter().any(|(of, ..)| *of == project) {
            let due = self.at + LOOK_APART;
            self.telling.looks.insert(project, due);
        }
    }

    /// What was kept quiet is told as it stands now, unless somebody has taken it up.
    pub(super) fn tell_after_all(&mut self, id: IncidentId) {
        let is_told =
            |news: &News| news.incident == id && matches!(news.what, What::Of(Trigger::Opened));
        let told = self.telling.news.iter().any(is_told);
        if !told && self.incident(id).row.is_untaken() {
            self.note(id, Trigger::Opened);
        }
    }

    /// Whether an inhibition that is in force has a source with these values that fires.
    fn has_source(
        &mut self,
        project: ProjectId,
        (by, values, fits_both): &(DirectiveId, Vec<String>, bool),
    ) -> bool {
        let in_force = self.inhibitions(project).any(|(id, one)| id == *by && one.enabled);
        in_force && self.source_fires(project, *by, values, *fits_both)
    }

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
            self.source_fires(project, id, &values, fits_both).then_some(id)
        })
    }

    fn source_fires(
        &mut self,
        project: ProjectId,
        id: DirectiveId,
        values: &[String],
        fits_both: bool,
    ) -> bool {
        let known = self.telling.sources.iter().filter(|((of, by, same, ..), source)| {
            let counts = !(fits_both && source.is_target);
            counts && (*of, *by) == (project, id) && *same == values
        });
        let known: Vec<_> = known.map(|(key, source)| (key.clone(), source.incident)).collect();
        for (key, incident) in known {
            if self.fires(project, key.4, incident) {
                return true;
            }
            self.telling.sources.remove(&key);
        }
        false
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
