//! The outbox on SQLite: written by commits, leased from, listed.
//!
//! What delivery itself writes is not synced: a power cut gives leases back and undoes a spreading,
//! both of which are then done again. Refuses to know: channels, what a receipt says in words.

mod lease;
mod letters;
mod line;
mod list;
mod spread;
#[cfg(test)]
mod tests;
mod write;

use async_trait::async_trait;
use model::{EndpointId, NotificationId, ProjectId, Target, Timestamp};

pub(super) use self::write::write;
use super::SqliteStore;
use crate::Error;
use crate::outbox::{
    DueTarget, LeaseOf, Leased, LetterFilter, LetterPage, NotificationFilter, NotificationPage,
    NotificationView, Outbox, OutboxCounts,
};

#[async_trait]
impl Outbox for SqliteStore {
    async fn notifications(
        &self,
        project: ProjectId,
        filter: &NotificationFilter,
    ) -> Result<NotificationPage, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        list::notifications(&mut snapshot, project, filter).await
    }

    async fn notification(
        &self,
        project: ProjectId,
        id: NotificationId,
    ) -> Result<Option<NotificationView>, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        list::notification(&mut snapshot, project, id).await
    }

    async fn letters(
        &self,
        project: ProjectId,
        filter: &LetterFilter,
    ) -> Result<LetterPage, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        letters::page(&mut snapshot, project, filter).await
    }

    async fn due_targets(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTarget>, Error> {
        let mut connection = self.shared.reader().await?;
        lease::due_targets(&mut connection, now, limit).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, Error> {
        let mut connection = self.shared.reader().await?;
        lease::moment(&mut connection, lease::NEXT).await
    }

    async fn lease(
        &self,
        owner: u128,
        now: Timestamp,
        until: Timestamp,
        wanted: &[LeaseOf],
    ) -> Result<Vec<Leased>, Error> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.begin().await?;
        let mut leased = Vec::new();
        for of in wanted {
            let found = lease::take(&mut write.connection, owner, (now, until), of).await?;
            leased.extend(found);
        }
        write.commit().await?;
        Ok(leased)
    }

    async fn release(&self, owner: Option<u128>) -> Result<(), Error> {
        let mut write = self.begin().await?;
        lease::release(&mut write.connection, owner).await?;
        write.commit().await
    }

    async fn give_back(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let key = (project, notification, target);
        lease::give_back(&mut write.connection, key, due_at).await?;
        write.commit().await
    }

    async fn spread(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        spread::spread(&mut write.connection, (project, notification, target), over).await?;
        write.commit().await
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        lease::counts(&mut snapshot).await
    }
}
