//! A message for programs: the default body of a webhook, and the variables of its template.
//!
//! The shape is fixed: every field is always there, `null` where there is nothing. Times are RFC 3339 in UTC.

use std::collections::BTreeMap;

use model::{Incident, Notification, Signal, Subject, Transition, Trigger};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Telling, rfc3339};

/// The default body.
#[derive(Debug, Serialize)]
pub(crate) struct Body<'m> {
    notification_id: String,
    subscriber_id: String,
    transition: &'static str,
    rule_ids: Vec<String>,
    severity: &'static str,
    source: &'m str,
    name: &'m str,
    context: Context<'m>,
    incident: Option<IncidentPart<'m>>,
    signal: Option<SignalPart<'m>>,
    sent_at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    digest: Vec<DigestPart<'m>>,
}

/// What helps a person at a glance.
#[derive(Debug, Serialize)]
struct Context<'m> {
    component: Option<&'m str>,
    environment: Option<&'m str>,
    /// The whole transition: `unacknowledged_for(300s)`, `step(POLICY,0,1)`.
    transition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unacknowledged_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round: Option<u32>,
    labels: BTreeMap<&'m str, &'m str>,
    subscriber: &'m str,
    happened_at: String,
    test: bool,
}

#[derive(Debug, Serialize)]
struct IncidentPart<'m> {
    id: String,
    number: u64,
    title: &'m str,
    status: &'static str,
    severity: &'static str,
    component: &'m str,
    component_type: &'static str,
    environment: &'m str,
    grouping_key: &'m str,
    signal_count: u64,
    opened_at: String,
    acknowledged_at: Option<String>,
    resolved_at: Option<String>,
    closed_at: Option<String>,
    assignee: Option<&'m str>,
    mttr_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Debug, Serialize)]
struct SignalPart<'m> {
    id: String,
    component: &'m str,
    component_type: &'static str,
    kind: &'static str,
    severity: &'static str,
    source: &'m str,
    environment: &'m str,
    status: &'static str,
    summary: &'m str,
    labels: BTreeMap<&'m str, &'m str>,
    /// The sender's JSON, byte for byte; `null` where there is none, or it was too long to carry.
    payload: Option<&'m RawValue>,
    occurred_at: String,
    trace_id: &'m str,
    error_code: &'m str,
    incident_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct DigestPart<'m> {
    notification_id: String,
    transition: &'static str,
    subject: String,
    name: &'m str,
    severity: &'static str,
}

impl<'m> Body<'m> {
    /// Of a message.
    pub(crate) fn of(telling: &Telling<'m>) -> Self {
        let message = telling.message;
        let notification = message.notification;
        let notice = &notification.notice;
        Self {
            notification_id: notification.id.to_string(),
            subscriber_id: notification.subscriber.to_string(),
            transition: notification.transition.word(),
            rule_ids: notification.rules.iter().map(ToString::to_string).collect(),
            severity: notice.severity.as_str(),
            source: &notice.source,
            name: &notice.name,
            context: Context::of(telling),
            incident: notice.incident.as_ref().map(|incident| IncidentPart::of(incident, telling)),
            signal: notice.signal.as_ref().map(SignalPart::of),
            sent_at: rfc3339(message.now),
            digest: digest(notification, message.others),
        }
    }
}

impl<'m> Context<'m> {
    fn of(telling: &Telling<'m>) -> Self {
        let notification = telling.message.notification;
        let notice = &notification.notice;
        let (incident, signal) = (notice.incident.as_ref(), notice.signal.as_ref());
        let unacknowledged_seconds = match notification.transition {
            Transition::Of(Trigger::Unacknowledged(after)) => Some(after.secs()),
            Transition::Of(_) | Transition::Step { .. } => None,
        };
        let at = match notification.transition {
            Transition::Step { policy, step, round } => Some((policy.to_string(), step, round)),
            Transition::Of(_) => None,
        };
        Self {
            component: incident
                .map(|incident| incident.component.as_str())
                .or(signal.map(|signal| signal.component.as_ref())),
            environment: incident
                .map(|incident| incident.environment.as_str())
                .or(signal.map(|signal| signal.environment.as_ref())),
            transition: notification.transition.to_string(),
            unacknowledged_seconds,
            step: at.as_ref().map(|(_, step, _)| *step),
            round: at.as_ref().map(|(_, _, round)| *round),
            policy_id: at.map(|(policy, _, _)| policy),
            labels: signal.map(labels).unwrap_or_default(),
            subscriber: telling.message.subscriber,
            happened_at: rfc3339(notification.at),
            test: telling.message.test,
        }
    }
}

impl<'m> IncidentPart<'m> {
    fn of(incident: &'m Incident, telling: &Telling<'m>) -> Self {
        Self {
            id: incident.id.to_string(),
            number: incident.number,
            title: &incident.title,
            status: incident.status.as_str(),
            severity: incident.severity.as_str(),
            component: &incident.component,
            component_type: incident.component_type.as_str(),
            environment: &incident.environment,
            grouping_key: &incident.grouping_key,
            signal_count: incident.signal_count,
            opened_at: rfc3339(incident.opened_at),
            acknowledged_at: incident.acknowledged_at.map(rfc3339),
            resolved_at: incident.resolved_at.map(rfc3339),
            closed_at: incident.closed_at.map(rfc3339),
            assignee: incident.assignee.as_deref(),
            mttr_seconds: incident.mttr_seconds,
            url: telling.page(incident.id),
        }
    }
}

impl<'m> SignalPart<'m> {
    fn of(signal: &'m Signal<'static>) -> Self {
        Self {
            id: signal.id.to_string(),
            component: &signal.component,
            component_type: signal.component_type.as_str(),
            kind: signal.kind.as_str(),
            severity: signal.severity.as_str(),
            source: &signal.source,
            environment: &signal.environment,
            status: signal.status.as_str(),
            summary: &signal.summary,
            labels: labels(signal),
            payload: serde_json::from_slice(&signal.payload).ok(),
            occurred_at: rfc3339(signal.occurred_at),
            trace_id: &signal.trace_id,
            error_code: &signal.error_code,
            incident_id: signal.incident_id.map(|id| id.to_string()),
        }
    }
}

fn labels<'m>(signal: &'m Signal<'static>) -> BTreeMap<&'m str, &'m str> {
    signal.labels.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect()
}

/// All that is told, the first one first; nothing where it is told alone.
fn digest<'m>(first: &'m Notification, others: &'m [Notification]) -> Vec<DigestPart<'m>> {
    if others.is_empty() {
        return Vec::new();
    }
    let part = |notification: &'m Notification| DigestPart {
        notification_id: notification.id.to_string(),
        transition: notification.transition.word(),
        subject: match notification.subject {
            Subject::Incident(id) => format!("incident:{id}"),
            Subject::Signal(id) => format!("signal:{id}"),
        },
        name: &notification.notice.name,
        severity: notification.notice.severity.as_str(),
    };
    std::iter::once(first).chain(others).map(part).collect()
}
