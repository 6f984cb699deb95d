//! Rules, default routes, silences, inhibitions and escalation policies, created, changed and removed; dead letters
//! sent again.
//!
//! Conditions are simple on purpose, so that the auditor can hold them as texts.

use model::{
    AtMost, Condition, Directive, DirectiveBody, DirectiveId, DirectiveKind, Duration, Entry,
    Escalation, Field, Inhibition, NotificationId, Op, Operation, ProjectId, Rule, Severity,
    Silence, Step, SubscriberId, Target, Timestamp, Trigger,
};

use super::Workload;
use crate::auditor::Auditor;
use crate::ports::{calendar, endpoint, schedule, subscriber};

/// Directives of a kind that a project has at most, by kind.
const MOST: [(DirectiveKind, u64, u64); 5] = [
    (DirectiveKind::Rule, 7, 12),
    (DirectiveKind::DefaultRoute, 2, 2),
    (DirectiveKind::Silence, 3, 5),
    (DirectiveKind::Inhibition, 2, 3),
    (DirectiveKind::Escalation, 2, 3),
];

impl Workload {
    /// Somebody creates, changes or removes a directive; sometimes having seen an old version.
    pub fn directive(&mut self, auditor: &Auditor, now: Timestamp) -> Entry<'static> {
        let project = self.project();
        let weights = MOST.map(|(kind, most, weight)| ((kind, most), weight));
        let (kind, most) = self.random.weighted(&weights).unwrap_or((DirectiveKind::Rule, 1));
        let id = numbered(kind, self.random.between(1, most));
        let known = auditor.directives(project, kind).into_iter().find(|known| known.id == id);
        let mut seen = known.map(|known| known.version);
        if self.random.chance(8) {
            seen = [None, Some(0), Some(9)][self.random.below(3) as usize];
        }
        let operation = if known.is_some() && self.random.chance(25) {
            Operation::DeleteDirective { kind, id, expected_version: seen }
        } else {
            let body = self.body(project, kind, now);
            let name = format!("{kind} {}", id.0);
            let directive = Directive { id, project, name, version: self.random.below(9), body };
            Operation::PutDirective { directive: Box::new(directive), expected_version: seen }
        };
        self.command(project, operation)
    }

    /// Somebody sends dead letters again, some of `letters`.
    pub fn replay(
        &mut self,
        project: ProjectId,
        letters: Vec<(NotificationId, Target)>,
    ) -> Entry<'static> {
        let percent = self.random.between(30, 100);
        let letters = letters.into_iter().filter(|_| self.random.chance(percent)).collect();
        self.command(project, Operation::ReplayDeadLetters { letters })
    }

    /// Somebody sends all of `letters` again.
    pub fn replay_all(
        &mut self,
        project: ProjectId,
        letters: Vec<(NotificationId, Target)>,
    ) -> Entry<'static> {
        self.command(project, Operation::ReplayDeadLetters { letters })
    }

    fn body(&mut self, project: ProjectId, kind: DirectiveKind, now: Timestamp) -> DirectiveBody {
        match kind {
            DirectiveKind::Rule => DirectiveBody::Rule(self.rule(project)),
            DirectiveKind::Silence => DirectiveBody::Silence(self.silence(project, now)),
            DirectiveKind::Inhibition => DirectiveBody::Inhibition(self.inhibition(project)),
            DirectiveKind::Escalation => DirectiveBody::Escalation(self.escalation(project)),
            DirectiveKind::DefaultRoute => DirectiveBody::DefaultRoute(self.rule(project)),
        }
    }

    fn rule(&mut self, project: ProjectId) -> Rule {
        let count = self.random.below(3);
        let conditions = self.conditions(project, count);
        let mut match_all = conditions.is_empty();
        if self.random.chance(3) {
            match_all = !match_all;
        }
        let escalation = self
            .random
            .chance(25)
            .then(|| numbered(DirectiveKind::Escalation, self.random.between(1, 3)));
        let count = self.random.between(u64::from(escalation.is_none()), 3);
        let at_most = self.random.chance(30).then(|| AtMost {
            count: u32::try_from(self.random.between(1, 3)).unwrap_or(1),
            within: self.span(5, 300),
        });
        let deadline = [20, 900, 86_400][self.random.below(3) as usize];
        Rule {
            subscriber: self.subscriber(project),
            on: self.triggers(),
            conditions,
            match_all,
            cel: String::new(),
            targets: self.targets(project, count),
            escalation,
            muted_by: if self.random.chance(12) { vec![calendar()] } else { Vec::new() },
            at_most,
            deadline: Duration::from_secs(deadline),
            enabled: self.random.chance(92),
        }
    }

    fn triggers(&mut self) -> Vec<Trigger> {
        let all = [
            (Trigger::Opened, 60),
            (Trigger::Escalated, 25),
            (Trigger::Acknowledged, 25),
            (Trigger::Resolved, 35),
            (Trigger::Reopened, 35),
            (Trigger::Closed, 25),
            (Trigger::Unacknowledged(Duration::from_secs(5)), 12),
            (Trigger::Unacknowledged(Duration::from_secs(30)), 12),
            (Trigger::Unacknowledged(Duration::from_secs(120)), 12),
            (Trigger::Signal, 10),
            (Trigger::SignalResolved, 12),
        ];
        let picked = all.into_iter().filter(|(_, percent)| self.random.chance(*percent));
        let mut picked: Vec<Trigger> = picked.map(|(trigger, _)| trigger).collect();
        if picked.is_empty() {
            picked.push(Trigger::Opened);
        }
        picked
    }

    fn silence(&mut self, project: ProjectId, now: Timestamp) -> Silence {
        let count = if self.random.chance(4) { 0 } else { self.random.between(1, 2) };
        let early = self.random.chance(60);
        let starts_at = if early { now - self.span(0, 60) } else { now + self.span(0, 90) };
        let wrong = self.random.chance(4);
        let ends_at = if wrong { starts_at } else { starts_at + self.span(1, 240) };
        Silence {
            conditions: self.conditions(project, count),
            starts_at,
            ends_at,
            created_by: "ada".to_owned(),
            comment: "planned".to_owned(),
            maintenance: self.random.chance(30),
            updated_at: Timestamp::default(),
        }
    }

    fn inhibition(&mut self, project: ProjectId) -> Inhibition {
        let fields = [Field::Component, Field::Environment, Field::Severity];
        let equal = fields.into_iter().filter(|_| self.random.chance(25)).collect();
        let (least, least_target) = (self.random.between(1, 2), self.random.between(0, 2));
        Inhibition {
            source: self.conditions(project, least),
            target: self.conditions(project, least_target),
            equal,
            enabled: self.random.chance(90),
        }
    }

    fn escalation(&mut self, project: ProjectId) -> Escalation {
        let count = if self.random.chance(3) { 0 } else { self.random.between(1, 3) };
        let steps = (0..count).map(|_| {
            let targets = self.random.between(1, 2);
            Step { after: self.span(0, 90), targets: self.targets(project, targets) }
        });
        let steps = steps.collect();
        Escalation { steps, repeat: u32::try_from(self.random.below(3)).unwrap_or(0) }
    }

    fn conditions(&mut self, project: ProjectId, count: u64) -> Vec<Condition> {
        (0..count).map(|_| self.condition(project)).collect()
    }

    fn condition(&mut self, project: ProjectId) -> Condition {
        let negate = self.random.chance(20);
        let severity = self.random.pick(&Severity::ALL).copied().unwrap_or(Severity::P1);
        let severity = severity.as_str().to_owned();
        let component = format!("p{project}-c{}", self.random.below(self.components));
        let (field, op, values) = match self.random.below(6) {
            0 => (Field::Component, Op::Equals, vec![component]),
            1 => {
                let other = format!("p{project}-c{}", self.random.below(self.components));
                (Field::Component, Op::OneOf, vec![component, other])
            }
            2 => {
                let environment = ["prod", "staging"][self.random.below(2) as usize];
                (Field::Environment, Op::Equals, vec![environment.to_owned()])
            }
            3 => (Field::Severity, Op::Equals, vec![severity]),
            _ => (Field::Severity, Op::AtLeast, vec![severity]),
        };
        Condition { field, op, values, negate }
    }

    /// Now and then the same twice.
    fn targets(&mut self, project: ProjectId, count: u64) -> Vec<Target> {
        (0..count).map(|_| self.target(project)).collect()
    }

    fn target(&mut self, project: ProjectId) -> Target {
        match self.random.below(10) {
            0 => Target::Person(subscriber(project, 2)),
            1 => Target::OnCall(schedule(self.random.between(1, 2))),
            _ => Target::Endpoint(endpoint(project, self.random.between(1, 4))),
        }
    }

    fn subscriber(&mut self, project: ProjectId) -> SubscriberId {
        subscriber(project, self.random.between(1, 2))
    }

    fn span(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_secs(self.random.between(least, most))
    }
}

/// Ids of one kind are not those of another.
fn numbered(kind: DirectiveKind, number: u64) -> DirectiveId {
    DirectiveId(u128::from(kind.code()) * 100 + u128::from(number))
}
