//! Notifications, their deliveries and tries as the API writes them.

use model::{IncidentId, Notice, Notification, NotificationId, Receipt, SignalId, Subject, Target};
use serde::Serialize;
use store::{DeliveryRow, NotificationView};
use utoipa::ToSchema;

use crate::incidents::{IncidentItem, ReceivedSignal};
use crate::{instant, words};

/// What something is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Subject)]
pub(crate) struct SubjectDocument {
    /// `incident` or `signal`; `notification` where one is explained.
    kind: &'static str,
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
}

/// To whom something goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Target)]
pub(crate) struct TargetDocument {
    /// `endpoint`, `on_call` (a schedule) or `person` (a subscriber).
    kind: &'static str,
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
}

/// Why nobody was told.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Held)]
pub(crate) struct HeldDocument {
    /// `silenced`, `maintenance`, `inhibited` or `rate_limited`.
    reason: &'static str,
    /// The silence, inhibition or rule.
    #[schema(format = "uuid")]
    by: String,
}

/// One try at one target.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptDocument {
    /// To whom.
    pub(crate) target: TargetDocument,
    /// The endpoint, where the target is one.
    #[schema(required, format = "uuid")]
    pub(crate) endpoint_id: Option<String>,
    /// Which try, from 1.
    pub(crate) attempt: u32,
    /// When it was begun.
    #[schema(format = DateTime)]
    pub(crate) began_at: String,
    /// How long it took, in milliseconds.
    pub(crate) took_ms: u64,
    /// How it ended.
    pub(crate) verdict: words::Verdict,
    /// The status the other side answered with; 0 where there was none.
    pub(crate) status: u16,
    /// What it answered or what went wrong, cut short.
    pub(crate) answer: String,
    /// When it is tried again.
    #[schema(required, format = DateTime)]
    pub(crate) next_at: Option<String>,
}

/// A notification and every try to deliver it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NotificationItem {
    /// Its id.
    #[schema(format = "uuid")]
    id: String,
    /// Who is told.
    #[schema(format = "uuid")]
    subscriber_id: String,
    /// About what.
    subject: SubjectDocument,
    /// The incident it belongs to, where it belongs to one.
    #[schema(required, format = "uuid")]
    incident_id: Option<String>,
    /// What happened: `opened`, `unacknowledged_for(300s)`, `step(POLICY,0,0)`, …
    transition: String,
    /// Every rule that asked for it.
    rule_ids: Vec<String>,
    /// Where it stands.
    status: words::NotificationStatus,
    /// How bad.
    severity: words::Severity,
    /// One line for people.
    summary: String,
    /// When it became due.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the last target got it.
    #[schema(required, format = DateTime)]
    delivered_at: Option<String>,
    /// Why nobody was told, where nobody was.
    #[schema(required)]
    held: Option<HeldDocument>,
    /// Every try, oldest first.
    attempts: Vec<AttemptDocument>,
}

/// A page of notifications.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NotificationPage {
    /// The notifications, newest first.
    pub(crate) items: Vec<NotificationItem>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many fit the filter in all.
    pub(crate) total: u64,
}

/// The delivery to one target.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryDocument {
    /// To whom.
    target: TargetDocument,
    /// Where it stands; `spread` where a person or schedule became endpoints.
    status: words::DeliveryStatus,
    /// Tries so far.
    attempts: u32,
    /// When it is to be sent, or was.
    #[schema(format = DateTime)]
    due_at: String,
    /// When it was delivered.
    #[schema(required, format = DateTime)]
    delivered_at: Option<String>,
    /// The last answer or error; empty before the first try.
    last_answer: String,
}

/// What is told: how things stood when it happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageDocument {
    /// One line for people.
    summary: String,
    /// How bad.
    severity: words::Severity,
    /// Who said so; may be empty.
    source: String,
    /// The incident, where there is one.
    #[schema(required)]
    incident: Option<IncidentItem>,
    /// The signal that is the subject or made it happen.
    #[schema(required)]
    signal: Option<ReceivedSignal>,
}

/// One notification with its deliveries and the whole message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationDetail {
    /// What the list shows.
    #[serde(flatten)]
    item: NotificationItem,
    /// Until when delivery is tried.
    #[schema(format = DateTime)]
    deadline: String,
    /// The deliveries, in order of target.
    deliveries: Vec<DeliveryDocument>,
    /// What is told.
    message: MessageDocument,
}

