//! The rules of a signal, once for every door that takes signals: defaults, words, limits.
//!
//! Refuses to know on which wire the draft came. A rule that is broken gives the code of that rule
//! and a sentence with the field and the limit; the first one found counts.

use std::borrow::Cow;

use model::limits;
use model::signal::{ComponentType, Kind, SignalStatus};
use model::{Grant, IncidentId, Severity, Signal, SignalId, Timestamp};

use crate::batch::Fault;
use crate::code::Code;
use crate::draft::{Draft, Field, Moment};
use crate::time;

/// The severities as a refusal lists them.
const SEVERITIES: &str = "P0, P1, P2, P3, critical, high, error, medium, warning, low, info";

/// What the rules need to know besides the draft.
pub(crate) struct Rules<'a> {
    pub(crate) now: Timestamp,
    pub(crate) grant: &'a Grant,
}

impl Rules<'_> {
    /// Turns a draft into a signal. `mint` is asked for an id where the draft has none and says
    /// whether that id counts as given.
    pub(crate) fn signal<'a>(
        &self,
        draft: &mut Draft<'a>,
        mint: impl FnOnce() -> (SignalId, bool),
    ) -> Result<Signal<'a>, Fault> {
        if let Some(fault) = draft.take_fault() {
            return Err(fault);
        }
        self.check_claim(draft.text(Field::Organization), draft.text(Field::Project))?;
        let given = given_id(draft)?;
        let component = component(draft)?;
        let mut signal = Signal::new(SignalId(0), component, "");
        signal.environment = name(draft, Field::Environment)?;
        if signal.environment.trim().is_empty() {
            signal.environment = Cow::Borrowed("unknown");
        }
        words(draft, &mut signal)?;
        signal.source = name(draft, Field::Source)?;
        signal.trace_id = name(draft, Field::TraceId)?;
        signal.error_code = name(draft, Field::ErrorCode)?;
        signal.incident_id = incident_id(draft)?;
        signal.summary = summary(draft)?;
        signal.occurred_at = self.occurred_at(draft)?;
        check_labels(&mut draft.labels, draft.may_hold_nul)?;
        check_links(&draft.links, draft.may_hold_nul)?;
        check_payload(draft.payload)?;
        signal.payload = Cow::Borrowed(draft.payload);
        signal.labels = std::mem::take(&mut draft.labels);
        signal.links = std::mem::take(&mut draft.links);
        (signal.id, signal.id_given) = given.map_or_else(mint, |id| (id, true));
        Ok(signal)
    }

    /// Refuses what names another organization or project than the key's, by name or by number.
    pub(crate) fn check_claim(
        &self,
        organization: Option<&str>,
        project: Option<&str>,
    ) -> Result<(), Fault> {
        let grant = self.grant;
        let other_organization = organization.filter(|name| *name != grant.organization_name);
        let is_ours = |name: &str| {
            name == grant.project_name || name.parse::<u32>().is_ok_and(|id| id == grant.project.0)
        };
        let other_project = project.filter(|name| !is_ours(name));
        let (what, name) = match (other_organization, other_project) {
            (Some(name), _) => ("organization", name),
            (None, Some(name)) => ("project", name),
            (None, None) => return Ok(()),
        };
        let message = format!("{what} `{}` is not the key's {what}", excerpt(name));
        Err(Fault::new(Code::ProjectMismatch, message))
    }

    fn occurred_at(&self, draft: &Draft<'_>) -> Result<Timestamp, Fault> {
        let read = match &draft.moment {
            Moment::Absent => Some(self.now),
            Moment::Text(text) => time::rfc3339(text),
            Moment::Number(number) => time::unix_number(number),
            Moment::Nanoseconds(nanoseconds) => Some(time::unix_nanoseconds(*nanoseconds)),
        };
        let occurred_at = read.ok_or_else(|| {
            let message = "`occurred_at` must be an RFC 3339 time with offset, or a number of \
                           seconds (below 1e11) or milliseconds since 1970 without exponent";
            Fault::new(Code::InvalidOccurredAt, message)
        })?;
        if occurred_at > self.now + limits::OCCURRED_AHEAD {
            let message = format!(
                "`occurred_at` lies more than {} ahead of the server's clock",
                limits::OCCURRED_AHEAD
            );
            return Err(Fault::new(Code::OccurredInFuture, message));
        }
        Ok(occurred_at)
    }
}

