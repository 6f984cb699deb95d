//! Notifications, receipts and directives to test with: each a function of a few numbers.

use std::sync::Arc;

use model::{
    AtMost, Condition, Directive, DirectiveBody, DirectiveId, Duration, Effect, EndpointId, Field,
    Held, Kind, Notice, Notification, NotificationId, Op, ProjectId, Reason, Receipt, Rule,
    ScheduleId, Seq, Severity, Signal, SignalId, SignalStatus, Silence, Subject, SubscriberId,
    Target, Timestamp, Transition, Trigger, Verdict,
};

use super::fixtures::{incident, incident_id, time};

/// Endpoint `number`.
#[must_use]
pub fn endpoint(number: u64) -> Target {
    Target::Endpoint(EndpointId(u128::from(number) << 64 | 1))
}

/// Person `number`.
#[must_use]
pub fn on_call_person(number: u64) -> Target {
    Target::Person(SubscriberId(u128::from(number) << 64 | 2))
}

/// Subscriber `number`.
#[must_use]
pub fn subscriber_id(number: u64) -> SubscriberId {
    SubscriberId(u128::from(number) << 32 | 3)
}

/// A notification of subscriber 1 about an incident, for what the entry `seq` made happen.
#[must_use]
pub fn about_incident(
    project: ProjectId,
    number: u64,
    seq: u64,
    targets: &[Target],
) -> Notification {
    let told = Notice {
        incident: Some(incident(project, number)),
        signal: None,
        severity: Severity::P1,
        source: "prometheus".to_owned(),
        name: format!("incident {number} is in trouble"),
    };
    let trigger = Trigger::Unacknowledged(Duration::from_secs(300));
    due(project, (Subject::Incident(incident_id(project, number)), trigger), seq, targets, told)
}

/// A notification of subscriber 1 about a signal, which may belong to an incident.
#[must_use]
pub fn about_signal(
    project: ProjectId,
    number: u64,
    of_incident: Option<u64>,
    seq: u64,
    targets: &[Target],
) -> Notification {
    let id = SignalId(u128::from(number));
    let told = Notice {
        incident: of_incident.map(|number| incident(project, number)),
        signal: Some(Signal::new(id, "db", "prod")),
        severity: Severity::P3,
        source: String::new(),
        name: format!("signal {number}"),
    };
    due(project, (Subject::Signal(id), Trigger::Signal), seq, targets, told)
}

/// A notification of subscriber 1 that alert `number` fires, or does not any more. Each time it is another
/// signal: what stays the same is its identity.
#[must_use]
pub fn about_alert(
    project: ProjectId,
    (number, status): (u64, SignalStatus),
    seq: u64,
    targets: &[Target],
) -> Notification {
    let id = SignalId(u128::from(seq) << 64);
    let signal = Signal {
        kind: Kind::Alert,
        status,
        labels: vec![("alertname".into(), number.to_string().into())],
        ..Signal::new(id, "db", "prod")
    };
    let told = Notice {
        incident: None,
        signal: Some(signal),
        severity: Severity::P1,
        source: "alertmanager".to_owned(),
        name: format!("alert {number} is {status}"),
    };
    let trigger = match status {
        SignalStatus::Firing => Trigger::Signal,
        SignalStatus::Resolved => Trigger::SignalResolved,
    };
    due(project, (Subject::Signal(id), trigger), seq, targets, told)
}

fn due(
    project: ProjectId,
    (subject, trigger): (Subject, Trigger),
    seq: u64,
    targets: &[Target],
    told: Notice,
) -> Notification {
    let transition = Transition::Of(trigger);
    let mut targets = targets.to_vec();
    targets.sort_unstable();
    let (subscriber, at, seq) = (subscriber_id(1), time(seq), Seq(seq));
    Notification {
        id: NotificationId::mint(project, subscriber, subject, transition, seq, at),
        project,
        subscriber,
        subject,
        transition,
        seq,
        at,
        rules: vec![DirectiveId(1), DirectiveId(2)],
        targets,
        muted_by: vec![vec![ScheduleId(7)], Vec::new()],
        deadline: time(seq.0 + 1_000_000),
        held: None,
        notice: Arc::new(told),
    }
}

