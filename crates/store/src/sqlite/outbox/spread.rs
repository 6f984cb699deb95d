//! What is due to a person or schedule, spread out over endpoints.

use model::{EndpointId, Target, Timestamp};
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::counts::Counts;
use super::leases::LeaseChanges;
use super::{line, tries};
use crate::Error;
use crate::batch::DeliveryKey;
use crate::outbox::DeliveryStatus;
use crate::sqlite::bulk::{Bulk, Values};
use crate::sqlite::failure::failed;

/// Spreads a delivery out; where it is not due, nothing changes. Answers what that does to leases.
pub(super) async fn spread(
    connection: &mut SqliteConnection,
    (project, notification, target): DeliveryKey,
    over: &[(EndpointId, Timestamp)],
    now: Timestamp,
) -> Result<LeaseChanges, Error> {
    const SQL: &str = "UPDATE deliveries SET status = 5, blocked = 0
        WHERE project = ? AND notification = ? AND target_kind = ? AND target = ? AND status = 0
        RETURNING deadline, line";
    // A line is ordered by what it was made of, so a spread delivery may come before one that is there.
    let insert = Bulk::new(
        "INSERT INTO deliveries (project, notification, target_kind, target, subscriber, seq, line,
            status, blocked, attempts, due_at, deadline, last_answer)
        SELECT told.project, told.id, new.column3, new.column4, told.subscriber, told.seq,
            new.column7, 0, new.column7 IS NOT NULL, 0, new.column5, new.column6, ''
        FROM (VALUES",
        7,
        ") AS new CROSS JOIN notifications AS told
            ON told.project = new.column1 AND told.id = new.column2
        WHERE true ON CONFLICT DO NOTHING",
    );
    let mut values = Values::default();
    values.add_delivery((project, notification, target));
    let row = sqlx::query_with(SQL, values.into_arguments()).fetch_optional(&mut *connection).await;
    let Some(row) = row.map_err(failed("spread a delivery out"))? else {
        return Ok(LeaseChanges::default());
    };
    let deadline: i64 = row.try_get(0).map_err(failed("spread a delivery out"))?;
    let line: Option<Vec<u8>> = row.try_get(1).map_err(failed("spread a delivery out"))?;
    let of = |endpoint| (project, notification, Target::Endpoint(endpoint));
    let run = insert.run(connection, over, |values, &(endpoint, due_at)| {
        // Until its time comes it stands in no line, so that it holds nothing up.
        let line = line.clone().filter(|_| due_at <= now);
        values.add_delivery(of(endpoint)).add(due_at.micros()).add(deadline).add(line);
    });
    let mut counts = Counts::default();
    counts.delivery(project, DeliveryStatus::Due, DeliveryStatus::Spread);
    counts.new_deliveries(project, run.await.map_err(failed("spread a delivery out"))?);
    let mut touched = vec![(project, notification, target)];
    touched.extend(over.iter().map(|&(endpoint, _)| of(endpoint)));
    let blocked = line::put_in_order(connection, &touched).await?;
    let standings = tries::read(connection, &[(project, notification)]).await?;
    tries::write_statuses(connection, &standings, &mut counts).await?;
    counts.write(connection).await?;
    Ok(LeaseChanges { ended: vec![(project, notification, target)], blocked })
}
