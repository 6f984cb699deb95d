//! An alert as Alertmanager and its kin write it, and what Stormbell makes of one: the mapping
//! from labels to a signal, once for the three doors that take alerts.
//!
//! What a person wrote is never refused for its length here: the sender could not mend it. Texts
//! derived from labels and annotations are cut to their limits; labels and the alert's JSON are
//! kept whole or refused.

use std::borrow::Cow;

use model::signal::{ComponentType, Kind, SignalStatus};
use model::{AlertLease, Duration, Grant, Severity, Signal, SignalId, Timestamp, limits};

use crate::batch::{Batch, Fault};
use crate::code::Code;
use crate::fingerprint;
use crate::json::{Cursor, Raw, Syntax, Value};
use crate::mint;
use crate::problem::Problem;
use crate::time;
use crate::validate;

/// Labels that name the component, the most telling first.
const COMPONENT_LABELS: [&str; 7] =
    ["component", "service", "service_name", "app", "job", "namespace", "alertname"];
/// Labels that name the environment.
const ENVIRONMENT_LABELS: [&str; 3] = ["environment", "env", "deployment_environment"];
/// Annotations that are a summary, the best first.
const SUMMARY_ANNOTATIONS: usize = 3;

/// What differs between the doors that take alerts.
pub(crate) struct Rules<'a> {
    pub(crate) now: Timestamp,
    pub(crate) grant: &'a Grant,
    /// Who says so.
    pub(crate) source: &'static str,
    /// The lease of an alert that states no end.
    pub(crate) lease: Duration,
    /// Whether label names must be those of Prometheus.
    pub(crate) strict_names: bool,
    /// Whether the sender states firing or resolved, and its own fingerprint.
    pub(crate) states_status: bool,
}

/// An alert as its sender wrote it.
#[derive(Default)]
pub(crate) struct Draft<'a> {
    labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// `summary`, `description`, `message`.
    summaries: [Option<Cow<'a, str>>; SUMMARY_ANNOTATIONS],
    starts_at: Option<Cow<'a, str>>,
    ends_at: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    fingerprint: Option<Cow<'a, str>>,
    links: Vec<Cow<'a, str>>,
    raw: &'a str,
    may_hold_nul: bool,
    fault: Option<Fault>,
}

/// Takes the alerts of the array that was opened. Places and the limit go on from what the batch
/// holds already: a webhook may say `alerts` twice.
pub(crate) fn take_all(
    cursor: &mut Cursor<'_>,
    rules: &Rules<'_>,
    batch: &mut Batch,
    syntax: impl Fn(Syntax) -> Problem + Copy,
) -> Result<(), Problem> {
    let (mut first, mut index) = (true, batch.items());
    while cursor.element(&mut first).map_err(syntax)? {
        if index as usize == limits::BATCH_SIGNALS {
            return Err(Problem::too_many_signals());
        }
        let draft = read(cursor).map_err(syntax)?;
        match rules.alert(draft) {
            Ok((lease, signal)) => batch.alert(rules.grant.project, lease, signal),
            Err(fault) => batch.reject(index, None, fault),
        }
        index += 1;
    }
    Ok(())
}

/// Reads one alert, whatever it is, into a draft.
fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Draft<'a>, Syntax> {
    let mut draft = Draft::default();
    cursor.peek();
    let start = cursor.at();
    if !cursor.open(b'{') {
        draft.raw = cursor.raw()?.text;
        draft.fail(Code::NotAnObject, "an alert is a JSON object");
        return Ok(draft);
    }
    let mut first = true;
    while let Some(key) = cursor.key(&mut first)? {
        draft.read_field(&key, cursor)?;
    }
    draft.raw = cursor.between(start, cursor.at());
    Ok(draft)
}

impl<'a> Draft<'a> {
    fn fail(&mut self, code: Code, message: impl Into<Cow<'static, str>>) {
        self.fault.get_or_insert(Fault::new(code, message));
    }

    fn read_field(&mut self, key: &str, cursor: &mut Cursor<'a>) -> Result<(), Syntax> {
        let (slot, name) = match key {
            "labels" => return self.read_labels(cursor),
            "annotations" => return self.read_annotations(cursor),
            "startsAt" => (&mut self.starts_at, "startsAt"),
            "endsAt" => (&mut self.ends_at, "endsAt"),
            "status" => (&mut self.status, "status"),
            "fingerprint" => (&mut self.fingerprint, "fingerprint"),
            "generatorURL" | "silenceURL" | "dashboardURL" | "panelURL" => {
                return self.read_link(cursor);
            }
            _ => {
                let raw = cursor.raw()?;
                self.check_depth(raw);
                return Ok(());
            }
        };
        match cursor.value()? {
            Value::Text(text) => *slot = Some(text).filter(|text| !text.is_empty()),
            Value::Null => {}
            Value::Literal(_) | Value::Container(_) => {
                self.fail(Code::WrongType, format!("`{name}` must be a string"));
            }
        }
        Ok(())
    }

