//! Messages to send: every transition, an incident or a signal, friendly or hostile texts.

use std::borrow::Cow;
use std::sync::Arc;

use delivery::channel::{Endpoint, Message, Sent};
use delivery::{ChannelOptions, Channels, Seal};
use model::{
    ComponentType, DirectiveId, Duration, EndpointId, GroupingKey, Incident, IncidentId, Notice,
    Notification, NotificationId, PolicyId, ProjectId, Seq, Severity, Signal, SignalId,
    SignalStatus, Status, Subject, SubscriberId, Timestamp, Transition, Trigger,
};
use serde_json::Value;

pub(crate) const PROJECT: ProjectId = ProjectId(7);
pub(crate) const ENDPOINT: EndpointId = EndpointId(0xe1);
/// 2023-11-14 22:13:20 UTC.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
/// Everything that some channel could take for more than text.
pub(crate) const HOSTILE: &str = "<!channel> <@U1> @everyone @here [a](https://evil.example) <b>x</b> `*_~|\\ \
     &amp; \"'\r\nBcc: evil@example.com\r\n.\r\nQUIT\r\n\u{202e}\u{0}{{ 7*7 }} é😀";

pub(crate) fn transitions() -> Vec<Transition> {
    let triggers = [
        Trigger::Opened,
        Trigger::Escalated,
        Trigger::Acknowledged,
        Trigger::Resolved,
        Trigger::Reopened,
        Trigger::Closed,
        Trigger::Unacknowledged(Duration::from_secs(300)),
        Trigger::Signal,
        Trigger::SignalResolved,
    ];
    let mut all: Vec<_> = triggers.into_iter().map(Transition::Of).collect();
    all.push(Transition::Step { policy: DirectiveId(9), step: 1, round: 2 });
    all
}

/// A notification about what fits the transition, with `text` wherever people write text.
pub(crate) fn notification(transition: Transition, text: &str) -> Notification {
    let of_signal = matches!(transition, Transition::Of(trigger) if trigger.is_of_signal());
    let subject = if of_signal {
        Subject::Signal(SignalId(0x51))
    } else {
        Subject::Incident(IncidentId(0x1c))
    };
    let subscriber = SubscriberId(0x5b);
    Notification {
        id: NotificationId::mint(PROJECT, subscriber, subject, transition, Seq(5), NOW),
        project: PROJECT,
        subscriber,
        subject,
        transition,
        seq: Seq(5),
        at: NOW,
        rules: vec![DirectiveId(1), DirectiveId(2)],
        targets: Vec::new(),
        muted_by: vec![Vec::new(), Vec::new()],
        deadline: NOW + Duration::from_secs(86_400),
        held: None,
        notice: Arc::new(Notice {
            incident: (!of_signal).then(|| incident(transition, text)),
            signal: Some(signal(transition, text)),
            severity: Severity::P1,
            source: text.to_owned(),
            name: text.to_owned(),
        }),
    }
}

fn incident(transition: Transition, text: &str) -> Incident {
    let over = matches!(transition, Transition::Of(Trigger::Resolved | Trigger::Closed));
    Incident {
        id: IncidentId(0x1c),
        project: PROJECT,
        number: 12,
        title: text.to_owned(),
        status: if over { Status::Resolved } else { Status::Open },
        severity: Severity::P1,
        severity_pinned: false,
        component: text.to_owned(),
        component_type: ComponentType::Rdbms,
        environment: text.to_owned(),
        policy: PolicyId(1),
        key: GroupingKey(1),
        grouping_key: format!("component={text}"),
        signal_count: 3,
        first_signal_at: NOW,
        last_signal_at: NOW,
        opened_at: NOW - Duration::from_secs(5_400),
        assignee: Some(text.to_owned()),
        acknowledged_at: None,
        resolved_at: over.then_some(NOW),
        closed_at: None,
        mtta_seconds: None,
        mttr_seconds: over.then_some(5_400),
        merged_into: None,
        split_from: None,
        links: Vec::new(),
        changed_seq: Seq(5),
    }
}

fn signal(transition: Transition, text: &str) -> Signal<'static> {
    let text = text.to_owned();
    let mut signal = Signal::new(SignalId(0x51), text.clone(), text.clone());
    signal.component_type = ComponentType::Rdbms;
    signal.severity = Severity::P1;
    signal.source = Cow::Owned(text.clone());
    signal.summary = Cow::Owned(format!("{text}\nsecond line"));
    signal.labels = vec![(Cow::Borrowed("team"), Cow::Owned(text.clone()))];
    signal.payload = Cow::Borrowed(br#"{"z": 1, "a": [1.50, "x"]}"#);
    signal.occurred_at = NOW;
    signal.error_code = Cow::Owned(text);
    if transition == Transition::Of(Trigger::SignalResolved) {
        signal.status = SignalStatus::Resolved;
    }
    signal
}

/// A message of one notification.
pub(crate) fn message<'m>(notification: &'m Notification) -> Message<'m> {
    Message { notification, subscriber: "payments", others: &[], thread: "", test: false, now: NOW }
}

/// Channels that may speak to this machine, with so little patience that a test of it is short.
pub(crate) fn channels() -> Channels {
    channels_with(options())
}

/// How [`channels`] are made.
pub(crate) fn options() -> ChannelOptions {
    ChannelOptions {
        allow_private: true,
        link_base: Some("https://stormbell.example/".to_owned()),
        ..ChannelOptions::default()
    }
}

pub(crate) fn channels_with(options: ChannelOptions) -> Channels {
    Channels::new(options, Seal::with_key([7; 32])).unwrap()
}

/// An endpoint with a configuration that was checked.
pub(crate) fn endpoint(channels: &Channels, channel: &str, config: &Value) -> Endpoint {
    let checked = channels.check(PROJECT, ENDPOINT, channel, config, None).unwrap();
    Endpoint {
        project: PROJECT,
        id: ENDPOINT,
        subscriber: SubscriberId(0x5b),
        channel: channel.to_owned(),
        name: "test".to_owned(),
        config: checked.config,
        secrets: checked.secrets,
        verified_at: Some(NOW),
        owner_confirms: false,
        version: 1,
        created_at: NOW,
    }
}

/// Sends one notification to a channel so configured.
pub(crate) async fn send(
    channels: &Channels,
    channel: &str,
    config: &Value,
    notification: &Notification,
) -> Sent {
    channels.send(&endpoint(channels, channel, config), &message(notification)).await
}

/// The opening of an incident.
pub(crate) fn opened() -> Notification {
    notification(Transition::Of(Trigger::Opened), "Payment database is down")
}
