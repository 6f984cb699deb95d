//! What follows when a silence ends: what it kept quiet and is still open is told after all, and some
//! days later the silence itself is forgotten.

use std::collections::BTreeSet;

use model::{
    DirectiveId, DirectiveKind, Effect, Effects, ProjectId, Reason, Status, Subject, Timestamp,
    Transition, Trigger, limits,
};

use super::Tidings;
use crate::Engine;
use crate::timers::Timer;

/// Openings of incidents that silences keep quiet.
pub(crate) type Silenced = BTreeSet<(ProjectId, DirectiveId, model::IncidentId)>;

impl Engine {
    /// Arms what comes when a silence ends or, once it has, when it is forgotten.
    pub(super) fn arm_silence(&mut self, project: ProjectId, id: DirectiveId) {
        if let Some(at) = self.silence_deadline(project, id) {
            self.timers.arm(at, Timer::Silence(project, id));
        }
    }

    /// Takes back what [`Self::arm_silence`] armed, before the silence is changed.
    pub(super) fn disarm_silence(&mut self, project: ProjectId, id: DirectiveId) {
        if let Some(at) = self.silence_deadline(project, id) {
            self.timers.disarm(at, Timer::Silence(project, id));
        }
    }

    fn silence_deadline(&self, project: ProjectId, id: DirectiveId) -> Option<Timestamp> {
        let ends_at = self.directives.silence(project, id)?.ends_at;
        let over = self.directives.is_silence_over(project, id);
        Some(if over { ends_at + limits::SILENCE_REMEMBERED } else { ends_at })
    }

    /// Remembers an opening that was kept quiet.
    pub(super) fn remember_silenced(
        &mut self,
        tidings: &Tidings<'_>,
        by: DirectiveId,
        out: &mut Effects,
    ) {
        let opened = Transition::Of(Trigger::Opened);
        let reopened = Transition::Of(Trigger::Reopened);
        if let Subject::Incident(incident) = tidings.subject
            && (tidings.transition == opened || tidings.transition == reopened)
        {
            if self.silenced.len() >= limits::SILENCED_OPENINGS {
                return Self::limit_hit(tidings.project, Reason::SilencedLimit, out);
            }
            self.silenced.insert((tidings.project, by, incident));
        }
    }

    /// A silence may have ended, or be old enough to be forgotten.
    pub(crate) fn silence_is_due(
        &mut self,
        project: ProjectId,
        id: DirectiveId,
        out: &mut Effects,
    ) {
        let Some(silence) = self.directives.silence(project, id) else { return };
        if silence.ends_at > self.at {
            return;
        }
        if self.directives.is_silence_over(project, id) {
            let kind = DirectiveKind::Silence;
            self.directives.remove(project, kind, id);
            return out.push(Effect::DirectiveRemoved { project, kind, id });
        }
        self.directives.end_silence(project, id);
        self.arm_silence(project, id);
        self.tell_what_was_silenced(project, id);
    }

    fn tell_what_was_silenced(&mut self, project: ProjectId, id: DirectiveId) {
        let from = (project, id, model::IncidentId(0));
        let to = (project, id, model::IncidentId(u128::MAX));
        let quiet: Vec<_> = self.silenced.range(from..=to).copied().collect();
        for entry in quiet {
            self.silenced.remove(&entry);
            let Some(index) = self.cases.find(project, entry.2) else { continue };
            if self.cases.get(index).incident.status == Status::Open {
                self.note(index, Trigger::Opened);
            }
        }
    }
}
