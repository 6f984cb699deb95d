//! Leases: what is due, to whom, and whose it is for a while.
//!
//! Invariant: every statement walks an index of what can be handed out, target by target, so that a
//! target with a million rows costs no more than one with a few.

use model::Timestamp;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::Error;
use crate::batch::DeliveryKey;
use crate::outbox::{DUE_COUNTED, DueTarget, LeaseOf, Leased, OutboxCounts};
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows;

/// What a target is handed out. `LIMIT` comes before anything is read that is not in the index.
pub(in crate::sqlite) const TAKE: &str =
    "SELECT delivery.project, delivery.notification, delivery.notification AS id,
        delivery.target_kind, delivery.target, delivery.attempts, delivery.deadline,
        told.document, notices.document AS notice_document, threads.reference
    FROM deliveries AS delivery INDEXED BY deliveries_ready
    CROSS JOIN notifications AS told
        ON told.project = delivery.project AND told.id = delivery.notification
    CROSS JOIN notices ON notices.project = told.project AND notices.hash = told.notice
    LEFT JOIN threads ON threads.project = delivery.project
        AND threads.target_kind = delivery.target_kind AND threads.target = delivery.target
        AND threads.incident = delivery.incident
    WHERE delivery.project = ? AND delivery.target_kind = ? AND delivery.target = ?
        AND delivery.status = 0 AND delivery.blocked = 0 AND delivery.ready_at <= ?
    ORDER BY delivery.ready_at, delivery.seq, delivery.notification LIMIT ?";

/// Leases what one target is handed out.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    owner: u128,
    (now, until): (Timestamp, Timestamp),
    of: &LeaseOf,
) -> Result<Vec<Leased>, Error> {
    let update = Bulk::new(
        "UPDATE deliveries AS old SET leased_by = new.column5, leased_until = new.column6
        FROM (VALUES",
        6,
        ") AS new WHERE old.project = new.column1 AND old.notification = new.column2
            AND old.target_kind = new.column3 AND old.target = new.column4",
    );
    let mut values = Values::default();
    values
        .add(i64::from(of.project.0))
        .add_target(of.target)
        .add(now.micros())
        .add(i64::from(of.most));
    let found = sqlx::query_with(TAKE, values.into_arguments()).fetch_all(&mut *connection).await;
    let found = found.map_err(failed("read deliveries"))?;
    let mut keys: Vec<DeliveryKey> = Vec::with_capacity(found.len());
    let mut leased = Vec::with_capacity(found.len());
    for row in &found {
        let columns = Columns::new(row, "deliveries", &rows::delivery::KEY);
        keys.push((of.project, columns.notification("notification")?, of.target));
        match read(row) {
            Ok(delivery) => leased.push(delivery),
            // It stays leased and so out of the way of what can be read.
            Err(error) => tracing::error!(cause = %error, "a notification cannot be delivered"),
        }
    }
    let run = update.run(connection, &keys, |values, &key| {
        values.add_delivery(key).add(owner.to_be_bytes().to_vec()).add(until.micros());
    });
    run.await.map_err(failed("lease deliveries"))?;
    leased.sort_by_key(|delivery| (delivery.notification.seq, delivery.notification.id));
    Ok(leased)
}

fn read(row: &SqliteRow) -> Result<Leased, Error> {
    let columns = Columns::new(row, "deliveries", &rows::delivery::KEY);
    Ok(Leased {
        notification: rows::notification::read(row)?,
        target: columns.target()?,
        attempt: columns.small("attempts")?.saturating_add(1),
        deadline: columns.time("deadline")?,
        thread: columns.get::<Option<String>>("reference")?.unwrap_or_default(),
    })
}

/// Gives back what `owner` leases, or anybody.
pub(super) async fn release(
    connection: &mut SqliteConnection,
    owner: Option<u128>,
) -> Result<(), Error> {
    let sql = if owner.is_some() { RELEASE } else { RELEASE_ALL };
    let mut values = Values::default();
    if let Some(owner) = owner {
        values.add(owner.to_be_bytes().to_vec());
    }
    let run = sqlx::query_with(sql, values.into_arguments()).execute(connection).await;
    run.map_err(failed("release deliveries"))?;
    Ok(())
}

pub(in crate::sqlite) const RELEASE: &str = "UPDATE deliveries INDEXED BY deliveries_leased
    SET leased_by = NULL, leased_until = NULL WHERE leased_by = ?";
pub(in crate::sqlite) const RELEASE_ALL: &str = "UPDATE deliveries INDEXED BY deliveries_leased
    SET leased_by = NULL, leased_until = NULL WHERE leased_by IS NOT NULL";

/// Gives one lease back.
pub(super) async fn give_back(
    connection: &mut SqliteConnection,
    key: DeliveryKey,
    due_at: Timestamp,
) -> Result<(), Error> {
    const SQL: &str = "UPDATE deliveries SET leased_by = NULL, leased_until = NULL, due_at = ?5
        WHERE project = ?1 AND notification = ?2 AND target_kind = ?3 AND target = ?4
        AND status = 0 AND leased_by IS NOT NULL";
    let mut values = Values::default();
    values.add_delivery(key).add(due_at.micros());
    let run = sqlx::query_with(SQL, values.into_arguments()).execute(connection).await;
    run.map_err(failed("give a delivery back"))?;
    Ok(())
}

/// Steps from the first entry of one target in the index to that of the next. One comparison of all three
/// columns would say the same, but SQLite then starts at the entries of the target it comes from and walks
/// through all of them.
pub(in crate::sqlite) const DUE_TARGETS: &str =
    "WITH RECURSIVE targets (project, target_kind, target, since) AS (
        SELECT * FROM (SELECT project, target_kind, target, ready_at
            FROM deliveries INDEXED BY deliveries_ready WHERE status = 0 AND blocked = 0
            ORDER BY project, target_kind, target, ready_at LIMIT 1)
        UNION ALL
        SELECT first.project, first.target_kind, first.target, first.ready_at
        FROM targets CROSS JOIN deliveries AS first ON first.rowid = coalesce(
            (SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_ready
                WHERE next.status = 0 AND next.blocked = 0 AND next.project = targets.project
                AND next.target_kind = targets.target_kind AND next.target > targets.target
                ORDER BY next.target, next.ready_at LIMIT 1),
            (SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_ready
                WHERE next.status = 0 AND next.blocked = 0 AND next.project = targets.project
                AND next.target_kind > targets.target_kind
                ORDER BY next.target_kind, next.target, next.ready_at LIMIT 1),
            (SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_ready
                WHERE next.status = 0 AND next.blocked = 0 AND next.project > targets.project
                ORDER BY next.project, next.target_kind, next.target, next.ready_at LIMIT 1))
    ), waiting AS MATERIALIZED (
        SELECT * FROM targets WHERE since <= ?1
        ORDER BY since, project, target_kind, target LIMIT ?2
    )
    SELECT waiting.*, (SELECT count(*) FROM (
        SELECT 1 FROM deliveries AS due INDEXED BY deliveries_ready
        WHERE due.project = waiting.project AND due.target_kind = waiting.target_kind
        AND due.target = waiting.target AND due.status = 0 AND due.blocked = 0
        AND due.ready_at <= ?1 LIMIT ?3)) AS due
    FROM waiting ORDER BY since, project, target_kind, target";