/// The start of a text, short enough to be quoted in an answer.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(64) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// Sorts labels by name and holds them against the limits.
pub(crate) fn check_labels(
    labels: &mut [(Cow<'_, str>, Cow<'_, str>)],
    may_hold_nul: bool,
) -> Result<(), Fault> {
    if labels.len() > limits::LABELS {
        let message = format!("{} labels; at most {} are taken", labels.len(), limits::LABELS);
        return Err(Fault::new(Code::TooManyLabels, message));
    }
    labels.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    let mut before = None;
    for (name, value) in labels.iter() {
        if before == Some(name) {
            let message = format!("label `{}` occurs twice", excerpt(name));
            return Err(Fault::new(Code::DuplicateLabel, message));
        }
        check_label(name, value, may_hold_nul)?;
        before = Some(name);
    }
    Ok(())
}

fn check_label(name: &str, value: &str, may_hold_nul: bool) -> Result<(), Fault> {
    let fault = if name.is_empty() {
        Fault::new(Code::InvalidLabelName, "a label has an empty name")
    } else if name.len() > limits::LABEL_NAME_BYTES {
        let limit = limits::LABEL_NAME_BYTES;
        let message = format!("the name of label `{}` is longer than {limit} bytes", excerpt(name));
        Fault::new(Code::LabelNameTooLong, message)
    } else if value.len() > limits::LABEL_VALUE_BYTES {
        let limit = limits::LABEL_VALUE_BYTES;
        let message = format!("the value of label `{name}` is longer than {limit} bytes");
        Fault::new(Code::LabelValueTooLong, message)
    } else if may_hold_nul && (name.contains('\0') || value.contains('\0')) {
        Fault::new(Code::TextWithNul, "a label holds a NUL character")
    } else {
        return Ok(());
    };
    Err(fault)
}

/// Holds a payload against its limit.
pub(crate) fn check_payload(payload: &[u8]) -> Result<(), Fault> {
    if payload.len() <= limits::PAYLOAD_BYTES {
        return Ok(());
    }
    let (bytes, limit) = (payload.len(), limits::PAYLOAD_BYTES);
    let message = format!(
        "the payload is {bytes} bytes, the limit is {limit}; an alert, and a signal with unknown \
         fields, is its own payload"
    );
    Err(Fault::new(Code::PayloadTooLarge, message))
}

fn check_links(links: &[Cow<'_, str>], may_hold_nul: bool) -> Result<(), Fault> {
    if links.len() > limits::LINKS {
        let message = format!("{} links; at most {} are taken", links.len(), limits::LINKS);
        return Err(Fault::new(Code::TooManyLinks, message));
    }
    if links.iter().any(|link| link.len() > limits::LINK_BYTES) {
        let message = format!("a link is longer than {} bytes", limits::LINK_BYTES);
        return Err(Fault::new(Code::LinkTooLong, message));
    }
    if may_hold_nul && links.iter().any(|link| link.contains('\0')) {
        return Err(Fault::new(Code::TextWithNul, "a link holds a NUL character"));
    }
    Ok(())
}

fn given_id(draft: &Draft<'_>) -> Result<Option<SignalId>, Fault> {
    let Some(text) = draft.text(Field::Id) else { return Ok(None) };
    match SignalId::parse(text) {
        Some(id) if id.0 != 0 => Ok(Some(id)),
        Some(_) => Err(Fault::new(Code::InvalidId, "`id` is the nil UUID, which names nothing")),
        None => {
            let message = format!("`id` must be a UUID; got `{}`", excerpt(text));
            Err(Fault::new(Code::InvalidId, message))
        }
    }
}

fn incident_id(draft: &Draft<'_>) -> Result<Option<IncidentId>, Fault> {
    let Some(text) = draft.text(Field::IncidentId).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    IncidentId::parse(text).map(Some).ok_or_else(|| {
        let message = format!("`incident_id` must be a UUID; got `{}`", excerpt(text));
        Fault::new(Code::InvalidIncidentId, message)
    })
}

fn component<'a>(draft: &mut Draft<'a>) -> Result<Cow<'a, str>, Fault> {
    let component = name(draft, Field::Component)?;
    if component.trim().is_empty() {
        let message = "`component` (or `component_id`, `service`) is required";
        return Err(Fault::new(Code::MissingComponent, message));
    }
    Ok(component)
}

