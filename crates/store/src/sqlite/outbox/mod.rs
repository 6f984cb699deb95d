//! The outbox on SQLite: written by commits, leased from, listed.
//!
//! Leases live in memory, and neither a spreading nor a place taken in a line is synced: a crash gives
//! leases back, a power cut undoes the others, and all are then done again. Whoever asks for a lease holds the leases while it reads,
//! so that nothing is handed out which a commit has moved on meanwhile. Refuses to know: channels, what
//! a receipt says in words.

mod counts;
mod lease;
mod leases;
mod letters;
mod line;
mod list;
mod spread;
mod take;
#[cfg(test)]
mod tests;
mod tries;
mod write;

use async_trait::async_trait;
use model::{EndpointId, NotificationId, ProjectId, Target, Timestamp};

pub(super) use self::leases::{LeaseChanges, Leases};
use self::take::Taken;
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
        let leases = self.shared.leases.lock().await;
        let mut connection = self.shared.reader().await?;
        lease::due_targets(&mut connection, &leases, now, limit).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let leases = self.shared.leases.lock().await;
        let mut connection = self.shared.reader().await?;
        lease::next_due(&mut connection, &leases, now).await
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
        // Ends, because what has joined its line never has to again.
        loop {
            match self.take((owner, now, until), wanted).await? {
                Taken::Leased(leased) => return Ok(leased),
                Taken::Joining(joining) => self.join(&joining).await?,
            }
        }
    }

    async fn release(&self, owner: Option<u128>) -> Result<(), Error> {
        self.shared.leases.lock().await.release(owner);
        Ok(())
    }

    async fn return_unused(
        &self,
        deliveries: &[(ProjectId, NotificationId, Target)],
    ) -> Result<(), Error> {
        let mut leases = self.shared.leases.lock().await;
        for &key in deliveries {
            leases.end(key);
        }
        Ok(())
    }

    async fn give_back(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error> {
        let key = (project, notification, target);
        if !self.shared.leases.lock().await.knows(key) {
            return Ok(());
        }
        let mut write = self.begin().await?;
        lease::give_back(&mut write.connection, key, due_at).await?;
        write.commit().await?;
        self.shared.leases.lock().await.end(key);
        Ok(())
    }

    async fn spread(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let key = (project, notification, target);
        let changes = spread::spread(&mut write.connection, key, over, now).await?;
        write.commit().await?;
        self.shared.leases.lock().await.follow(&changes);
        Ok(())
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        lease::counts(&mut snapshot).await
    }
}

impl SqliteStore {
    async fn take(
        &self,
        lease: (u128, Timestamp, Timestamp),
        wanted: &[LeaseOf],
    ) -> Result<Taken, Error> {
        let mut leases = self.shared.leases.lock().await;
        let mut snapshot = self.shared.snapshot().await?;
        take::take(&mut snapshot, &mut leases, lease, wanted).await
    }

    async fn join(&self, joining: &[line::Joining]) -> Result<(), Error> {
        let mut write = self.begin().await?;
        let changes = line::join(&mut write.connection, joining).await?;
        write.commit().await?;
        self.shared.leases.lock().await.follow(&changes);
        Ok(())
    }
}
