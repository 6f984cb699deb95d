//! What is told because time has passed: reminders, steps of escalation policies, the end of a silence.

use model::{
    DirectiveId, DirectiveKind, Duration, IncidentId, ProjectId, Rule, SubscriberId, Timestamp,
    Transition, Trigger, limits,
};

use super::conditions::Facts;
use super::{News, What};
use crate::auditor::Auditor;

/// How far an incident has come in what rules ask of those that nobody takes up.
#[derive(Debug, Clone, Copy)]
pub(in crate::auditor) struct Reminder {
    since: Timestamp,
    reminded: Duration,
    deadline: Option<Timestamp>,
}

/// Which run of a policy: of which incident, for whom, which policy.
pub(in crate::auditor) type RunKey = (IncidentId, SubscriberId, DirectiveId);

/// A policy that runs.
#[derive(Debug, Clone)]
pub(in crate::auditor) struct Running {
    pub(super) subscriber: SubscriberId,
    policy: DirectiveId,
    pub(super) rules: Vec<DirectiveId>,
    step: usize,
    round: u32,
    due: Timestamp,
}

/// Between two rounds of a policy at least.
const ROUND_PAUSE: Duration = Duration::from_secs(60);

impl Running {
    pub(super) fn transition(&self) -> Transition {
        let step = u32::try_from(self.step).unwrap_or(u32::MAX);
        Transition::Step { policy: self.policy, step, round: self.round }
    }
}

impl Auditor {
    /// Reminders that wait: which incident, when.
    pub(in crate::auditor) fn reminders_due(
        &self,
    ) -> impl Iterator<Item = (Timestamp, IncidentId)> {
        let all = self.telling.reminders.iter();
        all.filter_map(|(&id, reminder)| Some((reminder.deadline?, id)))
    }

    /// Steps that wait.
    pub(in crate::auditor) fn steps_due(&self) -> impl Iterator<Item = (Timestamp, RunKey)> {
        self.telling.running.iter().map(|(&key, run)| (run.due, key))
    }

    /// Silences that wait for their end, or to be forgotten.
    pub(in crate::auditor) fn silences_due(
        &self,
    ) -> impl Iterator<Item = (Timestamp, ProjectId, DirectiveId)> {
        let all = self.telling.directives.keys().filter(|key| key.1 == DirectiveKind::Silence);
        all.filter_map(|&(project, _, id)| {
            let (_, silence) = self.silences(project).find(|(of, _)| *of == id)?;
            let over = self.telling.over.contains(&(project, id));
            let after = if over { limits::SILENCE_REMEMBERED } else { Duration::ZERO };
            Some((silence.ends_at + after, project, id))
        })
    }

    /// When silences begin.
    pub(in crate::auditor) fn silences_begin(&self) -> impl Iterator<Item = Timestamp> {
        let all = self.telling.directives.keys().filter(|key| key.1 == DirectiveKind::Silence);
        all.filter_map(|&(project, _, id)| {
            self.silences(project).find(|(of, _)| *of == id).map(|(_, silence)| silence.starts_at)
        })
    }

    /// Nobody is reminded of what is closed.
    pub(in crate::auditor) fn end_reminders(&mut self, incident: IncidentId) {
        self.telling.reminders.remove(&incident);
    }

    /// It was opened or reopened: all that rules ask for lies ahead.
    pub(super) fn remind_from_now(&mut self, incident: IncidentId, project: ProjectId) {
        let reminder = Reminder { since: self.at, reminded: Duration::ZERO, deadline: None };
        self.telling.reminders.insert(incident, reminder);
        self.arm_reminder(incident, project);
    }

    fn arm_reminder(&mut self, incident: IncidentId, project: ProjectId) {
        let spans = self.spans(project);
        let Some(reminder) = self.telling.reminders.get_mut(&incident) else { return };
        let next = spans.into_iter().find(|span| *span > reminder.reminded);
        reminder.deadline = next.map(|span| reminder.since + span);
    }