/// A text that is limited in characters; empty where it was not given.
fn name<'a>(draft: &mut Draft<'a>, field: Field) -> Result<Cow<'a, str>, Fault> {
    let Some(text) = draft.take(field) else { return Ok(Cow::Borrowed("")) };
    // Characters are never more than bytes, so most names need no counting.
    if text.len() > limits::NAME_CHARS && text.chars().count() > limits::NAME_CHARS {
        let limit = limits::NAME_CHARS;
        let message = format!("`{}` is longer than {limit} characters", field.name());
        return Err(Fault::new(Code::NameTooLong, message));
    }
    check_nul(&text, field, draft.may_hold_nul)?;
    Ok(text)
}

fn summary<'a>(draft: &mut Draft<'a>) -> Result<Cow<'a, str>, Fault> {
    let Some(text) = draft.take(Field::Summary) else { return Ok(Cow::Borrowed("")) };
    if text.len() > limits::SUMMARY_BYTES {
        let message = format!("`summary` is longer than {} bytes", limits::SUMMARY_BYTES);
        return Err(Fault::new(Code::SummaryTooLong, message));
    }
    check_nul(&text, Field::Summary, draft.may_hold_nul)?;
    Ok(text)
}

fn check_nul(text: &str, field: Field, may_hold_nul: bool) -> Result<(), Fault> {
    if may_hold_nul && text.contains('\0') {
        let message = format!("`{}` holds a NUL character", field.name());
        return Err(Fault::new(Code::TextWithNul, message));
    }
    Ok(())
}

/// Reads the fields whose words are closed lists; an empty text is as good as none.
fn words(draft: &Draft<'_>, signal: &mut Signal<'_>) -> Result<(), Fault> {
    let given = |field| draft.text(field).filter(|text| !text.is_empty());
    if let Some(text) = given(Field::ComponentType) {
        signal.component_type = ComponentType::parse(text).ok_or_else(|| {
            let legal = list(ComponentType::ALL.iter().map(|word| word.as_str()));
            wrong_word(Code::InvalidComponentType, Field::ComponentType, text, &legal)
        })?;
    }
    if let Some(text) = given(Field::Kind) {
        signal.kind = Kind::parse(text).ok_or_else(|| {
            let legal = list(Kind::ALL.iter().map(|word| word.as_str()));
            wrong_word(Code::InvalidKind, Field::Kind, text, &legal)
        })?;
    }
    if let Some(text) = given(Field::Severity) {
        signal.severity = Severity::parse(text)
            .ok_or_else(|| wrong_word(Code::InvalidSeverity, Field::Severity, text, SEVERITIES))?;
    }
    if let Some(text) = given(Field::Status) {
        signal.status = SignalStatus::parse(text).ok_or_else(|| {
            let legal = list(SignalStatus::ALL.iter().map(|word| word.as_str()));
            wrong_word(Code::InvalidStatus, Field::Status, text, &legal)
        })?;
    }
    Ok(())
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn wrong_word(code: Code, field: Field, text: &str, legal: &str) -> Fault {
    let name = field.name();
    Fault::new(code, format!("`{name}` must be one of {legal}; got `{}`", excerpt(text)))
}