/// Targets with something to hand out, the longest waiting first.
pub(super) async fn due_targets(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<DueTarget>, Error> {
    let rows = sqlx::query(DUE_TARGETS)
        .bind(now.micros())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::from(DUE_COUNTED))
        .fetch_all(connection)
        .await
        .map_err(failed("read deliveries"))?;
    let read = |row: &SqliteRow| {
        let columns = Columns::new(row, "deliveries", &["project", "target_kind", "target"]);
        Ok(DueTarget {
            project: columns.project("project")?,
            target: columns.target()?,
            since: columns.time("since")?,
            count: columns.small("due")?,
        })
    };
    rows.iter().map(read).collect()
}

/// When there is something to hand out next.
pub(in crate::sqlite) const NEXT: &str = "SELECT min(ready_at)
    FROM deliveries INDEXED BY deliveries_next WHERE status = 0 AND blocked = 0";
/// Since when anything is due.
pub(in crate::sqlite) const OLDEST: &str =
    "SELECT min(due_at) FROM deliveries INDEXED BY deliveries_due WHERE status = 0";

/// A moment out of one row, if there is one.
pub(super) async fn moment(
    connection: &mut SqliteConnection,
    sql: &'static str,
) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query(sql).fetch_one(connection).await.map_err(failed("read deliveries"))?;
    let micros: Option<i64> = row.try_get(0).map_err(failed("read deliveries"))?;
    Ok(micros.map(Timestamp::from_micros))
}

/// Figures over all projects.
pub(super) async fn counts(connection: &mut SqliteConnection) -> Result<OutboxCounts, Error> {
    const SQL: &str = "SELECT coalesce(sum(deliveries) FILTER (WHERE status = 0), 0) AS due,
        coalesce(sum(deliveries) FILTER (WHERE status = 3), 0) AS dead FROM delivery_counts";
    let row = sqlx::query(SQL).fetch_one(&mut *connection).await;
    let row = row.map_err(failed("read delivery_counts"))?;
    let columns = Columns::new(&row, "delivery_counts", &[]);
    let (due, dead) = (columns.unsigned("due")?, columns.unsigned("dead")?);
    Ok(OutboxCounts { due, oldest_due_at: moment(connection, OLDEST).await?, dead })
}
