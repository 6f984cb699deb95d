//! The outbox's share of a commit, in a few statements for any number of rows.
//!
//! Invariant: writing a batch twice changes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use sqlx::sqlite::SqliteConnection;

use super::counts::Counts;
use super::leases::LeaseChanges;
use super::{line, tries};
use crate::Error;
use crate::batch::Outgoing;
use crate::outbox::line_of;
use crate::sqlite::bulk::Bulk;
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows::delivery::{self, NewDelivery};
use crate::sqlite::rows::notification::{self, NoticeRow, NotificationRow};

/// Writes what is due anew and what became of what was due; answers what that does to leases.
pub(in crate::sqlite) async fn write(
    connection: &mut SqliteConnection,
    outgoing: &Outgoing<'_>,
) -> Result<LeaseChanges, Error> {
    let (mut counts, mut changes) = (Counts::default(), LeaseChanges::default());
    write_notifications(connection, outgoing, &mut counts).await?;
    if !outgoing.touched.is_empty() {
        let mut standings = tries::read_all(connection, outgoing, &mut counts).await?;
        tries::write_attempts(connection, &standings, outgoing).await?;
        changes.ended = tries::apply(&mut standings, outgoing);
        tries::write(connection, &standings, &mut counts).await?;
        let mut touched = outgoing.touched.clone();
        touched.retain(|&key| tries::is_in_line(&standings, key));
        changes.blocked = line::put_in_order(connection, &touched).await?;
    }
    counts.write(connection).await?;
    Ok(changes)
}

/// The statements for what is new, their texts made once.
pub(in crate::sqlite) struct Statements {
    notifications: Bulk,
    notices: Bulk,
    new: Bulk,
}

pub(in crate::sqlite) static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| Statements {
    notifications: Bulk::insert(
        "notifications",
        &notification::COLUMNS,
        "ON CONFLICT DO NOTHING RETURNING project, id",
    ),
    notices: Bulk::insert("notices", &["project", "hash", "document"], "ON CONFLICT DO NOTHING"),
    new: new_deliveries(),
});

/// A new delivery waits where another of its line is due.
fn new_deliveries() -> Bulk {
    Bulk::new(
        "INSERT INTO deliveries (project, notification, target_kind, target, subscriber, seq, line,
            status, blocked, attempts, due_at, deadline, last_answer)
        SELECT new.column1, new.column2, new.column3, new.column4, new.column5, new.column6,
            new.column7, 0, new.column7 IS NOT NULL AND (new.column8 OR EXISTS (
                SELECT 1 FROM deliveries AS first INDEXED BY deliveries_line
                WHERE first.project = new.column1 AND first.target_kind = new.column3
                AND first.target = new.column4 AND first.line = new.column7
                AND first.status = 0)),
            0, new.column9, new.column10, ''
        FROM (VALUES",
        delivery::NEW_WIDTH,
        ") AS new WHERE true ON CONFLICT DO NOTHING",
    )
}

/// Writes the notifications that were not there, what they tell, and a delivery for each target.
async fn write_notifications(
    connection: &mut SqliteConnection,
    outgoing: &Outgoing<'_>,
    counts: &mut Counts,
) -> Result<(), Error> {
    let sql = &*STATEMENTS;
    let (mut rows, notices) = with_notices(outgoing);
    let run = sql.notifications.fetch(connection, &rows, notification::write);
    let written = run.await.map_err(failed("write notifications"))?;
    let mut new = BTreeSet::new();
    for row in &written {
        let columns = Columns::new(row, "notifications", &["project", "id"]);
        new.insert((columns.project("project")?, columns.notification("id")?));
    }
    rows.retain(|row| new.contains(&(row.notification.project, row.notification.id)));
    for NotificationRow { notification, .. } in &rows {
        counts.notification(notification.project, None, notification::first_status(notification));
    }
    let told: HashSet<_> = rows.iter().map(|row| (row.notification.project, row.notice)).collect();
    let notices: Vec<&NoticeRow> =
        notices.iter().filter(|notice| told.contains(&(notice.project, notice.hash))).collect();
    let run = sql.notices.run(connection, &notices, |values, row| {
        notification::write_notice(values, row);
    });
    run.await.map_err(failed("write notices"))?;
    let deliveries = deliveries(&rows);
    let run = sql.new.run(connection, &deliveries, delivery::write_new);
    run.await.map_err(failed("write deliveries"))?;
    for row in &deliveries {
        counts.new_deliveries(row.notification.project, 1);
    }
    Ok(())
}

/// Every notification with the name of its notice, and the notices, each encoded once.
fn with_notices<'a>(outgoing: &Outgoing<'a>) -> (Vec<NotificationRow<'a>>, Vec<NoticeRow>) {
    let mut known = HashMap::new();
    let mut notices = Vec::new();
    let mut rows = Vec::with_capacity(outgoing.notifications.len());
    for notification in &outgoing.notifications {
        let project = notification.project;
        // Nothing of the batch is freed while it is written, so an address is one notice.
        let place = (project, Arc::as_ptr(&notification.notice).addr());
        let notice = *known.entry(place).or_insert_with(|| {
            let row = NoticeRow::new(project, &notification.notice);
            let hash = row.hash;
            notices.push(row);
            hash
        });
        rows.push(NotificationRow { notification, notice });
    }
    (rows, notices)
}

/// The deliveries of new notifications, in their order, each once.
fn deliveries<'a>(rows: &[NotificationRow<'a>]) -> Vec<NewDelivery<'a>> {
    let mut lines = HashSet::new();
    let mut deliveries = Vec::with_capacity(rows.len());
    for NotificationRow { notification, .. } in rows {
        if notification.held.is_some() {
            continue;
        }
        let line = line_of(notification);
        for (index, &target) in notification.targets.iter().enumerate() {
            if notification.targets[..index].contains(&target) {
                continue;
            }
            let follows =
                line.is_some_and(|line| !lines.insert((notification.project, target, line)));
            deliveries.push(NewDelivery { notification, target, line, follows });
        }
    }
    deliveries
}
