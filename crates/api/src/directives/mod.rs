//! What rules, silences, inhibitions and escalation policies have in common: the way there and back
//! through the road, conditions, and who is told.
//!
//! Invariant: a directive changes by a command only, and only in the caller's project.

mod conditions;
mod targets;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use model::{
    Directive, DirectiveBody, DirectiveId, DirectiveKind, Operation, Outcome, ProjectId, Refusal,
    SubscriberId,
};
use serde::Serialize;
use store::DirectivePage;

use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::{Call, CursorKind, Parameters, of_directive, to_directive};
use crate::versions;

pub(crate) use conditions::{ConditionDocument, documents, read as read_conditions};
pub(crate) use targets::{TargetLists, read as read_targets};

/// How one kind of directive is shown.
pub(crate) trait Shown: Sized + Serialize {
    /// The kind.
    const KIND: DirectiveKind;
    /// The word for people: `rule`.
    const WORD: &'static str;
    /// Where it is: `/v1/rules`.
    const ROUTE: &'static str;

    /// The document of a directive; `None` where it is of another kind.
    fn show(api: &Api, directive: &Directive) -> Option<Self>;
}

/// A new directive, its version still to be given by the engine.
pub(crate) fn new(project: ProjectId, name: String, body: DirectiveBody) -> Directive {
    let id = DirectiveId(uuid::Uuid::now_v7().as_u128());
    Directive { id, project, name, version: 0, body }
}

/// The directive behind an id.
pub(crate) async fn find<D: Shown>(
    api: &Api,
    project: ProjectId,
    id: &str,
) -> Result<Directive, Problem> {
    let missing = || Problem::not_found(D::WORD, id);
    let wanted = DirectiveId::parse(id).ok_or_else(missing)?;
    api.ports().store.directive(project, D::KIND, wanted).await?.ok_or_else(missing)
}

/// A page of directives, and the cursor of the next.
pub(crate) async fn page<D: Shown>(
    api: &Api,
    call: &Call,
    parameters: &Parameters,
    subscriber: Option<SubscriberId>,
) -> Result<(DirectivePage, Option<String>), Problem> {
    let list = CursorKind::Directives(D::KIND);
    let after = parameters.one("cursor")?;
    let after = after.map(|text| list.read(call.project(), text)).transpose()?.map(to_directive);
    let limit = parameters.limit()?;
    let page =
        api.ports().store.directives(call.project(), D::KIND, subscriber, after, limit).await?;
    let next = page.next.map(|id| list.write(call.project(), of_directive(id)));
    Ok((page, next))
}

/// Every directive of a kind.
pub(crate) async fn all(
    api: &Api,
    project: ProjectId,
    kind: DirectiveKind,
    subscriber: Option<SubscriberId>,
) -> Result<Vec<Directive>, Problem> {
    Ok(up_to(api, project, kind, subscriber, usize::MAX).await?.0)
}

/// The first directives of a kind, about `most` of them; and whether there are more.
pub(crate) async fn up_to(
    api: &Api,
    project: ProjectId,
    kind: DirectiveKind,
    subscriber: Option<SubscriberId>,
    most: usize,
) -> Result<(Vec<Directive>, bool), Problem> {
    let store = &api.ports().store;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let limit = model::limits::PAGE;
        let page = store.directives(project, kind, subscriber, after, limit).await?;
        let ends = page.items.is_empty();
        found.extend(page.items);
        match page.next {
            Some(_) if found.len() >= most => return Ok((found, true)),
            Some(next) if !ends => after = Some(next),
            _ => return Ok((found, false)),
        }
    }
}

/// Saves a directive and answers with it as it is then.
pub(crate) async fn save<D: Shown>(
    api: &Api,
    call: &Call,
    directive: Directive,
    expected_version: Option<u64>,
    body_hash: u64,
) -> Result<Response, Problem> {
    let status = if expected_version.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let operation = Operation::PutDirective { directive: Box::new(directive), expected_version };
    let id = submit(api, call.command(operation, body_hash)?).await?;
    let saved = find::<D>(api, call.project(), &id.to_string()).await?;
    answer::<D>(api, &saved, status)
}

/// Removes a directive at a version, where one is expected.
pub(crate) async fn remove<D: Shown>(
    api: &Api,
    call: &Call,
    id: &str,
    parameters: &Parameters,
) -> Result<StatusCode, Problem> {
    let current = find::<D>(api, call.project(), id).await?;
    let expected_version = versions::expected_of_removal(call, parameters, current.version)?;
    let operation = Operation::DeleteDirective { kind: D::KIND, id: current.id, expected_version };
    submit(api, call.command(operation, 0)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a command about a directive down the road.
pub(crate) async fn submit(api: &Api, command: model::Command) -> Result<DirectiveId, Problem> {
    match api.ports().road.submit(command).await? {
        Outcome::Directive { id, .. } => Ok(id),
        Outcome::Refused(Refusal::NotFound) => {
            Err(Problem::new(Code::NotFound, "there is no such thing in this project any more"))
        }
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Incident(_) | Outcome::Policy { .. } | Outcome::Replayed(_) => {
            Err(Problem::new(Code::Internal, "the outcome is of another kind than the command"))
        }
    }
}

/// A directive with its version, and with its address where it is new.
pub(crate) fn answer<D: Shown>(
    api: &Api,
    directive: &Directive,
    status: StatusCode,
) -> Result<Response, Problem> {
    let document = D::show(api, directive)
        .ok_or_else(|| Problem::new(Code::Internal, "the directive is of another kind"))?;
    let mut response = versions::answer(status, &document, directive.version);
    if status == StatusCode::CREATED
        && let Ok(place) = HeaderValue::from_str(&format!("{}/{}", D::ROUTE, directive.id))
    {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}
