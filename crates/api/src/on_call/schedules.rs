//! Schedules as documents: listed, created, read, replaced, removed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{Scope, SubscriberId};
use oncall::{Schedule, ScheduleDocument};
use serde::Serialize;
use serde_json::Value;
use store::{DocumentKind, DocumentRow};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Sent, Sort, answer, check_people, create, find, read, remove, replace, shown};
use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, Fields, Id, JsonBody, Parameters};

/// Schedules.
pub(super) const SCHEDULES: Sort =
    Sort { kind: DocumentKind::Schedule, word: "schedule", route: "/v1/schedules" };

/// Schedules.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ScheduleList {
    /// By name.
    #[schema(value_type = Vec<OnCallSchedule>)]
    items: Vec<Value>,
}

/// Who is on call when. `id`, `version` and `updated_at` are answered and need not be sent.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
pub(super) struct OnCallSchedule {
    /// Its id.
    #[schema(format = "uuid", read_only)]
    id: Option<String>,
    /// A name, unique among the schedules of the project.
    name: String,
    /// The zone of every local time in it, by its IANA name: `Europe/Berlin`.
    time_zone: String,
    /// Rotations; a later one beats those before it where it is in force.
    layers: Vec<Layer>,
    /// Exceptions, which beat all layers; a later one beats those before it.
    overrides: Option<Vec<Override>>,
    /// 1 when created, one more with each change; sent back with PUT, 409 when it is another by now.
    version: Option<u64>,
    /// When it was changed last.
    #[schema(format = DateTime, read_only)]
    updated_at: Option<String>,
}

/// One rotation of people.
#[derive(ToSchema)]
#[schema(as = ScheduleLayer)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct Layer {
    /// A name for people.
    name: String,
    /// The ids of subscribers in the order of their turns.
    people: Vec<String>,
    /// How long a turn is.
    rotation: Rotation,
    /// When the first turn begins: `2026-03-02T09:00`, local.
    start: String,
    /// When turns change: `09:00`, local; the time of day of `start` where not said.
    hand_over: Option<String>,
    /// When the layer is in force; always where there is none.
    restrictions: Option<Vec<Restriction>>,
}

/// How long a turn is.
#[derive(ToSchema)]
#[schema(as = ScheduleRotation)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct Rotation {
    /// `1w`, `2w`, `1d`: that many calendar days. `12h`: that many hours on a stopwatch.
    every: String,
}

/// A span of some days of the week.
#[derive(ToSchema)]
#[schema(as = ScheduleRestriction)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct Restriction {
    /// The days it begins on: `mon`, … `sun`; every day where empty.
    days: Option<Vec<String>>,
    /// Begins at: `09:00`, local.
    from: String,
    /// Ends at: `17:00`, or `24:00`; on the next day where it is not after `from`.
    to: String,
}

/// One person for one span of time.
#[derive(ToSchema)]
#[schema(as = ScheduleOverride)]
#[allow(dead_code, reason = "documents the body, which the crate `oncall` reads")]
struct Override {
    /// The id of a subscriber.
    person: String,
    /// From, inclusive: `2026-03-02T09:00:00Z` or local `2026-03-02T09:00`.
    start: String,
    /// To, exclusive.
    end: String,
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_schedules, create_schedule)).routes(routes!(
        get_schedule,
        put_schedule,
        delete_schedule
    ))
}

/// List schedules
#[utoipa::path(
    get, path = "/v1/schedules", tag = "schedules",
    responses((status = 200, description = "The schedules, by name", body = ScheduleList)),
)]
async fn list_schedules(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<ScheduleList>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let rows = api.ports().store.documents(call.project(), SCHEDULES.kind).await?;
    Ok(Json(ScheduleList { items: rows.iter().map(shown).collect() }))
}

/// Create a schedule
///
/// Rotations in layers, with exceptions; rules and escalation steps name it to tell whoever is on call.
#[utoipa::path(
    post, path = "/v1/schedules", tag = "schedules",
    request_body = OnCallSchedule,
    responses((status = 201, description = "The schedule", body = OnCallSchedule), (status = 409, description = "`name_taken`"), (status = 422, description = "`invalid_fields` with every bad field, or `limit_reached`")),
)]
async fn create_schedule(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let create = async {
        let sent = read_schedule(&api, &call, body.object()?, None).await?;
        create(&api, &call, SCHEDULES, sent.row).await
    };
    Ok(api.idempotency().once(&api, &call, body.hash(), create).await?.into_response())
}

/// Get one schedule
#[utoipa::path(
    get, path = "/v1/schedules/{id}", tag = "schedules",
    params(("id" = String, Path, description = "id of the schedule")),
    responses((status = 200, description = "The schedule", body = OnCallSchedule), (status = 404, description = "No such schedule in the project")),
)]
async fn get_schedule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    Ok(answer(&find(&api, call.project(), SCHEDULES, &id).await?))
}

/// Replace a schedule
///
/// With `version` (or `If-Match`) somebody else's change meanwhile is not overwritten.
#[utoipa::path(
    put, path = "/v1/schedules/{id}", tag = "schedules",
    params(("id" = String, Path, description = "id of the schedule"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    request_body = OnCallSchedule,
    responses((status = 200, description = "The schedule", body = OnCallSchedule), (status = 404, description = "No such schedule in the project"), (status = 409, description = "`stale_version` with the `current` one, or `name_taken`"), (status = 412, description = "`precondition_failed`"), (status = 422, description = "Every bad field")),
)]
async fn put_schedule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let current = find(&api, call.project(), SCHEDULES, &id).await?;
    let sent = read_schedule(&api, &call, body.object()?, Some(&current)).await?;
    replace(&api, &call, &current, sent).await
}

/// Remove a schedule
///
/// Rules and escalation steps may still name it: what is due to it then becomes a dead letter.
#[utoipa::path(
    delete, path = "/v1/schedules/{id}", tag = "schedules",
    params(("id" = String, Path, description = "id of the schedule"), ("version" = Option<u64>, Query, description = "the version that was read"), ("If-Match" = Option<String>, Header, description = "the ETag that was read")),
    responses((status = 204, description = "Removed"), (status = 404, description = "No such schedule in the project"), (status = 409, description = "`stale_version` with the `current` one"), (status = 412, description = "`precondition_failed`")),
)]
async fn delete_schedule(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["version"])?;
    remove(&api, &call, SCHEDULES, &id, &parameters).await
}

async fn read_schedule(
    api: &Api,
    call: &Call,
    fields: Fields,
    before: Option<&DocumentRow>,
) -> Result<Sent, Problem> {
    let check = |json: &str| Schedule::from_json(json).map(drop);
    let (sent, mut fields) = read(api, call, SCHEDULES, fields, before, check)?;
    check_people(api, call.project(), &mut fields, people(&sent.row.body)).await?;
    fields.finish()?;
    Ok(sent)
}

/// Everybody a document names, with the fields they stand in; what is no id is refused by its check.
fn people(body: &str) -> Vec<(String, SubscriberId)> {
    let Ok(document) = serde_json::from_str::<ScheduleDocument>(body) else { return Vec::new() };
    let mut named = Vec::new();
    for (index, layer) in document.layers.iter().enumerate() {
        for (place, person) in layer.people.iter().enumerate() {
            named.push((format!("layers[{index}].people[{place}]"), person.clone()));
        }
    }
    for (index, exception) in document.overrides.into_iter().enumerate() {
        named.push((format!("overrides[{index}].person"), exception.person));
    }
    let known = |(place, text): (String, String)| Some((place, SubscriberId::parse(&text)?));
    named.into_iter().filter_map(known).collect()
}
