//! What people do around an incident: assign it, comment on it, link to it, set its severity.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::{Operation, Scope, Severity, limits};
use utoipa::ToSchema;

use super::{IncidentDetail, change, find};
use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, Id, JsonBody, Parameters};
use crate::words;

/// Who has it.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct Assignment {
    /// To whom; null to nobody.
    #[schema(required)]
    assignee: Option<String>,
}

/// Something to say.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewComment {
    /// What; at most 64 KiB.
    text: String,
}

/// A link to add.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewLink {
    /// What it leads to; the address where not said.
    title: Option<String>,
    /// Where it leads: `https://…` or `http://…`.
    url: String,
}

/// A severity set by hand.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct SeverityChange {
    /// The severity, which then no longer moves by itself; null lets it move again.
    #[schema(required)]
    severity: Option<words::Severity>,
}

/// Assign an incident
///
/// To somebody, or with null to nobody.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/assign", tag = "incidents",
    params(("id" = String, Path, description = "id or number"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = Assignment,
    responses((status = 200, description = "The incident", body = IncidentDetail), (status = 404, description = "No such incident in the project"), (status = 412, description = "Changed meanwhile"), (status = 422, description = "Bad fields")),
)]
pub(super) async fn assign(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Agent, Scope::Manage])?;
    parameters.only(&[])?;
    let before = find(&api, call.project(), &id).await?;
    let mut fields = body.object()?;
    if !fields.has("assignee") {
        fields.refuse("assignee", "missing", "it must be given: a name, or null for nobody");
    }
    let assignee =
        fields.bounded_text("assignee", limits::NAME_CHARS * 4).map(|name| name.trim().to_owned());
    match &assignee {
        Some(name) if name.is_empty() => {
            fields.refuse("assignee", "empty", "it must be a name, or null for nobody")
        }
        Some(name) if name.chars().count() > limits::NAME_CHARS => {
            fields.refuse(
                "assignee",
                "too_long",
                format!("it may have {} characters", limits::NAME_CHARS),
            );
        }
        _ => {}
    }
    fields.finish()?;
    let operation = Operation::Assign { incident: before.incident.id, assignee };
    change(&api, &call, &before, operation, body.hash(), StatusCode::OK).await
}

/// Comment on an incident
///
/// The comment is a line of the timeline.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/comments", tag = "incidents",
    params(("id" = String, Path, description = "id or number")),
    request_body = NewComment,
    responses((status = 201, description = "The incident", body = IncidentDetail), (status = 404, description = "No such incident in the project"), (status = 422, description = "Bad fields")),
)]
pub(super) async fn comment(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Agent, Scope::Manage])?;
    parameters.only(&[])?;
    let before = find(&api, call.project(), &id).await?;
    let mut fields = body.object()?;
    let text = fields.required_text("text", limits::TEXT_BYTES);
    fields.finish()?;
    let operation = Operation::Comment { incident: before.incident.id, text };
    change(&api, &call, &before, operation, body.hash(), StatusCode::CREATED).await
}

/// Add a link to an incident
///
/// At most 100 links; only `http` and `https` addresses.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/links", tag = "incidents",
    params(("id" = String, Path, description = "id or number")),
    request_body = NewLink,
    responses((status = 201, description = "The incident", body = IncidentDetail), (status = 404, description = "No such incident in the project"), (status = 422, description = "Bad fields, or too many links")),
)]
pub(super) async fn add_link(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Agent, Scope::Manage])?;
    parameters.only(&[])?;
    let before = find(&api, call.project(), &id).await?;
    let mut fields = body.object()?;
    let url = fields.required_text("url", limits::LINK_BYTES);
    // Anything else (`javascript:`, `data:`) would be run by whoever clicks it.
    let lower = url.to_ascii_lowercase();
    if !fields.is_refused("url") && !lower.starts_with("https://") && !lower.starts_with("http://")
    {
        fields.refuse("url", "invalid_url", "it must begin with https:// or http://");
    }
    let title =
        fields.bounded_text("title", limits::SUMMARY_BYTES).map(|title| title.trim().to_owned());
    fields.finish()?;
    let title = title.filter(|title| !title.is_empty()).unwrap_or_else(|| url.clone());
    let operation = Operation::AddLink { incident: before.incident.id, title, url };
    change(&api, &call, &before, operation, body.hash(), StatusCode::CREATED).await
}

/// Set the severity by hand
///
/// It then no longer rises or falls by itself; null lets it move again.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/severity", tag = "incidents",
    params(("id" = String, Path, description = "id or number"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = SeverityChange,
    responses((status = 200, description = "The incident", body = IncidentDetail), (status = 404, description = "No such incident in the project"), (status = 412, description = "Changed meanwhile"), (status = 422, description = "Bad fields")),
)]
pub(super) async fn set_severity(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let before = find(&api, call.project(), &id).await?;
    let mut fields = body.object()?;
    if !fields.has("severity") {
        fields.refuse(
            "severity",
            "missing",
            "it must be given: P0 to P3, or null to let it move by itself",
        );
    }
    let word = fields.text("severity");
    let severity = word.as_deref().and_then(Severity::parse);
    if word.is_some() && severity.is_none() {
        fields.refuse("severity", "unknown_value", "it must be P0, P1, P2 or P3");
    }
    fields.finish()?;
    let operation = Operation::SetSeverity { incident: before.incident.id, severity };
    change(&api, &call, &before, operation, body.hash(), StatusCode::OK).await
}
