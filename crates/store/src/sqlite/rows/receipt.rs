//! Tries, each as its receipt stands in the journal.

use model::codec::wire::Writer;
use model::{Receipt, Timestamp};
use sqlx::sqlite::SqliteRow;

use crate::Error;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

/// Key, time, verdict and document of a try.
pub(in crate::sqlite) const WIDTH: usize = 8;

pub(in crate::sqlite) fn write(values: &mut Values, &(at, receipt): &(Timestamp, &Receipt)) {
    let mut document = Vec::new();
    model::codec::write_receipt(&mut Writer(&mut document), receipt);
    values
        .add_delivery((receipt.project, receipt.notification, receipt.target))
        .add(i64::from(receipt.attempt))
        .add(at.micros())
        .add(i64::from(receipt.verdict.code()))
        .add(document);
}

/// Reads a receipt from the column `receipt` of a row about its delivery.
pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<Receipt, Error> {
    let key = &["project", "notification", "target_kind", "target", "attempt"];
    let columns = Columns::new(row, "attempts", key);
    let receipt = columns.coded("receipt", model::codec::read_receipt)?;
    let told = columns.notification("notification")?;
    if receipt.project != columns.project("project")? || receipt.notification != told {
        return Err(columns.unreadable("receipt", "the receipt of this row"));
    }
    Ok(receipt)
}