    fn read_link(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Syntax> {
        match cursor.value()? {
            Value::Text(link) if link.is_empty() || link.len() > limits::LINK_BYTES => {}
            Value::Text(link) if link.contains('\0') || self.links.len() == limits::LINKS => {}
            Value::Text(link) => self.links.push(link),
            Value::Null => {}
            Value::Literal(_) | Value::Container(_) => {
                self.fail(Code::WrongType, "`generatorURL` and its kin must be strings");
            }
        }
        Ok(())
    }

    fn read_labels(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Syntax> {
        if !self.open_strings(cursor, "labels")? {
            return Ok(());
        }
        let mut first = true;
        while let Some(name) = cursor.key(&mut first)? {
            match cursor.value()? {
                // An empty label is no label.
                Value::Text(value) if value.is_empty() => {}
                Value::Text(value) => {
                    self.may_hold_nul |=
                        matches!(name, Cow::Owned(_)) || matches!(value, Cow::Owned(_));
                    if self.labels.len() <= limits::LABELS {
                        self.labels.push((name, value));
                    }
                }
                Value::Null => {}
                Value::Literal(_) | Value::Container(_) => {
                    let message = format!("label `{}` must be a string", validate::excerpt(&name));
                    self.fail(Code::InvalidLabel, message);
                }
            }
        }
        Ok(())
    }

    fn read_annotations(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Syntax> {
        if !self.open_strings(cursor, "annotations")? {
            return Ok(());
        }
        let mut first = true;
        while let Some(name) = cursor.key(&mut first)? {
            match (name.as_ref(), cursor.value()?) {
                ("summary", Value::Text(text)) => self.summaries[0] = Some(text),
                ("description", Value::Text(text)) => self.summaries[1] = Some(text),
                ("message", Value::Text(text)) => self.summaries[2] = Some(text),
                (_, Value::Text(_) | Value::Literal(_) | Value::Null) => {}
                (_, Value::Container(_)) => {
                    let message =
                        format!("annotation `{}` must be a string", validate::excerpt(&name));
                    self.fail(Code::WrongType, message);
                }
            }
        }
        Ok(())
    }

    fn open_strings(
        &mut self,
        cursor: &mut Cursor<'a>,
        name: &'static str,
    ) -> Result<bool, Syntax> {
        let opened = cursor.open(b'{');
        if !opened && cursor.value()? != Value::Null {
            self.fail(Code::WrongType, format!("`{name}` must be an object of strings"));
        }
        Ok(opened)
    }

    /// Refuses what is nested deeper than the limit; the object of the alert is the first level.
    fn check_depth(&mut self, raw: Raw<'_>) {
        if raw.depth >= limits::JSON_DEPTH {
            let limit = limits::JSON_DEPTH;
            self.fail(Code::JsonTooDeep, format!("the JSON is nested deeper than {limit} levels"));
        }
    }

    fn label(&self, name: &str) -> Option<&Cow<'a, str>> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The first of these labels that says something, cut to the length of a name.
    fn first_label(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        let says = |value: &&Cow<'a, str>| {
            // What is kept is its beginning, so that is what must not be blank.
            value.chars().take(limits::NAME_CHARS).any(|c| !c.is_whitespace())
        };
        let value = names.iter().find_map(|name| self.label(name).filter(says))?;
        Some(cut_chars(value.clone(), limits::NAME_CHARS))
    }
}

impl Rules<'_> {
    /// Turns a draft into a lease and a signal.
    pub(crate) fn alert<'a>(
        &self,
        mut draft: Draft<'a>,
    ) -> Result<(AlertLease, Signal<'a>), Fault> {
        if let Some(fault) = draft.fault.take() {
            return Err(fault);
        }
        let resolved_by_word = self.is_resolved_by_word(&draft)?;
        let (starts_at, ends_at) = self.span(&draft, resolved_by_word)?;
        self.check_labels(&mut draft)?;
        validate::check_payload(draft.raw.as_bytes())?;
        let fingerprint = self.fingerprint(&draft);
        let is_resolved = resolved_by_word.unwrap_or(ends_at <= self.now);
        let id = mint::derived_from_alert(self.grant.project, fingerprint, starts_at, is_resolved);
        let mut signal = derive_signal(id, self.source, draft);
        signal.occurred_at = if is_resolved { ends_at } else { starts_at }.min(self.now);
        if is_resolved {
            signal.status = SignalStatus::Resolved;
        }
        Ok((AlertLease { fingerprint, starts_at, ends_at }, signal))
    }

