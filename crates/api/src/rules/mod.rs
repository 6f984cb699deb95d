//! Rules: what a subscriber wants to hear of. A change is a command, in force for the next record after
//! its acknowledgement.

mod bounds;
mod document;
mod dry_run;
mod history;
mod reader;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use model::{Directive, DirectiveBody, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::directives::{self, Shown};
use crate::problem::Problem;
use crate::references::References;
use crate::request::{Call, Fields, Id, JsonBody, Parameters};
use crate::versions;

use document::{NewRule, RulePage};

pub(crate) use bounds::DryRuns;
pub(crate) use document::{RuleDocument, blank};
pub(crate) use reader::{Spelling, read as read_rule};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_rules, create_rule))
        .routes(routes!(get_rule, put_rule, enable_rule, delete_rule))
        .routes(routes!(dry_run::test_rule))
}

/// List rules
#[utoipa::path(
    get, path = "/v1/rules", tag = "rules",
    params(
        ("subscriber" = Option<String>, Query, description = "those of this subscriber"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of rules", body = RulePage)),
)]
async fn list_rules(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<RulePage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["subscriber", "limit", "cursor"])?;
    let owner = parameters.subscriber()?;
    let (page, next_cursor) =
        directives::page::<RuleDocument>(&api, &call, &parameters, owner).await?;
    let items = page.items.iter().filter_map(|rule| RuleDocument::show(&api, rule)).collect();
    Ok(Json(RulePage { items, next_cursor, total: page.total }))
}

/// Create a rule
///
/// In force for the next record after its acknowledgement.
#[utoipa::path(
    post, path = "/v1/rules", tag = "rules",
    request_body = NewRule,
    responses((status = 201, description = "The rule", body = RuleDocument), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_rule(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let (directive, _) = read(&api, &call, body.object()?, None).await?;
    directives::save::<RuleDocument>(&api, &call, directive, None, body.hash()).await
}

/// Get one rule
#[utoipa::path(
    get, path = "/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the rule")),
    responses((status = 200, description = "The rule", body = RuleDocument), (status = 404, description = "No such rule in the project")),
)]
async fn get_rule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let rule = directives::find::<RuleDocument>(&api, call.project(), &id).await?;
    directives::answer::<RuleDocument>(&api, &rule, StatusCode::OK)
}

/// Replace a rule
///
/// What is not given is what it is where nothing is said. With `version` (or `If-Match`) somebody else's
/// change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the rule"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = NewRule,
    responses((status = 200, description = "The rule", body = RuleDocument), (status = 404, description = "No such rule in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_rule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = directives::find::<RuleDocument>(&api, call.project(), &id).await?;
    let (directive, said) = read(&api, &call, body.object()?, Some(&current)).await?;
    let expected = versions::expected(&call, said, current.version)?;
    directives::save::<RuleDocument>(&api, &call, directive, Some(expected), body.hash()).await
}

/// Put a rule in force, or out of it
///
/// Changes `enabled` and nothing else.
#[utoipa::path(
    patch, path = "/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the rule"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = EnabledRule,
    responses((status = 200, description = "The rule", body = RuleDocument), (status = 404, description = "No such rule in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn enable_rule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let mut directive = directives::find::<RuleDocument>(&api, call.project(), &id).await?;
    let mut fields = body.object()?;
    let enabled = fields.flag("enabled");
    if enabled.is_none() && !fields.is_refused("enabled") {
        fields.refuse("enabled", "missing", "it must be given");
    }
    let said = fields.version();
    fields.finish()?;
    let expected = versions::expected(&call, said, directive.version)?;
    if let (DirectiveBody::Rule(rule), Some(enabled)) = (&mut directive.body, enabled) {
        rule.enabled = enabled;
    }
    directives::save::<RuleDocument>(&api, &call, directive, Some(expected), body.hash()).await
}

/// Whether a rule is to be in force.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
struct EnabledRule {
    /// Whether it is in force.
    enabled: bool,
    /// The version that was read: 409 when it is another by now.
    version: Option<u64>,
}

/// Remove a rule
///
/// What it asked for before is still delivered.
#[utoipa::path(
    delete, path = "/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "id of the rule"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such rule in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_rule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    directives::remove::<RuleDocument>(&api, &call, &id, &parameters).await
}

/// Reads a rule that is new, or put in the place of `before`; and the version the sender has seen.
async fn read(
    api: &Api,
    call: &Call,
    mut fields: Fields,
    before: Option<&Directive>,
) -> Result<(Directive, Option<u64>), Problem> {
    let mut references = References::by_id();
    let (name, rule) = reader::read(&mut fields, &mut references, Spelling::IDS);
    let said = fields.version().filter(|_| before.is_some());
    fields.echoed(before.map(|rule| rule.id.to_string()).as_deref(), &[]);
    references.check(api, call.project(), &mut fields).await?;
    fields.finish()?;
    let directive = directives::new(call.project(), name, DirectiveBody::Rule(rule));
    let id = before.map_or(directive.id, |before| before.id);
    Ok((Directive { id, ..directive }, said))
}
