//! A signal as its sender wrote it: nothing defaulted, nothing judged. Every door that takes
//! signals fills one, [`crate::validate`] turns it into a signal.

use std::borrow::Cow;

use crate::batch::Fault;
use crate::code::Code;

/// The text fields of a signal, by their canonical names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Component,
    ComponentType,
    Kind,
    Severity,
    Source,
    Environment,
    Status,
    Summary,
    TraceId,
    ErrorCode,
    IncidentId,
    Organization,
    Project,
}

impl Field {
    const COUNT: usize = 14;

    /// The name as the JSON has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Component => "component",
            Self::ComponentType => "component_type",
            Self::Kind => "kind",
            Self::Severity => "severity",
            Self::Source => "source",
            Self::Environment => "environment",
            Self::Status => "status",
            Self::Summary => "summary",
            Self::TraceId => "trace_id",
            Self::ErrorCode => "error_code",
            Self::IncidentId => "incident_id",
            Self::Organization => "organization",
            Self::Project => "project",
        }
    }
}

/// When it happened, as the sender put it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Moment<'a> {
    /// Not said.
    #[default]
    Absent,
    /// A text, to be read as RFC 3339.
    Text(Cow<'a, str>),
    /// A JSON number, to be read as seconds or milliseconds.
    Number(&'a str),
    /// Nanoseconds since the Unix epoch.
    Nanoseconds(u64),
}

/// A signal as its sender wrote it.
#[derive(Debug, Default)]
pub(crate) struct Draft<'a> {
    texts: [Option<Cow<'a, str>>; Field::COUNT],
    pub(crate) moment: Moment<'a>,
    /// In the order they came.
    pub(crate) labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) links: Vec<Cow<'a, str>>,
    /// JSON that is already known to be valid; empty where there was none.
    pub(crate) payload: &'a [u8],
    /// Whether a text may hold a NUL: JSON has them in escapes only.
    pub(crate) may_hold_nul: bool,
    fault: Option<Fault>,
}

impl<'a> Draft<'a> {
    /// Sets a text field. Setting it again to something else is a fault.
    pub(crate) fn set(&mut self, field: Field, value: Cow<'a, str>) {
        self.may_hold_nul |= matches!(value, Cow::Owned(_));
        let slot = &mut self.texts[field as usize];
        match slot {
            Some(before) if *before != value => self.conflict(field.name()),
            Some(_) => {}
            None => *slot = Some(value),
        }
    }

    /// Sets when it happened. Setting it again to something else is a fault.
    pub(crate) fn set_moment(&mut self, moment: Moment<'a>) {
        match &self.moment {
            Moment::Absent => self.moment = moment,
            before if *before == moment => {}
            _ => self.conflict("occurred_at"),
        }
    }

    /// Sets the payload. Setting it again to something else is a fault.
    pub(crate) fn set_payload(&mut self, payload: &'a [u8]) {
        if self.payload.is_empty() {
            self.payload = payload;
        } else if self.payload != payload {
            self.conflict("payload");
        }
    }

    /// Remembers what is wrong with it; the first fault counts.
    pub(crate) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// The text of a field, where it was given.
    pub(crate) fn text(&self, field: Field) -> Option<&str> {
        self.texts[field as usize].as_deref()
    }

    /// Takes the text of a field out of it.
    pub(crate) fn take(&mut self, field: Field) -> Option<Cow<'a, str>> {
        self.texts[field as usize].take()
    }

    /// Takes the fault out of it.
    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn conflict(&mut self, name: &'static str) {
        let message = format!("`{name}` and an alias of it, or a second `{name}`, differ");
        self.fail(Fault::new(Code::ConflictingFields, message));
    }
}
