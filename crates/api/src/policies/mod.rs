//! Grouping policies: which signals are one incident. A change is a command, in force for the next
//! record after its acknowledgement.

mod document;
mod reader;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{GroupingPolicy, Operation, Outcome, PolicyId, ProjectId, Refusal, Scope};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::{Call, Id, JsonBody, Parameters};

use document::{NewPolicy, PolicyDocument};

/// All policies of the project.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PolicyList {
    /// In the order in which they are tried; the built-in one, which fits everything, comes last.
    pub(crate) items: Vec<PolicyDocument>,
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_policies, create_policy)).routes(routes!(
        get_policy,
        put_policy,
        delete_policy
    ))
}

/// List grouping policies
///
/// In the order in which they are tried. The built-in one fits everything that no other fits.
#[utoipa::path(
    get, path = "/v1/policies/grouping", tag = "policies",
    responses((status = 200, description = "The policies", body = PolicyList)),
)]
async fn list_policies(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<PolicyList>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let items = all(&api, call.project()).await?.iter().map(PolicyDocument::from).collect();
    Ok(Json(PolicyList { items }))
}

/// Create a grouping policy
///
/// In force for the next record after its acknowledgement.
#[utoipa::path(
    post, path = "/v1/policies/grouping", tag = "policies",
    request_body = NewPolicy,
    responses((status = 201, description = "The policy", body = PolicyDocument), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_policy(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let known = all(&api, call.project()).await?;
    let last = known
        .iter()
        .filter(|policy| policy.id != GroupingPolicy::DEFAULT_ID)
        .map(|policy| policy.position)
        .max();
    let mut base = GroupingPolicy::built_in(call.project());
    base.id = PolicyId(uuid::Uuid::now_v7().as_u128());
    base.position = last.map_or(0, |last| last.saturating_add(1));
    let policy = reader::read(body.object()?, base, None)?.policy;
    let operation = Operation::PutPolicy { policy: Box::new(policy), expected_version: None };
    save(&api, &call, operation, body.hash(), StatusCode::CREATED).await
}

/// Get one grouping policy
#[utoipa::path(
    get, path = "/v1/policies/grouping/{id}", tag = "policies",
    params(("id" = String, Path, description = "id of the policy")),
    responses((status = 200, description = "The policy", body = PolicyDocument), (status = 404, description = "No such policy in the project")),
)]
async fn get_policy(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    Ok(answer(&find(&api, call.project(), &id).await?, StatusCode::OK))
}

/// Replace a grouping policy
///
/// What is not given is what it is where nothing is said, `position` apart. With `version` (or
/// `If-Match`) somebody else's change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/policies/grouping/{id}", tag = "policies",
    params(("id" = String, Path, description = "id of the policy"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewPolicy,
    responses((status = 200, description = "The policy", body = PolicyDocument), (status = 404, description = "No such policy in the project"), (status = 409, description = "`stale_version` with the `current` one, or `built_in_policy`"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_policy(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = changeable(&api, call.project(), &id).await?;
    call.matches(current.version)?;
    let mut base = GroupingPolicy::built_in(call.project());
    base.id = current.id;
    base.position = current.position;
    let change = reader::read(body.object()?, base, Some(current.id))?;
    let operation = Operation::PutPolicy {
        policy: Box::new(change.policy),
        expected_version: Some(change.version.unwrap_or(current.version)),
    };
    save(&api, &call, operation, body.hash(), StatusCode::OK).await
}

/// Remove a grouping policy
///
/// Incidents that it opened stay; the next signal is grouped by what is left.
#[utoipa::path(
    delete, path = "/v1/policies/grouping/{id}", tag = "policies",
    params(("id" = String, Path, description = "id of the policy"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such policy in the project"), (status = 409, description = "`stale_version` with the `current` one, or `built_in_policy`"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_policy(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    let version = parameters.one("version")?.map(|text| {
        text.parse::<u64>().map_err(|_| Problem::parameter("version", "it must be a whole number"))
    });
    let expected_version = version.transpose()?;
    let current = changeable(&api, call.project(), &id).await?;
    let pinned = call.matches(current.version)?;
    let expected_version = expected_version.or(pinned);
    let operation = Operation::DeletePolicy { id: current.id, expected_version };
    submit(&api, &call, operation, 0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The policies of a project as they are tried, the built-in one last.
async fn all(api: &Api, project: ProjectId) -> Result<Vec<GroupingPolicy>, Problem> {
    let mut policies = api.ports().store.policies(project).await?;
    policies.push(GroupingPolicy::built_in(project));
    Ok(policies)
}

async fn find(api: &Api, project: ProjectId, id: &str) -> Result<GroupingPolicy, Problem> {
    let wanted = PolicyId::parse(id);
    let found = all(api, project).await?.into_iter().find(|policy| Some(policy.id) == wanted);
    found.ok_or_else(|| Problem::not_found("policy", id))
}

async fn changeable(api: &Api, project: ProjectId, id: &str) -> Result<GroupingPolicy, Problem> {
    let policy = find(api, project, id).await?;
    if policy.id == GroupingPolicy::DEFAULT_ID {
        let detail = "create a policy of your own: it is tried before the built-in one";
        return Err(Problem::new(Code::BuiltInPolicy, detail));
    }
    Ok(policy)
}

async fn save(
    api: &Api,
    call: &Call,
    operation: Operation,
    body_hash: u64,
    status: StatusCode,
) -> Result<Response, Problem> {
    let id = submit(api, call, operation, body_hash).await?;
    Ok(answer(&find(api, call.project(), &id.to_string()).await?, status))
}

async fn submit(
    api: &Api,
    call: &Call,
    operation: Operation,
    body_hash: u64,
) -> Result<PolicyId, Problem> {
    match api.ports().road.submit(call.command(operation, body_hash)?).await? {
        Outcome::Policy { id, .. } => Ok(id),
        Outcome::Refused(Refusal::NotFound) => {
            Err(Problem::new(Code::NotFound, "there is no such policy in this project"))
        }
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Incident(_) | Outcome::Directive { .. } | Outcome::Replayed(_) => {
            Err(Problem::new(Code::Internal, "the outcome is of another kind than the command"))
        }
    }
}

fn answer(policy: &GroupingPolicy, status: StatusCode) -> Response {
    let mut response = (status, Json(PolicyDocument::from(policy))).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", policy.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("/v1/policies/grouping/{}", policy.id))
    {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
