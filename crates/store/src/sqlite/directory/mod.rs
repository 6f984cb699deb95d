//! The directory on SQLite: subscribers, endpoints and documents, each change written with a row in
//! `admin_audit` and durable before it is acknowledged; and the directives, which commits write.

pub(super) mod directives;
mod documents;
mod endpoints;
mod subscribers;

use async_trait::async_trait;
use model::{
    Actor, Directive, DirectiveId, DirectiveKind, EndpointId, ProjectId, SubscriberId, Timestamp,
};
use sqlx::sqlite::SqliteConnection;

use super::bulk::Values;
use super::failure::failed;
use super::{SqliteStore, Write};
use crate::directory::{
    DirectivePage, Directory, DocumentKind, DocumentRow, EndpointRow, Sort, SubscriberRow,
};
use crate::{Error, ErrorKind};

#[async_trait]
impl Directory for SqliteStore {
    async fn subscribers(&self, project: ProjectId) -> Result<Vec<SubscriberRow>, Error> {
        let mut connection = self.shared.reader().await?;
        subscribers::all(&mut connection, project).await
    }

    async fn subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
    ) -> Result<Option<SubscriberRow>, Error> {
        let mut connection = self.shared.reader().await?;
        subscribers::one(&mut connection, project, id).await
    }

    async fn put_subscriber(
        &self,
        row: &SubscriberRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: expected_version };
        let done = subscribers::put(&mut write.connection, row, change).await;
        self.end(write, done).await
    }

    async fn delete_subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: expected_version };
        let done = subscribers::delete(&mut write.connection, project, id, change).await;
        self.end(write, done).await
    }

    async fn endpoints(&self, project: ProjectId) -> Result<Vec<EndpointRow>, Error> {
        let mut connection = self.shared.reader().await?;
        endpoints::all(&mut connection, project).await
    }

    async fn endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<EndpointRow>, Error> {
        let mut connection = self.shared.reader().await?;
        endpoints::one(&mut connection, project, id).await
    }

    async fn put_endpoint(
        &self,
        row: &EndpointRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: expected_version };
        let done = endpoints::put(&mut write.connection, row, change).await;
        self.end(write, done).await
    }

    async fn verify_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: Some(expected_version) };
        let done = endpoints::verify(&mut write.connection, project, id, change).await;
        self.end(write, done).await
    }

    async fn delete_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: expected_version };
        let done = endpoints::delete(&mut write.connection, project, id, change).await;
        self.end(write, done).await
    }

    async fn documents(
        &self,
        project: ProjectId,
        kind: DocumentKind,
    ) -> Result<Vec<DocumentRow>, Error> {
        let mut connection = self.shared.reader().await?;
        documents::all(&mut connection, project, kind).await
    }

    async fn document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
    ) -> Result<Option<DocumentRow>, Error> {
        let mut connection = self.shared.reader().await?;
        documents::one(&mut connection, (project, kind, id)).await
    }

    async fn put_document(
        &self,
        row: &DocumentRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: expected_version };
        let done = documents::put(&mut write.connection, row, change).await;
        self.end(write, done).await
    }

    async fn delete_document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let change = Change { actor, now, expected: expected_version };
        let done = documents::delete(&mut write.connection, (project, kind, id), change).await;
        self.end(write, done).await
    }

    async fn directives(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        subscriber: Option<SubscriberId>,
        after: Option<DirectiveId>,
        limit: usize,
    ) -> Result<DirectivePage, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        directives::page(&mut snapshot, project, (kind, subscriber), after, limit).await
    }

    async fn directive(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
    ) -> Result<Option<Directive>, Error> {
        let mut connection = self.shared.reader().await?;
        directives::one(&mut connection, (project, kind, id)).await
    }
}

/// Who changes what stands at which version, and when.
#[derive(Clone, Copy)]
struct Change<'a> {
    actor: &'a Actor,
    now: Timestamp,
    expected: Option<u64>,
}

impl SqliteStore {
    /// Commits what was done and makes it durable, or undoes it where it was refused.
    async fn end<T>(&self, write: Write<'_>, done: Result<T, Error>) -> Result<T, Error> {
        match done {
            Ok(answer) => {
                self.finish(write).await?;
                Ok(answer)
            }
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                write.refuse(error).await
            }
            Err(error) => Err(error),
        }
    }
}

/// One number that a statement finds, if it finds any.
async fn number(
    connection: &mut SqliteConnection,
    sql: &'static str,
    values: Values,
) -> Result<Option<u64>, Error> {
    let found: Option<i64> = sqlx::query_scalar_with(sql, values.into_arguments())
        .fetch_optional(connection)
        .await
        .map_err(failed("read the directory"))?;
    Ok(found.map(i64::cast_unsigned))
}

/// Refuses one more where there are as many of this sort as may be; `sql` counts them.
async fn room(
    connection: &mut SqliteConnection,
    sort: Sort,
    sql: &'static str,
    values: Values,
) -> Result<(), Error> {
    let count = number(connection, sql, values).await?.unwrap_or(0);
    sort.room(usize::try_from(count).unwrap_or(usize::MAX))
}

fn key(project: ProjectId, id: u128) -> Values {
    let mut values = Values::default();
    values.add(i64::from(project.0)).add(id.to_be_bytes().to_vec());
    values
}
