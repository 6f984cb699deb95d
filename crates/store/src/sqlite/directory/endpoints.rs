//! Endpoints. Their secrets come sealed and leave sealed.

use model::{EndpointId, ProjectId, SubscriberId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Change, key, number, room};
use crate::Error;
use crate::directory::{ENDPOINTS, EndpointRow};
use crate::sqlite::administration::note;
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;

/// All endpoints, by creation.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Vec<EndpointRow>, Error> {
    const SQL: &str = "SELECT * FROM endpoints WHERE project = ? ORDER BY created_at, id";
    let rows = sqlx::query(SQL).bind(i64::from(project.0)).fetch_all(connection).await;
    rows.map_err(failed("read endpoints"))?.iter().map(read).collect()
}

/// One endpoint.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: EndpointId,
) -> Result<Option<EndpointRow>, Error> {
    const SQL: &str = "SELECT * FROM endpoints WHERE project = ? AND id = ?";
    let values = key(project, id.0);
    let row = sqlx::query_with(SQL, values.into_arguments()).fetch_optional(connection).await;
    row.map_err(failed("read endpoints"))?.as_ref().map(read).transpose()
}

/// Creates or replaces one.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    row: &EndpointRow,
    change: Change<'_>,
) -> Result<u64, Error> {
    const COUNT: &str = "SELECT count(*) FROM endpoints WHERE project = ?1 AND id <> ?2";
    let before = one(connection, row.project, row.id).await?;
    let stands = before.as_ref().map(|before| before.version);
    let version = ENDPOINTS.next_version(stands, change.expected)?;
    if before.is_none() {
        room(connection, ENDPOINTS, COUNT, key(row.project, row.id.0)).await?;
    }
    let created_at = before.map_or(change.now, |before| before.created_at);
    save(connection, EndpointRow { version, created_at, ..row.clone() }).await?;
    let (subject, detail) = (row.id.to_string(), version.to_string());
    let action = "endpoint_saved";
    note(connection, change.now, change.actor, row.project, action, &subject, &detail).await?;
    Ok(version)
}

/// Notes that the owner has confirmed one.
pub(super) async fn verify(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: EndpointId,
    change: Change<'_>,
) -> Result<u64, Error> {
    let before = one(connection, project, id).await?;
    let stands = before.as_ref().map(|before| before.version);
    let version = ENDPOINTS.next_version(stands, change.expected)?;
    if let Some(before) = before {
        let verified_at = Some(change.now);
        save(connection, EndpointRow { version, verified_at, owner_confirms: true, ..before })
            .await?;
    }
    let (action, subject, detail) = ("endpoint_verified", id.to_string(), version.to_string());
    note(connection, change.now, change.actor, project, action, &subject, &detail).await?;
    Ok(version)
}

async fn save(connection: &mut SqliteConnection, row: EndpointRow) -> Result<(), Error> {
    let upsert = Bulk::upsert("endpoints", &["project", "id"], &OTHERS);
    let rows = [row];
    let run = upsert.run(connection, &rows, write);
    run.await.map_err(failed("write endpoints"))?;
    Ok(())
}

/// Removes one.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: EndpointId,
    change: Change<'_>,
) -> Result<(), Error> {
    const VERSION: &str = "SELECT version FROM endpoints WHERE project = ? AND id = ?";
    const DELETE: &str = "DELETE FROM endpoints WHERE project = ? AND id = ?";
    let stands = number(connection, VERSION, key(project, id.0)).await?;
    ENDPOINTS.removable(stands, change.expected)?;
    let run = sqlx::query_with(DELETE, key(project, id.0).into_arguments());
    run.execute(&mut *connection).await.map_err(failed("remove endpoints"))?;
    let (action, subject) = ("endpoint_removed", id.to_string());
    note(connection, change.now, change.actor, project, action, &subject, "").await
}

const OTHERS: [&str; 9] = [
    "subscriber",
    "channel",
    "name",
    "config",
    "secrets",
    "verified_at",
    "owner_confirms",
    "version",
    "created_at",
];

fn write(values: &mut Values, row: &EndpointRow) {
    values
        .add(i64::from(row.project.0))
        .add(&row.id.to_bytes()[..])
        .add(&row.subscriber.to_bytes()[..])
        .add(row.channel.as_str())
        .add(row.name.as_str())
        .add(row.config.as_str())
        .add(&row.secrets[..])
        .add(row.verified_at.map(|at| at.micros()))
        .add(i64::from(row.owner_confirms))
        .add(row.version.cast_signed())
        .add(row.created_at.micros());
}

fn read(row: &SqliteRow) -> Result<EndpointRow, Error> {
    let columns = Columns::new(row, "endpoints", &["project", "id"]);
    Ok(EndpointRow {
        project: columns.project("project")?,
        id: EndpointId(columns.wide("id")?),
        subscriber: SubscriberId(columns.wide("subscriber")?),
        channel: columns.text("channel")?,
        name: columns.text("name")?,
        config: columns.text("config")?,
        secrets: columns.get("secrets")?,
        verified_at: columns.maybe_time("verified_at")?,
        owner_confirms: columns.unsigned("owner_confirms")? != 0,
        version: columns.unsigned("version")?,
        created_at: columns.time("created_at")?,
    })
}
