//! Silences and maintenance windows: what nobody is told for a while.
//!
//! Invariant: a silence is never removed; it is let expire, so that what it held back can be explained.

mod document;
mod preview;

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

use document::{NewSilence, SilenceDocument, SilencePage};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_silences, create_silence))
        .routes(routes!(get_silence, put_silence, expire_silence))
        .routes(routes!(preview::preview_silence))
}

/// List silences
///
/// Pending, active and expired ones, for as long as they are remembered.
#[utoipa::path(
    get, path = "/v1/silences", tag = "silences", operation_id = "list_project_silences",
    params(
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of silences", body = SilencePage)),
)]
async fn list_silences(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<SilencePage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["limit", "cursor"])?;
    let (page, next_cursor) =
        directives::page::<SilenceDocument>(&api, &call, &parameters, None).await?;
    let items = page.items.iter().filter_map(|it| SilenceDocument::show(&api, it)).collect();
    Ok(Json(SilencePage { items, next_cursor, total: page.total }))
}

/// Create a silence
///
/// While it lasts, what fits it is told to nobody; it is recorded as held back, and can be listed.
#[utoipa::path(
    post, path = "/v1/silences", tag = "silences",
    request_body = NewSilence,
    responses((status = 201, description = "The silence", body = SilenceDocument), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_silence(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let (directive, _) = read(&api, &call, body.object()?, None)?;
    directives::save::<SilenceDocument>(&api, &call, directive, None, body.hash()).await
}

/// Get one silence
#[utoipa::path(
    get, path = "/v1/silences/{id}", tag = "silences", operation_id = "get_project_silence",
    params(("id" = String, Path, description = "id of the silence")),
    responses((status = 200, description = "The silence", body = SilenceDocument), (status = 404, description = "No such silence in the project")),
)]
async fn get_silence(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let silence = directives::find::<SilenceDocument>(&api, call.project(), &id).await?;
    directives::answer::<SilenceDocument>(&api, &silence, StatusCode::OK)
}

/// Replace a silence
///
/// With `version` (or `If-Match`) somebody else's change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/silences/{id}", tag = "silences",
    params(("id" = String, Path, description = "id of the silence"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewSilence,
    responses((status = 200, description = "The silence", body = SilenceDocument), (status = 404, description = "No such silence in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_silence(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = directives::find::<SilenceDocument>(&api, call.project(), &id).await?;
    let (directive, said) = read(&api, &call, body.object()?, Some(&current))?;
    let expected = versions::expected(&call, said, current.version)?;
    directives::save::<SilenceDocument>(&api, &call, directive, Some(expected), body.hash()).await
}

/// Let a silence expire
///
/// It ends now and can still be read. One that has expired already stays as it is.
#[utoipa::path(
    delete, path = "/v1/silences/{id}", tag = "silences",
    params(("id" = String, Path, description = "id of the silence"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Expired"), (status = 404, description = "No such silence in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn expire_silence(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    let silence = directives::find::<SilenceDocument>(&api, call.project(), &id).await?;
    match &silence.body {
        // The engine ends it, with the journal's time.
        DirectiveBody::Silence(silence) if silence.ends_at > api.ports().clock.now() => {
            directives::remove::<SilenceDocument>(&api, &call, &id, &parameters).await
        }
        _ => {
            versions::expected_of_removal(&call, &parameters, silence.version)?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

/// Reads a silence that is new, or put in the place of `before`; and the version the sender has seen.
fn read(
    api: &Api,
    call: &Call,
    mut fields: Fields,
    before: Option<&Directive>,
) -> Result<(Directive, Option<u64>), Problem> {
    let author = call.actor().name;
    let (name, silence) = document::read(&mut fields, api.ports().clock.now(), author);
    let said = fields.version().filter(|_| before.is_some());
    fields.echoed(before.map(|it| it.id.to_string()).as_deref(), &["updated_at", "state"]);
    fields.finish()?;
    let directive = directives::new(call.project(), name, DirectiveBody::Silence(silence));
    let id = before.map_or(directive.id, |before| before.id);
    Ok((Directive { id, ..directive }, said))
}
