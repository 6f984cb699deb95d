//! Escalation policies that run: who is told next while nobody takes an incident up.

use std::collections::BTreeMap;

use model::{
    DirectiveId, Effects, Escalation, IncidentId, ProjectId, Reason, Subject, SubscriberId, Target,
    Timestamp, Transition, Trigger, limits,
};

use super::{Happening, News, Tidings, Told};
use crate::Engine;
use crate::timers::Timer;

/// Which run: of which incident, for whom, by which policy.
pub(crate) type RunKey = (IncidentId, SubscriberId, DirectiveId);

/// A policy that runs for an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    pub(super) subscriber: SubscriberId,
    pub(super) policy: DirectiveId,
    /// The rules that started it.
    pub(super) rules: Vec<DirectiveId>,
    /// The step that is due next, from 0.
    pub(super) step: u32,
    /// The round, from 0.
    pub(super) round: u32,
    /// When it is due.
    pub(super) due_at: Timestamp,
}

/// Every policy that runs.
pub(crate) type Escalations = BTreeMap<RunKey, Running>;

impl Running {
    pub(super) fn transition(&self) -> Transition {
        Transition::Step { policy: self.policy, step: self.step, round: self.round }
    }

    /// The step or round after the one that is due `now`, if there is one.
    fn next(&self, policy: &Escalation, now: Timestamp) -> Option<Self> {
        let last = self.step as usize + 1 >= policy.steps.len();
        let (step, round) = if last { (0, self.round + 1) } else { (self.step + 1, self.round) };
        let next = policy.steps.get(step as usize).filter(|_| round <= policy.repeat)?;
        // Rounds without any pause would never let the clock go on.
        let pause = if last { next.after.max(PAUSE) } else { next.after };
        Some(Self { step, round, due_at: now + pause, ..self.clone() })
    }
}

impl Engine {
    /// Starts the policies that the rules name, for an incident that was opened or reopened.
    pub(super) fn start_escalations(
        &mut self,
        tidings: &Tidings<'_>,
        subscriber: SubscriberId,
        rules: &[DirectiveId],
        out: &mut Effects,
    ) {
        let Subject::Incident(incident) = tidings.subject else { return };
        let Transition::Of(Trigger::Opened | Trigger::Reopened) = tidings.transition else {
            return;
        };
        let project = tidings.project;
        let mut policies: BTreeMap<DirectiveId, Vec<DirectiveId>> = BTreeMap::new();
        for &rule in rules {
            if let Some(policy) = self.directives.rule(project, rule).and_then(|r| r.escalation) {
                policies.entry(policy).or_default().push(rule);
            }
        }
        for (policy, rules) in policies {
            let runs = self.escalations.contains_key(&(incident, subscriber, policy));
            if !runs && self.escalations.len() >= limits::RUNNING_ESCALATIONS {
                Self::limit_hit(project, Reason::EscalationLimit, out);
                continue;
            }
            self.start_escalation(project, incident, subscriber, policy, rules);
        }
    }

    fn start_escalation(
        &mut self,
        project: ProjectId,
        incident: IncidentId,
        subscriber: SubscriberId,
        policy: DirectiveId,
        rules: Vec<DirectiveId>,
    ) {
        let steps = self.directives.escalation(project, policy).map(|policy| &policy.steps);
        let Some(first) = steps.and_then(|steps| steps.first()) else { return };
        let due_at = self.at + first.after;
        let running = Running { subscriber, policy, rules, step: 0, round: 0, due_at };
        self.run_escalation((incident, subscriber, policy), running);
    }

    /// Lets a policy run, instead of the run of it that there may be.
    pub(super) fn run_escalation(&mut self, key: RunKey, running: Running) {
        let due_at = running.due_at;
        if let Some(before) = self.escalations.insert(key, running) {
            self.timers.disarm(before.due_at, Timer::Escalation(key.0, key.1, key.2));
        }
        self.timers.arm(due_at, Timer::Escalation(key.0, key.1, key.2));
    }

    /// A step may be due: it is told while nobody has taken the incident up.
    pub(crate) fn escalation_is_due(&mut self, key: RunKey) {
        let Some(run) = self.escalations.remove(&key) else { return };
        let Some(case) = self.cases.index(key.0).map(|index| self.cases.get(index)) else { return };
        if !case.incident.is_untaken() || case.parent.is_some() {
            return;
        }
        let (incident, opened_by) = (case.incident.clone(), case.opened_by.clone());
        let Some(policy) = self.directives.escalation(incident.project, run.policy) else { return };
        let step = policy.steps.get(run.step as usize).cloned();
        if let Some(next) = run.next(policy, self.at) {
            self.run_escalation(key, next);
        }
        if let Some(step) = step {
            let what = Happening::Step { running: run, targets: step.targets };
            self.news.push(News { what, incident, opened_by });
        }
    }

    /// Tells the targets of a step.
    pub(super) fn tell_step(
        &mut self,
        tidings: &Tidings<'_>,
        running: &Running,
        mut targets: Vec<Target>,
        out: &mut Effects,
    ) {
        targets.sort_unstable();
        targets.dedup();
        let held = self.held(tidings);
        let rules = running.rules.clone();
        let told = Told {
            subscriber: running.subscriber,
            muted_by: vec![Vec::new(); rules.len()],
            rules,
            targets,
            deadline: limits::DELIVERY_DEADLINE,
            held,
        };
        self.emit(tidings, told, out);
    }
}

/// Between two rounds at least.
const PAUSE: model::Duration = model::Duration::from_secs(60);
