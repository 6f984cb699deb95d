//! `GET /v1/incidents/{id}` and `PATCH …/state`: where an incident stands, and where it is to go.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::{Operation, Scope, Status, limits};
use utoipa::ToSchema;

use super::{IncidentDetail, change, detail, find};
use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, Id, JsonBody, Parameters};
use crate::words;

/// Where an incident is to go.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct StateChange {
    /// Where to.
    to: words::Status,
    /// Why, in words; required for reopening.
    reason: Option<String>,
}

/// Get one incident
///
/// By id or by number, with what may be done next, its analysis, and its version as `ETag`.
#[utoipa::path(
    get, path = "/v1/incidents/{id}", tag = "incidents",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "The incident", body = IncidentDetail), (status = 404, description = "No such incident in the project")),
)]
pub(super) async fn get_incident(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    Ok(detail(&find(&api, call.project(), &id).await?, StatusCode::OK))
}

/// Move an incident
///
/// OPEN → INVESTIGATING (acknowledge), INVESTIGATING → RESOLVED, RESOLVED → OPEN (reopen, with a
/// reason). CLOSED is reached by submitting the analysis.
#[utoipa::path(
    patch, path = "/v1/incidents/{id}/state", tag = "incidents",
    params(
        ("id" = String, Path, description = "id or number"),
        ("If-Match" = Option<String>, Header, description = "the ETag that was read; 412 when it is another by now"),
    ),
    request_body = StateChange,
    responses(
        (status = 200, description = "The incident after the move", body = IncidentDetail),
        (status = 403, description = "`person_required`: agents may not do this"),
        (status = 404, description = "No such incident in the project"),
        (status = 409, description = "`illegal_transition`, with `from`, `to` and what is `legal`"),
        (status = 412, description = "`precondition_failed`: changed meanwhile"),
        (status = 422, description = "`rca_required`, `reason_required`, or `invalid_fields`"),
    ),
)]
pub(super) async fn move_incident(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Agent, Scope::Manage])?;
    parameters.only(&[])?;
    let before = find(&api, call.project(), &id).await?;
    let (to, reason) = read(&body)?;
    let operation = Operation::SetState { incident: before.incident.id, to, reason };
    change(&api, &call, &before, operation, body.hash(), StatusCode::OK).await
}

fn read(body: &JsonBody) -> Result<(Status, String), Problem> {
    let mut fields = body.object()?;
    let to = fields.required_name("to");
    let status = Status::parse(&to);
    if status.is_none() && !fields.is_refused("to") {
        fields.refuse("to", "unknown_value", "it must be OPEN, INVESTIGATING, RESOLVED or CLOSED");
    }
    let reason = fields.bounded_text("reason", limits::TEXT_BYTES).unwrap_or_default();
    fields.finish()?;
    // `finish` has answered for a status that could not be read.
    Ok((status.unwrap_or(Status::Open), reason.trim().to_owned()))
}
