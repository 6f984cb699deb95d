//! Schedules and calendars: documents that the store keeps and the crate `oncall` understands.
//!
//! Invariant: a document that is saved has passed the check of `oncall`, and names only people of the project.

mod calendars;
mod feed;
mod schedules;
mod shifts;

use axum::response::Response;
use http::StatusCode;
use model::{Actor, FieldError, ProjectId, SubscriberId, limits};
use serde_json::{Map, Value, json};
use store::{DocumentKind, DocumentRow};
use utoipa_axum::router::OpenApiRouter;

use crate::idempotency::Created;
use crate::problem::{Code, Problem};
use crate::request::{Call, Fields, Parameters};
use crate::{Api, directory, instant, versions};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .merge(schedules::routes())
        .merge(shifts::routes())
        .merge(feed::routes())
        .merge(calendars::routes())
}

pub(crate) use feed::feeds;

/// What a kind of document is called, and where it is.
#[derive(Debug, Clone, Copy)]
struct Sort {
    kind: DocumentKind,
    word: &'static str,
    route: &'static str,
}

/// A document that was read, and the version the sender has seen.
struct Sent {
    row: DocumentRow,
    version: Option<u64>,
}

/// Takes the document out of a body that may be one that was read before; `check` says what is wrong with it.
fn read(
    api: &Api,
    call: &Call,
    sort: Sort,
    mut fields: Fields,
    before: Option<&DocumentRow>,
    check: impl FnOnce(&str) -> Result<(), Vec<FieldError>>,
) -> Result<(Sent, Fields), Problem> {
    let name = fields.peek("name").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let version = fields.version().filter(|_| before.is_some());
    let id = before.map_or_else(|| uuid::Uuid::now_v7().as_u128(), |row| row.id);
    fields.echoed(before.map(|row| text(row.id)).as_deref(), &["updated_at"]);
    let body = Value::Object(fields.rest()).to_string();
    if body.len() > limits::DOCUMENT_BYTES {
        let message = format!("the whole may have {} bytes", limits::DOCUMENT_BYTES);
        fields.refuse("", "too_long", message);
    } else if let Err(errors) = check(&body) {
        fields.take_over(errors);
    }
    if name.is_empty() && !fields.is_refused("name") && !fields.is_refused("") {
        fields.refuse("name", "missing", "it must be given and not be empty");
    }
    let updated_at = api.ports().clock.now();
    let project = call.project();
    let row = DocumentRow { project, kind: sort.kind, id, name, body, version: 0, updated_at };
    Ok((Sent { row, version }, fields))
}

async fn find(api: &Api, project: ProjectId, sort: Sort, id: &str) -> Result<DocumentRow, Problem> {
    let missing = || Problem::not_found(sort.word, id);
    let wanted = uuid::Uuid::try_parse(id).map_err(|_| missing())?.as_u128();
    api.ports().store.document(project, sort.kind, wanted).await?.ok_or_else(missing)
}

async fn create(api: &Api, call: &Call, sort: Sort, row: DocumentRow) -> Result<Created, Problem> {
    let saved = save(api, row, None, &call.actor()).await?;
    let location = format!("{}/{}", sort.route, text(saved.id));
    Ok(Created::new(&shown(&saved), location)?.at_version(saved.version))
}

async fn replace(
    api: &Api,
    call: &Call,
    current: &DocumentRow,
    sent: Sent,
) -> Result<Response, Problem> {
    let expected = versions::expected(call, sent.version, current.version)?;
    let saved = save(api, sent.row, Some(expected), &call.actor()).await?;
    Ok(answer(&saved))
}

async fn remove(
    api: &Api,
    call: &Call,
    sort: Sort,
    id: &str,
    parameters: &Parameters,
) -> Result<StatusCode, Problem> {
    let (store, project) = (&api.ports().store, call.project());
    let current = find(api, project, sort, id).await?;
    let expected = versions::expected_of_removal(call, parameters, current.version)?;
    let (actor, now) = (call.actor(), api.ports().clock.now());
    let removed =
        store.delete_document(project, sort.kind, current.id, expected, &actor, now).await;
    removed.map_err(directory::not_removed)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn save(
    api: &Api,
    row: DocumentRow,
    expected: Option<u64>,
    actor: &Actor,
) -> Result<DocumentRow, Problem> {
    let store = &api.ports().store;
    match store.put_document(&row, expected, actor, row.updated_at).await {
        Ok(version) => Ok(DocumentRow { version, ..row }),
        Err(error) => {
            let others = match directory::is_in_the_way(&error) {
                true => store.documents(row.project, row.kind).await?,
                false => Vec::new(),
            };
            let taken = others.iter().any(|other| other.id != row.id && other.name == row.name);
            Err(directory::not_saved(error, taken))
        }
    }
}

/// Refuses every named person whom the project does not have.
async fn check_people(
    api: &Api,
    project: ProjectId,
    fields: &mut Fields,
    people: Vec<(String, SubscriberId)>,
) -> Result<(), Problem> {
    for (place, id) in people {
        if api.ports().store.subscriber(project, id).await?.is_none() {
            let message = "there is no such subscriber in this project";
            fields.refuse(place, "unknown_value", message);
        }
    }
    Ok(())
}

/// The document with its id, version and time of change.
fn shown(row: &DocumentRow) -> Value {
    let mut map = Map::new();
    map.insert("id".to_owned(), json!(text(row.id)));
    if let Ok(Value::Object(body)) = serde_json::from_str(&row.body) {
        map.extend(body);
    }
    map.insert("version".to_owned(), json!(row.version));
    map.insert("updated_at".to_owned(), json!(instant::write(row.updated_at)));
    Value::Object(map)
}

fn answer(row: &DocumentRow) -> Response {
    versions::answer(StatusCode::OK, &shown(row), row.version)
}

fn text(id: u128) -> String {
    uuid::Uuid::from_u128(id).to_string()
}

/// A document of the store that cannot be read any more: it was checked when it was saved.
fn unreadable(errors: &[FieldError]) -> Problem {
    let first = errors.first().map(|error| error.message.as_str()).unwrap_or_default();
    tracing::error!(cause = first, "a document of the store does not pass its check");
    Problem::new(Code::Internal, "the document that is kept does not pass its check")
}
