//! The REST API: incidents and their analyses, who is told and what came of it, administration, health, and
//! Alertmanager's API v2 but for the door of alerts, as a router to be served. Its OpenAPI document is generated
//! from these handlers.
//!
//! Refuses to know: the engine, how signals come in, how bytes become durable. Everything that changes
//! an incident, a policy or a directive is a command that goes down the [`Road`]; everything else is a row of the
//! store.
//!
//! Invariant: a handler sees the project of the caller's key and nothing of any other, but for projects and keys,
//! which an [`administrator`] sees and makes for all; every error is a problem document made in `problem`.

mod administrator;
mod alertmanager;
mod dead_letters;
mod default_routes;
mod directives;
mod directory;
mod endpoints;
mod escalations;
mod explain;
mod health;
mod idempotency;
mod import;
mod incident_page;
mod incidents;
mod inhibitions;
mod instant;
mod keyless;
mod keys;
mod notifications;
mod on_call;
mod openapi;
mod policies;
mod ports;
mod problem;
mod projects;
mod references;
mod request;
mod rules;
mod rules_file;
mod silences;
mod subscribers;
mod versions;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use model::limits;

pub use keyless::without_keys;
pub use ports::{
    AskedConfig, Build, Challenged, Channels, CheckedConfig, Claim, Clock, Health, HealthSource,
    KeysChanged, MetricsSource, PartHealth, PartStatus, Patience, Ports, Road, RoadError, Tested,
    TokenError,
};
pub use problem::{Code, Problem};

use alertmanager::Renderings;
use endpoints::Pace;
use idempotency::Idempotency;
use incident_page::IncidentPage;
use openapi::Reference;
use request::Behind;
use rules::DryRuns;

/// The API, wired to its ports. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Wired>);

struct Wired {
    ports: Ports,
    renderings: Renderings,
    idempotency: Idempotency,
    pace: Pace,
    dry_runs: DryRuns,
    reference: Reference,
    incident_page: IncidentPage,
    /// Whether default routes may not follow their endpoints yet.
    default_routes_owed: AtomicBool,
}

impl Api {
    /// An API on these ports.
    #[must_use]
    pub fn new(ports: Ports) -> Self {
        let (_, document) = openapi::assemble();
        let reference = Reference::new(&document, &ports.build.version);
        let (renderings, idempotency) = (Renderings::default(), Idempotency::default());
        let (pace, default_routes_owed) = (Pace::default(), AtomicBool::new(true));
        Self(Arc::new(Wired {
            ports,
            renderings,
            idempotency,
            pace,
            dry_runs: DryRuns::default(),
            reference,
            incident_page: IncidentPage::new(),
            default_routes_owed,
        }))
    }

    /// Everything it serves. Bodies are limited to 1 MiB; errors are problem documents; an `x-request-id`
    /// that the request carries is kept, and one is made where it carries none.
    pub fn router(&self) -> Router {
        let (routes, _) = openapi::assemble();
        let below_key: Router<Self> = alertmanager::routes().merge(on_call::feeds()).into();
        routes
            .nest("/k/{key}", below_key)
            .fallback(no_such_route)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(DefaultBodyLimit::max(limits::SIGNAL_BYTES))
            .layer(from_fn(finish))
            .with_state(self.clone())
    }

    /// The OpenAPI 3.1 document, as served at `/v1/openapi.json`.
    #[must_use]
    pub fn openapi(&self) -> &[u8] {
        self.0.reference.document()
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.0.ports
    }

    pub(crate) fn renderings(&self) -> &Renderings {
        &self.0.renderings
    }

    pub(crate) fn idempotency(&self) -> &Idempotency {
        &self.0.idempotency
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    pub(crate) fn dry_runs(&self) -> &DryRuns {
        &self.0.dry_runs
    }

    pub(crate) fn reference(&self) -> &Reference {
        &self.0.reference
    }

    pub(crate) fn incident_page(&self) -> &IncidentPage {
        &self.0.incident_page
    }

    pub(crate) fn owe_default_routes(&self) {
        self.0.default_routes_owed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_owed_default_routes(&self) -> bool {
        self.0.default_routes_owed.swap(false, Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("build", &self.0.ports.build).finish_non_exhaustive()
    }
}

async fn no_such_route(method: Method, uri: Uri) -> Response {
    // The doors stand before this router and take what is posted to them.
    if openapi::is_door(uri.path()) {
        let mut refused = method_not_allowed(method, uri).await;
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return refused;
    }
    Problem::new(
        Code::NoSuchRoute,
        format!("there is nothing at `{}`; /v1/docs lists what there is", shown(&uri)),
    )
    .into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    Problem::new(Code::MethodNotAllowed, format!("`{}` does not speak {method}", shown(&uri)))
        .into_response()
}

/// The path as an answer repeats it.
fn shown(uri: &Uri) -> String {
    without_keys(uri.path()).chars().take(200).collect()
}

/// Around everything: the request's id, problems written out, and headers that hold for every answer.
async fn finish(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let path = request.uri().path().to_owned();
    let behind = Behind::default();
    request.extensions_mut().insert(behind.clone());
    let mut response = problem::answer(next.run(request).await, &path, &id);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if behind.0.load(Ordering::Relaxed) {
        headers
            .insert(HeaderName::from_static("stormbell-behind"), HeaderValue::from_static("true"));
    }
    response
}

/// The id the request carries; a new one where it carries none.
fn request_id(request: &Request) -> String {
    carried_request_id(request.headers())
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// The id that a request carries in `x-request-id`, where it is a plain word of at most 128 characters: letters,
/// digits, `-`, `_`, `.` and `:`.
#[must_use]
pub fn carried_request_id(headers: &HeaderMap) -> Option<&str> {
    let plain = |text: &&str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    headers.get("x-request-id").and_then(|value| value.to_str().ok()).filter(plain)
}
