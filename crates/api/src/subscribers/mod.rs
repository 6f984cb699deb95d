//! Subscribers: who owns rules. A team inside, a customer, or a person with contact methods.

mod document;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Actor, ProjectId, Scope, SubscriberId};
use store::SubscriberRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::directory;
use crate::idempotency::Created;
use crate::problem::Problem;
use crate::request::{Call, Id, JsonBody, Parameters};
use crate::versions;

use document::{NewSubscriber, SubscriberDocument, SubscriberList};

pub(crate) use document::read_contacts;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_subscribers, create_subscriber)).routes(routes!(
        get_subscriber,
        put_subscriber,
        delete_subscriber
    ))
}

/// List subscribers
#[utoipa::path(
    get, path = "/v1/subscribers", tag = "subscribers",
    responses((status = 200, description = "The subscribers, by name", body = SubscriberList)),
)]
async fn list_subscribers(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<SubscriberList>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let rows = api.ports().store.subscribers(call.project()).await?;
    Ok(Json(SubscriberList { items: rows.iter().map(SubscriberDocument::from).collect() }))
}

/// Create a subscriber
///
/// A team or a customer needs a name only. A person also has contact methods: endpoints in order, each with the
/// time after which it is used while nobody has acknowledged.
#[utoipa::path(
    post, path = "/v1/subscribers", tag = "subscribers",
    request_body = NewSubscriber,
    responses((status = 201, description = "The subscriber", body = SubscriberDocument), (status = 409, description = "`name_taken`"), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_subscriber(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let create = create(&api, &call, &body);
    Ok(api.idempotency().once(&api, &call, body.hash(), create).await?.into_response())
}

/// Get one subscriber
#[utoipa::path(
    get, path = "/v1/subscribers/{id}", tag = "subscribers",
    params(("id" = String, Path, description = "id of the subscriber")),
    responses((status = 200, description = "The subscriber", body = SubscriberDocument), (status = 404, description = "No such subscriber in the project")),
)]
async fn get_subscriber(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    Ok(answer(&find(&api, call.project(), &id).await?))
}

/// Replace a subscriber
///
/// With `version` (or `If-Match`) somebody else's change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/subscribers/{id}", tag = "subscribers",
    params(("id" = String, Path, description = "id of the subscriber"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewSubscriber,
    responses((status = 200, description = "The subscriber", body = SubscriberDocument), (status = 404, description = "No such subscriber in the project"), (status = 409, description = "`stale_version` with the `current` one, or `name_taken`"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_subscriber(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = find(&api, call.project(), &id).await?;
    let (row, said) = document::read(&api, &call, body.object()?, Some(&current)).await?;
    let expected = versions::expected(&call, said, current.version)?;
    Ok(answer(&save(&api, row, Some(expected), &call.actor()).await?))
}

/// Remove a subscriber
///
/// One that has endpoints or rules is kept: remove those first.
#[utoipa::path(
    delete, path = "/v1/subscribers/{id}", tag = "subscribers",
    params(("id" = String, Path, description = "id of the subscriber"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such subscriber in the project"), (status = 409, description = "`in_use`, or `stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_subscriber(
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
    let removed = store.delete_subscriber(project, current.id, expected, &call.actor(), now).await;
    removed.map_err(directory::not_removed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The subscriber behind an id.
pub(crate) async fn find(
    api: &Api,
    project: ProjectId,
    id: &str,
) -> Result<SubscriberRow, Problem> {
    let missing = || Problem::not_found("subscriber", id);
    let wanted = SubscriberId::parse(id).ok_or_else(missing)?;
    api.ports().store.subscriber(project, wanted).await?.ok_or_else(missing)
}

/// Saves a subscriber; answers it with its version.
pub(crate) async fn save(
    api: &Api,
    row: SubscriberRow,
    expected: Option<u64>,
    actor: &Actor,
) -> Result<SubscriberRow, Problem> {
    let (store, now) = (&api.ports().store, api.ports().clock.now());
    match store.put_subscriber(&row, expected, actor, now).await {
        Ok(version) => Ok(SubscriberRow { version, ..row }),
        Err(error) => {
            let others = match directory::is_in_the_way(&error) {
                true => store.subscribers(row.project).await?,
                false => Vec::new(),
            };
            let taken = others.iter().any(|other| other.id != row.id && other.name == row.name);
            Err(directory::not_saved(error, taken))
        }
    }
}

async fn create(api: &Api, call: &Call, body: &JsonBody) -> Result<Created, Problem> {
    let (row, _) = document::read(api, call, body.object()?, None).await?;
    let saved = save(api, row, None, &call.actor()).await?;
    let location = format!("/v1/subscribers/{}", saved.id);
    Ok(Created::new(&SubscriberDocument::from(&saved), location)?.at_version(saved.version))
}

fn answer(row: &SubscriberRow) -> Response {
    versions::answer(StatusCode::OK, &SubscriberDocument::from(row), row.version)
}
