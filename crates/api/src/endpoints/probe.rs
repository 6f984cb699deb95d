//! Trying an endpoint out: a test message that is really sent, and a preview of one that is not.

use axum::Json;
use axum::extract::State;
use model::{NotificationId, ProjectId, Scope};
use serde::Serialize;
use serde_json::Map;
use store::EndpointRow;
use utoipa::ToSchema;

use super::document::within_config;
use super::find;
use super::pace::Unasked;
use super::standing::{permitted, too_soon};
use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::{Call, Fields, Id, JsonBody, Parameters};

/// What came of a test message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EndpointTest {
    /// Whether the other side took it.
    delivered: bool,
    /// The status of the protocol: HTTP's, or the reply code of SMTP; 0 where there was none.
    status: u16,
    /// What was answered or what went wrong, cut short.
    answer: String,
    /// How long it took, in milliseconds.
    took_ms: u64,
}

/// What an endpoint would be sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EndpointPreview {
    /// The message as text: for a webhook its body.
    preview: String,
}

/// What to preview.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct PreviewOf {
    /// A notification to show; a sample where not said.
    #[schema(format = "uuid")]
    notification_id: Option<String>,
}

/// Send a test message
///
/// It is sent at once, marked as a test, and the answer of the other side is the answer here. Nothing is kept. Where
/// nobody has verified the endpoint, tests keep the pace of challenges.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/test", tag = "endpoints",
    params(("id" = String, Path, description = "id of the endpoint")),
    responses((status = 200, description = "What came of it, delivered or not", body = EndpointTest), (status = 404, description = "No such endpoint in the project"), (status = 429, description = "`rate_limited`: the endpoint is not verified; `Retry-After` says when to come back")),
)]
pub(super) async fn test_endpoint(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<EndpointTest>, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let endpoint = find(&api, call.project(), &id).await?;
    let subscriber = owner(&api, &endpoint).await?;
    if endpoint.verified_at.is_none() {
        permitted(&api, Unasked::Test, &endpoint)
            .map_err(|wait| Problem::rate_limited(too_soon(wait), wait))?;
    }
    let tested = api.ports().channels.test(&endpoint, &subscriber).await;
    Ok(Json(EndpointTest {
        delivered: tested.delivered,
        status: tested.status,
        answer: tested.answer,
        took_ms: tested.took.micros() / 1_000,
    }))
}

/// Preview a message
///
/// What the endpoint would be sent about a notification, or about a sample, as without a body. Nothing is sent.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/preview", tag = "endpoints",
    params(("id" = String, Path, description = "id of the endpoint")),
    request_body = PreviewOf,
    responses((status = 200, description = "The message", body = EndpointPreview), (status = 404, description = "No such endpoint in the project"), (status = 422, description = "`invalid_fields`: no such notification, or a template that fails")),
)]
pub(super) async fn preview_endpoint(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: Option<JsonBody>,
) -> Result<Json<EndpointPreview>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let endpoint = find(&api, call.project(), &id).await?;
    let mut fields = match body {
        Some(body) => body.object()?,
        None => Fields::new(Map::new()),
    };
    let mut notification = None;
    if let Some(text) = fields.text("notification_id") {
        notification = notified(&api, call.project(), &text).await?;
        if notification.is_none() {
            let message = "there is no such notification in this project";
            fields.refuse("notification_id", "unknown_value", message);
        }
    }
    fields.finish()?;
    let subscriber = owner(&api, &endpoint).await?;
    let preview = api.ports().channels.preview(&endpoint, &subscriber, notification.as_ref());
    let preview =
        preview.map_err(|errors| Problem::fields(Code::InvalidFields, &within_config(errors)))?;
    Ok(Json(EndpointPreview { preview }))
}

async fn notified(
    api: &Api,
    project: ProjectId,
    id: &str,
) -> Result<Option<model::Notification>, Problem> {
    let Some(id) = NotificationId::parse(id) else { return Ok(None) };
    let view = api.ports().store.notification(project, id).await?;
    Ok(view.map(|view| view.notification))
}

/// The name of the subscriber who owns an endpoint.
pub(super) async fn owner(api: &Api, endpoint: &EndpointRow) -> Result<String, Problem> {
    let row = api.ports().store.subscriber(endpoint.project, endpoint.subscriber).await?;
    Ok(row.map(|row| row.name).unwrap_or_default())
}
