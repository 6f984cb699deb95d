//! What a silence or an inhibition keeps quiet, and is told after all when that ends: openings of
//! incidents that nobody has taken up by then, and alerts that fire on.
//!
//! A silence has an end, which is a deadline. An inhibition ends with whatever fires, so while it keeps an
//! opening quiet it is looked at every few seconds, once for each set of values that must be equal. Alerts
//! are sent again and again: the first repeat that nothing holds back is told.
//!
//! Invariant: what is remembered here was not told, and is told at most once when it ends.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    DirectiveId, Effects, Held, IdentityKey, IncidentId, ProjectId, Reason, SignalId, Subject,
    Timestamp, Transition, Trigger, limits,
};

use super::{Happening, Tidings};
use crate::Engine;
use crate::timers::Timer;

/// Which silence keeps which incident quiet.
pub(super) type Silenced = (ProjectId, DirectiveId, IncidentId);

/// What must fire for an inhibition to keep something quiet: the hash of the values that are equal, and
/// whether only what fits the source alone counts.
type Group = (DirectiveId, u128, bool);

/// Which inhibition keeps which incident quiet.
pub(super) type Inhibited = (ProjectId, Group, IncidentId);

/// An alert that is kept quiet, whatever by, and the signal that it fired with.
pub(super) type QuietAlert = (ProjectId, IdentityKey, SignalId);

/// Everything that is kept quiet.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    silenced: BTreeSet<Silenced>,
    inhibited: BTreeSet<Inhibited>,
    alerts: BTreeMap<(ProjectId, IdentityKey), SignalId>,
    /// When the inhibited ones of a project are looked at next.
    looks: BTreeMap<ProjectId, Timestamp>,
}

impl Quiet {
    pub(super) fn silenced(&self) -> impl ExactSizeIterator<Item = Silenced> {
        self.silenced.iter().copied()
    }

    pub(super) fn inhibited(&self) -> impl ExactSizeIterator<Item = Inhibited> {
        self.inhibited.iter().copied()
    }

    pub(super) fn looks(&self) -> impl ExactSizeIterator<Item = (ProjectId, Timestamp)> {
        self.looks.iter().map(|(&project, &at)| (project, at))
    }

    pub(super) fn alerts(&self) -> impl ExactSizeIterator<Item = QuietAlert> {
        self.alerts.iter().map(|(&(project, identity), &signal)| (project, identity, signal))
    }

    /// The signal that an alert fired with, if it is kept quiet.
    pub(super) fn alert(&self, project: ProjectId, identity: IdentityKey) -> Option<SignalId> {
        self.alerts.get(&(project, identity)).copied()
    }

    /// An alert is told of, or is over.
    pub(crate) fn forget_alert(&mut self, project: ProjectId, identity: IdentityKey) {
        self.alerts.remove(&(project, identity));
    }

    fn len(&self) -> usize {
        self.silenced.len() + self.inhibited.len() + self.alerts.len()
    }

    pub(super) fn restore_alert(&mut self, (project, identity, signal): QuietAlert) {
        self.alerts.insert((project, identity), signal);
    }

    pub(super) fn restore_silenced(&mut self, silenced: Silenced) {
        self.silenced.insert(silenced);
    }

    pub(super) fn restore_inhibited(&mut self, inhibited: Inhibited) {
        self.inhibited.insert(inhibited);
    }

    fn of_silence(
        &self,
        project: ProjectId,
        id: DirectiveId,
    ) -> impl Iterator<Item = IncidentId> + '_ {
        let from = (project, id, IncidentId(0));
        let to = (project, id, IncidentId(u128::MAX));
        self.silenced.range(from..=to).map(|&(.., incident)| incident)
    }

    fn of_inhibitions(&self, project: ProjectId) -> impl Iterator<Item = Inhibited> + '_ {
        let from = (project, (DirectiveId(0), 0, false), IncidentId(0));
        let to = (project, (DirectiveId(u128::MAX), u128::MAX, true), IncidentId(u128::MAX));
        self.inhibited.range(from..=to).copied()
    }

    /// Whether a silence still keeps something quiet.
    pub(super) fn is_kept_by(&self, project: ProjectId, silence: DirectiveId) -> bool {
        self.of_silence(project, silence).next().is_some()
    }
}

