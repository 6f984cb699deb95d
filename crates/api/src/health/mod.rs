//! How the server is, for orchestrators, operators and Prometheus. Needs no key and says nothing about
//! anybody's data.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ports::{Health, PartHealth, PartStatus};
use crate::{Api, instant};

/// How the server is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HealthDocument {
    /// The worst of the parts: `up`, `degraded` or `down`.
    pub(crate) status: &'static str,
    /// Whether signals can be acknowledged durably now.
    pub(crate) ready: bool,
    /// Why not, in a sentence.
    #[schema(required)]
    pub(crate) reason: Option<String>,
    /// What is running.
    pub(crate) version: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    /// `disk`, or `os` where an acknowledgement does not wait for the disk.
    pub(crate) durability: &'static str,
    /// Records that wait to be made durable.
    pub(crate) queue_records: u64,
    /// Records the engine is behind the journal.
    pub(crate) engine_lag_records: u64,
    /// Records the lake is behind the journal.
    pub(crate) lake_lag_records: u64,
    /// Bytes left on the disk that holds the data.
    #[schema(required)]
    pub(crate) disk_left_bytes: Option<u64>,
    /// The parts.
    pub(crate) parts: Vec<PartDocument>,
}

/// How one part is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PartDocument {
    /// `journal`, `engine`, `store`, `lake`, …
    pub(crate) name: &'static str,
    /// `up`, `degraded` or `down`.
    pub(crate) status: &'static str,
    /// How long it took to answer, in microseconds; null where nothing was asked.
    #[schema(required)]
    pub(crate) latency_us: Option<u64>,
    /// A sentence where there is something to say.
    #[schema(required)]
    pub(crate) detail: Option<String>,
}

/// Whether signals can be acknowledged durably now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReadyDocument {
    /// Whether they can.
    pub(crate) ready: bool,
    /// Why not, in a sentence.
    #[schema(required)]
    pub(crate) reason: Option<String>,
}

/// The process runs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AliveDocument {
    /// `up`
    pub(crate) status: &'static str,
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(alive))
        .routes(routes!(ready))
        .routes(routes!(health))
        .routes(routes!(metrics))
        .routes(routes!(alertmanager_healthy))
        .routes(routes!(alertmanager_ready))
}

/// Whether the process runs
///
/// Asks nothing of any part.
#[utoipa::path(
    get, path = "/livez", tag = "health", security(()),
    responses((status = 200, description = "It runs", body = AliveDocument)),
)]
async fn alive() -> Json<AliveDocument> {
    Json(AliveDocument { status: "up" })
}

/// Whether signals can be acknowledged durably now
#[utoipa::path(
    get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, description = "They can", body = ReadyDocument), (status = 503, description = "They cannot, and why", body = ReadyDocument)),
)]
async fn ready(State(api): State<Api>) -> (StatusCode, Json<ReadyDocument>) {
    match api.ports().health.ready().await {
        Ok(()) => (StatusCode::OK, Json(ReadyDocument { ready: true, reason: None })),
        Err(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(ReadyDocument { ready: false, reason: Some(reason) }),
        ),
    }
}

/// How every part is
///
/// 503 when a part is down.
#[utoipa::path(
    get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, description = "Everything is up, or degraded", body = HealthDocument), (status = 503, description = "A part is down", body = HealthDocument)),
)]
async fn health(State(api): State<Api>) -> (StatusCode, Json<HealthDocument>) {
    let ports = api.ports();
    let ready = ports.health.ready().await;
    let document = document(&api, &ports.health.health().await, ready.err());
    let down = document.status == PartStatus::Down.as_str();
    (if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, Json(document))
}

fn document(api: &Api, health: &Health, reason: Option<String>) -> HealthDocument {
    let build = &api.ports().build;
    let worst = health.parts.iter().map(|part| part.status).max().unwrap_or(PartStatus::Up);
    // What cannot acknowledge is not up, whatever its parts say.
    let worst = if reason.is_some() { worst.max(PartStatus::Degraded) } else { worst };
    HealthDocument {
        status: worst.as_str(),
        ready: reason.is_none(),
        reason,
        version: build.version.clone(),
        started_at: instant::write(build.started_at),
        durability: health.durability,
        queue_records: health.queue_records,
        engine_lag_records: health.engine_lag_records,
        lake_lag_records: health.lake_lag_records,
        disk_left_bytes: health.disk_left_bytes,
        parts: health.parts.iter().map(PartDocument::from).collect(),
    }
}

impl From<&PartHealth> for PartDocument {
    fn from(part: &PartHealth) -> Self {
        Self {
            name: part.name,
            status: part.status.as_str(),
            latency_us: part.latency_us,
            detail: (!part.detail.is_empty()).then(|| part.detail.clone()),
        }
    }
}

/// Metrics
///
/// In the text form Prometheus reads.
#[utoipa::path(
    get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain; version=0.0.4")),
)]
async fn metrics(State(api): State<Api>) -> Response {
    let mut text = String::with_capacity(16 << 10);
    api.ports().metrics.render(&mut text);
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Whether the process runs, as Alertmanager says it
#[utoipa::path(
    get, path = "/-/healthy", tag = "alertmanager", security(()),
    responses((status = 200, description = "OK", body = String, content_type = "text/plain")),
)]
async fn alertmanager_healthy() -> &'static str {
    "OK"
}

/// Whether signals can be acknowledged durably now, as Alertmanager says it
#[utoipa::path(
    get, path = "/-/ready", tag = "alertmanager", security(()),
    responses((status = 200, description = "OK", body = String, content_type = "text/plain"), (status = 503, description = "Why not", body = String, content_type = "text/plain")),
)]
async fn alertmanager_ready(State(api): State<Api>) -> (StatusCode, String) {
    match api.ports().health.ready().await {
        Ok(()) => (StatusCode::OK, "OK".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}
