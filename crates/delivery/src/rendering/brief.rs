//! A message for people: a headline, what happened, facts, and what else is told with it.

use model::{Duration, Incident, Notification, Severity, Signal, Transition, Trigger};

use super::escape::{clip, line, lines};
use super::{Telling, clock};

/// Characters of a headline.
const HEADLINE_CHARS: usize = 200;
/// Characters of one fact.
const FACT_CHARS: usize = 300;
/// Characters of a summary.
const SUMMARY_CHARS: usize = 1_500;
/// Labels that are shown; the rest are counted.
const LABELS_SHOWN: usize = 12;
/// Further notifications of a digest where people read a list of bounded length: each channel has room for so many.
pub(crate) const OTHERS_SHOWN: u32 = 20;

/// How a message is meant, for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something is wrong, and so bad.
    Wrong(Severity),
    /// Somebody is on it.
    Taken,
    /// It is over.
    Over,
}

/// A message for people, not yet escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brief {
    /// `[P1] Opened: #12 Payment API is down`
    pub(crate) headline: String,
    /// `#12 Payment API is down`, or the name of the signal.
    pub(crate) title: String,
    /// `Opened`, `Nobody took it up for 5 minutes`, …
    pub(crate) happened: String,
    /// What the signal says, in several lines; may be empty, or the same as the title and then left out.
    pub(crate) summary: String,
    /// Names and values, in order; no value is empty.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// The page of the incident, or where an endpoint is confirmed.
    pub(crate) page: Option<String>,
    /// What a button to that page says.
    pub(crate) page_label: &'static str,
    /// Headlines of what is told with it, all of them. Whoever has little room shows them before `summary` and `facts`,
    /// each cut so far that all of them fit in: nobody was told of what is not shown.
    pub(crate) others: Vec<String>,
    /// How it is meant.
    pub(crate) tone: Tone,
    /// Whether somebody only asked for a test.
    pub(crate) test: bool,
}

impl Brief {
    /// Of a message.
    pub(crate) fn of(telling: &Telling<'_>) -> Self {
        if let Some(challenge) = telling.challenge {
            return challenge.brief(telling);
        }
        let first = &telling.message.notification;
        let notice = &first.notice;
        let title = title(first);
        let said = notice.signal.as_ref().map(|signal| lines(&signal.summary)).unwrap_or_default();
        let repeats = said == title || said == line(&notice.name) || title.ends_with(&said);
        let summary = if repeats { String::new() } else { clip(&said, SUMMARY_CHARS) };
        Self {
            headline: headline(telling),
            title,
            happened: happened(first.transition),
            summary,
            facts: facts(telling),
            page: notice.incident.as_ref().and_then(|incident| telling.page(incident.id)),
            page_label: "Open the incident",
            others: telling.message.others.iter().map(one_headline).collect(),
            tone: tone(first),
            test: telling.message.test,
        }
    }

    /// The whole as plain lines.
    pub(crate) fn plain(&self) -> String {
        let mut out = vec![self.headline.clone()];
        out.extend(Some(self.summary.clone()).filter(|summary| !summary.is_empty()));
        out.extend(self.facts.iter().map(|(name, value)| format!("{name}: {value}")));
        out.extend(self.others.iter().map(|other| format!("also: {other}")));
        out.extend(self.page.clone());
        out.join("\n")
    }
}

/// How a notification is meant.
pub(crate) fn tone(notification: &Notification) -> Tone {
    match notification.transition {
        Transition::Of(Trigger::Acknowledged) => Tone::Taken,
        Transition::Of(Trigger::Resolved | Trigger::Closed | Trigger::SignalResolved) => Tone::Over,
        Transition::Of(
            Trigger::Opened
            | Trigger::Escalated
            | Trigger::Reopened
            | Trigger::Unacknowledged(_)
            | Trigger::Signal,
        )
        | Transition::Step { .. } => Tone::Wrong(notification.notice.severity),
    }
}

/// `#12 Payment API is down`, or the name of what is told.
pub(crate) fn title(notification: &Notification) -> String {
    let notice = &notification.notice;
    let title = match (&notice.incident, notification.subject) {
        (Some(incident), model::Subject::Incident(_)) => {
            format!("#{} {}", incident.number, line(&incident.title))
        }
        (Some(_) | None, _) => line(&notice.name),
    };
    clip(&title, HEADLINE_CHARS)
}

