//! Answers to requests that make keys and projects, remembered for their `Idempotency-Key`.
//!
//! These requests never pass the engine, and the answer to one holds a secret that must not be stored:
//! so they are remembered in memory only, the latest [`ANSWERS`] for [`HORIZON`], and a restart
//! forgets them. Requests with a key wait for each other, so that a racing repeat finds the first answer.

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

/// Something that was created: its document and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Created {
    pub(crate) document: Bytes,
    pub(crate) location: String,
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
        Ok(Self { document: document.into(), location })
    }
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let mut response = (StatusCode::CREATED, self.document).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Ok(location) = HeaderValue::from_str(&self.location) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}
