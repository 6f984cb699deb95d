//! The closed words of the API as they are written and documented, each made from its word in `model`.

use serde::Serialize;
use utoipa::ToSchema;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident of $source:path { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        pub(crate) enum $name { $(#[doc = $text] #[serde(rename = $text)] $variant),+ }

        impl From<$source> for $name {
            fn from(value: $source) -> Self {
                match value { $(<$source>::$variant => Self::$variant),+ }
            }
        }
    };
}

words! {
    /// Where an incident stands.
    Status of model::Status { Open = "OPEN", Investigating = "INVESTIGATING", Resolved = "RESOLVED", Closed = "CLOSED" }
}

words! {
    /// How bad: P0 critical, P1 high, P2 medium, P3 low.
    Severity of model::Severity { P0 = "P0", P1 = "P1", P2 = "P2", P3 = "P3" }
}

words! {
    /// The type of a component.
    ComponentType of model::ComponentType {
        Api = "API", McpHost = "MCP_HOST", Cache = "CACHE", Queue = "QUEUE", Rdbms = "RDBMS",
        Nosql = "NOSQL", Service = "SERVICE", Host = "HOST", Other = "OTHER",
    }
}

words! {
    /// What kind of observation a signal is.
    Kind of model::Kind {
        Failure = "failure", Alert = "alert", Runtime = "runtime", Healthcheck = "healthcheck",
        Dependency = "dependency", Config = "config",
    }
}

words! {
    /// Whether the thing still is wrong.
    SignalStatus of model::SignalStatus { Firing = "firing", Resolved = "resolved" }
}

words! {
    /// Who acts.
    ActorKind of model::ActorKind { System = "system", Person = "person", Agent = "agent" }
}

words! {
    /// What a key may do.
    Scope of model::Scope { Ingest = "ingest", Read = "read", Agent = "agent", Manage = "manage" }
}

words! {
    /// How signals with one key become incidents.
    Mode of model::Mode { Ongoing = "ongoing", Window = "window" }
}

words! {
    /// How a field is compared: the same text, one of several, a pattern of `*` and `?`, a regular
    /// expression found in it, a severity at least as bad, there and not empty.
    Op of model::Op {
        Equals = "equals", OneOf = "one_of", Glob = "glob", Regex = "regex", AtLeast = "at_least",
        Present = "present",
    }
}

words! {
    /// How one try at one target ended.
    Verdict of model::Verdict {
        Delivered = "delivered", Retry = "retry", Dead = "dead", HeldBack = "held_back", Folded = "folded",
    }
}

words! {
    /// Where a notification stands: something is still to be sent, everybody got it, somebody never
    /// will, or nobody was told on purpose.
    NotificationStatus of store::NotificationStatus {
        Pending = "pending", Delivered = "delivered", Dead = "dead", Held = "held",
    }
}

words! {
    /// Where the delivery to one target stands.
    DeliveryStatus of store::DeliveryStatus {
        Due = "due", Delivered = "delivered", Folded = "folded", Dead = "dead", Held = "held", Spread = "spread",
    }
}

/// Who acts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Actor {
    /// A person, an agent, or Stormbell itself.
    pub(crate) kind: ActorKind,
    /// The name of the key.
    pub(crate) name: String,
}

impl From<&model::Actor> for Actor {
    fn from(actor: &model::Actor) -> Self {
        Self { kind: actor.kind.into(), name: actor.name.clone() }
    }
}
