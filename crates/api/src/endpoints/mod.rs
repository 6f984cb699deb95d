//! Endpoints: where notifications are sent. Their secrets go in and never come out again.
//!
//! Refuses to know: how any channel speaks; that is behind the port `Channels`.

mod confirm_page;
mod document;
mod pace;
mod probe;
mod standing;
mod verification;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Actor, EndpointId, ProjectId, Scope};
use store::EndpointRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::default_routes;
use crate::directory;
use crate::idempotency::Created;
use crate::problem::Problem;
use crate::request::{Call, Id, JsonBody, Parameters};
use crate::versions;

use document::{EndpointDocument, EndpointList, NewEndpoint, Read};

pub(crate) use document::{read_channel, read_standing, shown_config};
pub(crate) use pace::Pace;
pub(crate) use standing::settle;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_endpoints, create_endpoint))
        .routes(routes!(get_endpoint, put_endpoint, delete_endpoint))
        .routes(routes!(probe::test_endpoint))
        .routes(routes!(probe::preview_endpoint))
        .merge(verification::routes())
}

/// List endpoints
#[utoipa::path(
    get, path = "/v1/endpoints", tag = "endpoints",
    params(("subscriber" = Option<String>, Query, description = "those of this subscriber")),
    responses((status = 200, description = "The endpoints, by creation; never a secret", body = EndpointList)),
)]
async fn list_endpoints(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<EndpointList>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["subscriber"])?;
    let owner = parameters.subscriber()?;
    let rows = api.ports().store.endpoints(call.project()).await?;
    let wanted = rows.iter().filter(|row| owner.is_none_or(|owner| row.subscriber == owner));
    Ok(Json(EndpointList { items: wanted.map(EndpointDocument::from).collect() }))
}

/// Create an endpoint
///
/// Whoever manages the project vouches for it: it is verified at once. With `verify`, or where the server asks for
/// it, its owner has to confirm it: it is sent a challenge at once, and nothing else before that is answered.
#[utoipa::path(
    post, path = "/v1/endpoints", tag = "endpoints",
    request_body = NewEndpoint,
    responses((status = 201, description = "The endpoint, without secrets", body = EndpointDocument), (status = 422, description = "`invalid_fields` with every bad field, those of the configuration as `config.…`, or `limit_reached`")),
)]
async fn create_endpoint(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let mut made = None;
    let create = create(&api, &call, &body, &mut made);
    let created_once = api.idempotency().once(&api, &call, body.hash(), create).await?;
    // A challenge takes a while, and those who repeat a request do not wait for it.
    match made.filter(|row| row.verified_at.is_none()) {
        Some(row) => Ok(created(&challenged(&api, row).await?.1)?.into_response()),
        None => Ok(created_once.into_response()),
    }
}

/// Get one endpoint
#[utoipa::path(
    get, path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = String, Path, description = "id of the endpoint")),
    responses((status = 200, description = "The endpoint; in place of a secret stands `{\"set\": true}`", body = EndpointDocument), (status = 404, description = "No such endpoint in the project")),
)]
async fn get_endpoint(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    Ok(answer(&find(&api, call.project(), &id).await?))
}

/// Replace an endpoint
///
/// A secret that is not given, or given as `{"set": true}`, stays what it was while the channel stays the
/// same. With `version` (or `If-Match`) somebody else's change meanwhile is not overwritten. An endpoint that its owner
/// has to confirm is no longer verified where it then sends elsewhere, and is sent a new challenge.
#[utoipa::path(
    put, path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = String, Path, description = "id of the endpoint"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewEndpoint,
    responses((status = 200, description = "The endpoint, without secrets", body = EndpointDocument), (status = 404, description = "No such endpoint in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_endpoint(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = find(&api, call.project(), &id).await?;
    let read = document::read(&api, &call, body.object()?, Some(&current)).await?;
    let expected = versions::expected(&call, read.said, current.version)?;
    let saved = save(&api, read.row, Some(expected), &call.actor()).await?;
    default_routes::follow(&api, call.project(), Some(saved.subscriber), &call.actor()).await;
    if saved.subscriber != current.subscriber {
        default_routes::follow(&api, call.project(), Some(current.subscriber), &call.actor()).await;
    }
    if !read.is_due {
        return Ok(answer(&saved));
    }
    let (row, document) = challenged(&api, saved).await?;
    Ok(versions::answer(StatusCode::OK, &document, row.version))
}

/// Remove an endpoint
///
/// Rules may still name it: what is due there becomes a dead letter.
#[utoipa::path(
    delete, path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = String, Path, description = "id of the endpoint"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such endpoint in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_endpoint(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    let (store, project) = (&api.ports().store, call.project());
    let current = find(&api, project, &id).await?;
    let expected = versions::expected_of_removal(&call, &parameters, current.version)?;
    let now = api.ports().clock.now();
    let removed = store.delete_endpoint(project, current.id, expected, &call.actor(), now).await;
    removed.map_err(directory::not_removed)?;
    default_routes::follow(&api, project, Some(current.subscriber), &call.actor()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// The endpoint behind an id.
async fn find(api: &Api, project: ProjectId, id: &str) -> Result<EndpointRow, Problem> {
    let missing = || Problem::not_found("endpoint", id);
    let wanted = EndpointId::parse(id).ok_or_else(missing)?;
    api.ports().store.endpoint(project, wanted).await?.ok_or_else(missing)
}

/// Saves an endpoint; answers it with its version.
pub(crate) async fn save(
    api: &Api,
    row: EndpointRow,
    expected: Option<u64>,
    actor: &Actor,
) -> Result<EndpointRow, Problem> {
    let (store, now) = (&api.ports().store, api.ports().clock.now());
    let version = store.put_endpoint(&row, expected, actor, now).await;
    // Names of endpoints need not differ.
    let version = version.map_err(|error| directory::not_saved(error, false))?;
    Ok(EndpointRow { version, ..row })
}

/// Creates an endpoint, and leaves it in `made`.
async fn create(
    api: &Api,
    call: &Call,
    body: &JsonBody,
    made: &mut Option<EndpointRow>,
) -> Result<Created, Problem> {
    let Read { row, .. } = document::read(api, call, body.object()?, None).await?;
    let saved = save(api, row, None, &call.actor()).await?;
    default_routes::follow(api, call.project(), Some(saved.subscriber), &call.actor()).await;
    created(&EndpointDocument::from(&*made.insert(saved)))
}

fn created(document: &EndpointDocument) -> Result<Created, Problem> {
    let location = format!("/v1/endpoints/{}", document.id);
    Ok(Created::new(document, location)?.at_version(document.version))
}

/// Sends a challenge; answers the endpoint and its document as they are then, with what came of it.
async fn challenged(
    api: &Api,
    row: EndpointRow,
) -> Result<(EndpointRow, EndpointDocument), Problem> {
    let (row, said) = standing::challenge(api, row).await?;
    let document = EndpointDocument { verification: Some(said), ..EndpointDocument::from(&row) };
    Ok((row, document))
}

fn answer(row: &EndpointRow) -> Response {
    versions::answer(StatusCode::OK, &EndpointDocument::from(row), row.version)
}
