//! Directives: what people asked to be told, and not to be told. Rules, silences, inhibitions, escalation
//! policies and default routes, which the engine obeys from the entry after the one that brought them.
//!
//! Only their shape; what a rule matches is decided in the crate `matching`.

use crate::id::{DirectiveId, EndpointId, ProjectId, ScheduleId, SubscriberId};
use crate::signal::closed_words;
use crate::time::{Duration, Timestamp};

closed_words! {
    /// The kinds of directives.
    DirectiveKind {
        /// What a subscriber wants to hear of.
        Rule = 0, "rule",
        /// What nobody is told for a while.
        Silence = 1, "silence",
        /// What nobody is told while something worse is known.
        Inhibition = 2, "inhibition",
        /// Who is told next when nobody answers.
        Escalation = 3, "escalation",
        /// What subscribers hear of while their project has no rule.
        DefaultRoute = 4, "default_route",
    }
}

/// One directive of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its id.
    pub id: DirectiveId,
    /// Whose it is.
    pub project: ProjectId,
    /// A name for people; may be empty for a silence.
    pub name: String,
    /// 1 when created, one more with each change.
    pub version: u64,
    /// What it says.
    pub body: DirectiveBody,
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectiveBody {
    /// A rule.
    Rule(Rule),
    /// A silence or maintenance window.
    Silence(Silence),
    /// An inhibition.
    Inhibition(Inhibition),
    /// An escalation policy.
    Escalation(Escalation),
    /// A rule that is in force only while the project has none of its own, not even a disabled one.
    DefaultRoute(Rule),
}

impl DirectiveBody {
    /// The kind of directive.
    #[must_use]
    pub const fn kind(&self) -> DirectiveKind {
        match self {
            Self::Rule(_) => DirectiveKind::Rule,
            Self::Silence(_) => DirectiveKind::Silence,
            Self::Inhibition(_) => DirectiveKind::Inhibition,
            Self::Escalation(_) => DirectiveKind::Escalation,
            Self::DefaultRoute(_) => DirectiveKind::DefaultRoute,
        }
    }

    /// What it says about whom it tells of what, where that is what it is about.
    #[must_use]
    pub const fn as_rule(&self) -> Option<&Rule> {
        match self {
            Self::Rule(rule) | Self::DefaultRoute(rule) => Some(rule),
            Self::Silence(_) | Self::Inhibition(_) | Self::Escalation(_) => None,
        }
    }
}

/// What a subscriber wants to hear of: on what, matching what, to which endpoints, how often at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Who owns it and is told.
    pub subscriber: SubscriberId,
    /// What happens; never empty, ascending, each once.
    pub on: Vec<Trigger>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// Says that no condition is meant, so that nobody asks for everything by mistake.
    pub match_all: bool,
    /// A CEL expression that must be true too; empty where there is none.
    pub cel: String,
    /// Who is told; never empty unless `escalation` is set.
    pub targets: Vec<Target>,
    /// The policy that runs until somebody acknowledges, for [`Trigger::Opened`] and [`Trigger::Reopened`].
    pub escalation: Option<DirectiveId>,
    /// Calendars during which it tells nobody; looked up when it is delivered.
    pub muted_by: Vec<ScheduleId>,
    /// How often it tells at most.
    pub at_most: Option<AtMost>,
    /// How long delivery is tried.
    pub deadline: Duration,
    /// Whether it is in force.
    pub enabled: bool,
}

/// So many notifications in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMost {
    /// How many.
    pub count: u32,
    /// In how long, from the first.
    pub within: Duration,
}

/// What can happen that a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// An incident was opened.
    Opened,
    /// Its severity rose.
    Escalated,
    /// It was taken up: INVESTIGATING.
    Acknowledged,
    /// It is over: RESOLVED.
    Resolved,
    /// It is not over after all: OPEN again.
    Reopened,
    /// It was closed.
    Closed,
    /// Nobody took it up for so long after it was opened or reopened.
    Unacknowledged(Duration),
    /// A signal or new alert was filed that fires.
    Signal,
    /// A signal or alert was filed that says that something no longer fires.
    SignalResolved,
}

/// One condition on a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Of which field.
    pub field: Field,
    /// How it is compared.
    pub op: Op,
    /// With what: one value, several for [`Op::OneOf`], none for [`Op::Present`].
    pub values: Vec<String>,
    /// Whether the opposite must hold.
    pub negate: bool,
}

closed_words! {
    /// How a field is compared. A field that is not there is as empty text, and not present.
    Op {
        /// It is this text (severity: in any vocabulary; closed words: in any case).
        Equals = 0, "equals",
        /// It is one of these texts.
        OneOf = 1, "one_of",
        /// It fits the pattern, `*` for any text and `?` for any character, from end to end.
        Glob = 2, "glob",
        /// The regular expression is found in it; `^` and `$` bind it to the ends.
        Regex = 3, "regex",
        /// It is a severity at least as bad.
        AtLeast = 4, "at_least",
        /// It is there and not empty.
        Present = 5, "present",
    }
}