impl Engine {
    /// Remembers what was kept quiet, and by what, if it may be told later.
    pub(super) fn remember_quiet(&mut self, tidings: &Tidings<'_>, held: Held, out: &mut Effects) {
        let Transition::Of(trigger) = tidings.transition else { return };
        let is_full = self.quiet.len() >= limits::KEPT_QUIET;
        match (trigger, tidings.subject, tidings.alert) {
            (Trigger::Opened | Trigger::Reopened, Subject::Incident(_), _)
            | (Trigger::Signal, Subject::Signal(_), Some(_))
                if is_full =>
            {
                Self::limit_hit(tidings.project, Reason::QuietLimit, out);
            }
            (Trigger::Opened | Trigger::Reopened, Subject::Incident(incident), _) => {
                self.remember_opening(tidings, held, incident);
            }
            (Trigger::Signal, Subject::Signal(signal), Some(identity)) => {
                self.quiet.alerts.insert((tidings.project, identity), signal);
            }
            (_, Subject::Incident(_) | Subject::Signal(_), _) => {}
        }
    }

    fn remember_opening(&mut self, tidings: &Tidings<'_>, held: Held, incident: IncidentId) {
        let project = tidings.project;
        if held.reason != Reason::Inhibited {
            self.quiet.silenced.insert((project, held.by, incident));
        } else if let Some((hash, is_source)) =
            self.directives.inhibition_values(project, held.by, &tidings.facts)
        {
            self.quiet.inhibited.insert((project, (held.by, hash, is_source), incident));
            if !self.quiet.looks.contains_key(&project) {
                self.look_at_inhibited(project, self.at + limits::INHIBITED_LOOK_APART);
            }
        }
    }

    /// Arms the next look at what inhibitions keep quiet in a project.
    pub(super) fn look_at_inhibited(&mut self, project: ProjectId, at: Timestamp) {
        self.quiet.looks.insert(project, at);
        self.timers.arm(at, Timer::Inhibited(project));
    }

    /// Tells what a silence kept quiet that has ended; of many the first.
    pub(super) fn tell_what_was_silenced(&mut self, project: ProjectId, id: DirectiveId) {
        let quiet = self.quiet.of_silence(project, id).take(limits::QUIET_TOLD_PER_TICK);
        for incident in quiet.collect::<Vec<_>>() {
            self.quiet.silenced.remove(&(project, id, incident));
            self.tell_after_all(project, incident);
        }
    }

    /// It is time to see whether inhibitions still keep quiet what they kept quiet; what they do not is
    /// told, of many the first.
    pub(crate) fn inhibited_are_due(&mut self, project: ProjectId) {
        self.quiet.looks.remove(&project);
        let mut known: Option<(Group, bool)> = None;
        let mut over = Vec::new();
        for opening in self.quiet.of_inhibitions(project).collect::<Vec<_>>() {
            let (_, group, incident) = opening;
            let fires = match known {
                Some((of, fires)) if of == group => fires,
                _ => self.is_still_inhibited(project, group),
            };
            known = Some((group, fires));
            if fires && self.is_untaken(project, incident) {
                continue;
            }
            over.push(opening);
            if over.len() == limits::QUIET_TOLD_PER_TICK {
                break;
            }
        }
        for opening in &over {
            self.quiet.inhibited.remove(opening);
        }
        let incidents: BTreeSet<_> = over.iter().map(|&(.., incident)| incident).collect();
        for incident in incidents {
            self.tell_after_all(project, incident);
        }
        if self.quiet.of_inhibitions(project).next().is_some() {
            let is_cut = over.len() == limits::QUIET_TOLD_PER_TICK;
            let pause = if is_cut { model::Duration::ZERO } else { limits::INHIBITED_LOOK_APART };
            self.look_at_inhibited(project, self.at + pause);
        }
    }

    fn is_still_inhibited(&mut self, project: ProjectId, (id, hash, is_source): Group) -> bool {
        self.directives.has_inhibition(project, id)
            && self.source_fires(project, id, hash, is_source)
    }

    fn is_untaken(&self, project: ProjectId, incident: IncidentId) -> bool {
        let found = self.cases.find(project, incident);
        found.is_some_and(|index| self.cases.get(index).incident.is_untaken())
    }

    /// Tells an opening as of now, once for an entry, if nobody has taken the incident up.
    fn tell_after_all(&mut self, project: ProjectId, incident: IncidentId) {
        let opened = Happening::Of(Trigger::Opened);
        let is_told =
            self.news.iter().any(|news| news.incident.id == incident && news.what == opened);
        if is_told || !self.is_untaken(project, incident) {
            return;
        }
        if let Some(index) = self.cases.find(project, incident) {
            self.note(index, Trigger::Opened);
        }
    }
}
