//! Versions of what people change: the one a caller has seen against the one there is, and answers
//! that carry theirs as `ETag`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::{Problem, stale_version};
use crate::request::{Call, Parameters};

/// A document at a version.
pub(crate) fn answer(status: StatusCode, document: &impl Serialize, version: u64) -> Response {
    let mut response = (status, Json(document)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version that a replacement expects: the one in the body where there is one, else the current.
pub(crate) fn expected(call: &Call, said: Option<u64>, current: u64) -> Result<u64, Problem> {
    call.matches(current)?;
    match said {
        Some(said) if said != current => Err(stale_version(current)),
        _ => Ok(current),
    }
}

/// The version that a removal expects: the parameter `version` or `If-Match`, and any where neither is given.
pub(crate) fn expected_of_removal(
    call: &Call,
    parameters: &Parameters,
    current: u64,
) -> Result<Option<u64>, Problem> {
    let said = parameters.one("version")?.map(|text| {
        text.parse::<u64>().map_err(|_| Problem::parameter("version", "it must be a whole number"))
    });
    let said = said.transpose()?;
    let pinned = call.matches(current)?;
    match said {
        Some(said) if said != current => Err(stale_version(current)),
        _ => Ok(said.or(pinned)),
    }
}
