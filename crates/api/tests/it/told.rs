//! Notifications and tries to put into a world.

use std::sync::Arc;

use model::{
    Directive, DirectiveId, DirectiveKind, Duration, Effect, EndpointId, Held, Incident, Notice,
    Notification, NotificationId, Reason, Receipt, Seq, Severity, Signal, Subject, SubscriberId,
    Target, Transition, Trigger, Verdict,
};

use crate::world::{World, time};

/// A notification that an incident was opened.
pub(crate) fn opened(
    incident: &Incident,
    subscriber: &str,
    endpoint: &str,
    rules: &[&str],
) -> Notification {
    let subject = Subject::Incident(incident.id);
    let name = format!("{} is open", incident.title);
    let notice = Notice {
        incident: Some(incident.clone()),
        signal: None,
        severity: Severity::P1,
        source: String::new(),
        name,
    };
    due(incident, subject, Transition::Of(Trigger::Opened), notice, subscriber, endpoint, rules)
}

/// A notification about a signal of an incident.
pub(crate) fn fired(
    incident: &Incident,
    signal: &Signal<'static>,
    subscriber: &str,
    endpoint: &str,
    rules: &[&str],
) -> Notification {
    let subject = Subject::Signal(signal.id);
    let notice = Notice {
        incident: Some(incident.clone()),
        signal: Some(signal.clone()),
        severity: signal.severity,
        source: "prometheus".to_owned(),
        name: signal.summary.to_string(),
    };
    due(incident, subject, Transition::Of(Trigger::Signal), notice, subscriber, endpoint, rules)
}

fn due(
    incident: &Incident,
    subject: Subject,
    transition: Transition,
    notice: Notice,
    subscriber: &str,
    endpoint: &str,
    rules: &[&str],
) -> Notification {
    let (project, seq) = (incident.project, Seq(incident.number));
    let at = time(incident.number);
    let subscriber = SubscriberId::parse(subscriber).unwrap();
    Notification {
        id: NotificationId::mint(project, subscriber, subject, transition, seq, at),
        project,
        subscriber,
        subject,
        transition,
        seq,
        at,
        rules: rules.iter().filter_map(|id| DirectiveId::parse(id)).collect(),
        targets: vec![Target::Endpoint(EndpointId::parse(endpoint).unwrap())],
        muted_by: rules.iter().map(|_| Vec::new()).collect(),
        deadline: time(90_000),
        held: None,
        notice: Arc::new(notice),
    }
}

/// The same, held back by a silence.
pub(crate) fn silenced(notification: Notification, by: u128) -> Notification {
    let held = Some(Held { reason: Reason::Silenced, by: DirectiveId(by) });
    Notification { targets: Vec::new(), held, ..notification }
}

/// One try at the only target of a notification.
pub(crate) fn tried(
    notification: &Notification,
    attempt: u32,
    verdict: Verdict,
    status: u16,
    answer: &str,
) -> Effect {
    let began_at = time(100 + u64::from(attempt));
    let receipt = Receipt {
        project: notification.project,
        notification: notification.id,
        target: notification.targets[0],
        attempt,
        began_at,
        took: Duration::from_micros(1_500),
        verdict,
        next_at: (verdict == Verdict::Retry).then(|| time(200)),
        status,
        answer: answer.to_owned(),
        reference: String::new(),
    };
    Effect::Attempted { at: began_at, receipt: Box::new(receipt) }
}

impl World {
    /// Makes notifications due.
    pub(crate) async fn tell(&self, notifications: &[&Notification]) {
        let due = |it: &&Notification| Effect::Notified(Box::new((*it).clone()));
        self.apply(notifications.iter().map(due).collect()).await;
    }

    /// A directive as the store holds it.
    pub(crate) async fn directive(&self, kind: DirectiveKind, id: &str) -> Option<Directive> {
        let id = DirectiveId::parse(id).unwrap();
        store::Directory::directive(self.store.as_ref(), crate::world::ONE, kind, id).await.unwrap()
    }
}
