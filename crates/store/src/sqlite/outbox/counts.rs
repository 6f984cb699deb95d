//! How many notifications and deliveries a project has in a status: what a commit changes is added up
//! and written once for each status, however many rows it moved.
//!
//! Invariant: whoever moves a row between two statuses says so here, in the same transaction.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use model::ProjectId;
use sqlx::sqlite::SqliteConnection;

use crate::Error;
use crate::outbox::{DeliveryStatus, NotificationStatus};
use crate::sqlite::bulk::Bulk;
use crate::sqlite::failure::failed;

/// What a transaction changes in the counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    notifications: BTreeMap<(ProjectId, u8), i64>,
    deliveries: BTreeMap<(ProjectId, u8), i64>,
}

static NOTIFICATIONS: LazyLock<Bulk> =
    LazyLock::new(|| add_to("notification_counts", "notifications"));
static DELIVERIES: LazyLock<Bulk> = LazyLock::new(|| add_to("delivery_counts", "deliveries"));

fn add_to(table: &str, count: &str) -> Bulk {
    let conflict = format!(
        "ON CONFLICT (project, status) DO UPDATE SET {count} = {table}.{count} + excluded.{count}"
    );
    Bulk::insert(table, &["project", "status", count], &conflict)
}

impl Counts {
    /// A notification is new, or stands elsewhere than before.
    pub(super) fn notification(
        &mut self,
        project: ProjectId,
        before: Option<NotificationStatus>,
        after: NotificationStatus,
    ) {
        let before = before.map(NotificationStatus::code);
        moved(&mut self.notifications, project, before, after.code(), 1);
    }

    /// So many deliveries are due that were not there.
    pub(super) fn new_deliveries(&mut self, project: ProjectId, new: u64) {
        let due = DeliveryStatus::Due.code();
        moved(&mut self.deliveries, project, None, due, new.cast_signed());
    }

    /// A delivery stands elsewhere than before.
    pub(super) fn delivery(
        &mut self,
        project: ProjectId,
        before: DeliveryStatus,
        after: DeliveryStatus,
    ) {
        moved(&mut self.deliveries, project, Some(before.code()), after.code(), 1);
    }

    /// Writes what has changed.
    pub(super) async fn write(self, connection: &mut SqliteConnection) -> Result<(), Error> {
        for (statement, changes) in
            [(&*NOTIFICATIONS, self.notifications), (&*DELIVERIES, self.deliveries)]
        {
            let changes: Vec<_> = changes.into_iter().filter(|(_, change)| *change != 0).collect();
            let run = statement.run(connection, &changes, |values, ((project, status), change)| {
                values.add(i64::from(project.0)).add(i64::from(*status)).add(*change);
            });
            run.await.map_err(failed("write counts"))?;
        }
        Ok(())
    }
}

fn moved(
    counts: &mut BTreeMap<(ProjectId, u8), i64>,
    project: ProjectId,
    before: Option<u8>,
    after: u8,
    by: i64,
) {
    if let Some(before) = before {
        *counts.entry((project, before)).or_default() -= by;
    }
    *counts.entry((project, after)).or_default() += by;
}
