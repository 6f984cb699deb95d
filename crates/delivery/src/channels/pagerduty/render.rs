//! A message as an event. The summary has 1 024 characters at most; the key by which an alert is known again 255.

use model::Severity;
use serde_json::{Map, Value, json};

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::brief::tone;
use crate::rendering::escape::{clip, line};
use crate::rendering::{Brief, Telling, Tone, rfc3339, subject_key};

const SUMMARY_CHARS: usize = 1_024;
/// Characters of the smaller fields.
const FIELD_CHARS: usize = 255;

/// The event, without the key of the integration.
pub(super) fn event(telling: &Telling<'_>) -> Value {
    let notification = telling.message.notification;
    let action = match tone(notification) {
        Tone::Wrong(_) => "trigger",
        Tone::Taken => "acknowledge",
        Tone::Over => "resolve",
    };
    let brief = Brief::of(telling);
    let mut event = json!({
        "event_action": action,
        "dedup_key": subject_key(notification),
        "client": "Stormbell",
        "payload": payload(telling, &brief),
    });
    if let Some(page) = &brief.page {
        event["client_url"] = json!(page);
        event["links"] = json!([{"href": page, "text": brief.page_label}]);
    }
    event
}

fn payload(telling: &Telling<'_>, brief: &Brief) -> Value {
    let notification = telling.message.notification;
    let notice = &notification.notice;
    let (component, environment) = match (&notice.incident, &notice.signal) {
        (Some(incident), _) => (incident.component.as_str(), incident.environment.as_str()),
        (None, Some(signal)) => (signal.component.as_ref(), signal.environment.as_ref()),
        (None, None) => ("", ""),
    };
    let source = if component.is_empty() { "stormbell" } else { component };
    let facts = brief.facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
    let mut details: Map<String, Value> = facts.collect();
    if !brief.summary.is_empty() {
        details.insert("Summary".to_owned(), json!(brief.summary));
    }
    let mut payload = json!({
        "summary": clip(&brief.headline, SUMMARY_CHARS),
        "source": clip(&line(source), FIELD_CHARS),
        "severity": severity(notice.severity),
        "timestamp": rfc3339(notification.at),
        "custom_details": details,
    });
    let class = notice.signal.as_ref().map(|signal| line(&signal.error_code)).unwrap_or_default();
    for (name, value) in
        [("component", line(component)), ("group", line(environment)), ("class", class)]
    {
        if !value.is_empty() {
            payload[name] = json!(clip(&value, FIELD_CHARS));
        }
    }
    payload
}

/// PagerDuty's words for it.
const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P0 => "critical",
        Severity::P1 => "error",
        Severity::P2 => "warning",
        Severity::P3 => "info",
    }
}

pub(super) fn preview(_: &Config, telling: &Telling<'_>) -> Preview {
    Preview { text: format!("{:#}", event(telling)), remarks: Vec::new() }
}
