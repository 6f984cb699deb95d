//! `POST /v1/dead-letters/replay`: dead letters become due again, by commands of a bounded size.
//!
//! Invariant: what became dead after the request began is not part of it, so it ends.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::{
    EndpointId, NotificationId, Operation, Outcome, Refusal, Scope, SubscriberId, Target,
    Timestamp, limits,
};
use serde::Serialize;
use store::LetterFilter;
use utoipa::ToSchema;

use crate::idempotency::Created;
use crate::problem::{Code, Problem};
use crate::request::{Call, Fields, JsonBody, Parameters};
use crate::{Api, incidents};

/// Which dead letters to send again.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct Replay {
    /// Which; everything in it must fit.
    filter: Option<ReplayFilter>,
    /// Must be `true` where the filter is empty, so that nobody sends everything by mistake.
    all: Option<bool>,
}

/// Which dead letters.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct ReplayFilter {
    /// To this endpoint.
    #[schema(format = "uuid")]
    endpoint: Option<String>,
    /// Of this subscriber.
    #[schema(format = "uuid")]
    subscriber: Option<String>,
    /// About this incident (id or number).
    incident: Option<String>,
    /// Of this notification.
    #[schema(format = "uuid")]
    notification: Option<String>,
    /// Given up at or after this time.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Given up before this time.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// How many are sent again.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// So many dead letters are due again, each with a new deadline.
    replayed: u64,
}

/// Send dead letters again
///
/// They are due at once, with a new deadline. An empty filter must say `"all": true`.
#[utoipa::path(
    post, path = "/v1/dead-letters/replay", tag = "notifications",
    request_body = Replay,
    responses((status = 202, description = "They are due again", body = Replayed), (status = 404, description = "No such incident in the project"), (status = 422, description = "Every bad field")),
)]
pub(super) async fn replay_letters(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Response, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let replay = replay(&api, &call, &body);
    Ok(api.idempotency().once(&api, &call, body.hash(), replay).await?.into_response())
}

async fn replay(api: &Api, call: &Call, body: &JsonBody) -> Result<Created, Problem> {
    let mut filter = read(api, call, body.object()?).await?;
    let mut replayed = 0;
    let mut letters: Vec<(NotificationId, Target)> = Vec::new();
    loop {
        // A page holds whole messages, a command only their ids.
        let page = api.ports().store.letters(call.project(), &filter).await?;
        letters.extend(page.items.iter().map(|letter| (letter.notification.id, letter.target)));
        filter.after = page.next;
        let full = letters.len() + filter.limit > limits::REPLAYED_LETTERS;
        if !letters.is_empty() && (full || page.next.is_none()) {
            replayed += submit(api, call, std::mem::take(&mut letters)).await?;
        }
        if page.next.is_none() {
            return Created::done(StatusCode::ACCEPTED, &Replayed { replayed });
        }
    }
}

async fn submit(
    api: &Api,
    call: &Call,
    letters: Vec<(NotificationId, Target)>,
) -> Result<u64, Problem> {
    let command = call.command_without_key(Operation::ReplayDeadLetters { letters });
    match api.ports().road.submit(command).await? {
        Outcome::Replayed(count) => Ok(count),
        // They are no longer dead: somebody else was faster.
        Outcome::Refused(Refusal::NotFound) => Ok(0),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Incident(_) | Outcome::Policy { .. } | Outcome::Directive { .. } => {
            Err(Problem::new(Code::Internal, "the outcome is of another kind than the command"))
        }
    }
}

async fn read(api: &Api, call: &Call, mut fields: Fields) -> Result<LetterFilter, Problem> {
    let all = fields.flag("all").unwrap_or(false);
    let mut inner = Fields::new(fields.object("filter").unwrap_or_default());
    let incident = inner.text("incident");
    let filter = LetterFilter {
        notification: id(&mut inner, "notification", NotificationId::parse),
        subscriber: id(&mut inner, "subscriber", SubscriberId::parse),
        endpoint: id(&mut inner, "endpoint", EndpointId::parse),
        incident: None,
        since: inner.instant("since"),
        until: inner.instant("until"),
        limit: limits::PAGE,
        after: None,
    };
    let asked = LetterFilter { limit: 0, ..filter.clone() };
    let empty = asked == LetterFilter::default() && incident.is_none();
    fields.absorb("filter", inner);
    if empty && !all && !fields.is_refused_within("filter") {
        let message = "name what to send again, or say \"all\": true";
        fields.refuse("filter", "missing", message);
    }
    fields.finish()?;
    let until = filter.until.or(Some(after(api.ports().clock.now())));
    let incident = match incident {
        Some(text) => Some(incidents::find(api, call.project(), &text).await?.incident.id),
        None => None,
    };
    Ok(LetterFilter { until, incident, ..filter })
}

/// What became dead until now, and nothing later.
fn after(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.micros().saturating_add(1))
}

fn id<T>(fields: &mut Fields, name: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
    let text = fields.text(name)?;
    let id = parse(&text);
    if id.is_none() {
        fields.refuse(name, "invalid_id", "it must be an id");
    }
    id
}
