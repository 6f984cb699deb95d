//! Administration on SQLite: projects, keys and drafts. Each change is written with a row in
//! `admin_audit` and is durable before it is acknowledged; only the use of a key is neither.

use async_trait::async_trait;
use model::{Actor, IncidentId, KeyId, ProjectId, Scope, Scopes, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::bulk::{Bulk, Values};
use super::columns::Columns;
use super::failure::failed;
use super::rows::analysis;
use super::{SqliteStore, Write};
use crate::admin::{Admin, KeyRow, ProjectRow, RcaDraft};
use crate::{Error, ErrorKind, Store};

#[async_trait]
impl Admin for SqliteStore {
    async fn create_project(
        &self,
        organization: &str,
        name: &str,
        now: Timestamp,
        by: &Actor,
    ) -> Result<ProjectRow, Error> {
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        let owner = organization_id(connection, organization, now).await?;
        let Some(id) = insert_project(connection, owner, name, now).await? else {
            let what = format!("{organization} has a project {name} already");
            return write.refuse(Error::new(ErrorKind::Conflict, what)).await;
        };
        let subject = format!("{organization}/{name}");
        note(connection, now, by, id, "project_created", &subject, "").await?;
        self.finish(write).await?;
        let organization = organization.to_owned();
        Ok(ProjectRow { id, organization, name: name.to_owned(), created_at: now })
    }

    async fn projects(&self) -> Result<Vec<ProjectRow>, Error> {
        const SQL: &str = "SELECT projects.id, organizations.name AS organization, projects.name,
            projects.created_at FROM projects JOIN organizations
            ON organizations.id = projects.organization ORDER BY projects.id";
        let mut connection = self.shared.reader().await?;
        let rows = sqlx::query(SQL).fetch_all(&mut *connection).await;
        rows.map_err(failed("read projects"))?.iter().map(read_project).collect()
    }

    async fn create_key(&self, key: &KeyRow, by: &Actor) -> Result<(), Error> {
        const KNOWN: &str = "SELECT count(*) FROM projects WHERE id = ?";
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        let known: i64 = sqlx::query_scalar(KNOWN)
            .bind(i64::from(key.project.0))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("read projects"))?;
        if known == 0 {
            let what = format!("there is no project {}", key.project);
            return write.refuse(Error::new(ErrorKind::NotFound, what)).await;
        }
        let insert = Bulk::insert("keys", &KEY_COLUMNS, "ON CONFLICT DO NOTHING");
        let rows = [key];
        let run = insert.run(connection, &rows, |values, key| write_key(values, key));
        if run.await.map_err(failed("write keys"))? == 0 {
            let what = format!("a key {} or with its secret exists already", key.id);
            return write.refuse(Error::new(ErrorKind::Conflict, what)).await;
        }
        let scopes = scopes_text(key.scopes);
        let subject = key.id.to_string();
        note(connection, key.created_at, by, key.project, "key_created", &subject, &scopes).await?;
        self.finish(write).await
    }

    async fn keys(&self, project: Option<ProjectId>) -> Result<Vec<KeyRow>, Error> {
        const SQL: &str =
            "SELECT * FROM keys WHERE ?1 IS NULL OR project = ?1 ORDER BY created_at, id";
        let mut connection = self.shared.reader().await?;
        let project = project.map(|project| i64::from(project.0));
        let rows = sqlx::query(SQL).bind(project).fetch_all(&mut *connection).await;
        rows.map_err(failed("read keys"))?.iter().map(read_key).collect()
    }

    async fn revoke_key(
        &self,
        project: ProjectId,
        id: KeyId,
        now: Timestamp,
        by: &Actor,
    ) -> Result<(), Error> {
        const SQL: &str =
            "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE project = ? AND id = ?";
        let mut write = self.begin().await?;
        let touched = sqlx::query(SQL)
            .bind(now.micros())
            .bind(i64::from(project.0))
            .bind(&id.to_bytes()[..])
            .execute(&mut write.connection)
            .await
            .map_err(failed("write keys"))?
            .rows_affected();
        if touched == 0 {
            let what = format!("there is no key {id} in this project");
            return write.refuse(Error::new(ErrorKind::NotFound, what)).await;
        }
        let subject = id.to_string();
        note(&mut write.connection, now, by, project, "key_revoked", &subject, "").await?;
        self.finish(write).await
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), Error> {
        if used.is_empty() {
            return Ok(());
        }
        let sql = Bulk::new(
            "UPDATE keys SET last_used_at = max(coalesce(last_used_at, new.column2), new.column2)
             FROM (VALUES",
            2,
            ") AS new WHERE keys.id = new.column1",
        );
        let mut write = self.begin().await?;
        let run = sql.run(&mut write.connection, used, |values, (id, at)| {
            values.add(&id.to_bytes()[..]).add(at.micros());
        });
        run.await.map_err(failed("write keys"))?;
        write.commit().await
    }

    async fn draft(
        &self,
        project: ProjectId,
        incident: IncidentId,
    ) -> Result<Option<RcaDraft>, Error> {
        let mut connection = self.shared.reader().await?;
        read_draft(&mut connection, project, incident).await
    }

    async fn save_draft(
        &self,
        project: ProjectId,
        draft: &RcaDraft,
        expected_version: Option<u64>,
    ) -> Result<RcaDraft, Error> {
        let mut write = self.begin().await?;
        let connection = &mut write.connection;
        if super::read::incident(connection, project, draft.incident).await?.is_none() {
            let what = format!("there is no incident {} in this project", draft.incident);
            return write.refuse(Error::new(ErrorKind::NotFound, what)).await;
        }
        let before = read_draft(connection, project, draft.incident).await?;
        let version = before.map_or(0, |before| before.version);
        if expected_version.is_some_and(|expected| expected != version) {
            let what = format!("the draft has version {version} by now; read it again");
            return write.refuse(Error::new(ErrorKind::Conflict, what)).await;
        }
        let saved = RcaDraft { version: version + 1, ..draft.clone() };
        let upsert = Bulk::upsert("rca_drafts", &["project", "incident"], &draft_columns());
        let rows = [(project, &saved)];
        let run = upsert.run(connection, &rows, write_draft);
        run.await.map_err(failed("write rca_drafts"))?;
        let (at, by) = (saved.edited_at, &saved.edited_by);
        let (subject, detail) = (saved.incident.to_string(), saved.version.to_string());
        note(connection, at, by, project, "rca_draft_saved", &subject, &detail).await?;
        self.finish(write).await?;
        Ok(saved)
    }
}

impl SqliteStore {
    /// Commits and makes durable: the journal does not hold this, so nothing would bring it back.
    pub(super) async fn finish(&self, write: Write<'_>) -> Result<(), Error> {
        write.commit().await?;
        self.sync().await
    }
}

/// One line of who changed what.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    at: Timestamp,
    by: &Actor,
    project: ProjectId,
    action: &'static str,
    subject: &str,
    detail: &str,
) -> Result<(), Error> {
    const SQL: &str = "INSERT INTO admin_audit
        (at, actor_kind, actor_name, project, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(SQL)
        .bind(at.micros())
        .bind(i64::from(by.kind.code()))
        .bind(by.name.as_str())
        .bind(i64::from(project.0))
        .bind(action)
        .bind(subject)
        .bind(detail)
        .execute(connection)
        .await
        .map_err(failed("write admin_audit"))?;
    Ok(())
}

async fn organization_id(
    connection: &mut SqliteConnection,
    name: &str,
    now: Timestamp,
) -> Result<i64, Error> {
    const SQL: &str = "INSERT INTO organizations (name, created_at) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id";
    sqlx::query_scalar(SQL)
        .bind(name)
        .bind(now.micros())
        .fetch_one(connection)
        .await
        .map_err(failed("write organizations"))
}

/// The new project's id, or `None` where the organization has one of that name.
async fn insert_project(
    connection: &mut SqliteConnection,
    organization: i64,
    name: &str,
    now: Timestamp,
) -> Result<Option<ProjectId>, Error> {
    const SQL: &str = "INSERT INTO projects (id, organization, name, created_at)
        VALUES ((SELECT max(id) + 1 FROM projects), ?, ?, ?)
        ON CONFLICT (organization, name) DO NOTHING RETURNING id";
    let row = sqlx::query(SQL)
        .bind(organization)
        .bind(name)
        .bind(now.micros())
        .fetch_optional(connection)
        .await
        .map_err(failed("write projects"))?;
    row.map(|row| Columns::new(&row, "projects", &["id"]).project("id")).transpose()
}

fn read_project(row: &SqliteRow) -> Result<ProjectRow, Error> {
    let columns = Columns::new(row, "projects", &["id"]);
    Ok(ProjectRow {
        id: columns.project("id")?,
        organization: columns.text("organization")?,
        name: columns.text("name")?,
        created_at: columns.time("created_at")?,
    })
}

const KEY_COLUMNS: [&str; 11] = [
    "id",
    "project",
    "name",
    "prefix",
    "digest",
    "scopes",
    "rate_per_second",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
];

fn write_key(values: &mut Values, key: &KeyRow) {
    values
        .add(&key.id.to_bytes()[..])
        .add(i64::from(key.project.0))
        .add(key.name.as_str())
        .add(key.prefix.as_str())
        .add(&key.digest[..])
        .add(scopes_text(key.scopes))
        .add(key.rate_per_second.map(i64::from))
        .add(key.created_at.micros())
        .add(key.expires_at.map(|at| at.micros()))
        .add(key.revoked_at.map(|at| at.micros()))
        .add(key.last_used_at.map(|at| at.micros()));
}

fn read_key(row: &SqliteRow) -> Result<KeyRow, Error> {
    let columns = Columns::new(row, "keys", &["id"]);
    let scopes = columns.text("scopes")?;
    let scopes: Option<Scopes> =
        scopes.split(',').filter(|word| !word.is_empty()).map(Scope::parse).collect();
    let rate = columns.get::<Option<i64>>("rate_per_second")?.map(u32::try_from).transpose();
    Ok(KeyRow {
        id: KeyId(columns.wide("id")?),
        project: columns.project("project")?,
        name: columns.text("name")?,
        prefix: columns.text("prefix")?,
        digest: columns.bytes("digest")?,
        scopes: scopes.ok_or_else(|| columns.unreadable("scopes", "a list of scopes"))?,
        rate_per_second: rate.map_err(|_| columns.unreadable("rate_per_second", "a rate"))?,
        created_at: columns.time("created_at")?,
        expires_at: columns.maybe_time("expires_at")?,
        revoked_at: columns.maybe_time("revoked_at")?,
        last_used_at: columns.maybe_time("last_used_at")?,
    })
}

fn scopes_text(scopes: Scopes) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(",")
}

