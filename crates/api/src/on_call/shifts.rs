//! What a schedule says: who is on call at a time, and the shifts of a span.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use model::{Duration, ProjectId, Scope, SubscriberId, Timestamp};
use oncall::{Origin, Schedule};
use serde::Serialize;
use store::DocumentRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schedules::SCHEDULES;
use super::{find, unreadable};
use crate::problem::Problem;
use crate::request::{Call, Id, Parameters};
use crate::{Api, instant};

/// Shifts of so long where nobody says until when: four weeks.
const SPAN: Duration = Duration::from_secs(28 * 24 * 3_600);

/// Who is on call at one time.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct OnCallNow {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Who; null where nobody is.
    #[schema(required)]
    person: Option<Person>,
    /// By what.
    #[schema(required)]
    by: Option<By>,
}

/// A person.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OnCallPerson)]
struct Person {
    /// The subscriber.
    #[schema(format = "uuid")]
    subscriber_id: String,
    /// The name; empty where the subscriber is no longer there.
    name: String,
}

/// What puts somebody on call.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OnCallBy)]
struct By {
    /// `layer` or `override`.
    kind: &'static str,
    /// Which, from 0.
    index: usize,
    /// The name of the layer.
    #[schema(required)]
    name: Option<String>,
}

/// The shifts of a span.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ShiftList {
    /// Ascending and apart; between them nobody is on call.
    items: Vec<ShiftItem>,
}

/// One shift, cut to the span.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Shift)]
struct ShiftItem {
    /// From, inclusive.
    #[schema(format = DateTime)]
    start: String,
    /// To, exclusive.
    #[schema(format = DateTime)]
    end: String,
    /// Who.
    person: Person,
    /// By what.
    by: By,
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(get_on_call)).routes(routes!(list_shifts))
}

/// Who is on call
#[utoipa::path(
    get, path = "/v1/schedules/{id}/on-call", tag = "schedules",
    params(
        ("id" = String, Path, description = "id of the schedule"),
        ("at" = Option<String>, Query, description = "when (RFC 3339); now where not said"),
    ),
    responses((status = 200, description = "Who, if anybody", body = OnCallNow), (status = 404, description = "No such schedule in the project")),
)]
async fn get_on_call(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<OnCallNow>, Problem> {
    call.require(&[Scope::Read])?;
    let at = parameters.only(&["at"])?.instant("at")?;
    let at = at.unwrap_or_else(|| api.ports().clock.now());
    let schedule = checked(&find(&api, call.project(), SCHEDULES, &id).await?)?;
    let found = schedule.on_call_by(instant::stamp(at));
    let names = names(&api, call.project()).await?;
    Ok(Json(OnCallNow {
        at: instant::write(at),
        person: found.map(|found| person(&names, found.person)),
        by: found.map(|found| by(&schedule, found.origin)),
    }))
}

/// List shifts
#[utoipa::path(
    get, path = "/v1/schedules/{id}/shifts", tag = "schedules",
    params(
        ("id" = String, Path, description = "id of the schedule"),
        ("from" = Option<String>, Query, description = "from when (RFC 3339); now where not said"),
        ("until" = Option<String>, Query, description = "until when, at most 400 days later; four weeks later where not said"),
    ),
    responses((status = 200, description = "The shifts", body = ShiftList), (status = 404, description = "No such schedule in the project")),
)]
async fn list_shifts(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<ShiftList>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["from", "until"])?;
    let from = parameters.instant("from")?.unwrap_or_else(|| api.ports().clock.now());
    let until = parameters.instant("until")?.unwrap_or_else(|| later(from, SPAN));
    let schedule = checked(&find(&api, call.project(), SCHEDULES, &id).await?)?;
    let shifts = schedule.shifts(instant::stamp(from), instant::stamp(until));
    let shifts = shifts.map_err(|error| Problem::parameter("until", error.to_string()))?;
    let names = names(&api, call.project()).await?;
    let item = |shift: &oncall::Shift| ShiftItem {
        start: instant::write(instant::of(shift.start)),
        end: instant::write(instant::of(shift.end)),
        person: person(&names, shift.person),
        by: by(&schedule, shift.origin),
    };
    Ok(Json(ShiftList { items: shifts.iter().map(item).collect() }))
}

/// The schedule in a document of the store.
pub(super) fn checked(row: &DocumentRow) -> Result<Schedule, Problem> {
    Schedule::from_json(&row.body).map_err(|errors| unreadable(&errors))
}

/// What everybody is called.
pub(super) async fn names(
    api: &Api,
    project: ProjectId,
) -> Result<BTreeMap<SubscriberId, String>, Problem> {
    let rows = api.ports().store.subscribers(project).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// A time so much later.
pub(super) fn later(at: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(at.micros().saturating_add_unsigned(by.micros()))
}

fn person(names: &BTreeMap<SubscriberId, String>, id: SubscriberId) -> Person {
    let name = names.get(&id).cloned().unwrap_or_default();
    Person { subscriber_id: id.to_string(), name }
}

fn by(schedule: &Schedule, origin: Origin) -> By {
    match origin {
        Origin::Layer(index) => {
            By { kind: "layer", index, name: schedule.layer_name(index).map(str::to_owned) }
        }
        Origin::Override(index) => By { kind: "override", index, name: None },
    }
}
