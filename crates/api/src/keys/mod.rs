//! API keys: made, listed, revoked. The secret is shown once, in the answer that makes the key, and
//! known to nobody afterwards; the store keeps its SHA-256.
//!
//! Invariant: a key administers its own project only, except keys of project 1, the installation's own.

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{KeyId, ProjectId, Scope, Scopes, Timestamp};
use serde::Serialize;
use store::{ErrorKind, KeyRow};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::idempotency::Created;
use crate::problem::Problem;
use crate::request::{Call, Id, JsonBody, Parameters};
use crate::{Api, administrator, instant, words};

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KeyDocument {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// The project it fixes.
    pub(crate) project: u32,
    /// A name for people; what it does is recorded under this name.
    pub(crate) name: String,
    /// The first characters of the secret, to recognise it by.
    pub(crate) prefix: String,
    /// What it may do.
    pub(crate) scopes: Vec<words::Scope>,
    /// Records per second it may send; null is no limit.
    #[schema(required)]
    pub(crate) rate_per_second: Option<u32>,
    /// When it was created.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it stops working.
    #[schema(required, format = DateTime)]
    pub(crate) expires_at: Option<String>,
    /// When it was revoked.
    #[schema(required, format = DateTime)]
    pub(crate) revoked_at: Option<String>,
    /// When it was last used, to the minute.
    #[schema(required, format = DateTime)]
    pub(crate) last_used_at: Option<String>,
}

/// A key that was just made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MintedKey {
    /// The secret. It is shown this once.
    pub(crate) key: String,
    /// The rest of it.
    #[serde(flatten)]
    pub(crate) document: KeyDocument,
}

/// Keys.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// By creation, revoked ones too.
    pub(crate) items: Vec<KeyDocument>,
}

/// A key to make.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewKey {
    /// A name for people.
    name: String,
    /// What it may do; at least one.
    scopes: Vec<words::Scope>,
    /// When it stops working; never where not said.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Records per second it may send; no limit where not said.
    rate_per_second: Option<u32>,
    /// For which project; the caller's where not said. Another takes a key of the installation's project.
    project: Option<u32>,
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_keys, create_key))
        .routes(routes!(revoke_key))
        .layer(from_fn(to_its_end))
}

/// A change that has begun is brought to its end, whoever still listens: a client that hangs up between the row of
/// a revoked key and the table of keys would leave the key working.
pub(crate) async fn to_its_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// List keys
///
/// Never a secret. With a key of the installation's project, `project` lists those of another.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys",
    params(("project" = Option<u32>, Query, description = "another project; takes a key of the installation's project")),
    responses((status = 200, description = "The keys", body = KeyList), (status = 404, description = "No such project for this key")),
)]
async fn list_keys(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<KeyList>, Problem> {
    call.require(&[Scope::Manage])?;
    let project = project(&api, &call, &parameters.only(&["project"])?).await?;
    let rows = api.ports().store.keys(Some(project)).await?;
    Ok(Json(KeyList { items: rows.iter().map(KeyDocument::from).collect() }))
}

/// Make a key
///
/// The answer shows the secret, once. Works from the answer on.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys",
    request_body = NewKey,
    responses((status = 201, description = "The key with its secret", body = MintedKey), (status = 422, description = "Every bad field")),
)]
async fn create_key(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let created =
        api.idempotency().once(&api, &call, body.hash(), mint(&api, &call, &body)).await?;
    Ok(created.into_response())
}

