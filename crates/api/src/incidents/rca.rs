//! `POST /v1/incidents/{id}/rca`, which closes, and the draft that is written before.
//!
//! Refuses to know when an analysis is complete: the gate is one function, in the engine. This only
//! says what cannot be read at all, together with what the gate says of the rest.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{
    FieldError, IncidentId, Operation, Outcome, ProjectId, Rca, Refusal, RootCauseCategory, Scope,
    limits,
};
use serde::Serialize;
use store::{ErrorKind, IncidentView, RcaDraft};
use utoipa::ToSchema;

use super::item::RcaContent;
use super::{IncidentDetail, change, find, rca_body, refused};
use crate::problem::{Code, Problem};
use crate::request::{Call, Id, JsonBody, Parameters};
use crate::{Api, instant, words};

/// What was at the root.
#[derive(ToSchema)]
#[schema(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(dead_code, reason = "documents the words of a field")]
pub(crate) enum Category {
    /// A defect in code.
    CodeDefect,
    /// Machines, network, power.
    Infrastructure,
    /// A change of configuration.
    ConfigChange,
    /// Something outside.
    ExternalDependency,
    /// Too little of something.
    Capacity,
    /// A person's error.
    HumanError,
    /// None of these.
    Other,
}

/// A root cause analysis to submit.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct RcaSubmission {
    /// What was at the root.
    root_cause_category: Category,
    /// What was done about it; at least 20 characters.
    #[schema(min_length = 20)]
    fix_applied: String,
    /// What will keep it from coming back; at least 20 characters.
    #[schema(min_length = 20)]
    prevention_steps: String,
    /// When it began; the first signal where not said.
    #[schema(format = DateTime)]
    incident_start: Option<String>,
    /// When it ended; now where not said. Not before the start.
    #[schema(format = DateTime)]
    incident_end: Option<String>,
    /// Notes on the course of events.
    timeline_note: Option<String>,
    /// What remains to be done, each with an owner and a due date; at most 100.
    action_items: Option<Vec<super::item::ActionItem>>,
}

/// A draft to save: any field may be missing.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct RcaDraftChange {
    root_cause_category: Option<String>,
    fix_applied: Option<String>,
    prevention_steps: Option<String>,
    #[schema(format = DateTime)]
    incident_start: Option<String>,
    #[schema(format = DateTime)]
    incident_end: Option<String>,
    timeline_note: Option<String>,
    action_items: Option<Vec<super::item::ActionItem>>,
    /// The version that was read: 409 when it is another by now. Without it, the last writer wins.
    version: Option<u64>,
}

/// A draft as saved.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RcaDraftDocument {
    /// What stands in it.
    #[serde(flatten)]
    pub(crate) content: RcaContent,
    /// Who edited it last.
    pub(crate) edited_by: words::Actor,
    /// When.
    #[schema(format = DateTime)]
    pub(crate) edited_at: String,
    /// 1 when first saved, one more with each save; the `ETag`.
    pub(crate) version: u64,
}

/// Submit the root cause analysis
///
/// Closes a RESOLVED incident in the same step. A person must do it.
#[utoipa::path(
    post, path = "/v1/incidents/{id}/rca", tag = "incidents",
    params(("id" = String, Path, description = "id or number")),
    request_body = RcaSubmission,
    responses(
        (status = 201, description = "The closed incident with its analysis", body = IncidentDetail),
        (status = 403, description = "`person_required`: an agent may save a draft, a person submits"),
        (status = 404, description = "No such incident in the project"),
        (status = 409, description = "`illegal_transition`: it is not RESOLVED"),
        (status = 422, description = "`rca_invalid`, with every bad field in `fields`"),
    ),
)]
pub(super) async fn submit_rca(
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
    let rca = rca_body::take(&mut fields);
    let unreadable = fields.into_errors();
    if !unreadable.is_empty() {
        return Err(refused_in_full(&api, &call, &before, rca, unreadable).await?);
    }
    let operation = Operation::SubmitRca { incident: before.incident.id, rca: Box::new(rca) };
    change(&api, &call, &before, operation, body.hash(), StatusCode::CREATED).await
}

