//! Alerts that fire. The signal stands in its row as it stands in the journal, in the journal's codec.

use model::{Alert, Entry, IdentityKey};
use sqlx::sqlite::SqliteRow;

use crate::Error;
use crate::batch::AlertRow;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

pub(in crate::sqlite) fn write(values: &mut Values, row: &AlertRow<'_>) {
    let alert = row.alert;
    let mut entry = Vec::new();
    let signal = alert.signal.clone();
    let as_entry = Entry::Alert { project: alert.project, lease: alert.lease, signal };
    model::codec::encode(&as_entry, &mut entry);
    values
        .add(i64::from(alert.project.0))
        .add(&alert.identity.0.to_be_bytes()[..])
        .add(row.incident.map(|id| id.to_bytes().to_vec()))
        .add(alert.updated_at.micros())
        .add(entry);
}

pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<Alert, Error> {
    let columns = Columns::new(row, "alerts", &["project", "identity"]);
    let entry: &[u8] = columns.get("entry")?;
    let Ok(Entry::Alert { project, lease, signal }) = model::codec::decode(entry) else {
        return Err(columns.unreadable("entry", "an alert in the journal's codec"));
    };
    if project != columns.project("project")? {
        return Err(columns.unreadable("entry", "an alert of the row's project"));
    }
    Ok(Alert {
        project,
        identity: IdentityKey(columns.wide("identity")?),
        lease,
        updated_at: columns.time("updated_at")?,
        incident: columns.maybe_incident("incident")?,
        signal: signal.to_owned_signal(),
    })
}
