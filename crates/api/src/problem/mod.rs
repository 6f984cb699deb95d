//! The one place where an error becomes an answer: an RFC 9457 problem document.
//!
//! A handler returns a [`Problem`]; [`answer`] writes it out once the request's id and path are known.
//! Below `/api/v2` it is written as Alertmanager writes errors, a JSON string, because that is the
//! only form its clients can read.
//!
//! Invariant: no cause of an internal error reaches a client; it goes to the log with the request id.

mod code;
mod mapping;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use model::{Duration, FieldError};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use code::Code;
pub(crate) use mapping::{illegal_transition, stale_version};

/// The member that says in how many seconds to come back.
const RETRY_AFTER: &str = "retry_after_seconds";

/// Something to tell the client instead of what it asked for.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: String,
    members: Map<String, Value>,
}

/// One field that is not as it must be.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct FieldProblem {
    /// The field, with an index where it is in a list: `action_items[0].owner`.
    pub(crate) field: String,
    /// A stable word: `missing`, `too_short`, `wrong_type`, `unknown_value`, …
    pub(crate) code: String,
    /// A sentence for a person.
    pub(crate) message: String,
}

/// An error as RFC 9457 writes it, with members of its own by `code`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// Where the code is explained: `/docs/errors/{code}`.
    pub(crate) r#type: String,
    /// The same sentence for every occurrence of the code.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is wrong this time.
    pub(crate) detail: String,
    /// A word that never changes its meaning.
    pub(crate) code: String,
    /// The id of the request, as in `x-request-id` and the log.
    pub(crate) instance: String,
    /// Every bad field at once, where fields are what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fields: Option<Vec<FieldProblem>>,
}

impl Problem {
    /// A problem with what is to be said about this occurrence.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), members: Map::new() }
    }

    /// Adds a member of its own.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Bad fields, all of them.
    #[must_use]
    pub fn fields(code: Code, errors: &[FieldError]) -> Self {
        let detail = match errors {
            [only] => format!("{}: {}", only.field, only.message),
            _ => format!("{} fields are not as they must be", errors.len()),
        };
        let fields: Vec<Value> = errors
            .iter()
            .map(
                |error| json!({"field": error.field, "code": error.code, "message": error.message}),
            )
            .collect();
        Self::new(code, detail).with("fields", fields)
    }

    /// One bad query or path parameter.
    #[must_use]
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameter, format!("{name}: {}", detail.into()))
            .with("parameter", name)
    }

    /// It was done just now; it may be done again after `wait`.
    pub(crate) fn rate_limited(detail: impl Into<String>, wait: Duration) -> Self {
        let seconds = wait.micros().div_ceil(1_000_000).max(1);
        Self::new(Code::RateLimited, detail).with(RETRY_AFTER, seconds)
    }

    /// Nothing of that kind with that id in the project.
    #[must_use]
    pub fn not_found(what: &str, id: &str) -> Self {
        let shown: String = id.chars().take(80).collect();
        Self::new(Code::NotFound, format!("there is no {what} `{shown}` in this project"))
    }

    /// Our own fault: the cause goes to the log, a plain sentence to the client.
    #[must_use]
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let mut chain = cause.to_string();
        let mut source = cause.source();
        while let Some(inner) = source {
            chain.push_str(": ");
            chain.push_str(&inner.to_string());
            source = inner.source();
        }
        tracing::error!(cause = %chain, "a request failed on our side");
        Self::new(
            Code::Internal,
            "the request could not be answered; the log has the cause under this request id",
        )
    }

    /// What is wrong.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// What is wrong this time, as a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// `field code` of every bad field.
    #[cfg(test)]
    pub(crate) fn field_codes(&self) -> Vec<String> {
        let fields = self.members.get("fields").and_then(Value::as_array);
        let word = |field: &Value, name: &str| field[name].as_str().unwrap_or_default().to_owned();
        fields
            .into_iter()
            .flatten()
            .map(|field| format!("{} {}", word(field, "field"), word(field, "code")))
            .collect()
    }

    fn document(&self, request_id: &str) -> Vec<u8> {
        let mut document = json!({
            "type": format!("/docs/errors/{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status().as_u16(),
            "detail": self.detail,
            "code": self.code.as_str(),
            "instance": request_id,
        });
        if let Value::Object(map) = &mut document {
            map.extend(self.members.clone());
        }
        document.to_string().into_bytes()
    }
}

/// The answer with its problem, if it carries one, written out.
pub(crate) fn answer(mut response: Response, path: &str, request_id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let (kind, bytes) = if speaks_alertmanager(path) {
            let text = format!("{}: {}", problem.code.as_str(), problem.detail);
            ("application/json", Value::String(text).to_string().into_bytes())
        } else {
            ("application/problem+json", problem.document(request_id))
        };
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = Body::from(bytes);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

fn speaks_alertmanager(path: &str) -> bool {
    path.starts_with("/api/v2/") || (path.starts_with("/k/") && path.contains("/api/v2/"))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        match self.code.status() {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer realm=\"stormbell\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let seconds = self.members.get(RETRY_AFTER).and_then(Value::as_u64).unwrap_or(1);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}
