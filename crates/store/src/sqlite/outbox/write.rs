//! The outbox's share of a commit, in a few statements for any number of rows.
//!
//! Invariant: a delivery moves only with a try that it has not had, and a letter is replayed only
//! once for each replay, so that writing a batch twice changes nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use model::{NotificationId, ProjectId, Receipt, Timestamp, Verdict, limits};
use sqlx::sqlite::SqliteConnection;

use super::line;
use crate::Error;
use crate::batch::{DeliveryKey, Outgoing};
use crate::outbox::line_of;
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows::delivery::{self, NewDelivery};
use crate::sqlite::rows::notification::{self, NoticeRow, NotificationRow};
use crate::sqlite::rows::receipt;

/// Writes what is due anew and what became of what was due.
pub(in crate::sqlite) async fn write(
    connection: &mut SqliteConnection,
    outgoing: &Outgoing<'_>,
) -> Result<(), Error> {
    let sql = &*STATEMENTS;
    write_notifications(connection, outgoing).await?;
    let run = sql.attempts.run(connection, &outgoing.receipts, receipt::write);
    run.await.map_err(failed("write attempts"))?;
    for round in &outgoing.rounds {
        let run = sql.missing.run(connection, &round.receipts, |values, (_, receipt)| {
            values.add_delivery((receipt.project, receipt.notification, receipt.target));
        });
        run.await.map_err(failed("write deliveries"))?;
        let run = sql.moves.run(connection, &round.receipts, delivery::write_move);
        run.await.map_err(failed("write deliveries"))?;
        let run = sql.replays.run(connection, &round.replays, write_replay);
        run.await.map_err(failed("write deliveries"))?;
    }
    let told: Vec<&Receipt> = outgoing.receipts.iter().map(|&(_, receipt)| receipt).collect();
    write_threads(connection, &told).await?;
    line::put_in_order(connection, &outgoing.touched).await?;
    keep_statuses(connection, &outgoing.moved_notifications()).await
}

/// Brings the statuses of notifications to what their deliveries say.
pub(super) async fn keep_statuses(
    connection: &mut SqliteConnection,
    notifications: &[(ProjectId, NotificationId)],
) -> Result<(), Error> {
    let run = STATEMENTS.statuses.run(connection, notifications, |values, row| {
        values.add(i64::from(row.0.0)).add(&row.1.to_bytes()[..]);
    });
    run.await.map_err(failed("write statuses of notifications"))?;
    Ok(())
}

/// The statements of the outbox, their texts made once.
pub(in crate::sqlite) struct Statements {
    notifications: Bulk,
    notices: Bulk,
    new: Bulk,
    attempts: Bulk,
    pub(in crate::sqlite) missing: Bulk,
    pub(in crate::sqlite) moves: Bulk,
    pub(in crate::sqlite) replays: Bulk,
    threads: Bulk,
    pub(in crate::sqlite) statuses: Bulk,
}

/// The columns in which `old` and `new` name the same delivery.
const SAME_DELIVERY: &str = "old.project = new.column1 AND old.notification = new.column2
    AND old.target_kind = new.column3 AND old.target = new.column4";

