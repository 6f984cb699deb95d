//! Directives, read as commits wrote them.

use model::{Directive, DirectiveId, DirectiveKind, ProjectId, SubscriberId};
use sqlx::sqlite::SqliteConnection;

use crate::Error;
use crate::batch::DirectiveKey;
use crate::directory::DirectivePage;
use crate::query::page_rows;
use crate::sqlite::bulk::Values;
use crate::sqlite::failure::failed;
use crate::sqlite::rows;

pub(in crate::sqlite) const PAGE: &str =
    "SELECT * FROM directives WHERE project = ?1 AND kind = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
pub(in crate::sqlite) const PAGE_OF_SUBSCRIBER: &str =
    "SELECT * FROM directives INDEXED BY directives_subscriber
    WHERE project = ?1 AND kind = ?2 AND id > ?3 AND subscriber = ?5 ORDER BY id LIMIT ?4";

/// A page of directives in order of id.
pub(super) async fn page(
    connection: &mut SqliteConnection,
    project: ProjectId,
    (kind, subscriber): (DirectiveKind, Option<SubscriberId>),
    after: Option<DirectiveId>,
    limit: usize,
) -> Result<DirectivePage, Error> {
    let limit = page_rows(limit);
    let mut values = Values::default();
    values
        .add(i64::from(project.0))
        .add(i64::from(kind.code()))
        // Everything is after nothing.
        .add(after.map(|id| id.to_bytes().to_vec()).unwrap_or_default())
        .add(i64::try_from(limit + 1).unwrap_or(i64::MAX));
    if let Some(subscriber) = subscriber {
        values.add(subscriber.to_bytes().to_vec());
    }
    let sql = if subscriber.is_some() { PAGE_OF_SUBSCRIBER } else { PAGE };
    let rows = sqlx::query_with(sql, values.into_arguments()).fetch_all(&mut *connection).await;
    let rows = rows.map_err(failed("read directives"))?;
    let mut items = rows.iter().map(rows::directive::read).collect::<Result<Vec<_>, _>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|directive| directive.id);
    let total = total(connection, project, kind, subscriber).await?;
    Ok(DirectivePage { items, next, total })
}

/// One directive.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    (project, kind, id): DirectiveKey,
) -> Result<Option<Directive>, Error> {
    const SQL: &str = "SELECT * FROM directives WHERE project = ? AND kind = ? AND id = ?";
    let row = sqlx::query(SQL)
        .bind(i64::from(project.0))
        .bind(i64::from(kind.code()))
        .bind(&id.to_bytes()[..])
        .fetch_optional(connection)
        .await
        .map_err(failed("read directives"))?;
    row.as_ref().map(rows::directive::read).transpose()
}

async fn total(
    connection: &mut SqliteConnection,
    project: ProjectId,
    kind: DirectiveKind,
    subscriber: Option<SubscriberId>,
) -> Result<u64, Error> {
    const ALL: &str = "SELECT directives FROM directive_counts WHERE project = ? AND kind = ?";
    const OF_SUBSCRIBER: &str = "SELECT count(*) FROM directives INDEXED BY directives_subscriber
        WHERE project = ? AND kind = ? AND subscriber = ?";
    let mut values = Values::default();
    values.add(i64::from(project.0)).add(i64::from(kind.code()));
    if let Some(subscriber) = subscriber {
        values.add(subscriber.to_bytes().to_vec());
    }
    let sql = if subscriber.is_some() { OF_SUBSCRIBER } else { ALL };
    super::number(connection, sql, values).await.map(|count| count.unwrap_or(0))
}
