//! The body of a request that is text of another kind than JSON: YAML, iCalendar. At most what the route allows.
//!
//! Invariant: its kind is looked at when it is read, so that who may not is told so first.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{StatusCode, header};
use model::id::KeyHasher;

use crate::problem::{Code, Problem};

/// A body and the kind it says it is.
#[derive(Debug)]
pub(crate) struct TextBody {
    bytes: Bytes,
    kind: String,
}

impl TextBody {
    /// The text, if it is of one of these kinds and UTF-8; `code` says what it is not otherwise.
    pub(crate) fn text(&self, kinds: &[&str], code: Code) -> Result<&str, Problem> {
        if !kinds.contains(&self.kind.as_str()) {
            let wanted = kinds.first().copied().unwrap_or_default();
            let detail = format!("send `Content-Type: {wanted}`");
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        std::str::from_utf8(&self.bytes).map_err(|_| Problem::new(code, "the body is not UTF-8"))
    }

    /// The kind it says it is, in lower case and without parameters.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// A hash of its bytes, to recognise a repeated request by.
    pub(crate) fn hash(&self) -> u64 {
        let digest = KeyHasher::default().part(&self.bytes).finish();
        u64::try_from(digest >> 64).unwrap_or_default()
    }
}

impl<S: Send + Sync> FromRequest<S> for TextBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let headers = request.headers();
        if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            let detail = "the body may not be compressed here";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        let kind = kind.trim().to_ascii_lowercase();
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let too_large = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
            let code = if too_large { Code::BodyTooLarge } else { Code::InvalidHeader };
            Problem::new(code, rejection.body_text())
        })?;
        Ok(Self { bytes, kind })
    }
}
