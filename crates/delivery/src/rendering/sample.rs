//! A made-up notification, for previews of what an endpoint would be sent.

use std::borrow::Cow;
use std::sync::Arc;

use model::{
    ComponentType, DirectiveId, Duration, EndpointId, GroupingKey, Incident, IncidentId, Notice,
    Notification, NotificationId, PolicyId, ProjectId, Seq, Severity, Signal, SignalId, Status,
    Subject, SubscriberId, Timestamp, Transition, Trigger,
};

use crate::channel::{Endpoint, Message};

/// When the sample happens: 2026-01-15 09:30:00 UTC.
const SAMPLE_AT: Timestamp = Timestamp::from_micros(1_768_469_400_000_000);

const INCIDENT: IncidentId = IncidentId(0x019b_c0ff_ee00_8000_8000_0000_0000_0001);
const SUBSCRIBER: SubscriberId = SubscriberId(0x019b_c0ff_ee00_8000_8000_0000_0000_0002);

/// A P1 incident that was just opened.
pub(crate) fn notification(project: ProjectId) -> Notification {
    let subject = Subject::Incident(INCIDENT);
    let transition = Transition::Of(Trigger::Opened);
    Notification {
        id: NotificationId::mint(project, SUBSCRIBER, subject, transition, Seq(1), SAMPLE_AT),
        project,
        subscriber: SUBSCRIBER,
        subject,
        transition,
        seq: Seq(1),
        at: SAMPLE_AT,
        rules: vec![DirectiveId(0x019b_c0ff_ee00_8000_8000_0000_0000_0003)],
        targets: Vec::new(),
        muted_by: vec![Vec::new()],
        deadline: SAMPLE_AT + Duration::from_secs(86_400),
        held: None,
        notice: Arc::new(Notice {
            incident: Some(incident(project)),
            signal: Some(signal()),
            severity: Severity::P1,
            source: "prometheus".to_owned(),
            name: "Checkout fails for one in five customers".to_owned(),
        }),
    }
}

fn incident(project: ProjectId) -> Incident {
    Incident {
        id: INCIDENT,
        project,
        number: 42,
        title: "Checkout fails for one in five customers".to_owned(),
        status: Status::Open,
        severity: Severity::P1,
        severity_pinned: false,
        component: "checkout".to_owned(),
        component_type: ComponentType::Service,
        environment: "prod".to_owned(),
        policy: PolicyId(0),
        key: GroupingKey(0),
        grouping_key: "environment=prod,component=checkout".to_owned(),
        signal_count: 3,
        first_signal_at: SAMPLE_AT,
        last_signal_at: SAMPLE_AT,
        opened_at: SAMPLE_AT,
        assignee: None,
        acknowledged_at: None,
        resolved_at: None,
        closed_at: None,
        mtta_seconds: None,
        mttr_seconds: None,
        merged_into: None,
        split_from: None,
        links: Vec::new(),
        changed_seq: Seq(1),
    }
}

fn signal() -> Signal<'static> {
    let id = SignalId(0x019b_c0ff_ee00_8000_8000_0000_0000_0004);
    let mut signal = Signal::new(id, "checkout", "prod");
    signal.component_type = ComponentType::Service;
    signal.severity = Severity::P1;
    signal.source = Cow::Borrowed("prometheus");
    signal.summary = Cow::Borrowed("Error ratio 21 % over 5 minutes, threshold 5 %");
    signal.labels = vec![
        (Cow::Borrowed("region"), Cow::Borrowed("eu-west-1")),
        (Cow::Borrowed("team"), Cow::Borrowed("payments")),
    ];
    signal.payload = Cow::Borrowed(br#"{"ratio": 0.21, "threshold": 0.05}"#);
    signal.occurred_at = SAMPLE_AT;
    signal.trace_id = Cow::Borrowed("4bf92f3577b34da6a3ce929d0e0e4736");
    signal.error_code = Cow::Borrowed("PAYMENT_TIMEOUT");
    signal.incident_id = Some(INCIDENT);
    signal
}

/// Calls `use_it` with a sample message to `endpoint`, or to one that is made up too.
pub(crate) fn with_message<T>(
    endpoint: Option<&Endpoint>,
    use_it: impl FnOnce(&Message<'_>, &Endpoint) -> T,
) -> T {
    let made_up = Endpoint {
        project: ProjectId(1),
        id: EndpointId(0x019b_c0ff_ee00_8000_8000_0000_0000_0005),
        subscriber: SUBSCRIBER,
        channel: String::new(),
        name: "preview".to_owned(),
        config: "{}".to_owned(),
        secrets: Vec::new(),
        verified_at: None,
        owner_confirms: false,
        version: 1,
        created_at: SAMPLE_AT,
    };
    let endpoint = endpoint.unwrap_or(&made_up);
    let notification = notification(endpoint.project);
    let message = Message {
        notification: &notification,
        subscriber: "payments",
        others: &[],
        thread: "",
        test: false,
        now: SAMPLE_AT,
    };
    use_it(&message, endpoint)
}
