//! Incidents.

use std::borrow::Cow;

use model::{GroupingKey, Incident, IncidentId, PolicyId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use super::json;
use crate::Error;
use crate::batch::IncidentRow;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

pub(in crate::sqlite) const KEY: [&str; 2] = ["project", "id"];
pub(in crate::sqlite) const OTHERS: [&str; 23] = [
    "number",
    "title",
    "status",
    "severity",
    "severity_pinned",
    "component",
    "component_type",
    "environment",
    "policy",
    "grouping_hash",
    "grouping_key",
    "first_signal_at",
    "opened_at",
    "assignee",
    "acknowledged_at",
    "resolved_at",
    "closed_at",
    "mtta_seconds",
    "mttr_seconds",
    "merged_into",
    "split_from",
    "links",
    "changed_seq",
];

pub(in crate::sqlite) fn write(values: &mut Values, row: &IncidentRow<'_>) {
    let incident = row.incident;
    let links: Vec<LinkJson<'_>> = incident
        .links
        .iter()
        .map(|(title, url)| LinkJson { title: title.into(), url: url.into() })
        .collect();
    values
        .add(i64::from(incident.project.0))
        .add(&incident.id.to_bytes()[..])
        .add(incident.number.cast_signed())
        .add(incident.title.as_str())
        .add(i64::from(incident.status.code()))
        .add(i64::from(incident.severity.rank()))
        .add(i64::from(incident.severity_pinned))
        .add(incident.component.as_str())
        .add(i64::from(incident.component_type.code()))
        .add(incident.environment.as_str())
        .add(&incident.policy.to_bytes()[..])
        .add(&incident.key.0.to_be_bytes()[..])
        .add(incident.grouping_key.as_str())
        .add(incident.first_signal_at.micros())
        .add(incident.opened_at.micros())
        .add(incident.assignee.as_deref())
        .add(incident.acknowledged_at.map(|at| at.micros()))
        .add(incident.resolved_at.map(|at| at.micros()))
        .add(incident.closed_at.map(|at| at.micros()))
        .add(incident.mtta_seconds.map(u64::cast_signed))
        .add(incident.mttr_seconds.map(u64::cast_signed))
        .add(incident.merged_into.map(|id| id.to_bytes().to_vec()))
        .add(incident.split_from.map(|id| id.to_bytes().to_vec()))
        .add(json(&links))
        .add(incident.changed_seq.0.cast_signed());
}

pub(in crate::sqlite) const COUNTERS_KEY: [&str; 2] = ["project", "incident"];
pub(in crate::sqlite) const COUNTERS_OTHERS: [&str; 5] =
    ["number", "status", "severity", "signal_count", "last_signal_at"];

pub(in crate::sqlite) fn write_counters(values: &mut Values, row: &IncidentRow<'_>) {
    let incident = row.incident;
    values
        .add(i64::from(incident.project.0))
        .add(&incident.id.to_bytes()[..])
        .add(incident.number.cast_signed())
        .add(i64::from(incident.status.code()))
        .add(i64::from(incident.severity.rank()))
        .add(row.signal_count.cast_signed())
        .add(row.last_signal_at.micros());
}

/// Reads a row of `incidents` that has the columns of [`COUNTERS_OTHERS`] joined to it.
pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<Incident, Error> {
    let columns = Columns::new(row, "incidents", &KEY);
    let links: Vec<LinkJson<'static>> = columns.json("links")?;
    Ok(Incident {
        id: IncidentId(columns.wide("id")?),
        project: columns.project("project")?,
        number: columns.unsigned("number")?,
        title: columns.text("title")?,
        status: columns.status()?,
        severity: columns.severity()?,
        severity_pinned: columns.flag("severity_pinned")?,
        component: columns.text("component")?,
        component_type: columns.component_type()?,
        environment: columns.text("environment")?,
        policy: PolicyId(columns.wide("policy")?),
        key: GroupingKey(columns.wide("grouping_hash")?),
        grouping_key: columns.text("grouping_key")?,
        signal_count: columns.unsigned("signal_count")?,
        first_signal_at: columns.time("first_signal_at")?,
        last_signal_at: columns.time("last_signal_at")?,
        opened_at: columns.time("opened_at")?,
        assignee: columns.get("assignee")?,
        acknowledged_at: columns.maybe_time("acknowledged_at")?,
        resolved_at: columns.maybe_time("resolved_at")?,
        closed_at: columns.maybe_time("closed_at")?,
        mtta_seconds: columns.maybe_unsigned("mtta_seconds")?,
        mttr_seconds: columns.maybe_unsigned("mttr_seconds")?,
        merged_into: columns.maybe_incident("merged_into")?,
        split_from: columns.maybe_incident("split_from")?,
        links: links.into_iter().map(|link| (link.title.into(), link.url.into())).collect(),
        changed_seq: columns.seq("changed_seq")?,
    })
}

/// A link of an incident.
#[derive(Serialize, Deserialize)]
struct LinkJson<'a> {
    title: Cow<'a, str>,
    url: Cow<'a, str>,
}
