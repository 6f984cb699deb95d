//! Merging incidents that are one, and splitting one that is two.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::{IncidentId, Operation, ProjectId, Scope, SignalId, limits};
use serde_json::Value;
use utoipa::ToSchema;

use super::{IncidentDetail, change, find, signals};
use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::{Call, Fields, Id, JsonBody, Parameters};

/// Incidents that are this one.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct Merge {
    /// Ids or numbers, 1 to 100.
    children: Vec<String>,
}

/// Signals that are another incident.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct Split {
    /// Their ids, 1 to 10 000.
    signal_ids: Vec<String>,
    /// Title of the new incident; that of the old one where not said.
    title: Option<String>,
}

/// Unknown ids said one by one; the rest are only counted.
const UNKNOWN_LISTED: usize = 100;

/// Merge incidents into this one
///
/// The children follow it from then on and cite its analysis.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/merge", tag = "incidents",
    params(("id" = String, Path, description = "id or number of the parent")),
    request_body = Merge,
    responses((status = 200, description = "The parent", body = IncidentDetail), (status = 404, description = "No such incident in the project"), (status = 422, description = "Bad fields, unknown children, or `not_mergeable`")),
)]
pub(super) async fn merge(
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
    let listed = fields.list("children", limits::MERGE_CHILDREN);
    if listed.as_ref().is_none_or(Vec::is_empty) && !fields.is_refused("children") {
        fields.refuse("children", "missing", "it must list the incidents to merge");
    }
    let children = resolve(&api, call.project(), listed.unwrap_or_default(), &mut fields).await?;
    fields.finish()?;
    let operation = Operation::Merge { into: before.incident.id, children };
    change(&api, &call, &before, operation, body.hash(), StatusCode::OK).await
}

async fn resolve(
    api: &Api,
    project: ProjectId,
    listed: Vec<Value>,
    fields: &mut Fields,
) -> Result<Vec<IncidentId>, Problem> {
    let mut children = Vec::with_capacity(listed.len());
    for (index, value) in listed.into_iter().enumerate() {
        let field = format!("children[{index}]");
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            other => {
                let _: Option<()> = fields.wrong_type(&field, "an id or a number", &other);
                continue;
            }
        };
        match find(api, project, &text).await {
            Ok(view) if children.contains(&view.incident.id) => {
                fields.refuse(field, "duplicate", "it is listed twice");
            }
            Ok(view) => children.push(view.incident.id),
            Err(problem) if problem.code() == Code::NotFound => {
                fields.refuse(field, "unknown_value", "there is no such incident in this project");
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(children)
}

/// Split signals off into an incident of their own
///
/// Every signal must belong to the incident; answers with the new one.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/split", tag = "incidents",
    params(("id" = String, Path, description = "id or number")),
    request_body = Split,
    responses((status = 201, description = "The new incident", body = IncidentDetail), (status = 404, description = "No such incident in the project"), (status = 422, description = "Bad fields, `unknown_signals` with the ids, or `not_splittable`")),
)]
pub(super) async fn split(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let before = find(&api, call.project(), &id).await?;
    let (ids, title) = read_split(&body)?;
    let (signals, unknown) =
        signals::locate(&api, call.project(), before.incident.id, &ids).await?;
    if !unknown.is_empty() {
        let listed: Vec<Value> =
            unknown.iter().take(UNKNOWN_LISTED).map(|id| id.to_string().into()).collect();
        let detail =
            format!("{} of {} signals do not belong to the incident", unknown.len(), ids.len());
        return Err(Problem::new(Code::UnknownSignals, detail)
            .with("unknown", listed)
            .with("unknown_count", unknown.len()));
    }
    let operation = Operation::Split { incident: before.incident.id, signals, title };
    change(&api, &call, &before, operation, body.hash(), StatusCode::CREATED).await
}

/// The ids, each once, and the title.
fn read_split(body: &JsonBody) -> Result<(Vec<SignalId>, String), Problem> {
    let mut fields = body.object()?;
    let texts = fields.texts("signal_ids", limits::SPLIT_SIGNALS);
    if texts.as_ref().is_none_or(Vec::is_empty) && !fields.is_refused("signal_ids") {
        fields.refuse("signal_ids", "missing", "it must list the signals to split off");
    }
    let mut ids = BTreeSet::new();
    for (index, text) in texts.unwrap_or_default().iter().enumerate() {
        match SignalId::parse(text) {
            Some(id) => {
                ids.insert(id);
            }
            None => {
                fields.refuse(format!("signal_ids[{index}]"), "invalid_id", "it must be a UUID")
            }
        }
    }
    let title = fields.bounded_text("title", limits::SUMMARY_BYTES).unwrap_or_default();
    fields.finish()?;
    Ok((ids.into_iter().collect(), title.trim().to_owned()))
}
