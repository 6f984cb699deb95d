//! Grouping policies: which signals belong to the same incident, and how an incident behaves.

use crate::id::{PolicyId, ProjectId};
use crate::limits;
use crate::time::Duration;

/// One project's answer to "which signals are one incident". The first that fits decides, by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupingPolicy {
    /// Its id; [`GroupingPolicy::DEFAULT_ID`] for the built-in one.
    pub id: PolicyId,
    /// Whose it is.
    pub project: ProjectId,
    /// A name for people.
    pub name: String,
    /// Which signals it is for.
    pub matcher: Matcher,
    /// What makes two signals belong together; empty means identity, never "everything".
    pub key: Vec<KeyField>,
    /// Ongoing or window.
    pub mode: Mode,
    /// Length of a window, for [`Mode::Window`].
    pub window: Duration,
    /// Signals a window holds at most, for [`Mode::Window`].
    pub cap: u32,
    /// Quiet after which the system moves an incident on, where `auto_lifecycle` is set.
    pub quiet: Duration,
    /// How long after its resolution the same key reopens an incident.
    pub reopen_within: Duration,
    /// How many signals within what time it takes to open.
    pub open_when: OpenWhen,
    /// Whether the system moves incidents on when they are quiet.
    pub auto_lifecycle: bool,
    /// Whether an incident resolves when everything that fired in it has resolved.
    pub resolve_with_alerts: bool,
    /// Order among the project's policies, lowest first; ties by id.
    pub position: i64,
    /// 1 when created, one more with each change.
    pub version: u64,
}

/// The conditions a signal meets; all of them. Empty fits everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher(pub Vec<(KeyField, Vec<String>)>);

/// A field of a signal that a matcher or a key can name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyField {
    /// `component`
    Component,
    /// `component_type`
    ComponentType,
    /// `environment`
    Environment,
    /// `kind`
    Kind,
    /// `severity`
    Severity,
    /// `source`
    Source,
    /// `error_code`
    ErrorCode,
    /// `trace_id`
    TraceId,
    /// `summary`
    Summary,
    /// `labels.NAME`
    Label(String),
}

/// How signals with one key become incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One incident for as long as it lasts.
    Ongoing,
    /// A new incident for each tumbling window.
    Window,
}

/// M of N: `count` signals within `within` open an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenWhen {
    /// Signals it takes; 1 opens at once.
    pub count: u32,
    /// The time they may take.
    pub within: Duration,
}

impl GroupingPolicy {
    /// The id of the policy that applies where none of a project's own fits.
    pub const DEFAULT_ID: PolicyId = PolicyId(0);

    /// What applies where none of a project's own policies fits: ongoing, by environment and component.
    #[must_use]
    pub fn built_in(project: ProjectId) -> Self {
        Self {
            id: Self::DEFAULT_ID,
            project,
            name: "default".to_owned(),
            matcher: Matcher::default(),
            key: vec![KeyField::Environment, KeyField::Component],
            mode: Mode::Ongoing,
            window: limits::WINDOW,
            cap: limits::WINDOW_CAP_DEFAULT,
            quiet: limits::QUIET,
            reopen_within: limits::REOPEN_WITHIN,
            open_when: OpenWhen::AT_ONCE,
            auto_lifecycle: false,
            resolve_with_alerts: true,
            position: i64::MAX,
            version: 1,
        }
    }

    /// Quiet since the last signal after which the system resolves: five times `quiet`, which is the
    /// proportion of the defaults (300 s and 60 s).
    #[must_use]
    pub fn quiet_window(&self) -> Duration {
        Duration::from_micros(self.quiet.micros().saturating_mul(5))
    }
}

impl OpenWhen {
    /// The first signal opens.
    pub const AT_ONCE: Self = Self { count: 1, within: Duration::ZERO };
}

impl KeyField {
    /// Reads `component`, …, `labels.NAME`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("labels.") {
            return (!name.is_empty()).then(|| Self::Label(name.to_owned()));
        }
        Some(match text {
            "component" | "component_id" | "service" => Self::Component,
            "component_type" => Self::ComponentType,
            "environment" => Self::Environment,
            "kind" => Self::Kind,
            "severity" => Self::Severity,
            "source" => Self::Source,
            "error_code" => Self::ErrorCode,
            "trace_id" => Self::TraceId,
            "summary" => Self::Summary,
            _ => return None,
        })
    }
}

impl std::fmt::Display for KeyField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Component => f.write_str("component"),
            Self::ComponentType => f.write_str("component_type"),
            Self::Environment => f.write_str("environment"),
            Self::Kind => f.write_str("kind"),
            Self::Severity => f.write_str("severity"),
            Self::Source => f.write_str("source"),
            Self::ErrorCode => f.write_str("error_code"),
            Self::TraceId => f.write_str("trace_id"),
            Self::Summary => f.write_str("summary"),
            Self::Label(name) => write!(f, "labels.{name}"),
        }
    }
}

impl Mode {
    /// Reads `ongoing` or `window`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "ongoing" => Some(Self::Ongoing),
            "window" => Some(Self::Window),
            _ => None,
        }
    }

    /// `"ongoing"` or `"window"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ongoing => "ongoing",
            Self::Window => "window",
        }
    }
}
