//! One call: who calls, and the headers and address that decide what it means.
//!
//! Invariant: a `Call` exists only for a key that is valid now, and everything a handler does with it is
//! limited to the project of that key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{FromRequestParts, OriginalUri};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use model::id::KeyHasher;
use model::{Actor, Command, CommandId, Grant, Operation, ProjectId, Scope, limits};
use serde_json::Value;

use super::credential;
use crate::Api;
use crate::ports::Patience;
use crate::problem::{Code, Problem};

/// Set when the answer may not show everything that was acknowledged before the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behind(pub(crate) Arc<AtomicBool>);

/// A request with a valid key.
#[derive(Debug)]
pub(crate) struct Call {
    grant: Arc<Grant>,
    headers: HeaderMap,
    method: Method,
    path: String,
}

impl Call {
    /// The project that everything is limited to.
    pub(crate) fn project(&self) -> ProjectId {
        self.grant.project
    }

    /// The key's grant.
    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> Actor {
        self.grant.actor()
    }

    /// Refuses a key that has none of `scopes`.
    pub(crate) fn require(&self, scopes: &[Scope]) -> Result<(), Problem> {
        if scopes.iter().any(|&scope| self.grant.scopes.has(scope)) {
            return Ok(());
        }
        let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        Err(Problem::new(
            Code::MissingScope,
            format!("the key needs the scope `{}`", words.join("` or `")),
        )
        .with("scopes", words.into_iter().map(Value::from).collect::<Vec<_>>()))
    }

    /// Refuses when `If-Match` names other versions than `current`; answers `current` where it names it, so
    /// that the change itself can be held to it.
    pub(crate) fn matches(&self, current: u64) -> Result<Option<u64>, Problem> {
        let Some(wanted) = self.if_match()? else { return Ok(None) };
        let current_tag = format!("\"{current}\"");
        if wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag == current_tag) {
            return Ok(Some(current));
        }
        let detail = format!("it is at version {current} by now; read it again");
        Err(Problem::new(Code::PreconditionFailed, detail).with("current", current))
    }

    fn if_match(&self) -> Result<Option<&str>, Problem> {
        let Some(value) = self.headers.get(header::IF_MATCH) else { return Ok(None) };
        value
            .to_str()
            .map(Some)
            .map_err(|_| Problem::new(Code::InvalidHeader, "If-Match is not text"))
    }

    /// The command that asks for `operation`; `body_hash` tells a repeated request from another one
    /// under the same idempotency key.
    pub(crate) fn command(&self, operation: Operation, body_hash: u64) -> Result<Command, Problem> {
        let idempotency = self.idempotency()?.map(|key| (key, body_hash));
        Ok(Command { idempotency, ..self.command_without_key(operation) })
    }

    /// The same, one of several that a request takes: repeats are recognised before any of them is made.
    pub(crate) fn command_without_key(&self, operation: Operation) -> Command {
        Command {
            id: CommandId(uuid::Uuid::now_v7().as_u128()),
            project: self.project(),
            actor: self.actor(),
            idempotency: None,
            operation,
        }
    }

    /// A hash of the `Idempotency-Key`, the route and the project, if there is a key.
    pub(crate) fn idempotency(&self) -> Result<Option<u128>, Problem> {
        let Some(value) = self.headers.get("idempotency-key") else { return Ok(None) };
        let bytes = value.as_bytes();
        if bytes.is_empty() || bytes.len() > limits::IDEMPOTENCY_KEY_BYTES {
            let detail =
                format!("Idempotency-Key must have 1 to {} bytes", limits::IDEMPOTENCY_KEY_BYTES);
            return Err(Problem::new(Code::InvalidIdempotencyKey, detail));
        }
        let mut hasher = KeyHasher::for_project(self.project());
        hasher.part(self.method.as_str().as_bytes()).part(self.path.as_bytes()).part(bytes);
        Ok(Some(hasher.finish()))
    }
}

impl FromRequestParts<Api> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        // Routes below `/k/{key}` are nested: only the original address still holds the key.
        let path = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(parts.uri.path(), |uri| uri.path())
            .to_owned();
        let secret = credential::secret(&parts.headers, &path)?;
        let ports = api.ports();
        let grant = ports.access.grant(&secret, ports.clock.now())?;
        // A client reads its own writes. When that takes too long, what the store has now is better than
        // nothing in the middle of a storm: the answer says that it may be behind.
        if let Err(error) = ports.road.caught_up(patience(&path)).await {
            tracing::debug!(%error, "answering behind the journal");
            if let Some(behind) = parts.extensions.get::<Behind>() {
                behind.0.store(true, Ordering::Relaxed);
            }
        }
        Ok(Self { grant, headers: parts.headers.clone(), method: parts.method.clone(), path })
    }
}

/// Monitors poll the lists of alerts; everything else is read by somebody who asks.
fn patience(path: &str) -> Patience {
    if path.ends_with("/api/v2/alerts") || path.ends_with("/api/v2/alerts/groups") {
        Patience::ShortInStorms
    } else {
        Patience::Long
    }
}