fn draft_columns() -> Vec<&'static str> {
    let edit = ["edited_by_kind", "edited_by_name", "edited_at", "version"];
    [&analysis::COLUMNS[..], &edit].concat()
}

fn write_draft(values: &mut Values, (project, draft): &(ProjectId, &RcaDraft)) {
    values.add(i64::from(project.0)).add(&draft.incident.to_bytes()[..]);
    analysis::write(values, &draft.rca);
    values
        .add(i64::from(draft.edited_by.kind.code()))
        .add(draft.edited_by.name.as_str())
        .add(draft.edited_at.micros())
        .add(draft.version.cast_signed());
}

async fn read_draft(
    connection: &mut SqliteConnection,
    project: ProjectId,
    incident: IncidentId,
) -> Result<Option<RcaDraft>, Error> {
    const SQL: &str = "SELECT * FROM rca_drafts WHERE project = ? AND incident = ?";
    let row = sqlx::query(SQL)
        .bind(i64::from(project.0))
        .bind(&incident.to_bytes()[..])
        .fetch_optional(connection)
        .await
        .map_err(failed("read rca_drafts"))?;
    let Some(row) = row else { return Ok(None) };
    let columns = Columns::new(&row, "rca_drafts", &["project", "incident"]);
    Ok(Some(RcaDraft {
        incident: IncidentId(columns.wide("incident")?),
        rca: analysis::read(&columns)?,
        edited_by: columns.actor("edited_by_kind", "edited_by_name")?,
        edited_at: columns.time("edited_at")?,
        version: columns.unsigned("version")?,
    }))
}
