//! The body of a request: JSON, at most 1 MiB, an object.

use axum::body::HttpBody;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use model::id::KeyHasher;
use model::limits;
use serde_json::Value;

use super::Fields;
use crate::problem::{Code, Problem};

/// A body that says it is JSON and is not too large; not parsed yet, so that who may not is told so first.
#[derive(Debug)]
pub(crate) struct JsonBody(Bytes);

impl JsonBody {
    /// Its object.
    pub(crate) fn object(&self) -> Result<Fields, Problem> {
        let value: Value = serde_json::from_slice(&self.0).map_err(|error| {
            let detail =
                if self.0.is_empty() { "the body is empty".to_owned() } else { error.to_string() };
            Problem::new(Code::InvalidJson, detail)
        })?;
        match value {
            Value::Object(map) => Ok(Fields::new(map)),
            _ => Err(Problem::new(Code::InvalidJson, "the body must be a JSON object")),
        }
    }

    /// What it says, read leniently: fields that are not known are ignored.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.0)
            .map_err(|error| Problem::new(Code::InvalidJson, error.to_string()))
    }

    /// A hash of its bytes, to recognise a repeated request by.
    pub(crate) fn hash(&self) -> u64 {
        let digest = KeyHasher::default().part(&self.0).finish().to_be_bytes();
        u64::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ])
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_type(request.headers())?;
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                let detail = format!("a body may have {} bytes", limits::SIGNAL_BYTES);
                Problem::new(Code::BodyTooLarge, detail).with("limit_bytes", limits::SIGNAL_BYTES)
            } else {
                Problem::new(Code::InvalidJson, rejection.body_text())
            }
        })?;
        Ok(Self(bytes))
    }
}

/// For what can be asked without saying anything: no body and no kind of one is `None`, not a kind that is missing.
impl<S: Send + Sync> OptionalFromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        if request.body().is_end_stream() && !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |what: &str| {
        Err(Problem::new(
            Code::UnsupportedMediaType,
            format!("{what}; send `Content-Type: application/json`"),
        ))
    };
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return refuse("the body may not be compressed here");
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return refuse("the body has no content type");
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let suffix_json = essence.starts_with("application/") && essence.ends_with("+json");
    if essence == "application/json" || suffix_json {
        Ok(())
    } else {
        refuse("the body is not JSON by its content type")
    }
}