/// A field that a condition can name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `severity`
    Severity,
    /// `source`
    Source,
    /// `component`
    Component,
    /// `component_type`
    ComponentType,
    /// `environment`
    Environment,
    /// `kind`
    Kind,
    /// `status`: `firing`, `resolved` of a signal, `OPEN`, … of an incident.
    Status,
    /// `summary`
    Summary,
    /// `labels.NAME`
    Label(String),
    /// `payload.PATH`: names and positions, parted by dots.
    Payload(String),
}

/// Who or what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// An endpoint.
    Endpoint(EndpointId),
    /// Whoever is on call by this schedule when it is delivered.
    OnCall(ScheduleId),
    /// A person, by the contact methods of theirs, in order.
    Person(SubscriberId),
}

/// What nobody is told for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// All of them must hold; never empty. Regular expressions are bound to both ends.
    pub conditions: Vec<Condition>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// Who wants it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Whether it is planned work rather than a person's wish for quiet.
    pub maintenance: bool,
    /// When it was changed last, by the journal's time; written by the engine.
    pub updated_at: Timestamp,
}

/// What nobody is told while something worse is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhibition {
    /// What must fire. Regular expressions are bound to both ends.
    pub source: Vec<Condition>,
    /// What is then not told.
    pub target: Vec<Condition>,
    /// Fields that must be the same on both.
    pub equal: Vec<Field>,
    /// Whether it is in force.
    pub enabled: bool,
}

/// Who is told next when nobody answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// In order.
    pub steps: Vec<Step>,
    /// How many times the steps are gone through again.
    pub repeat: u32,
}

/// One step of an escalation policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How long after the step before, or after the beginning.
    pub after: Duration,
    /// Who is told.
    pub targets: Vec<Target>,
}

impl Trigger {
    /// Reads `opened`, `incident.opened`, …, `unacknowledged_for(5m)`, `signal`, `signal_resolved`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.strip_prefix("incident.").unwrap_or(text);
        Some(match word {
            "opened" => Self::Opened,
            "escalated" => Self::Escalated,
            "acknowledged" => Self::Acknowledged,
            "resolved" => Self::Resolved,
            "reopened" => Self::Reopened,
            "closed" => Self::Closed,
            "signal" => Self::Signal,
            "signal_resolved" => Self::SignalResolved,
            _ => return Self::parse_unacknowledged(word),
        })
    }

    fn parse_unacknowledged(word: &str) -> Option<Self> {
        let inside = word.strip_prefix("unacknowledged")?;
        let inside = inside.strip_prefix("_for").unwrap_or(inside);
        let inside = inside.strip_prefix('(')?.strip_suffix(')')?;
        Duration::parse(inside)
            .ok()
            .filter(|after| *after > Duration::ZERO)
            .map(Self::Unacknowledged)
    }

    /// Whether it is about a signal rather than an incident.
    #[must_use]
    pub const fn is_of_signal(self) -> bool {
        matches!(self, Self::Signal | Self::SignalResolved)
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Opened => f.write_str("opened"),
            Self::Escalated => f.write_str("escalated"),
            Self::Acknowledged => f.write_str("acknowledged"),
            Self::Resolved => f.write_str("resolved"),
            Self::Reopened => f.write_str("reopened"),
            Self::Closed => f.write_str("closed"),
            Self::Unacknowledged(after) => write!(f, "unacknowledged_for({after})"),
            Self::Signal => f.write_str("signal"),
            Self::SignalResolved => f.write_str("signal_resolved"),
        }
    }
}

impl Field {
    /// Reads `component`, …, `labels.NAME`, `payload.PATH`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        if let Some(name) = text.strip_prefix("labels.") {
            return named(name).map(Self::Label);
        }
        if let Some(path) = text.strip_prefix("payload.") {
            return named(path).map(Self::Payload);
        }
        Some(match text {
            "severity" => Self::Severity,
            "source" => Self::Source,
            "component" | "component_id" | "service" => Self::Component,
            "component_type" => Self::ComponentType,
            "environment" => Self::Environment,
            "kind" => Self::Kind,
            "status" => Self::Status,
            "summary" | "message" => Self::Summary,
            _ => return None,
        })
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Severity => f.write_str("severity"),
            Self::Source => f.write_str("source"),
            Self::Component => f.write_str("component"),
            Self::ComponentType => f.write_str("component_type"),
            Self::Environment => f.write_str("environment"),
            Self::Kind => f.write_str("kind"),
            Self::Status => f.write_str("status"),
            Self::Summary => f.write_str("summary"),
            Self::Label(name) => write!(f, "labels.{name}"),
            Self::Payload(path) => write!(f, "payload.{path}"),
        }
    }
}