    /// The spans that rules in force ask for, ascending.
    fn spans(&self, project: ProjectId) -> Vec<Duration> {
        let in_force = self.rules(project).filter(|(_, rule)| rule.enabled);
        let mut spans: Vec<Duration> = in_force
            .flat_map(|(_, rule)| &rule.on)
            .filter_map(|trigger| match trigger {
                Trigger::Unacknowledged(span) => Some(*span),
                Trigger::Opened
                | Trigger::Escalated
                | Trigger::Acknowledged
                | Trigger::Resolved
                | Trigger::Reopened
                | Trigger::Closed
                | Trigger::Signal
                | Trigger::SignalResolved => None,
            })
            .collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// Each span that has passed and was not told of is told of; a new rule may have come between.
    pub(in crate::auditor) fn reminder_is_due(&mut self, incident: IncidentId) {
        let row = &self.incident(incident).row;
        let (project, untaken) = (row.project, row.is_untaken());
        let Some(reminder) = self.telling.reminders.get_mut(&incident) else { return };
        let Some(deadline) = reminder.deadline.take() else { return };
        if !untaken {
            return;
        }
        let (before, passed) = (reminder.reminded, deadline.since(reminder.since));
        reminder.reminded = passed;
        for span in self.spans(project) {
            if before < span && span <= passed {
                self.note(incident, Trigger::Unacknowledged(span));
            }
        }
        self.arm_reminder(incident, project);
    }

    /// The policies that rules name begin, or begin anew, for what was opened or reopened.
    pub(super) fn start_policies(
        &mut self,
        project: ProjectId,
        incident: IncidentId,
        subscriber: SubscriberId,
        ids: &[DirectiveId],
        rules: &[Rule],
    ) {
        for policy in rules.iter().filter_map(|rule| rule.escalation) {
            let Some(first) = self.policy(project, policy).and_then(|one| one.steps.first()) else {
                continue;
            };
            let due = self.at + first.after;
            let naming = ids.iter().zip(rules).filter(|(_, rule)| rule.escalation == Some(policy));
            let rules = naming.map(|(id, _)| *id).collect();
            let run = Running { subscriber, policy, rules, step: 0, round: 0, due };
            self.telling.running.insert((incident, subscriber, policy), run);
        }
    }

    /// A step is told while nobody has taken the incident up; then the next one waits, or the next round.
    pub(in crate::auditor) fn step_is_due(&mut self, key: RunKey) {
        let Some(run) = self.telling.running.remove(&key) else { return };
        let row = &self.incident(key.0).row;
        let (project, facts) = (row.project, Facts::of(row));
        if !row.is_untaken() || row.merged_into.is_some() {
            return;
        }
        let Some(policy) = self.policy(project, run.policy).cloned() else { return };
        let mut next = run.clone();
        next.step += 1;
        let mut least = Duration::ZERO;
        if next.step >= policy.steps.len() {
            (next.step, next.round, least) = (0, run.round + 1, ROUND_PAUSE);
        }
        if next.round <= policy.repeat
            && let Some(step) = policy.steps.get(next.step)
        {
            next.due = self.at + step.after.max(least);
            self.telling.running.insert(key, next);
        }
        if let Some(step) = policy.steps.get(run.step) {
            let what = What::Step(run, step.targets.clone());
            self.telling.news.push(News { project, incident: key.0, facts, what });
        }
    }

    /// A silence ends, and what it kept quiet and nobody took up is told after all; or it is old
    /// enough to be forgotten.
    pub(in crate::auditor) fn silence_is_due(&mut self, project: ProjectId, id: DirectiveId) {
        if self.telling.over.remove(&(project, id)) {
            self.telling.directives.remove(&(project, DirectiveKind::Silence, id));
            return;
        }
        self.telling.over.insert((project, id));
        let quiet = self.telling.quiet.iter().filter(|(of, by, _)| (*of, *by) == (project, id));
        let quiet: Vec<IncidentId> = quiet.map(|(.., incident)| *incident).collect();
        for incident in quiet {
            self.telling.quiet.remove(&(project, id, incident));
            self.tell_after_all(incident);
        }
    }
}