    /// What a webhook says of the status; nothing where the door's wire has no such field.
    fn is_resolved_by_word(&self, draft: &Draft<'_>) -> Result<Option<bool>, Fault> {
        if !self.states_status {
            return Ok(None);
        }
        let text = draft.status.as_deref().unwrap_or("firing");
        match SignalStatus::parse(text) {
            Some(status) => Ok(Some(status == SignalStatus::Resolved)),
            None => {
                let text = validate::excerpt(text);
                let message = format!("`status` must be one of firing, resolved; got `{text}`");
                Err(Fault::new(Code::InvalidStatus, message))
            }
        }
    }

    /// Start and end, with the defaults of Alertmanager.
    fn span(
        &self,
        draft: &Draft<'_>,
        resolved_by_word: Option<bool>,
    ) -> Result<(Timestamp, Timestamp), Fault> {
        let now = self.now;
        let starts_at = moment(draft.starts_at.as_deref(), "startsAt")?;
        let ends_at = moment(draft.ends_at.as_deref(), "endsAt")?;
        let starts_at = starts_at.or(ends_at).unwrap_or(now);
        let ends_at = match resolved_by_word {
            None => ends_at.unwrap_or(now + self.lease),
            Some(true) => ends_at.unwrap_or(now).min(now).max(starts_at),
            Some(false) => ends_at.filter(|&end| end > now).unwrap_or(now + self.lease),
        };
        if ends_at < starts_at {
            return Err(Fault::new(Code::EndsBeforeStart, "start time must be before end time"));
        }
        Ok((starts_at, ends_at))
    }

    fn check_labels(&self, draft: &mut Draft<'_>) -> Result<(), Fault> {
        let strange = draft.labels.iter().find(|(name, _)| !is_prometheus_name(name));
        if let Some((name, _)) = strange.filter(|_| self.strict_names) {
            let message = format!("invalid label set: invalid name {:?}", validate::excerpt(name));
            return Err(Fault::new(Code::InvalidLabelName, message));
        }
        if draft.labels.is_empty() {
            return Err(Fault::new(Code::MissingLabels, "at least one label pair required"));
        }
        validate::check_labels(&mut draft.labels, draft.may_hold_nul)
    }

    /// The sender's own fingerprint where it states one: Grafana's covers labels it does not send.
    fn fingerprint(&self, draft: &Draft<'_>) -> u64 {
        let stated = draft.fingerprint.as_deref().filter(|_| self.states_status);
        let stated = stated.filter(|text| text.len() == 16);
        let stated = stated.and_then(|text| u64::from_str_radix(text, 16).ok());
        stated.unwrap_or_else(|| fingerprint::of(&draft.labels))
    }
}

/// The signal that labels and annotations describe, firing.
fn derive_signal<'a>(id: SignalId, source: &'static str, draft: Draft<'a>) -> Signal<'a> {
    let component = draft.first_label(&COMPONENT_LABELS).unwrap_or(Cow::Borrowed("unknown"));
    let environment = draft.first_label(&ENVIRONMENT_LABELS).unwrap_or(Cow::Borrowed("unknown"));
    let mut signal = Signal::new(id, component, environment);
    signal.kind = Kind::Alert;
    signal.source = Cow::Borrowed(source);
    if let Some(text) = draft.label("component_type") {
        signal.component_type = ComponentType::parse(text).unwrap_or(ComponentType::Other);
    }
    if let Some(text) = draft.label("severity") {
        signal.severity = Severity::parse(text).unwrap_or(Severity::P2);
    }
    let alertname = draft.label("alertname").cloned();
    let is_usable = |text: &Cow<'_, str>| !text.trim().is_empty() && !text.contains('\0');
    let summary = draft.summaries.into_iter().flatten().find(is_usable).or(alertname);
    let summary = summary.unwrap_or_default();
    signal.summary = cut_bytes(summary, limits::SUMMARY_BYTES);
    signal.labels = draft.labels;
    signal.links = draft.links;
    signal.payload = Cow::Borrowed(draft.raw.as_bytes());
    signal
}

/// Reads a time; absent, empty and Go's zero time are all "not set".
fn moment(text: Option<&str>, name: &str) -> Result<Option<Timestamp>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let read = time::rfc3339_or_utc(text).ok_or_else(|| {
        let message = format!("`{name}` is not an RFC 3339 time: `{}`", validate::excerpt(text));
        Fault::new(Code::InvalidOccurredAt, message)
    })?;
    Ok(Some(read).filter(|&read| read != time::GO_ZERO))
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, the names that Prometheus gives labels.
fn is_prometheus_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

fn cut_chars(text: Cow<'_, str>, chars: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars) {
        Some((end, _)) => cut_bytes(text, end),
        None => text,
    }
}

/// The start of a text, not longer than `bytes` and whole characters only.
fn cut_bytes(text: Cow<'_, str>, bytes: usize) -> Cow<'_, str> {
    let end = text.floor_char_boundary(bytes);
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}
