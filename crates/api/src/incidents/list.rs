//! `GET /v1/incidents`: the list, by severity and then by last signal.

use axum::Json;
use axum::extract::State;
use model::{Scope, Severity, Status};
use serde::Serialize;
use store::IncidentFilter;
use utoipa::ToSchema;

use super::IncidentItem;
use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, CursorKind, Parameters};

const PARAMETERS: [&str; 8] =
    ["status", "severity", "component", "environment", "assignee", "q", "limit", "cursor"];

/// A page of incidents.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IncidentPage {
    /// The incidents.
    pub(crate) items: Vec<IncidentItem>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many fit the filter in all.
    pub(crate) total: u64,
}

/// List incidents
///
/// Everything that is not CLOSED unless `status` says otherwise, by severity and then by last signal,
/// newest first.
#[utoipa::path(
    get, path = "/v1/incidents", tag = "incidents",
    params(
        ("status" = Option<String>, Query, description = "OPEN, INVESTIGATING, RESOLVED, CLOSED: a list with commas, or repeated"),
        ("severity" = Option<String>, Query, description = "P0 … P3, or critical, high, medium, low: a list with commas, or repeated"),
        ("component" = Option<String>, Query, description = "exactly this component"),
        ("environment" = Option<String>, Query, description = "exactly this environment"),
        ("assignee" = Option<String>, Query, description = "exactly this assignee"),
        ("q" = Option<String>, Query, description = "text contained in title, component or grouping key, in any case"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of incidents", body = IncidentPage), (status = 400, description = "A parameter is unknown or has a bad value")),
)]
pub(super) async fn list_incidents(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<IncidentPage>, Problem> {
    call.require(&[Scope::Read])?;
    let filter = read_filter(&parameters.only(&PARAMETERS)?, &call)?;
    let page = api.ports().store.incidents(call.project(), &filter).await?;
    Ok(Json(IncidentPage {
        items: page.items.iter().map(IncidentItem::from).collect(),
        next_cursor: page.next.map(|cursor| CursorKind::Incidents.write(call.project(), cursor)),
        total: page.total,
    }))
}

fn read_filter(parameters: &Parameters, call: &Call) -> Result<IncidentFilter, Problem> {
    let cursor = parameters.one("cursor")?;
    Ok(IncidentFilter {
        statuses: words(
            parameters,
            "status",
            Status::parse,
            "OPEN, INVESTIGATING, RESOLVED or CLOSED",
        )?,
        severities: words(parameters, "severity", Severity::parse, "P0, P1, P2 or P3")?,
        component: parameters.text("component")?,
        environment: parameters.text("environment")?,
        assignee: parameters.text("assignee")?,
        text: parameters.text("q")?,
        limit: parameters.limit()?,
        after: cursor.map(|text| CursorKind::Incidents.read(call.project(), text)).transpose()?,
    })
}

/// The values of a list parameter, each once.
fn words<T: PartialEq>(
    parameters: &Parameters,
    name: &str,
    parse: fn(&str) -> Option<T>,
    choices: &str,
) -> Result<Vec<T>, Problem> {
    let mut values = Vec::new();
    for word in parameters.words(name) {
        let shown: String = word.chars().take(40).collect();
        let value = parse(word).ok_or_else(|| {
            Problem::parameter(name, format!("`{shown}` is not one of {choices}"))
        })?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}
