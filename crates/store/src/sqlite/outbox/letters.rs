//! Dead letters, newest first, each with the try after which it was given up.

use model::ProjectId;
use sqlx::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};

use crate::Error;
use crate::outbox::{DeliveryStatus, Letter, LetterFilter, LetterPage};
use crate::outbox::{letter_rows, whole_notifications};
use crate::query::PageCursor;
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows;

/// A page of letters; all letters of a notification are on the same page.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    project: ProjectId,
    filter: &LetterFilter,
) -> Result<LetterPage, Error> {
    let limit = letter_rows(filter.limit);
    let total = total(connection, project, filter).await?;
    let mut asked = limit + 1;
    let (mut items, fitting) = loop {
        let mut query = select(project, filter, asked);
        let rows = query.build().fetch_all(&mut *connection).await;
        let rows = rows.map_err(failed("read dead letters"))?;
        let letters = rows.iter().map(read).collect::<Result<Vec<Letter>, _>>()?;
        let ids: Vec<_> = letters.iter().map(|letter| letter.notification.id).collect();
        let fitting = whole_notifications(&ids, limit);
        // A notification that fills the page alone may have more letters than were read.
        if fitting < letters.len() || letters.len() < asked {
            break (letters, fitting);
        }
        asked *= 2;
    };
    let more = fitting < items.len();
    items.truncate(fitting);
    let place = |letter: &Letter| {
        PageCursor::of_notification(letter.notification.seq, letter.notification.id)
    };
    let next = items.last().filter(|_| more).map(place);
    Ok(LetterPage { items, next, total })
}

/// The statement of a page: up to `wanted` letters.
pub(in crate::sqlite) fn select(
    project: ProjectId,
    filter: &LetterFilter,
    wanted: usize,
) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(
        "SELECT delivery.project, delivery.notification, delivery.target_kind, delivery.target,
        delivery.dead_at, delivery.attempts AS attempt, told.id, told.document,
        notices.document AS notice_document, last.document AS receipt",
    );
    from(&mut query, filter, true);
    query.push(
        " CROSS JOIN notices ON notices.project = told.project AND notices.hash = told.notice
        CROSS JOIN attempts AS last ON last.project = delivery.project
            AND last.notification = delivery.notification
            AND last.target_kind = delivery.target_kind AND last.target = delivery.target
            AND last.attempt = delivery.attempts",
    );
    restrict(&mut query, project, filter);
    let (seq, id) = match filter.walks_notifications() {
        true => ("told.seq", "told.id"),
        false => ("delivery.seq", "delivery.notification"),
    };
    if let Some(after) = filter.after {
        let (last_seq, last_id) = after.notification();
        query.push(" AND (").push(seq).push(", ").push(id).push(") < (");
        query.push_bind(last_seq.0.cast_signed()).push(", ");
        query.push_bind(last_id.to_bytes().to_vec()).push(")");
    }
    query.push(" ORDER BY ").push(seq).push(" DESC, ").push(id);
    query.push(" DESC, delivery.target_kind, delivery.target LIMIT ");
    query.push_bind(i64::try_from(wanted).unwrap_or(i64::MAX));
    query
}

impl LetterFilter {
    /// Whether letters are found by way of the notifications about an incident.
    fn walks_notifications(&self) -> bool {
        self.incident.is_some() && self.notification.is_none() && self.endpoint.is_none()
    }
}

/// Adds the tables, in the order in which they are walked: CROSS JOIN keeps it.
fn from(query: &mut QueryBuilder<Sqlite>, filter: &LetterFilter, with_notifications: bool) {
    const ON: &str = " ON told.project = delivery.project AND told.id = delivery.notification";
    if filter.walks_notifications() {
        query.push(" FROM notifications AS told INDEXED BY notifications_incident");
        query.push(" CROSS JOIN deliveries AS delivery").push(ON);
        return;
    }
    query.push(" FROM deliveries AS delivery");
    query.push(if filter.notification.is_some() {
        ""
    } else if filter.endpoint.is_some() {
        " INDEXED BY deliveries_dead_target"
    } else if filter.subscriber.is_some() {
        " INDEXED BY deliveries_dead_subscriber"
    } else {
        " INDEXED BY deliveries_dead"
    });
    if with_notifications || filter.incident.is_some() {
        query.push(" CROSS JOIN notifications AS told").push(ON);
    }
}

fn restrict(query: &mut QueryBuilder<Sqlite>, project: ProjectId, filter: &LetterFilter) {
    query.push(" WHERE delivery.project = ").push_bind(i64::from(project.0));
    query.push(" AND delivery.status = 3");
    if filter.walks_notifications() {
        query.push(" AND told.project = ").push_bind(i64::from(project.0));
    }
    let ids = [
        ("delivery.notification", filter.notification.map(|id| id.0)),
        ("delivery.subscriber", filter.subscriber.map(|id| id.0)),
        ("delivery.target_kind = 0 AND delivery.target", filter.endpoint.map(|id| id.0)),
        ("told.incident", filter.incident.map(|id| id.0)),
    ];
    for (column, id) in ids {
        if let Some(id) = id {
            query.push(" AND ").push(column).push(" = ").push_bind(id.to_be_bytes().to_vec());
        }
    }
    for (comparison, at) in [(">= ", filter.since), ("< ", filter.until)] {
        if let Some(at) = at {
            query.push(" AND delivery.dead_at ").push(comparison).push_bind(at.micros());
        }
    }
}

/// How many fit the filter, wherever the page is.
async fn total(
    connection: &mut SqliteConnection,
    project: ProjectId,
    filter: &LetterFilter,
) -> Result<u64, Error> {
    let anything =
        LetterFilter { limit: filter.limit, after: filter.after, ..LetterFilter::default() };
    let mut query = if *filter == anything {
        let mut query = QueryBuilder::new(
            "SELECT coalesce(sum(deliveries), 0) FROM delivery_counts WHERE project = ",
        );
        query.push_bind(i64::from(project.0)).push(" AND status = ");
        query.push_bind(i64::from(DeliveryStatus::Dead.code()));
        query
    } else {
        let mut query = QueryBuilder::new("SELECT count(*)");
        from(&mut query, filter, false);
        restrict(&mut query, project, filter);
        query
    };
    let count: i64 = query
        .build_query_scalar()
        .fetch_one(connection)
        .await
        .map_err(failed("count dead letters"))?;
    Ok(count.cast_unsigned())
}

fn read(row: &SqliteRow) -> Result<Letter, Error> {
    let columns = Columns::new(row, "deliveries", &rows::delivery::KEY);
    Ok(Letter {
        notification: rows::notification::read(row)?,
        target: columns.target()?,
        last: rows::receipt::read(row)?,
        dead_at: columns.time("dead_at")?,
    })
}