/// Revoke a key
///
/// It stops working before the answer. Its row stays, so that what it did can be told.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, description = "id of the key"), ("project" = Option<u32>, Query, description = "another project; takes a key of the installation's project")),
    responses((status = 204, description = "Revoked"), (status = 404, description = "No such key in the project")),
)]
async fn revoke_key(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let project = project(&api, &call, &parameters.only(&["project"])?).await?;
    let ports = api.ports();
    let missing = || Problem::not_found("key", &id);
    let key = KeyId::parse(&id).ok_or_else(missing)?;
    match ports.store.revoke_key(project, key, ports.clock.now(), &call.actor()).await {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(error.into()),
    }
    ports.keys_changed.keys_changed().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The project a call is about: its own, or for the installation's keys any other.
async fn project(api: &Api, call: &Call, parameters: &Parameters) -> Result<ProjectId, Problem> {
    let Some(text) = parameters.one("project")? else { return Ok(call.project()) };
    let named = text
        .parse()
        .map(ProjectId)
        .map_err(|_| Problem::parameter("project", "it must be a whole number"))?;
    if exists(api, call, named).await? {
        return Ok(named);
    }
    Err(Problem::not_found("project", text))
}

async fn mint(api: &Api, call: &Call, body: &JsonBody) -> Result<Created, Problem> {
    let ports = api.ports();
    let mut row = read(api, call, body).await?;
    let minted = store::mint_secret()?;
    row.prefix = minted.prefix;
    row.digest = minted.digest;
    ports.store.create_key(&row, &call.actor()).await?;
    ports.keys_changed.keys_changed().await?;
    let document = KeyDocument::from(&row);
    let location = format!("/v1/keys/{}", document.id);
    Created::new(&MintedKey { key: minted.secret, document }, location)
}

/// The row of a new key, its secret still to be minted.
async fn read(api: &Api, call: &Call, body: &JsonBody) -> Result<KeyRow, Problem> {
    let now = api.ports().clock.now();
    let mut fields = body.object()?;
    let name = fields.required_name("name");
    let mut scopes = Vec::new();
    let words = fields.texts("scopes", Scope::ALL.len() * 4);
    if words.as_ref().is_none_or(Vec::is_empty) && !fields.is_refused("scopes") {
        fields.refuse(
            "scopes",
            "missing",
            "it must list at least one of ingest, read, agent, manage",
        );
    }
    for (index, word) in words.unwrap_or_default().iter().enumerate() {
        match Scope::parse(word) {
            Some(scope) => scopes.push(scope),
            None => {
                let message = "it must be ingest, read, agent or manage";
                fields.refuse(format!("scopes[{index}]"), "unknown_value", message);
            }
        }
    }
    let expires_at = fields.instant("expires_at");
    if expires_at.is_some_and(|at| at <= now) {
        fields.refuse("expires_at", "in_the_past", "it must lie ahead");
    }
    let rate = fields.whole("rate_per_second", 1, i64::from(u32::MAX));
    let project =
        fields.whole("project", 0, i64::from(u32::MAX)).and_then(|id| u32::try_from(id).ok());
    let project = project.map_or(call.project(), ProjectId);
    if !exists(api, call, project).await? {
        fields.refuse("project", "unknown_value", "there is no such project for this key");
    }
    fields.finish()?;
    Ok(KeyRow {
        id: KeyId(uuid::Uuid::now_v7().as_u128()),
        project,
        name,
        prefix: String::new(),
        digest: [0; 32],
        scopes: scopes.into_iter().collect::<Scopes>(),
        rate_per_second: rate.and_then(|rate| u32::try_from(rate).ok()),
        created_at: now,
        expires_at,
        revoked_at: None,
        last_used_at: None,
    })
}

/// Whether there is the project and the caller may administer its keys: to others it does not exist.
async fn exists(api: &Api, call: &Call, project: ProjectId) -> Result<bool, Problem> {
    if project == call.project() {
        return Ok(true);
    }
    Ok(administrator::is(call)
        && api.ports().store.projects().await?.iter().any(|row| row.id == project))
}

impl From<&KeyRow> for KeyDocument {
    fn from(row: &KeyRow) -> Self {
        let optional = |at: Option<Timestamp>| at.map(instant::write);
        Self {
            id: row.id.to_string(),
            project: row.project.0,
            name: row.name.clone(),
            prefix: row.prefix.clone(),
            scopes: row.scopes.iter().map(words::Scope::from).collect(),
            rate_per_second: row.rate_per_second,
            created_at: instant::write(row.created_at),
            expires_at: optional(row.expires_at),
            revoked_at: optional(row.revoked_at),
            last_used_at: optional(row.last_used_at),
        }
    }
}
