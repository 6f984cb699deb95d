//! Dead letters: messages given up, kept whole, and sent again on request.

mod document;
mod replay;

use axum::Json;
use axum::extract::State;
use model::{EndpointId, NotificationId, Scope};
use store::LetterFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::request::{Call, CursorKind, Parameters};
use crate::{Api, incidents};

use document::{LetterDocument, LetterPage};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_letters)).routes(routes!(replay::replay_letters))
}

const PARAMETERS: [&str; 8] =
    ["notification", "subscriber", "endpoint", "incident", "since", "until", "limit", "cursor"];

/// List dead letters
///
/// Newest first, each with the whole message and the last answer.
#[utoipa::path(
    get, path = "/v1/dead-letters", tag = "notifications",
    params(
        ("notification" = Option<String>, Query, description = "of this notification"),
        ("subscriber" = Option<String>, Query, description = "of this subscriber"),
        ("endpoint" = Option<String>, Query, description = "to this endpoint"),
        ("incident" = Option<String>, Query, description = "about this incident (id or number)"),
        ("since" = Option<String>, Query, description = "given up at or after this time (RFC 3339)"),
        ("until" = Option<String>, Query, description = "given up before this time"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of dead letters", body = LetterPage), (status = 404, description = "No such incident in the project")),
)]
async fn list_letters(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<LetterPage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&PARAMETERS)?;
    let cursor = parameters.one("cursor")?;
    let cursor = cursor.map(|text| CursorKind::Letters.read(call.project(), text));
    let mut filter = LetterFilter {
        notification: parameters.id("notification", NotificationId::parse)?,
        subscriber: parameters.subscriber()?,
        endpoint: parameters.id("endpoint", EndpointId::parse)?,
        incident: None,
        since: parameters.instant("since")?,
        until: parameters.instant("until")?,
        limit: parameters.limit()?,
        after: cursor.transpose()?,
    };
    if let Some(text) = parameters.one("incident")? {
        filter.incident = Some(incidents::find(&api, call.project(), text).await?.incident.id);
    }
    let page = api.ports().store.letters(call.project(), &filter).await?;
    let cursor = |cursor| CursorKind::Letters.write(call.project(), cursor);
    Ok(Json(LetterPage {
        items: page.items.iter().map(LetterDocument::from).collect(),
        next_cursor: page.next.map(cursor),
        total: page.total,
    }))
}