fn headline(telling: &Telling<'_>) -> String {
    let message = telling.message;
    let mut headline = one_headline(message.notification);
    if !message.others.is_empty() {
        headline = format!("{headline} (and {} more)", message.others.len());
    }
    if message.test { format!("[test] {headline}") } else { headline }
}

fn one_headline(notification: &Notification) -> String {
    let severity = notification.notice.severity;
    format!("[{severity}] {}: {}", happened(notification.transition), title(notification))
}

/// What happened, in words.
pub(crate) fn happened(transition: Transition) -> String {
    match transition {
        Transition::Of(Trigger::Opened) => "Opened".to_owned(),
        Transition::Of(Trigger::Escalated) => "Worse".to_owned(),
        Transition::Of(Trigger::Acknowledged) => "Taken up".to_owned(),
        Transition::Of(Trigger::Resolved) => "Resolved".to_owned(),
        Transition::Of(Trigger::Reopened) => "Reopened".to_owned(),
        Transition::Of(Trigger::Closed) => "Closed".to_owned(),
        Transition::Of(Trigger::Unacknowledged(after)) => {
            format!("Nobody took it up for {}", span(after))
        }
        Transition::Of(Trigger::Signal) => "Signal".to_owned(),
        Transition::Of(Trigger::SignalResolved) => "Signal resolved".to_owned(),
        Transition::Step { step, round: 0, .. } => format!("Escalation, step {}", step + 1),
        Transition::Step { step, round, .. } => {
            format!("Escalation, step {}, round {}", step + 1, round + 1)
        }
    }
}

/// A span for people: `45 s`, `5 min`, `2 h 30 min`, `3 d`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")];
    let shown: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

fn facts(telling: &Telling<'_>) -> Vec<(&'static str, String)> {
    let notification = telling.message.notification;
    let notice = &notification.notice;
    let mut facts = vec![("Severity", notice.severity.to_string())];
    if let Some(incident) = &notice.incident {
        incident_facts(incident, &mut facts);
    }
    if let Some(signal) = &notice.signal {
        signal_facts(signal, notice.incident.is_none(), &mut facts);
    }
    facts.push(("Source", notice.source.clone()));
    facts.push(("Told", telling.message.subscriber.to_owned()));
    facts.push(("At", clock(notification.at)));
    for (_, value) in &mut facts {
        *value = clip(&line(value), FACT_CHARS);
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn incident_facts(incident: &Incident, facts: &mut Vec<(&'static str, String)>) {
    facts.push(("Status", incident.status.to_string()));
    facts.push(("Component", format!("{} ({})", incident.component, incident.component_type)));
    facts.push(("Environment", incident.environment.clone()));
    facts.push(("Signals", incident.signal_count.to_string()));
    facts.push(("Opened", clock(incident.opened_at)));
    facts.push(("Assignee", incident.assignee.clone().unwrap_or_default()));
    if let Some(resolved_at) = incident.resolved_at {
        let lasted = span(resolved_at.since(incident.opened_at));
        facts.push(("Resolved", format!("{} after {lasted}", clock(resolved_at))));
    }
}

fn signal_facts(signal: &Signal<'_>, alone: bool, facts: &mut Vec<(&'static str, String)>) {
    if alone {
        facts.push(("Status", signal.status.to_string()));
        facts.push(("Component", format!("{} ({})", signal.component, signal.component_type)));
        facts.push(("Environment", signal.environment.to_string()));
    }
    facts.push(("Error code", signal.error_code.to_string()));
    facts.push(("Trace", signal.trace_id.to_string()));
    let shown = signal.labels.iter().take(LABELS_SHOWN);
    let mut labels: Vec<_> = shown.map(|(name, value)| format!("{name}={value}")).collect();
    if signal.labels.len() > LABELS_SHOWN {
        labels.push(format!("and {} more", signal.labels.len() - LABELS_SHOWN));
    }
    facts.push(("Labels", labels.join(", ")));
}
