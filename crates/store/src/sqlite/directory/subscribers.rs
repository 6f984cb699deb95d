//! Subscribers.

use model::{Duration, EndpointId, ProjectId, SubscriberId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Change, key, number, room};
use crate::Error;
use crate::directory::{Contact, SUBSCRIBERS, SubscriberRow, still_owns};
use crate::sqlite::administration::note;
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;

/// All subscribers, by name.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    project: ProjectId,
) -> Result<Vec<SubscriberRow>, Error> {
    const SQL: &str = "SELECT * FROM subscribers WHERE project = ? ORDER BY name";
    let rows = sqlx::query(SQL).bind(i64::from(project.0)).fetch_all(connection).await;
    rows.map_err(failed("read subscribers"))?.iter().map(read).collect()
}

/// One subscriber.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: SubscriberId,
) -> Result<Option<SubscriberRow>, Error> {
    const SQL: &str = "SELECT * FROM subscribers WHERE project = ? AND id = ?";
    let values = key(project, id.0);
    let row = sqlx::query_with(SQL, values.into_arguments()).fetch_optional(connection).await;
    row.map_err(failed("read subscribers"))?.as_ref().map(read).transpose()
}

/// Creates or replaces one.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    row: &SubscriberRow,
    change: Change<'_>,
) -> Result<u64, Error> {
    const TAKEN: &str = "SELECT 1 FROM subscribers WHERE project = ?1 AND name = ?3 AND id <> ?2";
    const COUNT: &str = "SELECT count(*) FROM subscribers WHERE project = ?1 AND id <> ?2";
    let before = one(connection, row.project, row.id).await?;
    let stands = before.as_ref().map(|before| before.version);
    let version = SUBSCRIBERS.next_version(stands, change.expected)?;
    let mut name = key(row.project, row.id.0);
    name.add(row.name.as_str());
    if number(connection, TAKEN, name).await?.is_some() {
        return Err(SUBSCRIBERS.taken(&row.name));
    }
    if before.is_none() {
        room(connection, SUBSCRIBERS, COUNT, key(row.project, row.id.0)).await?;
    }
    let created_at = before.map_or(change.now, |before| before.created_at);
    let saved = [SubscriberRow { version, created_at, ..row.clone() }];
    let upsert = Bulk::upsert("subscribers", &["project", "id"], &OTHERS);
    let run = upsert.run(connection, &saved, write);
    run.await.map_err(failed("write subscribers"))?;
    let (subject, detail) = (row.id.to_string(), version.to_string());
    let action = "subscriber_saved";
    note(connection, change.now, change.actor, row.project, action, &subject, &detail).await?;
    Ok(version)
}

/// Removes one that owns nothing any more.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    project: ProjectId,
    id: SubscriberId,
    change: Change<'_>,
) -> Result<(), Error> {
    const VERSION: &str = "SELECT version FROM subscribers WHERE project = ? AND id = ?";
    const ENDPOINTS: &str = "SELECT 1 FROM endpoints WHERE project = ? AND subscriber = ? LIMIT 1";
    const RULES: &str = "SELECT 1 FROM directives INDEXED BY directives_subscriber
        WHERE project = ? AND subscriber = ? LIMIT 1";
    const DELETE: &str = "DELETE FROM subscribers WHERE project = ? AND id = ?";
    let stands = number(connection, VERSION, key(project, id.0)).await?;
    SUBSCRIBERS.removable(stands, change.expected)?;
    if number(connection, ENDPOINTS, key(project, id.0)).await?.is_some() {
        return Err(still_owns("endpoints"));
    }
    if number(connection, RULES, key(project, id.0)).await?.is_some() {
        return Err(still_owns("rules"));
    }
    let run = sqlx::query_with(DELETE, key(project, id.0).into_arguments());
    run.execute(&mut *connection).await.map_err(failed("remove subscribers"))?;
    let (action, subject) = ("subscriber_removed", id.to_string());
    note(connection, change.now, change.actor, project, action, &subject, "").await
}

const OTHERS: [&str; 4] = ["name", "contacts", "version", "created_at"];

/// A contact method.
#[derive(Serialize, Deserialize)]
struct ContactJson {
    endpoint: String,
    after_us: u64,
}

fn write(values: &mut Values, row: &SubscriberRow) {
    let contact = |contact: &Contact| ContactJson {
        endpoint: contact.endpoint.to_string(),
        after_us: contact.after.micros(),
    };
    let contacts: Vec<ContactJson> = row.contacts.iter().map(contact).collect();
    values
        .add(i64::from(row.project.0))
        .add(&row.id.to_bytes()[..])
        .add(row.name.as_str())
        .add(crate::sqlite::rows::json(&contacts))
        .add(row.version.cast_signed())
        .add(row.created_at.micros());
}

fn read(row: &SqliteRow) -> Result<SubscriberRow, Error> {
    let columns = Columns::new(row, "subscribers", &["project", "id"]);
    let contacts: Vec<ContactJson> = columns.json("contacts")?;
    let contacts = contacts.iter().map(|contact| {
        let endpoint = EndpointId::parse(&contact.endpoint);
        let endpoint = endpoint.ok_or_else(|| columns.unreadable("contacts", "a list of ids"))?;
        Ok(Contact { endpoint, after: Duration::from_micros(contact.after_us) })
    });
    Ok(SubscriberRow {
        project: columns.project("project")?,
        id: SubscriberId(columns.wide("id")?),
        name: columns.text("name")?,
        contacts: contacts.collect::<Result<_, Error>>()?,
        version: columns.unsigned("version")?,
        created_at: columns.time("created_at")?,
    })
}
