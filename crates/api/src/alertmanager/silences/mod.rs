//! Silences as Alertmanager's API has them: listed, read, made, changed and expired. Each is a directive of the
//! project, so every change is a command, in force from the next record after its acknowledgement.
//!
//! Invariant: what a silence hid while it was in force is never rewritten: where a change would, the old one
//! ends now and a new one begins.

mod document;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use model::directive::{Directive, DirectiveBody, DirectiveKind, Silence};
use model::{DirectiveId, Operation, Outcome, ProjectId, Refusal, Scope, limits};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::matcher::Matcher;
use super::read_matchers;
use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::{Call, JsonBody, Parameters};

use document::{
    GettableSilence, Phase, PostableSilence, SilenceIdDocument, Wanted, matchers, phase,
};

/// How often a change is tried again because somebody else changed the same silence meanwhile.
const TRIES: usize = 5;

/// The routes of this folder.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_silences, post_silence))
        .routes(routes!(get_silence, delete_silence))
}

/// List silences
#[utoipa::path(
    get, path = "/api/v2/silences", tag = "alertmanager", operation_id = "list_alertmanager_silences",
    params(("filter" = Option<Vec<String>>, Query, description = "matchers: `name=value`, `!=`, `=~`, `!~`; a silence must have all of them")),
    responses((status = 200, description = "The silences: active ones by end, pending ones by start, expired ones latest first", body = Vec<GettableSilence>), (status = 400, description = "A filter cannot be read")),
)]
async fn list_silences(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<Vec<GettableSilence>>, Problem> {
    call.require(&[Scope::Read])?;
    let wanted = read_matchers(&parameters)?;
    let now = api.ports().clock.now();
    let mut found: Vec<(DirectiveId, Silence)> =
        all(&api, call.project()).await?.into_iter().filter_map(silence).collect();
    found.retain(|(_, silence)| has_matchers(silence, &wanted));
    found.sort_by_cached_key(|(id, silence)| document::order(silence, *id, now));
    Ok(Json(found.iter().map(|(id, silence)| GettableSilence::new(*id, silence, now)).collect()))
}

/// Create or change a silence
///
/// With the `id` of one that there is, it is changed. Where that would change what was hidden already (other
/// matchers, another start, one that is over), it ends now and a new one is made: the answer says which.
#[utoipa::path(
    post, path = "/api/v2/silences", tag = "alertmanager", operation_id = "post_alertmanager_silence",
    request_body = PostableSilence,
    responses((status = 200, description = "Its id", body = SilenceIdDocument), (status = 400, description = "`invalid_silence`"), (status = 404, description = "There is no silence with that id")),
)]
async fn post_silence(
    State(api): State<Api>,
    call: Call,
    body: JsonBody,
) -> Result<Json<SilenceIdDocument>, Problem> {
    call.require(&[Scope::Manage])?;
    let posted: PostableSilence = body.read()?;
    let id = set(&api, &call, &posted).await?;
    Ok(Json(SilenceIdDocument::new(id)))
}

/// Get one silence
#[utoipa::path(
    get, path = "/api/v2/silence/{id}", tag = "alertmanager", operation_id = "get_alertmanager_silence",
    params(("id" = String, Path, description = "id of the silence")),
    responses((status = 200, description = "The silence", body = GettableSilence), (status = 404, description = "There is no silence with that id")),
)]
async fn get_silence(
    State(api): State<Api>,
    call: Call,
    SilenceId(id): SilenceId,
) -> Result<Json<GettableSilence>, Problem> {
    call.require(&[Scope::Read])?;
    let (id, silence, _) = known(&api, call.project(), id).await?;
    Ok(Json(GettableSilence::new(id, &silence, api.ports().clock.now())))
}

/// Expire a silence
///
/// It ends now, and is still shown for five days. One that is over already stays as it is.
#[utoipa::path(
    delete, path = "/api/v2/silence/{id}", tag = "alertmanager", operation_id = "delete_alertmanager_silence",
    params(("id" = String, Path, description = "id of the silence")),
    responses((status = 200, description = "It is over"), (status = 404, description = "There is no silence with that id")),
)]
async fn delete_silence(
    State(api): State<Api>,
    call: Call,
    SilenceId(id): SilenceId,
) -> Result<(), Problem> {
    call.require(&[Scope::Manage])?;
    expire(&api, &call, id).await
}

/// The id in the address; nothing where it is none. Routes below `/k/{key}` have two parameters.
struct SilenceId(Option<DirectiveId>);

impl<S: Send + Sync> FromRequestParts<S> for SilenceId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<BTreeMap<String, String>>::from_request_parts(parts, state).await;
        let Path(path) =
            path.map_err(|why| Problem::new(Code::InvalidParameter, why.body_text()))?;
        Ok(Self(path.get("id").and_then(|text| DirectiveId::parse(text))))
    }
}

