//! Notifications with all that became of them, newest first.
//!
//! A list is read from the index of its narrowest filter in the order of the page; that of a whole
//! project is merged from those of its statuses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::{NotificationId, ProjectId, Receipt};
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};

use crate::Error;
use crate::outbox::{
    DeliveryRow, NotificationFilter, NotificationPage, NotificationStatus, NotificationView,
};
use crate::query::{PageCursor, page_rows};
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows;

/// A page of notifications.
pub(super) async fn notifications(
    connection: &mut SqliteConnection,
    project: ProjectId,
    filter: &NotificationFilter,
) -> Result<NotificationPage, Error> {
    let limit = page_rows(filter.limit);
    let mut found = Vec::new();
    for shelf in shelves(filter) {
        let mut query = select(project, filter, shelf, limit + 1);
        let rows = query.build().fetch_all(&mut *connection).await;
        for row in rows.map_err(failed("read notifications"))? {
            found.push(read(&row)?);
        }
    }
    found.sort_by_key(|view| std::cmp::Reverse((view.notification.seq, view.notification.id)));
    let more = found.len() > limit;
    found.truncate(limit);
    add_deliveries(connection, project, &mut found).await?;
    let place = |view: &NotificationView| {
        PageCursor::of_notification(view.notification.seq, view.notification.id)
    };
    let next = found.last().filter(|_| more).map(place);
    let total = total(connection, project, filter).await?;
    Ok(NotificationPage { items: found, next, total })
}

/// One notification.
pub(super) async fn notification(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: NotificationId,
) -> Result<Option<NotificationView>, Error> {
    let mut query = QueryBuilder::new(SELECT);
    query.push(" FROM notifications AS told").push(NOTICES);
    query.push(" WHERE told.project = ").push_bind(i64::from(project.0));
    query.push(" AND told.id = ").push_bind(id.to_bytes().to_vec());
    let row = query.build().fetch_optional(&mut *connection).await;
    let Some(row) = row.map_err(failed("read notifications"))? else { return Ok(None) };
    let mut views = [read(&row)?];
    add_deliveries(connection, project, &mut views).await?;
    let [view] = views;
    Ok(Some(view))
}

const SELECT: &str = "SELECT told.project, told.id, told.status, told.delivered_at, told.document,
    notices.document AS notice_document";
const NOTICES: &str =
    " CROSS JOIN notices ON notices.project = told.project AND notices.hash = told.notice";

/// The index that a list, or a part of it, is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sqlite) enum Shelf {
    Signal,
    Incident,
    Subscriber,
    Status(NotificationStatus),
}

pub(in crate::sqlite) fn shelves(filter: &NotificationFilter) -> Vec<Shelf> {
    if filter.signal.is_some() {
        return vec![Shelf::Signal];
    }
    if filter.incident.is_some() {
        return vec![Shelf::Incident];
    }
    if filter.subscriber.is_some() {
        return vec![Shelf::Subscriber];
    }
    let all = NotificationStatus::ALL.iter().copied();
    all.filter(|status| filter.status.is_none_or(|wanted| wanted == *status))
        .map(Shelf::Status)
        .collect()
}

/// The statement of a page: up to `wanted` notifications on one shelf.
pub(in crate::sqlite) fn select(
    project: ProjectId,
    filter: &NotificationFilter,
    shelf: Shelf,
    wanted: usize,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(SELECT);
    from(&mut query, shelf);
    query.push(NOTICES);
    restrict(&mut query, project, filter, shelf);
    if let Some(after) = filter.after {
        let (seq, id) = after.notification();
        query.push(" AND (told.seq, told.id) < (").push_bind(seq.0.cast_signed());
        query.push(", ").push_bind(id.to_bytes().to_vec()).push(")");
    }
    query.push(" ORDER BY told.seq DESC, told.id DESC LIMIT ");
    query.push_bind(i64::try_from(wanted).unwrap_or(i64::MAX));
    query
}

fn from(query: &mut QueryBuilder<Sqlite>, shelf: Shelf) {
    query.push(" FROM notifications AS told INDEXED BY ").push(match shelf {
        Shelf::Signal => "notifications_signal",
        Shelf::Incident => "notifications_incident",
        Shelf::Subscriber => "notifications_key",
        Shelf::Status(_) => "notifications_status",
    });
}

