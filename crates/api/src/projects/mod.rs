//! Projects: the units of isolation. A key sees its own; the installation's keys see and make others.

use axum::Json;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use model::Scope;
use serde::Serialize;
use store::{ErrorKind, ProjectRow};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::idempotency::Created;
use crate::keys::to_its_end;
use crate::problem::{Code, Problem};
use crate::request::{Call, JsonBody, Parameters};
use crate::{Api, administrator, instant};

/// A project.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProjectDocument {
    /// Its id.
    pub(crate) id: u32,
    /// Its organization.
    pub(crate) organization: String,
    /// Its name, unique within the organization.
    pub(crate) name: String,
    /// When it was created.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
}

/// Projects.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProjectList {
    /// By id.
    pub(crate) items: Vec<ProjectDocument>,
}

/// A project to make.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct NewProject {
    /// Its organization; the caller's where not said. Made where new.
    organization: Option<String>,
    /// Its name, unique within the organization.
    name: String,
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_projects, create_project))
        .layer(from_fn(to_its_end))
}

/// List projects
///
/// The caller's own; with a key of the installation's project, all.
#[utoipa::path(
    get, path = "/v1/projects", tag = "keys",
    responses((status = 200, description = "The projects", body = ProjectList)),
)]
async fn list_projects(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<ProjectList>, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let everything = administrator::is(&call);
    let rows = api.ports().store.projects().await?;
    let visible = rows.iter().filter(|row| everything || row.id == call.project());
    Ok(Json(ProjectList { items: visible.map(ProjectDocument::from).collect() }))
}

/// Make a project
///
/// Takes a key of the installation's project. Then make a key for it: `POST /v1/keys`.
#[utoipa::path(
    post, path = "/v1/projects", tag = "keys",
    request_body = NewProject,
    responses((status = 201, description = "The project", body = ProjectDocument), (status = 403, description = "`administrator_required`"), (status = 409, description = "`name_taken`"), (status = 422, description = "Every bad field")),
)]
async fn create_project(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    administrator::require(&call)?;
    parameters.only(&[])?;
    let created =
        api.idempotency().once(&api, &call, body.hash(), create(&api, &call, &body)).await?;
    Ok(created.into_response())
}

async fn create(api: &Api, call: &Call, body: &JsonBody) -> Result<Created, Problem> {
    let ports = api.ports();
    let mut fields = body.object()?;
    let organization = if fields.has("organization") {
        fields.required_name("organization")
    } else {
        call.grant().organization_name.clone()
    };
    let name = fields.required_name("name");
    fields.finish()?;
    let now = ports.clock.now();
    match ports.store.create_project(&organization, &name, now, &call.actor()).await {
        Ok(row) => {
            ports.keys_changed.keys_changed().await?;
            Created::new(&ProjectDocument::from(&row), "/v1/projects".to_owned())
        }
        Err(error) if error.kind() == ErrorKind::Conflict => Err(Problem::new(
            Code::NameTaken,
            format!("`{organization}` has a project `{name}` already"),
        )),
        Err(error) => Err(error.into()),
    }
}

impl From<&ProjectRow> for ProjectDocument {
    fn from(row: &ProjectRow) -> Self {
        Self {
            id: row.id.0,
            organization: row.organization.clone(),
            name: row.name.clone(),
            created_at: instant::write(row.created_at),
        }
    }
}
