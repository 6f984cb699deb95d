//! A signal: one observation that something may be wrong, as it stands in the journal.
//!
//! Fields borrow from the bytes they were read from, so a signal costs no allocation on its way
//! through the engine. Validation against `limits` is the doors'.

use std::borrow::Cow;

use crate::id::{IdentityKey, IncidentId, KeyHasher, ProjectId, SignalId};
use crate::severity::Severity;
use crate::time::Timestamp;

macro_rules! closed_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal, $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Reads the word, in any case.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                $(if text.eq_ignore_ascii_case($text) { return Some(Self::$variant); })+
                None
            }

            /// The word as the API writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The number durable formats hold.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code),+ }
            }

            /// The value of a code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use closed_words;

closed_words! {
    /// What sort of thing a signal is about.
    ComponentType {
        /// A programming interface.
        Api = 0, "API",
        /// A host of model-context-protocol tools.
        McpHost = 1, "MCP_HOST",
        /// A cache.
        Cache = 2, "CACHE",
        /// A queue or stream.
        Queue = 3, "QUEUE",
        /// A relational database.
        Rdbms = 4, "RDBMS",
        /// Any other database.
        Nosql = 5, "NOSQL",
        /// A service.
        Service = 6, "SERVICE",
        /// A machine.
        Host = 7, "HOST",
        /// None of these, or not said.
        Other = 8, "OTHER",
    }
}

closed_words! {
    /// What kind of observation a signal is.
    Kind {
        /// Something failed.
        Failure = 0, "failure",
        /// A monitoring system raised an alert.
        Alert = 1, "alert",
        /// A runtime fact: saturation, restart, out of memory.
        Runtime = 2, "runtime",
        /// The result of a health check.
        Healthcheck = 3, "healthcheck",
        /// A fact about something depended upon.
        Dependency = 4, "dependency",
        /// A fact about configuration.
        Config = 5, "config",
    }
}

closed_words! {
    /// Whether the thing still is wrong.
    SignalStatus {
        /// It is wrong.
        Firing = 0, "firing",
        /// It was, and is over.
        Resolved = 1, "resolved",
    }
}

/// One observation that something may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal<'a> {
    /// The id, given or minted.
    pub id: SignalId,
    /// Whether the sender gave the id: only then does it serve as an idempotency key.
    pub id_given: bool,
    /// What it is about; never empty.
    pub component: Cow<'a, str>,
    /// The type of what it is about.
    pub component_type: ComponentType,
    /// The kind of observation.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// Who says so (`prometheus`, a service's name); may be empty.
    pub source: Cow<'a, str>,
    /// `prod`, `staging`, …; `unknown` where nobody said.
    pub environment: Cow<'a, str>,
    /// Firing or resolved.
    pub status: SignalStatus,
    /// One line for a person.
    pub summary: Cow<'a, str>,
    /// Names and values, sorted by name, names unique.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The sender's JSON, byte for byte; empty where there was none.
    pub payload: Cow<'a, [u8]>,
    /// When the sender says it happened. Never trusted for ordering.
    pub occurred_at: Timestamp,
    /// Trace it belongs to; may be empty.
    pub trace_id: Cow<'a, str>,
    /// Error code; may be empty.
    pub error_code: Cow<'a, str>,
    /// The incident it names, if it names one.
    pub incident_id: Option<IncidentId>,
    /// Links for a person.
    pub links: Vec<Cow<'a, str>>,
}

impl<'a> Signal<'a> {
    /// A firing failure of `component` in `environment` with nothing else said.
    #[must_use]
    pub fn new(
        id: SignalId,
        component: impl Into<Cow<'a, str>>,
        environment: impl Into<Cow<'a, str>>,
    ) -> Self {
        Self {
            id,
            id_given: false,
            component: component.into(),
            component_type: ComponentType::Other,
            kind: Kind::Failure,
            severity: Severity::P2,
            source: Cow::Borrowed(""),
            environment: environment.into(),
            status: SignalStatus::Firing,
            summary: Cow::Borrowed(""),
            labels: Vec::new(),
            payload: Cow::Borrowed(&[]),
            occurred_at: Timestamp::default(),
            trace_id: Cow::Borrowed(""),
            error_code: Cow::Borrowed(""),
            incident_id: None,
            links: Vec::new(),
        }
    }

    /// The same signal with nothing borrowed.
    #[must_use]
    pub fn to_owned_signal(&self) -> Signal<'static> {
        let owned = |text: &Cow<'_, str>| Cow::Owned(text.clone().into_owned());
        Signal {
            component: owned(&self.component),
            source: owned(&self.source),
            environment: owned(&self.environment),
            summary: owned(&self.summary),
            labels: self.labels.iter().map(|(name, value)| (owned(name), owned(value))).collect(),
            payload: Cow::Owned(self.payload.clone().into_owned()),
            trace_id: owned(&self.trace_id),
            error_code: owned(&self.error_code),
            links: self.links.iter().map(owned).collect(),
            id: self.id,
            id_given: self.id_given,
            component_type: self.component_type,
            kind: self.kind,
            severity: self.severity,
            status: self.status,
            occurred_at: self.occurred_at,
            incident_id: self.incident_id,
        }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// Which signals are the same thing again, version 1: environment, component, kind, source, error
    /// code and labels. Severity, summary, payload and times may change while it stays the same thing.
    #[must_use]
    pub fn identity(&self, project: ProjectId) -> IdentityKey {
        let mut hasher = KeyHasher::for_project(project);
        hasher
            .part(self.environment.as_bytes())
            .part(self.component.as_bytes())
            .part(&[self.kind.code()])
            .part(self.source.as_bytes())
            .part(self.error_code.as_bytes());
        for (name, value) in &self.labels {
            hasher.part(name.as_bytes()).part(value.as_bytes());
        }
        IdentityKey(hasher.finish())
    }
}
