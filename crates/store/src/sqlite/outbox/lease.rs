//! What is due, to whom, and when there is more: read from one index and held against the leases.
//!
//! Invariant: every statement walks an index of what can be handed out, target by target, so that a
//! target with a million rows costs no more than one with a few.

use model::Timestamp;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::leases::Leases;
use crate::Error;
use crate::batch::DeliveryKey;
use crate::outbox::{DUE_COUNTED, DueTarget, OutboxCounts};
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;

/// Gives what is due at another time back.
pub(super) async fn give_back(
    connection: &mut SqliteConnection,
    key: DeliveryKey,
    due_at: Timestamp,
) -> Result<(), Error> {
    const SQL: &str = "UPDATE deliveries SET due_at = ?5 WHERE project = ?1 AND notification = ?2
        AND target_kind = ?3 AND target = ?4 AND status = 0";
    let mut values = Values::default();
    values.add_delivery(key).add(due_at.micros());
    let run = sqlx::query_with(SQL, values.into_arguments()).execute(connection).await;
    run.map_err(failed("give a delivery back"))?;
    Ok(())
}

/// All targets with something that waits behind no other. Steps from the first entry of one target in
/// the index to that of the next. One comparison of all three columns would say the same, but SQLite
/// then starts at the entries of the target it comes from and walks through all of them.
macro_rules! targets {
    () => {
        "WITH RECURSIVE targets (project, target_kind, target, since) AS (
        SELECT * FROM (SELECT project, target_kind, target, due_at
            FROM deliveries INDEXED BY deliveries_ready WHERE status = 0 AND blocked = 0
            ORDER BY project, target_kind, target, due_at LIMIT 1)
        UNION ALL
        SELECT first.project, first.target_kind, first.target, first.due_at
        FROM targets CROSS JOIN deliveries AS first ON first.rowid = coalesce(
            (SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_ready
                WHERE next.status = 0 AND next.blocked = 0 AND next.project = targets.project
                AND next.target_kind = targets.target_kind AND next.target > targets.target
                ORDER BY next.target, next.due_at LIMIT 1),
            (SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_ready
                WHERE next.status = 0 AND next.blocked = 0 AND next.project = targets.project
                AND next.target_kind > targets.target_kind
                ORDER BY next.target_kind, next.target, next.due_at LIMIT 1),
            (SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_ready
                WHERE next.status = 0 AND next.blocked = 0 AND next.project > targets.project
                ORDER BY next.project, next.target_kind, next.target, next.due_at LIMIT 1))
        )"
    };
}

/// Targets with something due at `?1`, the longest waiting first, with how much that is up to `?3`.
pub(in crate::sqlite) const DUE_TARGETS: &str = concat!(
    targets!(),
    ", waiting AS MATERIALIZED (
        SELECT * FROM targets WHERE since <= ?1
        ORDER BY since, project, target_kind, target LIMIT ?2
    )
    SELECT waiting.*, (SELECT count(*) FROM (
        SELECT 1 FROM deliveries AS due INDEXED BY deliveries_ready
        WHERE due.project = waiting.project AND due.target_kind = waiting.target_kind
        AND due.target = waiting.target AND due.status = 0 AND due.blocked = 0
        AND due.due_at <= ?1 LIMIT ?3)) AS due
    FROM waiting ORDER BY since, project, target_kind, target"
);

/// Targets with something to hand out, the longest waiting first. Of a target of which something is
/// leased the store says more than there is to hand out, so more is read and then taken off.
pub(super) async fn due_targets(
    connection: &mut SqliteConnection,
    leases: &Leases,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<DueTarget>, Error> {
    let (targets, most) = leases.breadth();
    let counted = i64::from(DUE_COUNTED).saturating_add_unsigned(most as u64);
    let rows = sqlx::query(DUE_TARGETS)
        .bind(now.micros())
        .bind(i64::try_from(limit.saturating_add(targets)).unwrap_or(i64::MAX))
        .bind(counted)
        .fetch_all(connection)
        .await
        .map_err(failed("read deliveries"))?;
    let read = |row: &SqliteRow| {
        let columns = Columns::new(row, "deliveries", &["project", "target_kind", "target"]);
        let (project, target) = (columns.project("project")?, columns.target()?);
        let free = columns.small("due")?.saturating_sub(leases.held_of((project, target), now));
        let (since, count) = (columns.time("since")?, free.min(DUE_COUNTED));
        Ok((count > 0).then_some(DueTarget { project, target, since, count }))
    };
    let mut due = Vec::with_capacity(rows.len());
    for row in &rows {
        due.extend(read(row)?);
    }
    due.truncate(limit);
    Ok(due)
}

/// When something is due next after `?1`.
pub(in crate::sqlite) const NEXT: &str = concat!(
    targets!(),
    " SELECT min((SELECT later.due_at FROM deliveries AS later INDEXED BY deliveries_ready
        WHERE later.project = targets.project AND later.target_kind = targets.target_kind
        AND later.target = targets.target AND later.status = 0 AND later.blocked = 0
        AND later.due_at > ?1 ORDER BY later.due_at LIMIT 1))
    FROM targets"
);
/// Since when anything is due.
pub(in crate::sqlite) const OLDEST: &str = concat!(targets!(), " SELECT min(since) FROM targets");

/// When there is something more to hand out after `now`.
pub(super) async fn next_due(
    connection: &mut SqliteConnection,
    leases: &Leases,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    let row = sqlx::query(NEXT).bind(now.micros()).fetch_one(connection).await;
    let due = moment(&row.map_err(failed("read deliveries"))?)?;
    Ok(due.into_iter().chain(leases.next_end(now)).min())
}

/// A moment out of one row, if there is one.
fn moment(row: &SqliteRow) -> Result<Option<Timestamp>, Error> {
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
    let row = sqlx::query(OLDEST).fetch_one(connection).await;
    let oldest_due_at = moment(&row.map_err(failed("read deliveries"))?)?;
    Ok(OutboxCounts { due, oldest_due_at, dead })
}
