//! Notifications: who was told what, when, where, and with what result.
//!
//! Refuses to know: why; that is the folder `explain`. Invariant: nothing is changed here.

mod document;

use axum::Json;
use axum::extract::State;
use model::{IncidentId, NotificationId, ProjectId, Scope, SignalId};
use store::{NotificationFilter, NotificationStatus, NotificationView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::request::{Call, CursorKind, Id, Parameters};
use crate::{Api, incidents};

use document::NotificationPage;

pub(crate) use document::{
    AttemptDocument, MessageDocument, NotificationDetail, NotificationItem, SubjectDocument,
    TargetDocument,
};

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_notifications))
        .routes(routes!(get_notification))
        .routes(routes!(list_of_incident))
}

/// List notifications
///
/// Newest first, each with every try at every place it went to, and with the reason where nobody was told.
#[utoipa::path(
    get, path = "/v1/notifications", tag = "notifications",
    params(
        ("subscriber" = Option<String>, Query, description = "of this subscriber"),
        ("incident" = Option<String>, Query, description = "about this incident (id or number), its signals included"),
        ("signal" = Option<String>, Query, description = "about this signal"),
        ("status" = Option<String>, Query, description = "`pending`, `delivered`, `dead` or `held`"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of notifications", body = NotificationPage), (status = 404, description = "No such incident in the project")),
)]
async fn list_notifications(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<NotificationPage>, Problem> {
    call.require(&[Scope::Read])?;
    let known = ["subscriber", "incident", "signal", "status", "limit", "cursor"];
    let parameters = parameters.only(&known)?;
    let mut filter = read_filter(&call, &parameters)?;
    if let Some(text) = parameters.one("incident")? {
        filter.incident = Some(incident(&api, call.project(), text).await?);
    }
    Ok(Json(page(&api, &call, &filter).await?))
}

/// Get one notification
///
/// With the deliveries to its targets and the whole message.
#[utoipa::path(
    get, path = "/v1/notifications/{id}", tag = "notifications",
    params(("id" = String, Path, description = "id of the notification")),
    responses((status = 200, description = "The notification", body = NotificationDetail), (status = 404, description = "No such notification in the project")),
)]
async fn get_notification(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<NotificationDetail>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let view = find(&api, call.project(), &id).await?;
    let view = view.ok_or_else(|| Problem::not_found("notification", &id))?;
    Ok(Json(NotificationDetail::from(&view)))
}

/// List the notifications about an incident
///
/// Who was told what about it, newest first, its signals included.
#[utoipa::path(
    get, path = "/v1/incidents/{id}/notifications", tag = "incidents",
    params(
        ("id" = String, Path, description = "id or number"),
        ("subscriber" = Option<String>, Query, description = "of this subscriber"),
        ("status" = Option<String>, Query, description = "`pending`, `delivered`, `dead` or `held`"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of notifications", body = NotificationPage), (status = 404, description = "No such incident in the project")),
)]
async fn list_of_incident(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<NotificationPage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["subscriber", "status", "limit", "cursor"])?;
    let mut filter = read_filter(&call, &parameters)?;
    filter.incident = Some(incident(&api, call.project(), &id).await?);
    Ok(Json(page(&api, &call, &filter).await?))
}

/// The notification behind an id, where there is one.
pub(crate) async fn find(
    api: &Api,
    project: ProjectId,
    id: &str,
) -> Result<Option<NotificationView>, Problem> {
    let Some(id) = NotificationId::parse(id) else { return Ok(None) };
    Ok(api.ports().store.notification(project, id).await?)
}

/// Every notification that fits a filter, newest first, up to `most`; and whether there are more.
pub(crate) async fn up_to(
    api: &Api,
    project: ProjectId,
    mut filter: NotificationFilter,
    most: usize,
) -> Result<(Vec<NotificationView>, bool), Problem> {
    let mut found = Vec::new();
    filter.limit = most.min(model::limits::PAGE);
    loop {
        let page = api.ports().store.notifications(project, &filter).await?;
        let ends = page.items.is_empty();
        found.extend(page.items);
        match page.next {
            Some(_) if found.len() >= most => return Ok((found, true)),
            Some(next) if !ends => filter.after = Some(next),
            _ => return Ok((found, false)),
        }
    }
}

async fn incident(api: &Api, project: ProjectId, text: &str) -> Result<IncidentId, Problem> {
    Ok(incidents::find(api, project, text).await?.incident.id)
}

async fn page(
    api: &Api,
    call: &Call,
    filter: &NotificationFilter,
) -> Result<NotificationPage, Problem> {
    let page = api.ports().store.notifications(call.project(), filter).await?;
    let cursor = |cursor| CursorKind::Notifications.write(call.project(), cursor);
    Ok(NotificationPage {
        items: page.items.iter().map(NotificationItem::from).collect(),
        next_cursor: page.next.map(cursor),
        total: page.total,
    })
}

/// What every list of notifications can be asked for.
fn read_filter(call: &Call, parameters: &Parameters) -> Result<NotificationFilter, Problem> {
    let cursor = parameters.one("cursor")?;
    let cursor = cursor.map(|text| CursorKind::Notifications.read(call.project(), text));
    Ok(NotificationFilter {
        subscriber: parameters.subscriber()?,
        incident: None,
        signal: parameters.id("signal", SignalId::parse)?,
        status: parameters.one("status")?.map(status).transpose()?,
        limit: parameters.limit()?,
        after: cursor.transpose()?,
    })
}

fn status(text: &str) -> Result<NotificationStatus, Problem> {
    match text {
        "pending" => Ok(NotificationStatus::Pending),
        "delivered" => Ok(NotificationStatus::Delivered),
        "dead" => Ok(NotificationStatus::Dead),
        "held" => Ok(NotificationStatus::Held),
        _ => Err(Problem::parameter("status", "it must be pending, delivered, dead or held")),
    }
}
