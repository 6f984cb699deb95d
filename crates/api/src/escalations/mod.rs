//! Escalation policies: who is told next when nobody answers.

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
use crate::references::References;
use crate::request::{Call, Fields, Id, JsonBody, Parameters};
use crate::{Api, versions};

use document::{EscalationDocument, EscalationPage, NewEscalation};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_escalations, create_escalation)).routes(routes!(
        get_escalation,
        put_escalation,
        delete_escalation
    ))
}

/// List escalation policies
#[utoipa::path(
    get, path = "/v1/escalations", tag = "rules",
    params(
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of escalation policies", body = EscalationPage)),
)]
async fn list_escalations(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<EscalationPage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["limit", "cursor"])?;
    let (page, next_cursor) =
        directives::page::<EscalationDocument>(&api, &call, &parameters, None).await?;
    let items = page.items.iter().filter_map(|it| EscalationDocument::show(&api, it)).collect();
    Ok(Json(EscalationPage { items, next_cursor, total: page.total }))
}

/// Create an escalation policy
///
/// It runs for a rule that names it, from `opened` and `reopened` on, until somebody acknowledges.
#[utoipa::path(
    post, path = "/v1/escalations", tag = "rules",
    request_body = NewEscalation,
    responses((status = 201, description = "The policy", body = EscalationDocument), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_escalation(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let (directive, _) = read(&api, &call, body.object()?, None).await?;
    directives::save::<EscalationDocument>(&api, &call, directive, None, body.hash()).await
}

/// Get one escalation policy
#[utoipa::path(
    get, path = "/v1/escalations/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "The policy", body = EscalationDocument), (status = 404, description = "No such policy in the project")),
)]
async fn get_escalation(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let policy = directives::find::<EscalationDocument>(&api, call.project(), &id).await?;
    directives::answer::<EscalationDocument>(&api, &policy, StatusCode::OK)
}

/// Replace an escalation policy
///
/// What already runs goes on by the new steps. With `version` (or `If-Match`) somebody else's change
/// meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/escalations/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the policy"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewEscalation,
    responses((status = 200, description = "The policy", body = EscalationDocument), (status = 404, description = "No such policy in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_escalation(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = directives::find::<EscalationDocument>(&api, call.project(), &id).await?;
    let (directive, said) = read(&api, &call, body.object()?, Some(&current)).await?;
    let expected = versions::expected(&call, said, current.version)?;
    directives::save::<EscalationDocument>(&api, &call, directive, Some(expected), body.hash())
        .await
}

/// Remove an escalation policy
///
/// Rules that name it no longer escalate.
#[utoipa::path(
    delete, path = "/v1/escalations/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the policy"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such policy in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_escalation(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    directives::remove::<EscalationDocument>(&api, &call, &id, &parameters).await
}

/// Reads a policy that is new, or put in the place of `before`; and the version the sender has seen.
async fn read(
    api: &Api,
    call: &Call,
    mut fields: Fields,
    before: Option<&Directive>,
) -> Result<(Directive, Option<u64>), Problem> {
    let mut references = References::by_id();
    let (name, policy) = document::read(&mut fields, &mut references);
    let said = fields.version().filter(|_| before.is_some());
    fields.echoed(before.map(|policy| policy.id.to_string()).as_deref(), &[]);
    references.check(api, call.project(), &mut fields).await?;
    fields.finish()?;
    let directive = directives::new(call.project(), name, DirectiveBody::Escalation(policy));
    let id = before.map_or(directive.id, |before| before.id);
    Ok((Directive { id, ..directive }, said))
}
