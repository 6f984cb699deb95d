//! A message as a group of alerts, in Alertmanager's format of version 4. Every notification is one alert; labels
//! that all of them share are said once more for the group, as Alertmanager does.

use std::collections::BTreeMap;

use model::{Notification, Severity, Signal, Subject};
use serde_json::{Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::brief::{happened, title, tone};
use crate::rendering::escape::{line, lines};
use crate::rendering::{Telling, Tone, rfc3339, subject_key};

/// How Alertmanager writes that an alert has not ended.
const NEVER: &str = "0001-01-01T00:00:00Z";

type Texts = BTreeMap<String, String>;

/// The group, or a challenge, which has a shape of its own.
pub(super) fn body(config: &Config, telling: &Telling<'_>) -> Value {
    match telling.challenge {
        Some(challenge) => challenge.body(telling.endpoint),
        None => group(config, telling),
    }
}

fn group(config: &Config, telling: &Telling<'_>) -> Value {
    let first = telling.message.notification;
    let all: Vec<&Notification> = std::iter::once(first).chain(telling.message.others).collect();
    let alerts: Vec<Alert> = all.iter().map(|each| Alert::of(each, telling)).collect();
    let firing = alerts.iter().any(|alert| alert.status == "firing");
    let common_labels = common(alerts.iter().map(|alert| &alert.labels));
    let mut group_labels = Texts::new();
    for name in ["alertname", "component", "environment"] {
        if let Some(value) = common_labels.get(name) {
            group_labels.insert(name.to_owned(), value.clone());
        }
    }
    json!({
        "version": "4",
        "groupKey": format!("{{}}:{{subject=\"{}\"}}", subject_key(first)),
        "truncatedAlerts": 0,
        "status": if firing { "firing" } else { "resolved" },
        "receiver": config.receiver,
        "groupLabels": group_labels,
        "commonLabels": common_labels,
        "commonAnnotations": common(alerts.iter().map(|alert| &alert.annotations)),
        "externalURL": telling.link_base.unwrap_or_default(),
        "alerts": alerts.iter().map(Alert::json).collect::<Vec<_>>(),
    })
}

struct Alert {
    status: &'static str,
    labels: Texts,
    annotations: Texts,
    starts_at: String,
    ends_at: String,
    generator_url: String,
    fingerprint: String,
}

impl Alert {
    fn of(notification: &Notification, telling: &Telling<'_>) -> Self {
        let notice = &notification.notice;
        let over = tone(notification) == Tone::Over;
        let begun = match (&notice.incident, &notice.signal) {
            (Some(incident), _) => incident.opened_at,
            (None, Some(signal)) => signal.occurred_at,
            (None, None) => notification.at,
        };
        let labels = labels(notification);
        let page = notice.incident.as_ref().and_then(|incident| telling.page(incident.id));
        // Labels of the signal are no part of what an incident is, but say whom it concerns.
        let mut annotations: Texts = match notification.subject {
            Subject::Incident(_) => notice.signal.iter().flat_map(signal_labels).collect(),
            Subject::Signal(_) => Texts::new(),
        };
        annotations.insert("summary".to_owned(), title(notification));
        annotations.insert("transition".to_owned(), happened(notification.transition));
        let said = notice.signal.as_ref().map(|signal| lines(&signal.summary));
        if let Some(said) = said.filter(|said| !said.is_empty()) {
            annotations.insert("description".to_owned(), said);
        }
        Self {
            status: if over { "resolved" } else { "firing" },
            fingerprint: fingerprint(&subject_key(notification)),
            labels,
            annotations,
            starts_at: rfc3339(begun.min(notification.at)),
            ends_at: if over { rfc3339(notification.at) } else { NEVER.to_owned() },
            generator_url: page.unwrap_or_default(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "status": self.status,
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": self.starts_at,
            "endsAt": self.ends_at,
            "generatorURL": self.generator_url,
            "fingerprint": self.fingerprint,
        })
    }
}

/// What identifies the subject, the same from its beginning to its end: of an incident what it is about, of a signal
/// its labels too, under names that Alertmanager's readers take.
fn labels(notification: &Notification) -> Texts {
    let notice = &notification.notice;
    let mut labels = Texts::new();
    match (notification.subject, &notice.incident, &notice.signal) {
        (Subject::Incident(_), Some(incident), _) => {
            labels.insert("alertname".to_owned(), "StormbellIncident".to_owned());
            labels.insert("component".to_owned(), line(&incident.component));
            labels.insert("component_type".to_owned(), incident.component_type.to_string());
            labels.insert("environment".to_owned(), line(&incident.environment));
            labels.insert("incident".to_owned(), incident.number.to_string());
        }
        (Subject::Incident(_) | Subject::Signal(_), _, Some(signal)) => {
            labels.extend(signal_labels(signal));
            labels.entry("alertname".to_owned()).or_insert_with(|| alert_name(&signal.error_code));
            labels.insert("component".to_owned(), line(&signal.component));
            labels.insert("component_type".to_owned(), signal.component_type.to_string());
            labels.insert("environment".to_owned(), line(&signal.environment));
        }
        (Subject::Incident(_) | Subject::Signal(_), _, None) => {
            labels.insert("alertname".to_owned(), alert_name(""));
        }
    }
    labels.insert("severity".to_owned(), severity(notice.severity).to_owned());
    labels.insert("priority".to_owned(), notice.severity.to_string());
    labels.retain(|_, value| !value.is_empty());
    labels
}

fn signal_labels(signal: &Signal<'static>) -> impl Iterator<Item = (String, String)> {
    signal.labels.iter().map(|(name, value)| (label_name(name), line(value)))
}

fn alert_name(code: &str) -> String {
    if code.is_empty() { "StormbellSignal".to_owned() } else { line(code) }
}

/// A name with nothing but letters, digits and `_`, not beginning with a digit.
fn label_name(name: &str) -> String {
    let plain = |sign: char| if sign.is_ascii_alphanumeric() { sign } else { '_' };
    let name: String = name.chars().map(plain).collect();
    if name.starts_with(|sign: char| sign.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The words that rules of Prometheus use.
const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P0 => "critical",
        Severity::P1 => "error",
        Severity::P2 => "warning",
        Severity::P3 => "info",
    }
}

/// What stands in all of them with the same value.
fn common<'t>(mut all: impl Iterator<Item = &'t Texts>) -> Texts {
    let mut common = all.next().cloned().unwrap_or_default();
    for each in all {
        common.retain(|name, value| each.get(name) == Some(value));
    }
    common
}

/// 16 hexadecimal digits (FNV-1a, as Alertmanager's are): the same for the same subject.
fn fingerprint(key: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", key.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}

pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", body(config, telling)), remarks: Vec::new() }
}
