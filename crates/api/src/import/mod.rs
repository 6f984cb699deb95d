//! Configurations of other tools, brought over: read, mapped, reported on, and made.
//!
//! Invariants: a dry run changes nothing and reports the same; the same configuration again changes nothing,
//! because whatever is made of an element has an id that follows from the element.

mod alertmanager;
mod carrying;
mod yaml;

use axum::Json;
use axum::extract::State;
use model::{ProjectId, Scope, limits};
use serde::Serialize;
use store::DocumentKind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::{Call, Parameters, TextBody};

use alertmanager::{Element, Told, Verdict};

/// Where the configuration of an Alertmanager is kept.
const ORIGINAL: u128 = 0x616c_6572_746d_616e_6167_6572;

/// What became of a configuration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportedConfiguration)]
pub(crate) struct ImportDocument {
    /// Whether nothing was made.
    dry_run: bool,
    /// How many elements are mapped, approximated, not supported, without effect.
    counts: ImportCountsDocument,
    /// Every element, in the order of the configuration's parts.
    elements: Vec<Element>,
    /// Keys of grouping policies that `group_by` suggests; none is made.
    suggested_keys: Vec<Vec<String>>,
    /// Rules and inhibitions of an earlier import that this one no longer has, removed.
    removed: usize,
}

/// Elements by verdict.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ImportedCounts)]
pub(crate) struct ImportCountsDocument {
    mapped: usize,
    approximated: usize,
    not_supported: usize,
    without_effect: usize,
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(import_alertmanager))
}

/// Import the configuration of an Alertmanager
///
/// The body is `alertmanager.yml`. A receiver becomes a subscriber with endpoints, a route becomes rules that fit
/// exactly the alerts it would get, time intervals become calendars, `inhibit_rules` become inhibitions. The same
/// again changes nothing; another one replaces what was imported before. At most 256 KiB.
#[utoipa::path(
    post, path = "/v1/import/alertmanager", tag = "rules",
    params(
        ("dry_run" = Option<bool>, Query, description = "only report; false where not said"),
        ("on" = Option<String>, Query, description = "`alerts` (where not said): receivers are told of every alert, as by Alertmanager; `incidents`: of incidents, by the alert that opened each"),
    ),
    request_body(content = String, content_type = "application/yaml", description = "the configuration"),
    responses((status = 200, description = "What became of every element", body = ImportDocument), (status = 400, description = "`invalid_configuration`: Alertmanager would not take it either")),
)]
async fn import_alertmanager(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: TextBody,
) -> Result<Json<ImportDocument>, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["dry_run", "on"])?;
    let dry_run = flag(&parameters, "dry_run")?;
    let told = match parameters.one("on")? {
        None | Some("alerts") => Told::Alerts,
        Some("incidents") => Told::Incidents,
        Some(_) => return Err(Problem::parameter("on", "it must be `alerts` or `incidents`")),
    };
    // JSON is YAML.
    let kinds =
        ["application/yaml", "application/x-yaml", "text/yaml", "text/plain", "application/json"];
    let text = body.text(&kinds, Code::InvalidConfiguration)?.to_owned();
    if text.len() > limits::DOCUMENT_BYTES {
        let detail = format!("a configuration may have {} bytes", limits::DOCUMENT_BYTES);
        return Err(Problem::new(Code::BodyTooLarge, detail));
    }
    let mapped = tokio::task::spawn_blocking(move || alertmanager::map(&text, told)).await;
    let mapped = mapped.map_err(|error| Problem::internal(&error))?;
    let plan = mapped.map_err(|why| Problem::new(Code::InvalidConfiguration, why))?;
    let suggested = &plan.groupings;
    let key = |labels: &Vec<String>| labels.iter().map(|it| format!("labels.{it}")).collect();
    let suggested_keys = suggested.iter().map(key).collect();
    let carried = carrying::carry_out(&api, &call, plan, dry_run).await?;
    Ok(Json(ImportDocument {
        dry_run,
        counts: count(&carried.elements),
        elements: carried.elements,
        suggested_keys,
        removed: carried.removed,
    }))
}

/// The configuration that was imported last, without its secrets.
pub(crate) async fn original(api: &Api, project: ProjectId) -> Result<Option<String>, Problem> {
    let kept = api.ports().store.document(project, DocumentKind::Original, ORIGINAL).await?;
    Ok(kept.map(|row| row.body))
}

fn flag(parameters: &Parameters, name: &str) -> Result<bool, Problem> {
    match parameters.one(name)? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::parameter(name, "it must be `true` or `false`")),
    }
}

fn count(elements: &[Element]) -> ImportCountsDocument {
    let mut counts = ImportCountsDocument::default();
    for element in elements {
        match element.verdict {
            Verdict::Mapped => counts.mapped += 1,
            Verdict::Approximated => counts.approximated += 1,
            Verdict::NotSupported => counts.not_supported += 1,
            Verdict::WithoutEffect => counts.without_effect += 1,
        }
    }
    counts
}
