//! Inhibitions: what nobody is told while something worse is known.

mod document;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::{Directive, DirectiveBody, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::directives::{self, Shown};
use crate::problem::Problem;
use crate::request::{Call, Fields, Id, JsonBody, Parameters};
use crate::{Api, versions};

use document::{InhibitionDocument, InhibitionPage, NewInhibition};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_inhibitions, create_inhibition)).routes(routes!(
        get_inhibition,
        put_inhibition,
        delete_inhibition
    ))
}

/// List inhibitions
#[utoipa::path(
    get, path = "/v1/inhibitions", tag = "silences",
    params(
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of inhibitions", body = InhibitionPage)),
)]
async fn list_inhibitions(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<InhibitionPage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["limit", "cursor"])?;
    let (page, next_cursor) =
        directives::page::<InhibitionDocument>(&api, &call, &parameters, None).await?;
    let items = page.items.iter().filter_map(|it| InhibitionDocument::show(&api, it)).collect();
    Ok(Json(InhibitionPage { items, next_cursor, total: page.total }))
}

/// Create an inhibition
///
/// While something fires that fits `source`, what fits `target` and has the same `equal` fields is not told.
#[utoipa::path(
    post, path = "/v1/inhibitions", tag = "silences",
    request_body = NewInhibition,
    responses((status = 201, description = "The inhibition", body = InhibitionDocument), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_inhibition(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let (directive, _) = read(&call, body.object()?, None)?;
    directives::save::<InhibitionDocument>(&api, &call, directive, None, body.hash()).await
}

/// Get one inhibition
#[utoipa::path(
    get, path = "/v1/inhibitions/{id}", tag = "silences",
    params(("id" = String, Path, description = "id of the inhibition")),
    responses((status = 200, description = "The inhibition", body = InhibitionDocument), (status = 404, description = "No such inhibition in the project")),
)]
async fn get_inhibition(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let inhibition = directives::find::<InhibitionDocument>(&api, call.project(), &id).await?;
    directives::answer::<InhibitionDocument>(&api, &inhibition, StatusCode::OK)
}

/// Replace an inhibition
///
/// With `version` (or `If-Match`) somebody else's change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/inhibitions/{id}", tag = "silences",
    params(("id" = String, Path, description = "id of the inhibition"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewInhibition,
    responses((status = 200, description = "The inhibition", body = InhibitionDocument), (status = 404, description = "No such inhibition in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_inhibition(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = directives::find::<InhibitionDocument>(&api, call.project(), &id).await?;
    let (directive, said) = read(&call, body.object()?, Some(&current))?;
    let expected = versions::expected(&call, said, current.version)?;
    directives::save::<InhibitionDocument>(&api, &call, directive, Some(expected), body.hash())
        .await
}

/// Remove an inhibition
///
/// What it held back stays held back.
#[utoipa::path(
    delete, path = "/v1/inhibitions/{id}", tag = "silences",
    params(("id" = String, Path, description = "id of the inhibition"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such inhibition in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_inhibition(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    directives::remove::<InhibitionDocument>(&api, &call, &id, &parameters).await
}

/// Reads an inhibition that is new, or put in the place of `before`; and the version the sender has seen.
fn read(
    call: &Call,
    mut fields: Fields,
    before: Option<&Directive>,
) -> Result<(Directive, Option<u64>), Problem> {
    let (name, inhibition) = document::read(&mut fields);
    let said = fields.version().filter(|_| before.is_some());
    fields.echoed(before.map(|before| before.id.to_string()).as_deref(), &[]);
    fields.finish()?;
    let directive = directives::new(call.project(), name, DirectiveBody::Inhibition(inhibition));
    let id = before.map_or(directive.id, |before| before.id);
    Ok((Directive { id, ..directive }, said))
}