/// Makes or changes a silence; answers the id of the one that is in force now.
async fn set(api: &Api, call: &Call, posted: &PostableSilence) -> Result<DirectiveId, Problem> {
    for _ in 0..TRIES {
        let now = api.ports().clock.now();
        let wanted = Wanted::read(posted, now)?;
        let Some(id) = &wanted.id else { return create(api, call, wanted.silence).await };
        let (id, before, version) = known(api, call.project(), DirectiveId::parse(id)).await?;
        let Some(changed) = wanted.change(&before, now) else {
            // The new one first: between the two commands nothing gets through.
            let new = create(api, call, wanted.silence).await?;
            expire(api, call, Some(id)).await?;
            return Ok(new);
        };
        if put(api, call, id, changed, Some(version)).await?.is_some() {
            return Ok(id);
        }
    }
    Err(changed_meanwhile())
}

async fn create(api: &Api, call: &Call, silence: Silence) -> Result<DirectiveId, Problem> {
    let id = DirectiveId(uuid::Uuid::now_v7().as_u128());
    put(api, call, id, silence, None).await?.ok_or_else(changed_meanwhile)
}

async fn expire(api: &Api, call: &Call, id: Option<DirectiveId>) -> Result<(), Problem> {
    let (id, silence, _) = known(api, call.project(), id).await?;
    if phase(&silence, api.ports().clock.now()) == Phase::Expired {
        return Ok(());
    }
    let (kind, expected_version) = (DirectiveKind::Silence, None);
    let operation = Operation::DeleteDirective { kind, id, expected_version };
    submit(api, call, operation).await.map(drop)
}

/// The id of what was saved; nothing where the version was another one by then.
async fn put(
    api: &Api,
    call: &Call,
    id: DirectiveId,
    silence: Silence,
    expected_version: Option<u64>,
) -> Result<Option<DirectiveId>, Problem> {
    let directive = Box::new(Directive {
        id,
        project: call.project(),
        name: String::new(),
        version: 0,
        body: DirectiveBody::Silence(silence),
    });
    submit(api, call, Operation::PutDirective { directive, expected_version }).await
}

async fn submit(
    api: &Api,
    call: &Call,
    operation: Operation,
) -> Result<Option<DirectiveId>, Problem> {
    match api.ports().road.submit(call.command_without_key(operation)).await? {
        Outcome::Directive { id, .. } => Ok(Some(id)),
        Outcome::Refused(Refusal::StaleVersion { .. }) => Ok(None),
        Outcome::Refused(Refusal::NotFound) => Err(not_found()),
        Outcome::Refused(Refusal::Limit(_)) => {
            let most = limits::SILENCES;
            Err(invalid(format!("exceeded maximum number of silences: {most}")))
        }
        Outcome::Refused(Refusal::DirectiveInvalid(errors)) => {
            let error = errors.first().map(|error| format!("{}: {}", error.field, error.message));
            Err(invalid(format!("silence invalid: {}", error.unwrap_or_default())))
        }
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Incident(_) | Outcome::Policy { .. } | Outcome::Replayed(_) => {
            Err(Problem::new(Code::Internal, "the outcome is of another kind than the command"))
        }
    }
}

/// A silence with its id and version.
async fn known(
    api: &Api,
    project: ProjectId,
    id: Option<DirectiveId>,
) -> Result<(DirectiveId, Silence, u64), Problem> {
    let id = id.ok_or_else(not_found)?;
    let found = api.ports().store.directive(project, DirectiveKind::Silence, id).await?;
    let found = found.ok_or_else(not_found)?;
    let version = found.version;
    silence(found).map(|(id, silence)| (id, silence, version)).ok_or_else(not_found)
}

/// Every silence of the project.
async fn all(api: &Api, project: ProjectId) -> Result<Vec<Directive>, Problem> {
    crate::directives::all(api, project, DirectiveKind::Silence, None).await
}

fn silence(directive: Directive) -> Option<(DirectiveId, Silence)> {
    let DirectiveBody::Silence(silence) = directive.body else { return None };
    Some((directive.id, silence))
}

/// Whether a silence has every one of these matchers, word for word.
fn has_matchers(silence: &Silence, wanted: &[Matcher]) -> bool {
    let has = matchers(silence);
    wanted.iter().all(|wanted| has.contains(wanted.said()))
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidSilence, detail)
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "silence not found")
}

fn changed_meanwhile() -> Problem {
    Problem::new(Code::StaleVersion, "somebody else changes the same silence; try again")
}