fn restrict(
    query: &mut QueryBuilder<Sqlite>,
    project: ProjectId,
    filter: &NotificationFilter,
    shelf: Shelf,
) {
    query.push(" WHERE told.project = ").push_bind(i64::from(project.0));
    let ids = [
        ("subscriber", filter.subscriber.map(|id| id.0)),
        ("incident", filter.incident.map(|id| id.0)),
        ("subject_kind = 1 AND told.subject", filter.signal.map(|id| id.0)),
    ];
    for (column, id) in ids {
        if let Some(id) = id {
            query.push(" AND told.").push(column).push(" = ").push_bind(id.to_be_bytes().to_vec());
        }
    }
    let status = match shelf {
        Shelf::Status(status) => Some(status),
        Shelf::Signal | Shelf::Incident | Shelf::Subscriber => filter.status,
    };
    if let Some(status) = status {
        query.push(" AND told.status = ").push_bind(i64::from(status.code()));
    }
}

/// How many fit the filter, wherever the page is.
async fn total(
    connection: &mut SqliteConnection,
    project: ProjectId,
    filter: &NotificationFilter,
) -> Result<u64, Error> {
    let mut total = 0;
    for shelf in shelves(filter) {
        let mut query = match shelf {
            Shelf::Status(status) => {
                let mut query = QueryBuilder::new(
                    "SELECT coalesce(sum(notifications), 0) FROM notification_counts WHERE project = ",
                );
                query.push_bind(i64::from(project.0));
                query.push(" AND status = ").push_bind(i64::from(status.code()));
                query
            }
            Shelf::Signal | Shelf::Incident | Shelf::Subscriber => {
                let mut query = QueryBuilder::new("SELECT count(*)");
                from(&mut query, shelf);
                restrict(&mut query, project, filter, shelf);
                query
            }
        };
        let count: i64 = query
            .build_query_scalar()
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("count notifications"))?;
        total += count.cast_unsigned();
    }
    Ok(total)
}

/// A notification without its deliveries.
fn read(row: &SqliteRow) -> Result<NotificationView, Error> {
    let columns = Columns::new(row, "notifications", &["project", "id"]);
    Ok(NotificationView {
        notification: rows::notification::read(row)?,
        status: columns.code("status", NotificationStatus::from_code)?,
        delivered_at: columns.maybe_time("delivered_at")?,
        deliveries: Vec::new(),
        attempts: Vec::new(),
    })
}

pub(in crate::sqlite) static DELIVERIES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "SELECT delivery.* FROM (VALUES",
        2,
        ") AS wanted CROSS JOIN deliveries AS delivery
            ON delivery.project = wanted.column1 AND delivery.notification = wanted.column2",
    )
});

pub(in crate::sqlite) static ATTEMPTS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "SELECT tried.*, tried.document AS receipt FROM (VALUES",
        2,
        ") AS wanted CROSS JOIN attempts AS tried
            ON tried.project = wanted.column1 AND tried.notification = wanted.column2",
    )
});

/// Adds to each notification its deliveries and its tries.
async fn add_deliveries(
    connection: &mut SqliteConnection,
    project: ProjectId,
    views: &mut [NotificationView],
) -> Result<(), Error> {
    let ids: Vec<NotificationId> = views.iter().map(|view| view.notification.id).collect();
    let wanted = |values: &mut Values, id: &NotificationId| {
        values.add(i64::from(project.0)).add(id.to_bytes().to_vec());
    };
    let mut deliveries: BTreeMap<NotificationId, Vec<DeliveryRow>> = BTreeMap::new();
    let found = DELIVERIES.fetch(connection, &ids, wanted).await;
    for row in found.map_err(failed("read deliveries"))? {
        let (id, delivery) = rows::delivery::read(&row)?;
        deliveries.entry(id).or_default().push(delivery);
    }
    let mut attempts: BTreeMap<NotificationId, Vec<Receipt>> = BTreeMap::new();
    let found = ATTEMPTS.fetch(connection, &ids, wanted).await;
    for row in found.map_err(failed("read attempts"))? {
        let receipt = rows::receipt::read(&row)?;
        attempts.entry(receipt.notification).or_default().push(receipt);
    }
    for view in views {
        view.deliveries = deliveries.remove(&view.notification.id).unwrap_or_default();
        view.deliveries.sort_by_key(|delivery| delivery.target);
        view.attempts = attempts.remove(&view.notification.id).unwrap_or_default();
        view.attempts.sort_by_key(|tried| (tried.began_at, tried.target, tried.attempt));
    }
    Ok(())
}