pub(in crate::sqlite) static STATEMENTS: LazyLock<Statements> = LazyLock::new(|| {
    Statements {
    notifications: Bulk::insert(
        "notifications",
        &notification::COLUMNS,
        "ON CONFLICT DO NOTHING RETURNING project, id",
    ),
    notices: Bulk::insert("notices", &["project", "hash", "document"], "ON CONFLICT DO NOTHING"),
    new: new_deliveries(),
    attempts: Bulk::new(
        "INSERT INTO attempts
            (project, notification, target_kind, target, attempt, at, verdict, document)
        SELECT tried.* FROM (VALUES",
        receipt::WIDTH,
        ") AS tried WHERE EXISTS (SELECT 1 FROM notifications AS told
            WHERE told.project = tried.column1 AND told.id = tried.column2)
        ON CONFLICT DO NOTHING",
    ),
    // What was spread out may be lost in a power cut; the journal brings back what became of it.
    missing: Bulk::new(
        "INSERT INTO deliveries (project, notification, target_kind, target, subscriber, seq, incident,
            status, blocked, attempts, due_at, deadline, last_answer)
        SELECT told.project, told.id, new.column3, new.column4, told.subscriber, told.seq,
            iif(told.subject_kind = 0, told.subject, NULL), 0, told.subject_kind = 0, 0,
            told.at, told.deadline, ''
        FROM (VALUES",
        4,
        ") AS new CROSS JOIN notifications AS told
            ON told.project = new.column1 AND told.id = new.column2
        WHERE true ON CONFLICT DO NOTHING",
    ),
    moves: Bulk::new(
        "UPDATE deliveries AS old SET status = new.column5, attempts = new.column6,
            due_at = coalesce(new.column7, old.due_at), leased_by = NULL, leased_until = NULL,
            delivered_at = new.column8, dead_at = new.column9, last_answer = new.column10
        FROM (VALUES",
        delivery::MOVE_WIDTH,
        &format!(") AS new WHERE {SAME_DELIVERY} AND old.attempts < new.column6"),
    ),
    // The plus sign keeps SQLite from walking the index of all dead letters.
    replays: Bulk::new(
        "UPDATE deliveries AS old SET status = 0, blocked = old.incident IS NOT NULL,
            due_at = new.column5, deadline = new.column6, replayed_at = new.column5, dead_at = NULL
        FROM (VALUES",
        6,
        &format!(
            ") AS new WHERE {SAME_DELIVERY} AND +old.status = 3
                AND (old.replayed_at IS NULL OR old.replayed_at < new.column5)"
        ),
    ),
    threads: Bulk::new(
        "INSERT INTO threads (project, target_kind, target, incident, reference)
        SELECT told.project, new.column3, new.column4, told.subject, new.column5 FROM (VALUES",
        5,
        ") AS new CROSS JOIN notifications AS told
            ON told.project = new.column1 AND told.id = new.column2
        WHERE told.subject_kind = 0 ON CONFLICT DO NOTHING",
    ),
    statuses: Bulk::new(
        "UPDATE notifications AS old SET status = new.status, delivered_at = new.delivered_at
        FROM (SELECT touched.column1 AS project, touched.column2 AS id,
            CASE WHEN sum(delivery.status = 0) > 0 THEN 0 WHEN sum(delivery.status = 3) > 0 THEN 2
                WHEN sum(delivery.status IN (1, 2)) > 0 THEN 1 ELSE 3 END AS status,
            CASE WHEN sum(delivery.status IN (0, 3)) = 0 THEN max(delivery.delivered_at) END
                AS delivered_at
            FROM (VALUES",
        2,
        ") AS touched CROSS JOIN deliveries AS delivery
                ON delivery.project = touched.column1 AND delivery.notification = touched.column2
            GROUP BY 1, 2) AS new
        WHERE old.project = new.project AND old.id = new.id
            AND (old.status <> new.status OR old.delivered_at IS NOT new.delivered_at)",
    ),
}
});

/// A new delivery waits where another about its incident is due to the same target.
fn new_deliveries() -> Bulk {
    Bulk::new(
        "INSERT INTO deliveries (project, notification, target_kind, target, subscriber, seq, incident,
            status, blocked, attempts, due_at, deadline, last_answer)
        SELECT new.column1, new.column2, new.column3, new.column4, new.column5, new.column6,
            new.column7, 0, new.column7 IS NOT NULL AND (new.column8 OR EXISTS (
                SELECT 1 FROM deliveries AS first INDEXED BY deliveries_line
                WHERE first.project = new.column1 AND first.target_kind = new.column3
                AND first.target = new.column4 AND first.incident = new.column7
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

/// The deliveries of new notifications, in their order.
fn deliveries<'a>(rows: &[NotificationRow<'a>]) -> Vec<NewDelivery<'a>> {
    let mut lines = HashSet::new();
    let mut deliveries = Vec::with_capacity(rows.len());
    for NotificationRow { notification, .. } in rows {
        if notification.held.is_some() {
            continue;
        }
        for &target in &notification.targets {
            let line = line_of(notification.subject);
            let follows =
                line.is_some_and(|line| !lines.insert((notification.project, target, line)));
            deliveries.push(NewDelivery { notification, target, follows });
        }
    }
    deliveries
}

fn write_replay(values: &mut Values, &(key, at): &(DeliveryKey, Timestamp)) {
    let deadline = at + limits::DELIVERY_DEADLINE;
    values.add_delivery(key).add(at.micros()).add(deadline.micros());
}

/// Keeps what the other side called the first message about an incident.
async fn write_threads(
    connection: &mut SqliteConnection,
    receipts: &[&Receipt],
) -> Result<(), Error> {
    let opens =
        |receipt: &&Receipt| receipt.verdict == Verdict::Delivered && !receipt.reference.is_empty();
    let named: Vec<&Receipt> = receipts.iter().copied().filter(opens).collect();
    let run = STATEMENTS.threads.run(connection, &named, |values, receipt| {
        values
            .add_delivery((receipt.project, receipt.notification, receipt.target))
            .add(receipt.reference.as_str());
    });
    run.await.map_err(failed("write threads"))?;
    Ok(())
}
