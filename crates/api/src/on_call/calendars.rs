//! Calendars: times during which rules that name them tell nobody.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::Scope;
use oncall::Calendar;
use serde::Serialize;
use serde_json::Value;
use store::{DocumentKind, DocumentRow};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Sent, Sort, answer, create, find, read, remove, replace, shown};
use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, Fields, Id, JsonBody, Parameters};

const CALENDARS: Sort =
    Sort { kind: DocumentKind::Calendar, word: "calendar", route: "/v1/calendars" };

/// Calendars.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct CalendarList {
    /// By name.
    #[schema(value_type = Vec<MuteCalendar>)]
    items: Vec<Value>,
}

/// When rules are mute: while one of its intervals holds. `id`, `version` and `updated_at` are answered and
/// need not be sent.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct MuteCalendar {
    /// Its id.
    #[schema(format = "uuid", read_only)]
    id: Option<String>,
    /// A name, unique among the calendars of the project.
    name: String,
    /// The zone of its intervals, by its IANA name.
    time_zone: String,
    /// Any of them.
    intervals: Vec<Interval>,
    /// 1 when created, one more with each change; sent back with PUT, 409 when it is another by now.
    version: Option<u64>,
    /// When it was changed last.
    #[schema(format = DateTime, read_only)]
    updated_at: Option<String>,
}

/// Holds while every list in it has a range that fits; an empty list always fits.
#[derive(ToSchema)]
#[schema(as = CalendarInterval)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct Interval {
    /// Its own zone, where it is not that of the calendar.
    time_zone: Option<String>,
    /// Times of day.
    times: Option<Vec<Times>>,
    /// `monday:friday`, `sunday`; the week begins with Sunday.
    weekdays: Option<Vec<String>>,
    /// `1:5`, `-3:-1`, `15`; -1 is the last day of the month.
    days_of_month: Option<Vec<String>>,
    /// `january:march`, `1:3`, `12`.
    months: Option<Vec<String>>,
    /// `2026:2027`, `2026`.
    years: Option<Vec<String>>,
}

/// A span within a day.
#[derive(ToSchema)]
#[schema(as = CalendarTimes)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct Times {
    /// From, inclusive: `09:00`.
    from: String,
    /// To, exclusive: `17:00`, or `24:00`; after `from`.
    to: String,
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_calendars, create_calendar)).routes(routes!(
        get_calendar,
        put_calendar,
        delete_calendar
    ))
}

/// List calendars
#[utoipa::path(
    get, path = "/v1/calendars", tag = "schedules",
    responses((status = 200, description = "The calendars, by name", body = CalendarList)),
)]
async fn list_calendars(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<CalendarList>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let rows = api.ports().store.documents(call.project(), CALENDARS.kind).await?;
    Ok(Json(CalendarList { items: rows.iter().map(shown).collect() }))
}

/// Create a calendar
///
/// A rule that is `muted_by` it tells nobody while one of its intervals holds.
#[utoipa::path(
    post, path = "/v1/calendars", tag = "schedules",
    request_body = MuteCalendar,
    responses((status = 201, description = "The calendar", body = MuteCalendar), (status = 409, description = "`name_taken`"), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_calendar(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let create = async {
        let sent = read_calendar(&api, &call, body.object()?, None)?;
        create(&api, &call, CALENDARS, sent.row).await
    };
    Ok(api.idempotency().once(&api, &call, body.hash(), create).await?.into_response())
}

/// Get one calendar
#[utoipa::path(
    get, path = "/v1/calendars/{id}", tag = "schedules",
    params(("id" = String, Path, description = "id of the calendar")),
    responses((status = 200, description = "The calendar", body = MuteCalendar), (status = 404, description = "No such calendar in the project")),
)]
async fn get_calendar(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    Ok(answer(&find(&api, call.project(), CALENDARS, &id).await?))
}

/// Replace a calendar
///
/// With `version` (or `If-Match`) somebody else's change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/calendars/{id}", tag = "schedules",
    params(("id" = String, Path, description = "id of the calendar"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = MuteCalendar,
    responses((status = 200, description = "The calendar", body = MuteCalendar), (status = 404, description = "No such calendar in the project"), (status = 409, description = "`stale_version` with the `current` one, or `name_taken`"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_calendar(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = find(&api, call.project(), CALENDARS, &id).await?;
    let sent = read_calendar(&api, &call, body.object()?, Some(&current))?;
    replace(&api, &call, &current, sent).await
}

/// Remove a calendar
///
/// Rules that name it are no longer mute by it.
#[utoipa::path(
    delete, path = "/v1/calendars/{id}", tag = "schedules",
    params(("id" = String, Path, description = "id of the calendar"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such calendar in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_calendar(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    remove(&api, &call, CALENDARS, &id, &parameters).await
}

fn read_calendar(
    api: &Api,
    call: &Call,
    fields: Fields,
    before: Option<&DocumentRow>,
) -> Result<Sent, Problem> {
    let check = |json: &str| Calendar::from_json(json).map(drop);
    let (sent, fields) = read(api, call, CALENDARS, fields, before, check)?;
    fields.finish()?;
    Ok(sent)
}
