//! Lines: what is due to one target about one incident or alert, of which only the first is handed out.
//!
//! What is spread out for later stands in none until it would be handed out: then it [`join`]s its line.
//!
//! Invariant: after [`put_in_order`] the first of each line is not blocked and all others are. Its
//! cost does not grow with the length of a line.

use std::sync::LazyLock;

use sqlx::sqlite::SqliteConnection;

use super::leases::LeaseChanges;
use crate::Error;
use crate::batch::DeliveryKey;
use crate::outbox::Line;
use crate::sqlite::bulk::Bulk;
use crate::sqlite::columns::Columns;
use crate::sqlite::failure::failed;
use crate::sqlite::rows::delivery;

/// Puts the lines in order in which these deliveries stand or stood; answers whom it made wait, and who
/// waits no longer.
pub(super) async fn put_in_order(
    connection: &mut SqliteConnection,
    touched: &[DeliveryKey],
) -> Result<Vec<(DeliveryKey, bool)>, Error> {
    let mut changes = Vec::new();
    for (statement, blocks) in [(&*BLOCK, true), (&*UNBLOCK, false)] {
        let run = statement.fetch(connection, touched, |values, &key| {
            values.add_delivery(key);
        });
        for row in run.await.map_err(failed("put deliveries in order"))? {
            let columns = Columns::new(&row, "deliveries", &delivery::KEY);
            let told = (columns.project("project")?, columns.notification("notification")?);
            changes.push(((told.0, told.1, columns.target()?), blocks));
        }
    }
    Ok(changes)
}

/// A delivery that has to take its place in its line.
#[derive(Debug)]
pub(super) struct Joining {
    /// Its row.
    pub(super) number: i64,
    pub(super) key: DeliveryKey,
    pub(super) line: Line,
}

/// Lets deliveries take their places in their lines; answers what that does to leases.
pub(super) async fn join(
    connection: &mut SqliteConnection,
    joining: &[Joining],
) -> Result<LeaseChanges, Error> {
    let run = JOIN.run(connection, joining, |values, one| {
        values.add(one.number).add(one.line.to_bytes().to_vec());
    });
    run.await.map_err(failed("put deliveries in line"))?;
    let joined: Vec<DeliveryKey> = joining.iter().map(|one| one.key).collect();
    let blocked = put_in_order(connection, &joined).await?;
    Ok(LeaseChanges { ended: Vec::new(), blocked })
}

/// What has moved on since it was read stays as it is.
pub(in crate::sqlite) static JOIN: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "UPDATE deliveries AS old SET line = new.column2, blocked = 1 FROM (VALUES",
        2,
        ") AS new WHERE old.rowid = new.column1 AND old.status = 0 AND old.line IS NULL",
    )
});

/// Blocks what is not the first of its line any more.
pub(in crate::sqlite) static BLOCK: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "UPDATE deliveries SET blocked = 1 WHERE rowid IN (SELECT late.rowid FROM (VALUES",
        4,
        ") AS touched
        CROSS JOIN deliveries AS one
            ON one.project = touched.column1 AND one.notification = touched.column2
            AND one.target_kind = touched.column3 AND one.target = touched.column4
        CROSS JOIN deliveries AS late INDEXED BY deliveries_line
            ON late.project = one.project AND late.target_kind = one.target_kind
            AND late.target = one.target AND late.line = one.line
            AND late.status = 0 AND late.blocked = 0
        WHERE EXISTS (SELECT 1 FROM deliveries AS early INDEXED BY deliveries_line
            WHERE early.project = late.project AND early.target_kind = late.target_kind
            AND early.target = late.target AND early.line = late.line
            AND early.status = 0 AND early.blocked IN (0, 1)
            AND (early.seq, early.notification) < (late.seq, late.notification)))
        RETURNING project, notification, target_kind, target",
    )
});

/// Unblocks the first of a line where it has none that is not blocked.
pub(in crate::sqlite) static UNBLOCK: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "UPDATE deliveries SET blocked = 0 WHERE rowid IN (SELECT (
            SELECT next.rowid FROM deliveries AS next INDEXED BY deliveries_line
            WHERE next.project = one.project AND next.target_kind = one.target_kind
            AND next.target = one.target AND next.line = one.line
            AND next.status = 0 AND next.blocked = 1
            ORDER BY next.seq, next.notification LIMIT 1
        ) FROM (VALUES",
        4,
        ") AS touched
        CROSS JOIN deliveries AS one
            ON one.project = touched.column1 AND one.notification = touched.column2
            AND one.target_kind = touched.column3 AND one.target = touched.column4
        WHERE NOT EXISTS (SELECT 1 FROM deliveries AS first INDEXED BY deliveries_line
            WHERE first.project = one.project AND first.target_kind = one.target_kind
            AND first.target = one.target AND first.line = one.line
            AND first.status = 0 AND first.blocked = 0))
        RETURNING project, notification, target_kind, target",
    )
});
