//! A schedule as an iCalendar file: a feed for calendar programs, and shifts of another one taken over
//! as overrides.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use model::{Duration, ScheduleId, Scope, SubscriberId, Timestamp};
use oncall::{ScheduleDocument, ical};
use serde::Serialize;
use store::DocumentRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::schedules::SCHEDULES;
use super::shifts::{checked, later, names};
use super::{find, save};
use crate::Api;
use crate::idempotency::Created;
use crate::problem::{Code, Problem};
use crate::request::{Call, Id, Parameters, TextBody};

/// A feed begins so long ago: 30 days.
const BEFORE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// A feed, and an import where nobody says until when, ends so far ahead: 180 days.
const AHEAD: Duration = Duration::from_secs(180 * 24 * 3_600);

/// What an import of an iCalendar file did.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ShiftImport {
    /// Shifts that became overrides.
    added: u64,
    /// Shifts that were overrides already.
    unchanged: u64,
    /// Events without a time in the span.
    outside: usize,
    /// Events that say that they do not take place.
    cancelled: usize,
    /// What could not be understood, at most 100; the rest was taken over.
    problems: Vec<ImportProblem>,
    /// How many more problems there are.
    further_problems: usize,
    /// The version of the schedule now.
    version: u64,
}

/// What could not be understood.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct ImportProblem {
    /// Where; the first line is 1.
    line: usize,
    /// A sentence for a person.
    message: String,
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(get_feed, import_shifts))
}

/// What may stand below `/k/{key}`, for programs that can send no header.
pub(crate) fn feeds() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(get_feed))
}

/// Subscribe to a schedule
///
/// Its shifts from 30 days ago to 180 days ahead as an iCalendar file. Below `/k/{key}` too, for calendar
/// programs that can send no header: make a key with the scope `read` for it.
#[utoipa::path(
    get, path = "/v1/schedules/{id}/ical", tag = "schedules",
    params(
        ("id" = String, Path, description = "id of the schedule"),
        ("person" = Option<String>, Query, description = "the shifts of this subscriber only"),
    ),
    responses((status = 200, description = "The file", body = String, content_type = "text/calendar"), (status = 404, description = "No such schedule in the project")),
)]
async fn get_feed(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    let person = parameters.only(&["person"])?.id("person", SubscriberId::parse)?;
    let row = find(&api, call.project(), SCHEDULES, &id).await?;
    let names = names(&api, call.project()).await?;
    let now = api.ports().clock.now();
    let from = now.micros().saturating_sub_unsigned(BEFORE.micros());
    let file = ical::write(
        &checked(&row)?,
        &ical::Feed {
            schedule: ScheduleId(row.id),
            person,
            from: crate::instant::stamp(Timestamp::from_micros(from)),
            until: crate::instant::stamp(later(now, AHEAD)),
            revised: crate::instant::stamp(row.updated_at),
            name_of: &|id| names.get(&id).cloned().unwrap_or_default(),
        },
    );
    let file = file.map_err(|error| Problem::new(Code::LimitReached, error.to_string()))?;
    let mut response = file.into_response();
    let kind = HeaderValue::from_static("text/calendar; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Import shifts
///
/// Events of an iCalendar file become overrides of the schedule. Whose an event is, is found by the id in a
/// file of ours, by the address or name of an attendee, or by its summary: each is compared with the names
/// of subscribers, in any case. What cannot be understood is told and left out.
#[utoipa::path(
    post, path = "/v1/schedules/{id}/ical", tag = "schedules",
    params(
        ("id" = String, Path, description = "id of the schedule"),
        ("from" = Option<String>, Query, description = "shifts that end after this (RFC 3339); now where not said"),
        ("until" = Option<String>, Query, description = "shifts that begin before this, at most 400 days later; 180 days later where not said"),
    ),
    request_body(content = String, content_type = "text/calendar", description = "an iCalendar file (RFC 5545)"),
    responses((status = 200, description = "What was done", body = ShiftImport), (status = 400, description = "`invalid_calendar`"), (status = 404, description = "No such schedule in the project"), (status = 422, description = "The schedule would have too many overrides")),
)]
async fn import_shifts(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
    body: TextBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    let parameters = parameters.only(&["from", "until"])?;
    let from = parameters.instant("from")?.unwrap_or_else(|| api.ports().clock.now());
    let until = parameters.instant("until")?.unwrap_or_else(|| later(from, AHEAD));
    let row = find(&api, call.project(), SCHEDULES, &id).await?;
    let import = import(&api, &call, row, &body, (from, until));
    Ok(api.idempotency().once(&api, &call, body.hash(), import).await?.into_response())
}

async fn import(
    api: &Api,
    call: &Call,
    mut row: DocumentRow,
    body: &TextBody,
    (from, until): (Timestamp, Timestamp),
) -> Result<Created, Problem> {
    let text = body.text(&["text/calendar"], Code::InvalidCalendar)?;
    let known = known_by(&names(api, call.project()).await?);
    let unreadable = |error: serde_json::Error| Problem::internal(&error);
    let mut document: ScheduleDocument = serde_json::from_str(&row.body).map_err(unreadable)?;
    let imported = ical::read(
        text.as_bytes(),
        &ical::Import {
            time_zone: &document.time_zone,
            from: crate::instant::stamp(from),
            until: crate::instant::stamp(until),
            person_of: &|text| person_of(&known, text),
        },
    );
    let imported =
        imported.map_err(|error| Problem::new(Code::InvalidCalendar, error.to_string()))?;
    let (mut added, mut unchanged) = (0, 0);
    for shift in imported.shifts.iter().map(ical::ImportedShift::to_override) {
        if document.overrides.contains(&shift) {
            unchanged += 1;
        } else {
            added += 1;
            document.overrides.push(shift);
        }
    }
    if added > 0 {
        oncall::Schedule::new(&document)
            .map_err(|errors| Problem::fields(Code::InvalidFields, &errors))?;
        let expected = Some(row.version);
        row.body = serde_json::to_string(&document).map_err(unreadable)?;
        row.updated_at = api.ports().clock.now();
        row = save(api, row, expected, &call.actor()).await?;
    }
    let problem = |it: &ical::Problem| ImportProblem { line: it.line, message: it.message.clone() };
    Created::done(
        StatusCode::OK,
        &ShiftImport {
            added,
            unchanged,
            outside: imported.outside,
            cancelled: imported.cancelled,
            problems: imported.problems.iter().map(problem).collect(),
            further_problems: imported.further_problems,
            version: row.version,
        },
    )
}

/// Everybody by name, in lower case.
fn known_by(names: &BTreeMap<SubscriberId, String>) -> BTreeMap<String, SubscriberId> {
    names.iter().map(|(id, name)| (name.to_lowercase(), *id)).collect()
}

/// Whom a text means: an id of the project, or a name, which may be an address after `mailto:`.
fn person_of(known: &BTreeMap<String, SubscriberId>, text: &str) -> Option<SubscriberId> {
    let text = text.trim().to_lowercase();
    if let Some(id) = SubscriberId::parse(&text) {
        return known.values().any(|known| *known == id).then_some(id);
    }
    known.get(text.strip_prefix("mailto:").unwrap_or(&text)).copied()
}
