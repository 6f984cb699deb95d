//! Root cause analyses, accepted or drafted.

use std::borrow::Cow;

use model::{ActionItem, IncidentId, Rca};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use super::json;
use crate::Error;
use crate::query::RcaView;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

/// The columns of an analysis, which drafts have too.
pub(in crate::sqlite) const COLUMNS: [&str; 7] = [
    "root_cause_category",
    "fix_applied",
    "prevention_steps",
    "incident_start",
    "incident_end",
    "timeline_note",
    "action_items",
];

pub(in crate::sqlite) fn write(values: &mut Values, rca: &Rca) {
    let items: Vec<ActionItemJson<'_>> = rca
        .action_items
        .iter()
        .map(|item| ActionItemJson {
            title: item.title.as_str().into(),
            owner: item.owner.as_str().into(),
            due: item.due.as_str().into(),
        })
        .collect();
    values
        .add(rca.root_cause_category.as_str())
        .add(rca.fix_applied.as_str())
        .add(rca.prevention_steps.as_str())
        .add(rca.incident_start.map(|at| at.micros()))
        .add(rca.incident_end.map(|at| at.micros()))
        .add(rca.timeline_note.as_str())
        .add(json(&items));
}

pub(in crate::sqlite) fn read(columns: &Columns<'_>) -> Result<Rca, Error> {
    let items: Vec<ActionItemJson<'static>> = columns.json("action_items")?;
    let item = |item: ActionItemJson<'static>| ActionItem {
        title: item.title.into(),
        owner: item.owner.into(),
        due: item.due.into(),
    };
    Ok(Rca {
        root_cause_category: columns.text("root_cause_category")?,
        fix_applied: columns.text("fix_applied")?,
        prevention_steps: columns.text("prevention_steps")?,
        incident_start: columns.maybe_time("incident_start")?,
        incident_end: columns.maybe_time("incident_end")?,
        timeline_note: columns.text("timeline_note")?,
        action_items: items.into_iter().map(item).collect(),
    })
}

pub(in crate::sqlite) fn read_accepted(row: &SqliteRow) -> Result<RcaView, Error> {
    let columns = Columns::new(row, "rcas", &["project", "incident"]);
    Ok(RcaView {
        incident: IncidentId(columns.wide("incident")?),
        rca: read(&columns)?,
        submitted_by: columns.actor("submitted_by_kind", "submitted_by_name")?,
        submitted_at: columns.time("submitted_at")?,
    })
}

/// An action item of an analysis.
#[derive(Serialize, Deserialize)]
struct ActionItemJson<'a> {
    title: Cow<'a, str>,
    owner: Cow<'a, str>,
    due: Cow<'a, str>,
}
