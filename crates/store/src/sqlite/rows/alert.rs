//! Alerts that fire. The signal stands in its row as it stands in the journal, in the journal's codec.

use model::{Alert, Entry, IdentityKey, Signal};
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
        signal: owned(signal),
    })
}

/// The signal with everything it borrowed made its own.
fn owned(signal: Signal<'_>) -> Signal<'static> {
    Signal {
        id: signal.id,
        id_given: signal.id_given,
        component: signal.component.into_owned().into(),
        component_type: signal.component_type,
        kind: signal.kind,
        severity: signal.severity,
        source: signal.source.into_owned().into(),
        environment: signal.environment.into_owned().into(),
        status: signal.status,
        summary: signal.summary.into_owned().into(),
        labels: signal
            .labels
            .into_iter()
            .map(|(name, value)| (name.into_owned().into(), value.into_owned().into()))
            .collect(),
        payload: signal.payload.into_owned().into(),
        occurred_at: signal.occurred_at,
        trace_id: signal.trace_id.into_owned().into(),
        error_code: signal.error_code.into_owned().into(),
        incident_id: signal.incident_id,
        links: signal.links.into_iter().map(|link| link.into_owned().into()).collect(),
    }
}
