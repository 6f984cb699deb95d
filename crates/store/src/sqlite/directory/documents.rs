//! Documents that the store does not look into.

use model::ProjectId;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Change, number, room};
use crate::Error;
use crate::directory::{DocumentKind, DocumentRow};
use crate::sqlite::administration::note;
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;

type DocumentKey = (ProjectId, DocumentKind, u128);

/// All documents of a kind, by name.
pub(super) async fn all(
    connection: &mut SqliteConnection,
    project: ProjectId,
    kind: DocumentKind,
) -> Result<Vec<DocumentRow>, Error> {
    const SQL: &str = "SELECT * FROM documents WHERE project = ? AND kind = ? ORDER BY name";
    let rows = sqlx::query(SQL)
        .bind(i64::from(project.0))
        .bind(i64::from(kind.code()))
        .fetch_all(connection)
        .await;
    rows.map_err(failed("read documents"))?.iter().map(read).collect()
}

/// One document.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    document: DocumentKey,
) -> Result<Option<DocumentRow>, Error> {
    const SQL: &str = "SELECT * FROM documents WHERE project = ? AND kind = ? AND id = ?";
    let values = key(document);
    let row = sqlx::query_with(SQL, values.into_arguments()).fetch_optional(connection).await;
    row.map_err(failed("read documents"))?.as_ref().map(read).transpose()
}

/// Creates or replaces one.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    row: &DocumentRow,
    change: Change<'_>,
) -> Result<u64, Error> {
    const TAKEN: &str =
        "SELECT 1 FROM documents WHERE project = ?1 AND kind = ?2 AND name = ?4 AND id <> ?3";
    const COUNT: &str =
        "SELECT count(*) FROM documents WHERE project = ?1 AND kind = ?2 AND id <> ?3";
    let document = (row.project, row.kind, row.id);
    let before = one(connection, document).await?.map(|before| before.version);
    let version = row.kind.sort().next_version(before, change.expected)?;
    let mut name = key(document);
    name.add(row.name.as_str());
    if number(connection, TAKEN, name).await?.is_some() {
        return Err(row.kind.sort().taken(&row.name));
    }
    if before.is_none() {
        room(connection, row.kind.sort(), COUNT, key(document)).await?;
    }
    let saved = [DocumentRow { version, updated_at: change.now, ..row.clone() }];
    let upsert = Bulk::upsert("documents", &["project", "kind", "id"], &OTHERS);
    let run = upsert.run(connection, &saved, write);
    run.await.map_err(failed("write documents"))?;
    let (subject, detail) = (subject(document), version.to_string());
    let action = "document_saved";
    note(connection, change.now, change.actor, row.project, action, &subject, &detail).await?;
    Ok(version)
}

/// Removes one.
pub(super) async fn delete(
    connection: &mut SqliteConnection,
    document: DocumentKey,
    change: Change<'_>,
) -> Result<(), Error> {
    const VERSION: &str = "SELECT version FROM documents WHERE project = ? AND kind = ? AND id = ?";
    const DELETE: &str = "DELETE FROM documents WHERE project = ? AND kind = ? AND id = ?";
    let stands = number(connection, VERSION, key(document)).await?;
    document.1.sort().removable(stands, change.expected)?;
    let run = sqlx::query_with(DELETE, key(document).into_arguments());
    run.execute(&mut *connection).await.map_err(failed("remove documents"))?;
    let (action, subject) = ("document_removed", subject(document));
    note(connection, change.now, change.actor, document.0, action, &subject, "").await
}

const OTHERS: [&str; 4] = ["name", "body", "version", "updated_at"];

fn key((project, kind, id): DocumentKey) -> Values {
    let mut values = Values::default();
    values.add(i64::from(project.0)).add(i64::from(kind.code())).add(id.to_be_bytes().to_vec());
    values
}

/// `schedule 018bcfe5-…`: what a line of the audit is about.
fn subject((_, kind, id): DocumentKey) -> String {
    format!("{} {}", kind.as_str(), model::DirectiveId(id))
}

fn write(values: &mut Values, row: &DocumentRow) {
    values
        .add(i64::from(row.project.0))
        .add(i64::from(row.kind.code()))
        .add(row.id.to_be_bytes().to_vec())
        .add(row.name.as_str())
        .add(row.body.as_str())
        .add(row.version.cast_signed())
        .add(row.updated_at.micros());
}

fn read(row: &SqliteRow) -> Result<DocumentRow, Error> {
    let columns = Columns::new(row, "documents", &["project", "kind", "id"]);
    Ok(DocumentRow {
        project: columns.project("project")?,
        kind: columns.code("kind", DocumentKind::from_code)?,
        id: columns.wide("id")?,
        name: columns.text("name")?,
        body: columns.text("body")?,
        version: columns.unsigned("version")?,
        updated_at: columns.time("updated_at")?,
    })
}
