//! What answers HTTP: the doors first, straight from the connection, and the API's router for the rest.
//! Gives every request an id, takes its trace context into the logs, and times it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use ingest::Doors;
use tower::ServiceExt;

use super::connections::Answer;
use super::metrics::{HttpMeters, Route};

/// An answer: of a door, whole, or of the router.
pub(super) type Body = Either<Full<Bytes>, axum::body::Body>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The doors and the API behind one address.
#[derive(Clone)]
pub(super) struct Front {
    doors: Arc<Doors>,
    router: Router,
    meters: Arc<HttpMeters>,
    ids: Arc<RequestIds>,
}

/// Mints request ids: what is random about them is drawn once.
struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl Front {
    pub(super) fn new(doors: Arc<Doors>, router: Router, meters: Arc<HttpMeters>) -> Self {
        let prefix = uuid::Uuid::now_v7().simple().to_string();
        let ids = RequestIds { prefix: prefix[20..].to_owned(), next: AtomicU64::new(1) };
        Self { doors, router, meters, ids: Arc::new(ids) }
    }
}

impl Front {
    /// What the API answers; a credential that it does not know is counted with those that the doors do not know.
    async fn routed(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let answer = self.router.clone().oneshot(request.map(axum::body::Body::new)).await;
        // The router's error type has no values.
        let answer = answer.unwrap_or_else(|never| match never {});
        if answer.status() == http::StatusCode::UNAUTHORIZED
            && let Some(refused) = self.doors.failed_elsewhere(&path, peer.ip())
        {
            return refused.map(Either::Left);
        }
        answer.map(Either::Right)
    }
}

impl Answer for Front {
    fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static {
        let front = self.clone();
        async move {
            let began = Instant::now();
            let id = front.ids.of(&request);
            let told = tracing::enabled!(target: "http", tracing::Level::DEBUG)
                .then(|| Told::of(&request, peer));
            let (route, mut response) = match Doors::route(request.method(), request.uri().path()) {
                Some(door) => {
                    let answer = front.doors.handle(door, request, Some(peer.ip())).await;
                    (Route::Door, answer.map(Either::Left))
                }
                None => {
                    let route = Route::of(request.uri().path());
                    request.headers_mut().insert(REQUEST_ID, id.clone());
                    // Boxed: a request at a door, of which there are many more, carries no room for it.
                    (route, Box::pin(front.routed(request, peer)).await)
                }
            };
            let took = began.elapsed();
            front.meters.answered(route, response.status(), took);
            if let Some(told) = told {
                told.log(response.status(), took, &id);
            }
            response.headers_mut().insert(REQUEST_ID, id);
            response
        }
    }
}

impl RequestIds {
    /// The id the client gave, or a new one.
    fn of<B>(&self, request: &Request<B>) -> HeaderValue {
        if api::carried_request_id(request.headers()).is_some()
            && let Some(given) = request.headers().get(REQUEST_ID)
        {
            return given.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{}-{number:x}", self.prefix))
            .unwrap_or(HeaderValue::from_static("unknown"))
    }
}

/// What the log says of a request, kept while it is answered.
struct Told {
    method: http::Method,
    path: String,
    peer: SocketAddr,
    trace_parent: String,
    agent: String,
}

impl Told {
    fn of<B>(request: &Request<B>, peer: SocketAddr) -> Self {
        let text = |name: &HeaderName| {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Self {
            method: request.method().clone(),
            path: api::without_keys(request.uri().path()),
            peer,
            trace_parent: text(&TRACE_PARENT),
            agent: text(&header::USER_AGENT),
        }
    }

    fn log(&self, status: http::StatusCode, took: std::time::Duration, id: &HeaderValue) {
        tracing::debug!(
            target: "http",
            method = %self.method,
            path = %self.path,
            status = status.as_u16(),
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            request_id = id.to_str().unwrap_or_default(),
            traceparent = %self.trace_parent,
            peer = %self.peer,
            agent = %self.agent,
            "answered"
        );
    }
}
