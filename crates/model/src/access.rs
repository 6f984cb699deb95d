//! Who may do what: the grant behind a credential, and the port through which doors ask for one.

use crate::command::{Actor, ActorKind};
use crate::id::{KeyId, ProjectId};
use crate::time::Timestamp;

/// One thing a key may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Send signals.
    Ingest,
    /// Read everything of the project.
    Read,
    /// Acknowledge, comment, draft.
    Agent,
    /// Act as a person; administer the project.
    Manage,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Agent, Self::Manage];

    /// The word as the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Agent => "agent",
            Self::Manage => "manage",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether `scope` is in it.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u8) != 0
    }

    /// The scopes in it.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |&scope| self.has(scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | (1 << scope as u8)))
    }
}

/// What a credential stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The key.
    pub key: KeyId,
    /// The project it fixes.
    pub project: ProjectId,
    /// The project's name, to compare with what a body claims.
    pub project_name: String,
    /// The organization it fixes.
    pub organization_name: String,
    /// The name people gave the key.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Records per second it may send; `None` is no limit.
    pub rate_per_second: Option<u32>,
}

impl Grant {
    /// Who acts with it: a key that may manage acts for a person, any other for an agent.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let kind =
            if self.scopes.has(Scope::Manage) { ActorKind::Person } else { ActorKind::Agent };
        Actor { kind, name: self.name.clone() }
    }
}

/// Why a credential grants nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no such key.
    #[error("the key is not known")]
    Unknown,
    /// It was revoked.
    #[error("the key was revoked")]
    Revoked,
    /// It expired.
    #[error("the key has expired")]
    Expired,
}

/// The port through which doors and the API turn a presented secret into a grant. Answers from memory:
/// it stands on the road of every request.
pub trait Access: Send + Sync + 'static {
    /// The grant behind `secret` at `now`.
    ///
    /// # Errors
    /// The key is unknown, revoked or expired.
    fn grant(&self, secret: &str, now: Timestamp) -> Result<std::sync::Arc<Grant>, Denied>;
}
