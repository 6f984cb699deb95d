//! What follows when a silence ends: what it kept quiet is told after all, and some days later the
//! silence itself is forgotten.

use model::{DirectiveId, DirectiveKind, Effect, Effects, ProjectId, Timestamp, limits};

use crate::Engine;
use crate::timers::Timer;

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
        let is_done = over && !self.quiet.is_kept_by(project, id);
        Some(if is_done { ends_at + limits::SILENCE_REMEMBERED } else { ends_at })
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
        if !self.directives.is_silence_over(project, id) {
            self.directives.end_silence(project, id);
        } else if !self.quiet.is_kept_by(project, id) {
            let kind = DirectiveKind::Silence;
            self.directives.remove(project, kind, id);
            return out.push(Effect::DirectiveRemoved { project, kind, id });
        }
        self.tell_what_was_silenced(project, id);
        self.arm_silence(project, id);
    }
}
