//! Deliveries.

use model::{Notification, NotificationId, Target};
use sqlx::sqlite::SqliteRow;

use crate::Error;
use crate::outbox::{DeliveryRow, DeliveryStatus, Line};
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

pub(in crate::sqlite) const KEY: [&str; 4] = ["project", "notification", "target_kind", "target"];

/// A delivery that is due anew.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) struct NewDelivery<'a> {
    pub(in crate::sqlite) notification: &'a Notification,
    pub(in crate::sqlite) target: Target,
    pub(in crate::sqlite) line: Option<Line>,
    /// Whether it comes after another of the same batch in that line, to the same target.
    pub(in crate::sqlite) follows: bool,
}

/// Values of a delivery that is due anew.
pub(in crate::sqlite) const NEW_WIDTH: usize = 10;

pub(in crate::sqlite) fn write_new(values: &mut Values, row: &NewDelivery<'_>) {
    let notification = row.notification;
    values
        .add_delivery((notification.project, notification.id, row.target))
        .add(&notification.subscriber.to_bytes()[..])
        .add(notification.seq.0.cast_signed())
        .add(row.line.map(|line| line.to_bytes().to_vec()))
        .add(i64::from(row.follows))
        .add(notification.at.micros())
        .add(notification.deadline.micros());
}

pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<(NotificationId, DeliveryRow), Error> {
    let columns = Columns::new(row, "deliveries", &KEY);
    let delivery = DeliveryRow {
        target: columns.target()?,
        status: columns.code("status", DeliveryStatus::from_code)?,
        attempts: columns.small("attempts")?,
        due_at: columns.time("due_at")?,
        delivered_at: columns.maybe_time("delivered_at")?,
        last_answer: columns.text("last_answer")?,
    };
    Ok((columns.notification("notification")?, delivery))
}
