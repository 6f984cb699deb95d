//! Answers to requests that never pass the engine (keys, projects, subscribers, endpoints, documents) or
//! take several commands, remembered for their `Idempotency-Key`.
//!
//! The answer to some holds a secret that must not be stored: so they are remembered in memory only, the
//! latest [`ANSWERS`] for [`HORIZON`], and a restart forgets them. Requests with a key wait for each other, so that a racing repeat finds the first answer.

use std::collections::VecDeque;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use model::{Duration, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::Call;

/// Answers remembered at most.
const ANSWERS: usize = 1_024;
/// How long one is remembered.
const HORIZON: Duration = Duration::from_secs(3_600);

/// The answers of this process.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<VecDeque<Answered>>);

#[derive(Debug)]
struct Answered {
    key: u128,
    body_hash: u64,
    at: Timestamp,
    created: Created,
}

/// Something that was created or done: its document, where it is, and its version.
#[derive(Debug, Clone)]
pub(crate) struct Created {
    status: StatusCode,
    document: Bytes,
    location: Option<String>,
    version: Option<u64>,
}

impl Remembered {
    /// The first answer to a repeated request, or the answer of `create`, which is then remembered.
    pub(crate) async fn once<F>(
        &self,
        api: &Api,
        call: &Call,
        body_hash: u64,
        create: F,
    ) -> Result<Created, Problem>
    where
        F: Future<Output = Result<Created, Problem>>,
    {
        let Some(key) = call.idempotency()? else { return create.await };
        let now = api.ports().clock.now();
        let mut answers = self.0.lock().await;
        forget(&mut answers, now);
        match answers.iter().find(|answered| answered.key == key) {
            Some(first) if first.body_hash == body_hash => Ok(first.created.clone()),
            Some(_) => Err(Problem::new(
                Code::IdempotencyKeyReused,
                "the same Idempotency-Key came before with another body; use a new one",
            )),
            None => {
                let created = create.await?;
                answers.push_back(Answered { key, body_hash, at: now, created: created.clone() });
                Ok(created)
            }
        }
    }
}

fn forget(answers: &mut MutexGuard<'_, VecDeque<Answered>>, now: Timestamp) {
    let old = |answered: &Answered| now.since(answered.at) > HORIZON;
    while answers.len() >= ANSWERS || answers.front().is_some_and(old) {
        answers.pop_front();
    }
}

impl Created {
    /// What was created, as JSON.
    pub(crate) fn new(document: &impl serde::Serialize, location: String) -> Result<Self, Problem> {
        let document = serde_json::to_vec(document).map_err(|error| Problem::internal(&error))?;
        let (status, location) = (StatusCode::CREATED, Some(location));
        Ok(Self { status, document: document.into(), location, version: None })
    }

    /// What was done, as JSON; it is nowhere to be read again.
    pub(crate) fn done(
        status: StatusCode,
        document: &impl serde::Serialize,
    ) -> Result<Self, Problem> {
        let created = Self::new(document, String::new())?;
        Ok(Self { status, location: None, ..created })
    }

    /// The same with its version, for the `ETag`.
    pub(crate) fn at_version(self, version: u64) -> Self {
        Self { version: Some(version), ..self }
    }
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let mut response = (self.status, self.document).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, json);
        let location = self.location.and_then(|text| HeaderValue::from_str(&text).ok());
        headers.extend(location.map(|value| (header::LOCATION, value)));
        let tag = self.version.and_then(|it| HeaderValue::from_str(&format!("\"{it}\"")).ok());
        headers.extend(tag.map(|value| (header::ETAG, value)));
        response
    }
}