impl SubjectDocument {
    /// A signal.
    pub(crate) fn signal(id: SignalId) -> Self {
        Self { kind: "signal", id: id.to_string() }
    }

    /// An incident.
    pub(crate) fn incident(id: IncidentId) -> Self {
        Self { kind: "incident", id: id.to_string() }
    }

    /// A notification, where one is explained.
    pub(crate) fn notification(id: NotificationId) -> Self {
        Self { kind: "notification", id: id.to_string() }
    }
}

impl From<Subject> for SubjectDocument {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Incident(id) => Self::incident(id),
            Subject::Signal(id) => Self::signal(id),
        }
    }
}

impl From<Target> for TargetDocument {
    fn from(target: Target) -> Self {
        match target {
            Target::Endpoint(id) => Self { kind: "endpoint", id: id.to_string() },
            Target::OnCall(id) => Self { kind: "on_call", id: id.to_string() },
            Target::Person(id) => Self { kind: "person", id: id.to_string() },
        }
    }
}

impl TargetDocument {
    /// The id of the endpoint, where the target is one.
    pub(crate) fn endpoint_id(target: Target) -> Option<String> {
        match target {
            Target::Endpoint(id) => Some(id.to_string()),
            Target::OnCall(_) | Target::Person(_) => None,
        }
    }
}

impl From<&Receipt> for AttemptDocument {
    fn from(receipt: &Receipt) -> Self {
        Self {
            target: receipt.target.into(),
            endpoint_id: TargetDocument::endpoint_id(receipt.target),
            attempt: receipt.attempt,
            began_at: instant::write(receipt.began_at),
            took_ms: receipt.took.micros() / 1_000,
            verdict: receipt.verdict.into(),
            status: receipt.status,
            answer: receipt.answer.clone(),
            next_at: receipt.next_at.map(instant::write),
        }
    }
}

impl From<&NotificationView> for NotificationItem {
    fn from(view: &NotificationView) -> Self {
        let notification = &view.notification;
        Self {
            id: notification.id.to_string(),
            subscriber_id: notification.subscriber.to_string(),
            subject: notification.subject.into(),
            incident_id: incident_of(notification).map(|id| id.to_string()),
            transition: notification.transition.to_string(),
            rule_ids: notification.rules.iter().map(ToString::to_string).collect(),
            status: view.status.into(),
            severity: notification.notice.severity.into(),
            summary: notification.notice.name.clone(),
            created_at: instant::write(notification.at),
            delivered_at: view.delivered_at.map(instant::write),
            held: notification
                .held
                .map(|held| HeldDocument { reason: held.reason.as_str(), by: held.by.to_string() }),
            attempts: view.attempts.iter().map(AttemptDocument::from).collect(),
        }
    }
}

/// The incident that a notification is about or whose signal it is about.
fn incident_of(notification: &Notification) -> Option<IncidentId> {
    match notification.subject {
        Subject::Incident(id) => Some(id),
        Subject::Signal(_) => notification.notice.incident.as_ref().map(|incident| incident.id),
    }
}

impl From<&DeliveryRow> for DeliveryDocument {
    fn from(row: &DeliveryRow) -> Self {
        Self {
            target: row.target.into(),
            status: row.status.into(),
            attempts: row.attempts,
            due_at: instant::write(row.due_at),
            delivered_at: row.delivered_at.map(instant::write),
            last_answer: row.last_answer.clone(),
        }
    }
}

impl MessageDocument {
    /// What was told.
    pub(crate) fn of(notice: &Notice) -> Self {
        Self {
            summary: notice.name.clone(),
            severity: notice.severity.into(),
            source: notice.source.clone(),
            incident: notice.incident.as_ref().map(IncidentItem::from),
            signal: notice.signal.as_ref().map(ReceivedSignal::from),
        }
    }
}

impl From<&NotificationView> for NotificationDetail {
    fn from(view: &NotificationView) -> Self {
        let notification = &view.notification;
        Self {
            item: view.into(),
            deadline: instant::write(notification.deadline),
            deliveries: view.deliveries.iter().map(DeliveryDocument::from).collect(),
            message: MessageDocument::of(&notification.notice),
        }
    }
}
