//! Decisions as the API writes them.

use model::{Receipt, Verdict};
use serde::Serialize;
use store::{DeliveryRow, DeliveryStatus, NotificationView};
use utoipa::ToSchema;

use crate::directives::ConditionDocument;
use crate::instant;
use crate::notifications::{SubjectDocument, TargetDocument};

/// Who was told about something and who was not, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// What it is about.
    pub(super) subject: SubjectDocument,
    /// Whose rules.
    #[schema(format = "uuid")]
    pub(super) subscriber_id: String,
    /// The incident of the signal, whose own notifications are explained by asking for it.
    #[schema(required, format = "uuid")]
    pub(super) incident_id: Option<String>,
    /// In the order in which they were made.
    pub(super) decisions: Vec<Decision>,
    /// Whether there are more rules or notifications than are shown.
    pub(super) truncated: bool,
}

/// One decision; what does not apply to it is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct Decision {
    /// Of a rule: `matched`, `not_matched`, `disabled`, `other_trigger`. Of a notification: `notified`,
    /// `silenced`, `maintenance`, `inhibited`, `rate_limited`. Of one target: `due`, `sent`, `failed`, `dead`,
    /// `held_back`, `folded`.
    pub(super) decision: &'static str,
    /// The rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    /// The first condition that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<FailedCondition>,
    /// The CEL expression that is false, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cel: Option<String>,
    /// What the rule asks for, where nothing of that kind happens to such a subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on: Option<Vec<String>>,
    /// The notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) notification_id: Option<String>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transition: Option<String>,
    /// The silence, inhibition or rule that held it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// To whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<TargetDocument>,
    /// The endpoint, where the target is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) endpoint_id: Option<String>,
    /// Which try, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<u32>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) at: Option<String>,
    /// The status the other side answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// What it answered or what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<String>,
}

/// A condition that does not hold, and what there is instead.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct FailedCondition {
    /// The condition.
    #[serde(flatten)]
    pub(super) condition: ConditionDocument,
    /// What the field holds; empty where it is not there.
    pub(super) actual: String,
}

impl Decision {
    /// The decisions about one notification, in order.
    pub(super) fn of(view: &NotificationView) -> Vec<Self> {
        let mut decisions = vec![Self::of_notification(view)];
        decisions.extend(view.attempts.iter().map(|receipt| Self::of_attempt(view, receipt)));
        let due = view.deliveries.iter().filter(|row| row.status == DeliveryStatus::Due);
        decisions.extend(due.map(|row| Self::of_due(view, row)));
        decisions
    }

    fn of_notification(view: &NotificationView) -> Self {
        let notification = &view.notification;
        Self {
            decision: notification.held.map_or("notified", |held| held.reason.as_str()),
            notification_id: Some(notification.id.to_string()),
            transition: Some(notification.transition.to_string()),
            by: notification.held.map(|held| held.by.to_string()),
            at: Some(instant::write(notification.at)),
            ..Self::default()
        }
    }

    fn of_attempt(view: &NotificationView, receipt: &Receipt) -> Self {
        let decision = match receipt.verdict {
            Verdict::Delivered => "sent",
            Verdict::Retry => "failed",
            Verdict::Dead => "dead",
            Verdict::HeldBack => "held_back",
            Verdict::Folded => "folded",
        };
        Self {
            decision,
            notification_id: Some(view.notification.id.to_string()),
            target: Some(receipt.target.into()),
            endpoint_id: TargetDocument::endpoint_id(receipt.target),
            attempt: Some(receipt.attempt),
            at: Some(instant::write(receipt.began_at)),
            status: (receipt.status != 0).then_some(receipt.status),
            answer: Some(receipt.answer.clone()),
            ..Self::default()
        }
    }

    fn of_due(view: &NotificationView, row: &DeliveryRow) -> Self {
        Self {
            decision: "due",
            notification_id: Some(view.notification.id.to_string()),
            target: Some(row.target.into()),
            endpoint_id: TargetDocument::endpoint_id(row.target),
            at: Some(instant::write(row.due_at)),
            ..Self::default()
        }
    }
}