/// Everything that is wrong with an analysis of which a part could not be read.
///
/// The gate is in the engine only, so it is asked about the rest of the analysis. That question must never
/// close the incident: the category, if it was a good one, is left out, which the gate always
/// refuses, and that refusal is not passed on. No idempotency key goes along: the refusal is not the
/// outcome of the request.
async fn refused_in_full(
    api: &Api,
    call: &Call,
    before: &IncidentView,
    mut rca: Rca,
    unreadable: Vec<FieldError>,
) -> Result<Problem, Problem> {
    const CATEGORY: &str = "root_cause_category";
    call.matches(before.incident.changed_seq.0)?;
    let category_is_good = RootCauseCategory::parse(&rca.root_cause_category).is_some();
    if category_is_good {
        rca.root_cause_category.clear();
    }
    let operation = Operation::SubmitRca { incident: before.incident.id, rca: Box::new(rca) };
    let mut command = call.command(operation.clone(), 0)?;
    command.idempotency = None;
    Ok(match api.ports().road.submit(command).await? {
        Outcome::Refused(Refusal::RcaInvalid(mut gate)) => {
            if category_is_good {
                gate.retain(|error| error.field != CATEGORY);
            }
            Problem::fields(Code::RcaInvalid, &rca_body::merged(unreadable, gate))
        }
        Outcome::Refused(refusal) => refused(before, &operation, refusal),
        Outcome::Incident(_)
        | Outcome::Policy { .. }
        | Outcome::Directive { .. }
        | Outcome::Replayed(_) => {
            tracing::error!("an analysis without category was not refused");
            Problem::new(Code::Internal, "the analysis could not be judged")
        }
    })
}

/// Get the draft of an analysis
///
/// 404 while nobody has saved one.
#[utoipa::path(
    get, path = "/v1/incidents/{id}/rca/draft", tag = "incidents",
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "The draft", body = RcaDraftDocument), (status = 404, description = "No such incident, or no draft yet")),
)]
pub(super) async fn get_draft(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let incident = find(&api, call.project(), &id).await?.incident.id;
    let draft = api.ports().store.draft(call.project(), incident).await?;
    let draft = draft
        .ok_or_else(|| Problem::new(Code::NotFound, "no draft has been saved for this incident"))?;
    Ok(draft_answer(&draft))
}

/// Save a draft of an analysis
///
/// The whole draft: what is not given is emptied. Agents may do this.
#[utoipa::path(
    put, path = "/v1/incidents/{id}/rca/draft", tag = "incidents",
    params(("id" = String, Path, description = "id or number"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = RcaDraftChange,
    responses((status = 200, description = "The draft as saved", body = RcaDraftDocument), (status = 404, description = "No such incident in the project"), (status = 409, description = "`stale_version`: somebody saved it meanwhile"), (status = 412, description = "`precondition_failed`: the same, by If-Match"), (status = 422, description = "Bad fields")),
)]
pub(super) async fn put_draft(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Agent, Scope::Manage])?;
    parameters.only(&[])?;
    let incident = find(&api, call.project(), &id).await?.incident.id;
    let (rca, version) = read_draft(&body)?;
    let current = current_version(&api, call.project(), incident).await?;
    let pinned = call.matches(current)?;
    let draft = RcaDraft {
        incident,
        rca,
        edited_by: call.actor(),
        edited_at: api.ports().clock.now(),
        version: current,
    };
    let expected = version.or(pinned);
    match api.ports().store.save_draft(call.project(), &draft, expected).await {
        Ok(saved) => Ok(draft_answer(&saved)),
        Err(error) if error.kind() == ErrorKind::Conflict => Err(crate::problem::stale_version(
            current_version(&api, call.project(), incident).await?,
        )),
        Err(error) => Err(error.into()),
    }
}

/// The version of the draft; 0 while there is none.
async fn current_version(
    api: &Api,
    project: ProjectId,
    incident: IncidentId,
) -> Result<u64, Problem> {
    Ok(api.ports().store.draft(project, incident).await?.map_or(0, |draft| draft.version))
}

fn read_draft(body: &JsonBody) -> Result<(Rca, Option<u64>), Problem> {
    let mut fields = body.object()?;
    let rca = rca_body::take(&mut fields);
    let version =
        fields.whole("version", 0, i64::MAX).and_then(|version| u64::try_from(version).ok());
    let texts = [
        ("root_cause_category", rca.root_cause_category.len(), limits::NAME_CHARS),
        ("fix_applied", rca.fix_applied.len(), limits::TEXT_BYTES),
        ("prevention_steps", rca.prevention_steps.len(), limits::TEXT_BYTES),
        ("timeline_note", rca.timeline_note.len(), limits::TEXT_BYTES),
    ];
    for (field, bytes, max) in texts {
        if bytes > max {
            fields.refuse(field, "too_long", format!("it may have {max} bytes"));
        }
    }
    if rca.action_items.len() > limits::ACTION_ITEMS {
        fields.refuse(
            "action_items",
            "too_many",
            format!("it may have {} elements", limits::ACTION_ITEMS),
        );
    }
    fields.finish()?;
    Ok((rca, version))
}

fn draft_answer(draft: &RcaDraft) -> Response {
    let document = RcaDraftDocument {
        content: (&draft.rca).into(),
        edited_by: (&draft.edited_by).into(),
        edited_at: instant::write(draft.edited_at),
        version: draft.version,
    };
    let mut response = Json(document).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", draft.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