/// The same for another subscriber.
#[must_use]
pub fn told_to(number: u64, notification: &Notification) -> Notification {
    let subscriber = subscriber_id(number);
    let Notification { project, subject, transition, seq, at, .. } = *notification;
    let id = NotificationId::mint(project, subscriber, subject, transition, seq, at);
    Notification { id, subscriber, ..notification.clone() }
}

/// The same, held back.
#[must_use]
pub fn held(notification: &Notification) -> Notification {
    let held = Some(Held { reason: Reason::Silenced, by: DirectiveId(9) });
    Notification { held, targets: Vec::new(), ..notification.clone() }
}

/// The effect of a notification.
#[must_use]
pub fn notified(notification: &Notification) -> Effect {
    Effect::Notified(Box::new(notification.clone()))
}

/// A receipt of a try: a retry is due a second after it began, and only what was delivered has a reference.
#[must_use]
pub fn receipt(
    notification: &Notification,
    target: Target,
    attempt: u32,
    verdict: Verdict,
) -> Receipt {
    let began_at = notification.at + Duration::from_secs(u64::from(attempt));
    let is_delivered = verdict == Verdict::Delivered;
    Receipt {
        project: notification.project,
        notification: notification.id,
        target,
        attempt,
        began_at,
        took: Duration::from_micros(1_500),
        verdict,
        next_at: (verdict == Verdict::Retry).then(|| began_at + Duration::from_secs(1)),
        status: if is_delivered { 200 } else { 503 },
        answer: format!("{verdict} at attempt {attempt}"),
        reference: if is_delivered { format!("ts-{attempt}") } else { String::new() },
    }
}

/// The effect of a receipt that was durable at `at`.
#[must_use]
pub fn attempted(at: Timestamp, receipt: &Receipt) -> Effect {
    Effect::Attempted { at, receipt: Box::new(receipt.clone()) }
}

/// The effect of letters that are due again.
#[must_use]
pub fn replayed(at: Timestamp, letters: &[(&Notification, Target)]) -> Effect {
    replayed_by(Seq(at.micros().unsigned_abs()), at, letters)
}

/// The effect of letters that are due again by the entry at `seq`.
#[must_use]
pub fn replayed_by(seq: Seq, at: Timestamp, letters: &[(&Notification, Target)]) -> Effect {
    let project = letters.first().map_or(ProjectId(1), |(notification, _)| notification.project);
    let letters = letters.iter().map(|(notification, target)| (notification.id, *target)).collect();
    Effect::Replayed { project, letters, seq, at }
}

/// A rule with every field set.
#[must_use]
pub fn rule(project: ProjectId, id: u128, subscriber: SubscriberId) -> Directive {
    let condition = Condition {
        field: Field::Label("team".to_owned()),
        op: Op::OneOf,
        values: vec!["db".to_owned(), "web".to_owned()],
        negate: true,
    };
    Directive {
        id: DirectiveId(id),
        project,
        name: format!("rule {id}"),
        version: 1,
        body: DirectiveBody::Rule(Rule {
            subscriber,
            on: vec![Trigger::Opened, Trigger::Signal],
            conditions: vec![condition],
            match_all: false,
            cel: "severity == 'P0'".to_owned(),
            targets: vec![endpoint(1)],
            escalation: Some(DirectiveId(77)),
            muted_by: vec![ScheduleId(5)],
            at_most: Some(AtMost { count: 3, within: Duration::from_secs(60) }),
            deadline: Duration::from_secs(3_600),
            enabled: true,
        }),
    }
}

/// A silence.
#[must_use]
pub fn silence(project: ProjectId, id: u128) -> Directive {
    let condition = Condition {
        field: Field::Component,
        op: Op::Equals,
        values: vec!["db".to_owned()],
        negate: false,
    };
    let body = DirectiveBody::Silence(Silence {
        conditions: vec![condition],
        starts_at: time(1),
        ends_at: time(2),
        created_by: "ada".to_owned(),
        comment: "moving house".to_owned(),
        maintenance: true,
        updated_at: time(1),
    });
    Directive { id: DirectiveId(id), project, name: String::new(), version: 1, body }
}

/// The effect of a directive in force.
#[must_use]
pub fn directed(directive: &Directive) -> Effect {
    Effect::DirectiveSaved(Box::new(directive.clone()))
}
