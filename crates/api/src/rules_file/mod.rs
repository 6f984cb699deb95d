//! Rules with their subscribers and endpoints as one YAML file, to keep under version control and to
//! carry over: names instead of ids, secrets left out.
//!
//! Invariant: an import is checked whole before anything of it is saved, and doing it again changes nothing.

mod apply;
mod export;
mod import;
mod names;

use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{Scope, limits};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::idempotency::Created;
use crate::problem::{Code, Problem};
use crate::request::{Call, Fields, Parameters, TextBody};

/// What an import did.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct ImportReport {
    /// Subscribers.
    subscribers: ImportCounts,
    /// Endpoints.
    endpoints: ImportCounts,
    /// Rules.
    rules: ImportCounts,
    /// Endpoints, by id, that this import made or changed and that wait for their owner to confirm them. None was sent a
    /// challenge: ask for one with `POST /v1/endpoints/{id}/verification`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unverified: Vec<String>,
}

/// What an import did with things of one kind.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub(crate) struct ImportCounts {
    /// Made new.
    created: u64,
    /// There by name, and changed.
    updated: u64,
    /// There by name, and as they should be already.
    unchanged: u64,
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    let import = OpenApiRouter::default()
        .routes(routes!(import_rules))
        .layer(DefaultBodyLimit::max(limits::BATCH_BYTES));
    OpenApiRouter::default().routes(routes!(export_rules)).merge(import)
}

/// Export rules
///
/// Subscribers, endpoints without their secrets, and rules, as YAML. What refers to another does so by
/// name where the name is the only one, by id otherwise.
#[utoipa::path(
    get, path = "/v1/rules/export", tag = "rules",
    params(("subscriber" = Option<String>, Query, description = "of this subscriber only")),
    responses((status = 200, description = "The file", body = String, content_type = "application/yaml"), (status = 422, description = "`limit_reached`: more than 10 000 rules; export one subscriber at a time")),
)]
async fn export_rules(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    let owner = parameters.only(&["subscriber"])?.subscriber()?;
    let file = export::file(&api, call.project(), owner).await?;
    let text = serde_saphyr::to_string(&file).map_err(|error| Problem::internal(&error))?;
    let kind = HeaderValue::from_static("application/yaml");
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Import rules
///
/// Creates what is not there by its name and changes what is; removes nothing. The whole file is checked
/// before anything is saved. A secret that is not given stays what it was. At most 16 MiB.
#[utoipa::path(
    post, path = "/v1/rules/import", tag = "rules",
    request_body(content = String, content_type = "application/yaml", description = "a file as the export writes it"),
    responses((status = 200, description = "What was done", body = ImportReport), (status = 400, description = "`invalid_yaml`"), (status = 422, description = "`invalid_fields` with every bad field, as `rules[3].match[0].value`")),
)]
async fn import_rules(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: TextBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let import = import(&api, &call, &body);
    Ok(api.idempotency().once(&api, &call, body.hash(), import).await?.into_response())
}

async fn import(api: &Api, call: &Call, body: &TextBody) -> Result<Created, Problem> {
    let plan = import::read(api, call, file(body)?).await?;
    Created::done(StatusCode::OK, &apply::apply(api, call, plan).await?)
}

fn file(body: &TextBody) -> Result<Fields, Problem> {
    let kinds = ["application/yaml", "application/x-yaml", "text/yaml", "application/json"];
    let text = body.text(&kinds, Code::InvalidYaml)?;
    let read: Value = serde_saphyr::from_str(text)
        .map_err(|error| Problem::new(Code::InvalidYaml, error.without_snippet().to_string()))?;
    match read {
        Value::Object(map) => Ok(Fields::new(map)),
        _ => Err(Problem::new(Code::InvalidYaml, "the file must be a mapping")),
    }
}
