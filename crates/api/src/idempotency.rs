//! Answers to requests that never pass the engine (keys, projects, subscribers, endpoints, documents) or
//! take several commands, remembered for their `Idempotency-Key`.
//!
//! The answer to some holds a secret that must not be stored: so they are remembered in memory only, the
//! latest [`ANSWERS`] for [`HORIZON`], and a restart forgets them. A request waits for the one with the same key
//! of the same project on the same route, so that a racing repeat finds the first answer; it waits for no other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use model::{Duration, Timestamp};

use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::Call;

/// Answers remembered at most.
const ANSWERS: usize = 1_024;
/// How long one is remembered.
const HORIZON: Duration = Duration::from_secs(3_600);

/// The answers of this process.
#[derive(Debug, Default)]
pub(crate) struct Idempotency(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    answers: VecDeque<Answered>,
    /// Whose turn it is, for each key that is being answered: no more than there are requests.
    turns: BTreeMap<u128, Turns>,
}

#[derive(Debug)]
struct Answered {
    key: u128,
    body_hash: u64,
    at: Timestamp,
    created: Created,
}

/// Requests with one key, one after the other.
#[derive(Debug, Default)]
struct Turns {
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
    requests: usize,
}

/// One of the requests with a key; the last that goes takes the turns along.
struct Queued<'r> {
    remembered: &'r Idempotency,
    key: u128,
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
}

/// Something that was created or done: its document, where it is, and its version.
#[derive(Debug, Clone)]
pub(crate) struct Created {
    status: StatusCode,
    document: Bytes,
    location: Option<String>,
    version: Option<u64>,
}

impl Idempotency {
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
        match call.idempotency()? {
            Some(key) => self.in_turn(key, body_hash, || api.ports().clock.now(), create).await,
            None => create.await,
        }
    }

    /// The same for a key, which is that of one project and route.
    async fn in_turn<F>(
        &self,
        key: u128,
        body_hash: u64,
        now: impl Fn() -> Timestamp,
        create: F,
    ) -> Result<Created, Problem>
    where
        F: Future<Output = Result<Created, Problem>>,
    {
        let queued = self.queue(key);
        let _turn = queued.one_at_a_time.lock().await;
        if let Some(first) = self.recall(key, body_hash, now())? {
            return Ok(first);
        }
        let created = create.await?;
        let mut known = self.known();
        known.forget(now());
        let answered = Answered { key, body_hash, at: now(), created: created.clone() };
        known.answers.push_back(answered);
        Ok(created)
    }

    fn queue(&self, key: u128) -> Queued<'_> {
        let mut known = self.known();
        let turns = known.turns.entry(key).or_default();
        turns.requests += 1;
        Queued { remembered: self, key, one_at_a_time: Arc::clone(&turns.one_at_a_time) }
    }

    fn recall(
        &self,
        key: u128,
        body_hash: u64,
        now: Timestamp,
    ) -> Result<Option<Created>, Problem> {
        let mut known = self.known();
        known.forget(now);
        match known.answers.iter().find(|answered| answered.key == key) {
            Some(first) if first.body_hash == body_hash => Ok(Some(first.created.clone())),
            Some(_) => Err(Problem::new(
                Code::IdempotencyKeyReused,
                "the same Idempotency-Key came before with another body; use a new one",
            )),
            None => Ok(None),
        }
    }

    /// Held for a moment only, never while anything is carried out.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Forgets what is old, and the oldest where there is no room for one more.
    fn forget(&mut self, now: Timestamp) {
        let old = |answered: &Answered| now.since(answered.at) > HORIZON;
        while self.answers.len() >= ANSWERS || self.answers.front().is_some_and(old) {
            self.answers.pop_front();
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut known = self.remembered.known();
        if let Some(turns) = known.turns.get_mut(&self.key) {
            turns.requests -= 1;
            if turns.requests == 0 {
                known.turns.remove(&self.key);
            }
        }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use tokio::sync::oneshot;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn made(number: u64) -> Result<Created, Problem> {
        Created::done(StatusCode::OK, &number)
    }

    fn document(answer: Poll<Result<Created, Problem>>) -> String {
        match answer {
            Poll::Ready(Ok(created)) => String::from_utf8_lossy(&created.document).into_owned(),
            Poll::Ready(Err(problem)) => problem.code().as_str().to_owned(),
            Poll::Pending => "waits".to_owned(),
        }
    }

    /// How far it comes without anybody waking it.
    fn step(
        answer: &mut Pin<&mut impl Future<Output = Result<Created, Problem>>>,
    ) -> Poll<Result<Created, Problem>> {
        answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_request_waits_for_the_one_with_its_key_and_for_no_other() {
        let remembered = Idempotency::default();
        let (go_on, held_up) = oneshot::channel::<()>();
        let runs = Cell::new(0);
        let slow = async {
            runs.set(runs.get() + 1);
            held_up.await.map_err(|error| Problem::internal(&error))?;
            made(1)
        };
        let repeated = async {
            runs.set(runs.get() + 1);
            made(2)
        };
        let mut first = pin!(remembered.in_turn(1, 7, || at(0), slow));
        let mut again = pin!(remembered.in_turn(1, 7, || at(0), repeated));
        let mut other = pin!(remembered.in_turn(2, 7, || at(0), async { made(3) }));
        assert_eq!(document(step(&mut first)), "waits");
        assert_eq!(document(step(&mut again)), "waits");
        assert_eq!(document(step(&mut other)), "3", "another key waits for nobody");
        go_on.send(()).unwrap();
        assert_eq!(document(step(&mut again)), "waits", "it is not its turn");
        assert_eq!(document(step(&mut first)), "1");
        assert_eq!(document(step(&mut again)), "1");
        assert_eq!(runs.get(), 1, "the same key was carried out once");
    }

    #[test]
    fn whoever_gives_up_or_fails_leaves_the_turn_to_the_next() {
        let remembered = Idempotency::default();
        let failed = async { Err(Problem::new(Code::JournalFull, "full")) };
        let mut second = pin!(remembered.in_turn(1, 7, || at(0), failed));
        let mut third = pin!(remembered.in_turn(1, 7, || at(0), async { made(3) }));
        {
            let mut first = pin!(remembered.in_turn(1, 7, || at(0), std::future::pending()));
            assert_eq!(document(step(&mut first)), "waits");
            assert_eq!(document(step(&mut second)), "waits");
            assert_eq!(document(step(&mut third)), "waits");
        }
        assert_eq!(document(step(&mut second)), "journal_full", "a refusal is not remembered");
        assert_eq!(document(step(&mut third)), "3");
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_an_end() {
        let remembered = Idempotency::default();
        let ask = |key: u128, second: i64| {
            let mut answer = pin!(remembered.in_turn(key, 7, || at(second), async { made(9) }));
            document(step(&mut answer))
        };
        let keys = ANSWERS as u128 * 2;
        assert!((0..keys).all(|key| ask(key, 0) == "9"));
        assert_eq!(remembered.known().answers.len(), ANSWERS);
        assert!(remembered.known().turns.is_empty(), "a key takes room while it is answered only");
        ask(keys, 3_601);
        assert_eq!(remembered.known().answers.len(), 1);
        let mut other = pin!(remembered.in_turn(keys, 8, || at(3_601), async { made(1) }));
        assert_eq!(document(step(&mut other)), "idempotency_key_reused");
    }
}
