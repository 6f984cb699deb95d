//! What conditions are held against: a signal, or an incident with the signal that made something of
//! it happen.
//!
//! Refuses to know conditions. Invariant: a field that is not there reads as empty text.

use std::borrow::Cow;

use model::{ComponentType, Field, Incident, Kind, Severity, Signal, SignalStatus, Status};

use crate::payload::{self, Scalar};

/// Where the thing stands that conditions are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A signal's status.
    Signal(SignalStatus),
    /// An incident's status.
    Incident(Status),
}

impl Standing {
    /// `firing`, `resolved`, `OPEN`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signal(status) => status.as_str(),
            Self::Incident(status) => status.as_str(),
        }
    }
}

/// The fields that conditions can name. Borrowed, and made without an allocation.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'f> {
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub status: Standing,
    /// Who says so; may be empty.
    pub source: &'f str,
    /// What it is about.
    pub component: &'f str,
    /// The type of what it is about.
    pub component_type: ComponentType,
    /// Its environment.
    pub environment: &'f str,
    /// The kind of observation.
    pub kind: Kind,
    /// One line for a person.
    pub summary: &'f str,
    /// Names and values, sorted by name; of a name that comes twice the first counts.
    pub labels: &'f [(Cow<'f, str>, Cow<'f, str>)],
    /// JSON; empty where there was none. Bytes that are not JSON have no fields.
    pub payload: &'f [u8],
}

impl<'f> Facts<'f> {
    /// What a signal says.
    #[must_use]
    pub fn of_signal(signal: &'f Signal<'_>) -> Self {
        Self {
            severity: signal.severity,
            status: Standing::Signal(signal.status),
            source: &signal.source,
            component: &signal.component,
            component_type: signal.component_type,
            environment: &signal.environment,
            kind: signal.kind,
            summary: &signal.summary,
            labels: &signal.labels,
            payload: &signal.payload,
        }
    }

    /// Severity, status, component, its type and environment of the incident; the rest of the signal.
    #[must_use]
    pub fn of_incident(incident: &'f Incident, signal: &'f Signal<'_>) -> Self {
        Self {
            severity: incident.severity,
            status: Standing::Incident(incident.status),
            component: &incident.component,
            component_type: incident.component_type,
            environment: &incident.environment,
            ..Self::of_signal(signal)
        }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&'f str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// The text of a field as conditions see it; empty where it is not there.
    #[must_use]
    pub fn text(&self, field: &Field) -> Cow<'f, str> {
        match field {
            Field::Payload(path) => match payload::find(self.payload, path) {
                Some(Scalar::Plain(text)) => Cow::Borrowed(text),
                Some(Scalar::Escaped(text)) => {
                    let mut written = String::new();
                    payload::unescape(text, &mut written);
                    Cow::Owned(written)
                }
                None => Cow::Borrowed(""),
            },
            Field::Severity => Cow::Borrowed(self.severity.as_str()),
            Field::Source => Cow::Borrowed(self.source),
            Field::Component => Cow::Borrowed(self.component),
            Field::ComponentType => Cow::Borrowed(self.component_type.as_str()),
            Field::Environment => Cow::Borrowed(self.environment),
            Field::Kind => Cow::Borrowed(self.kind.as_str()),
            Field::Status => Cow::Borrowed(self.status.as_str()),
            Field::Summary => Cow::Borrowed(self.summary),
            Field::Label(name) => Cow::Borrowed(self.label(name).unwrap_or_default()),
        }
    }
}
