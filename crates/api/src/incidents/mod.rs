//! Incidents: the list, one incident with its signals and timeline, and everything people and agents
//! do to one. What they do is a command; this folder refuses to know whether it is legal.

mod family;
mod item;
mod list;
mod people;
mod rca;
mod rca_body;
mod signals;
mod state;
mod timeline;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{IncidentId, Operation, Outcome, ProjectId, Refusal, Status};
use store::IncidentView;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::Call;

pub(crate) use item::{IncidentDetail, IncidentItem};
pub(crate) use signals::{ReceivedSignal, opening_signal, signal_by_id};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list::list_incidents))
        .routes(routes!(state::get_incident))
        .routes(routes!(state::move_incident))
        .routes(routes!(signals::list_signals))
        .routes(routes!(timeline::list_timeline))
        .routes(routes!(rca::submit_rca))
        .routes(routes!(rca::get_draft, rca::put_draft))
        .routes(routes!(people::assign))
        .routes(routes!(people::comment))
        .routes(routes!(people::add_link))
        .routes(routes!(people::set_severity))
        .routes(routes!(family::merge))
        .routes(routes!(family::split))
}

/// The incident behind an id or a number of the project.
pub(crate) async fn find(api: &Api, project: ProjectId, id: &str) -> Result<IncidentView, Problem> {
    let store = &api.ports().store;
    let found = match id.parse::<u64>() {
        // Numbers are counted from 1: one beyond what a row can hold is nobody's.
        Ok(number) if i64::try_from(number).is_err() => None,
        Ok(number) => store.incident_id(project, number).await?,
        Err(_) => IncidentId::parse(id),
    };
    let missing = || Problem::not_found("incident", id);
    store.incident(project, found.ok_or_else(missing)?).await?.ok_or_else(missing)
}

/// Asks for `operation` on an incident and answers with the incident it was done to.
async fn change(
    api: &Api,
    call: &Call,
    before: &IncidentView,
    operation: Operation,
    body_hash: u64,
    status: StatusCode,
) -> Result<Response, Problem> {
    call.matches(before.incident.changed_seq.0)?;
    let outcome = api.ports().road.submit(call.command(operation.clone(), body_hash)?).await?;
    match outcome {
        Outcome::Incident(id) => answer(api, call.project(), id, status).await,
        Outcome::Refused(refusal) => Err(refused(before, &operation, refusal)),
        Outcome::Policy { .. } | Outcome::Directive { .. } | Outcome::Replayed(_) => {
            Err(Problem::new(Code::Internal, "the outcome is of another kind than the command"))
        }
    }
}

/// The incident as it is now, with its version as `ETag`.
async fn answer(
    api: &Api,
    project: ProjectId,
    id: IncidentId,
    status: StatusCode,
) -> Result<Response, Problem> {
    let view = api.ports().store.incident(project, id).await?;
    let view = view.ok_or_else(|| Problem::not_found("incident", &id.to_string()))?;
    Ok(detail(&view, status))
}

fn detail(view: &IncidentView, status: StatusCode) -> Response {
    let mut response = (status, Json(IncidentDetail::from(view))).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", view.incident.changed_seq)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("/v1/incidents/{}", view.incident.id))
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A refusal in the terms of what was asked for.
///
/// Where the store knows the incident and the engine does not, it was closed so long ago that the engine has
/// let go of it; the answer is the one it would have given.
fn refused(before: &IncidentView, operation: &Operation, refusal: Refusal) -> Problem {
    let moves_to = match operation {
        Operation::SetState { to, .. } => Some(*to),
        Operation::SubmitRca { .. } => Some(Status::Closed),
        Operation::Assign { .. }
        | Operation::Comment { .. }
        | Operation::AddLink { .. }
        | Operation::SetSeverity { .. }
        | Operation::Merge { .. }
        | Operation::Split { .. }
        | Operation::PutPolicy { .. }
        | Operation::DeletePolicy { .. }
        | Operation::PutDirective { .. }
        | Operation::DeleteDirective { .. }
        | Operation::ReplayDeadLetters { .. } => None,
    };
    match (refusal, moves_to) {
        (Refusal::NotFound, Some(to)) => {
            crate::problem::illegal_transition(before.incident.status, to, &[])
        }
        (Refusal::NotFound | Refusal::IllegalTransition { .. }, None) => Problem::new(
            Code::IncidentClosed,
            "it can still be read, but nothing can be done to it any more",
        ),
        (refusal, _) => refusal.into(),
    }
}
