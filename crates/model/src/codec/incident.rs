//! Incidents to bytes and back, version 1: what a notification says of one.

use super::Error;
use super::wire::{Reader, Writer};
use crate::id::{GroupingKey, Seq};
use crate::incident::{Incident, Status};
use crate::severity::Severity;
use crate::signal::ComponentType;

/// Appends an incident, version 1.
pub fn write_incident(w: &mut Writer<'_>, incident: &Incident) {
    w.u128(incident.id.0);
    w.project(incident.project);
    w.u64(incident.number);
    w.text(&incident.title);
    w.u8(incident.status.code());
    w.u8(incident.severity.rank());
    w.bool(incident.severity_pinned);
    w.text(&incident.component);
    w.u8(incident.component_type.code());
    w.text(&incident.environment);
    w.u128(incident.policy.0);
    w.u128(incident.key.0);
    w.text(&incident.grouping_key);
    w.u64(incident.signal_count);
    w.time(incident.first_signal_at);
    w.time(incident.last_signal_at);
    w.time(incident.opened_at);
    w.option(incident.assignee.as_deref(), Writer::text);
    w.option(incident.acknowledged_at, Writer::time);
    w.option(incident.resolved_at, Writer::time);
    w.option(incident.closed_at, Writer::time);
    w.option(incident.mtta_seconds, Writer::u64);
    w.option(incident.mttr_seconds, Writer::u64);
    w.option(incident.merged_into, |w, id| w.u128(id.0));
    w.option(incident.split_from, |w, id| w.u128(id.0));
    w.count(incident.links.len());
    for (title, url) in &incident.links {
        w.text(title);
        w.text(url);
    }
    w.u64(incident.changed_seq.0);
}

/// Reads an incident, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_incident(r: &mut Reader<'_>) -> Result<Incident, Error> {
    Ok(Incident {
        id: r.incident_id()?,
        project: r.project()?,
        number: r.u64("number")?,
        title: r.string("title")?,
        status: code(r, "status", Status::from_code)?,
        severity: code(r, "severity", Severity::from_rank)?,
        severity_pinned: r.bool("severity_pinned")?,
        component: r.string("component")?,
        component_type: code(r, "component type", ComponentType::from_code)?,
        environment: r.string("environment")?,
        policy: r.policy_id()?,
        key: GroupingKey(r.u128("key")?),
        grouping_key: r.string("grouping key")?,
        signal_count: r.u64("signal count")?,
        first_signal_at: r.time("first signal")?,
        last_signal_at: r.time("last signal")?,
        opened_at: r.time("opened")?,
        assignee: r.option("assignee", |r| r.string("assignee"))?,
        acknowledged_at: r.option("acknowledged", |r| r.time("acknowledged"))?,
        resolved_at: r.option("resolved", |r| r.time("resolved"))?,
        closed_at: r.option("closed", |r| r.time("closed"))?,
        mtta_seconds: r.option("mtta", |r| r.u64("mtta"))?,
        mttr_seconds: r.option("mttr", |r| r.u64("mttr"))?,
        merged_into: r.option("merged into", Reader::incident_id)?,
        split_from: r.option("split from", Reader::incident_id)?,
        links: r.list("links", |r| Ok((r.string("title")?, r.string("url")?)))?,
        changed_seq: Seq(r.u64("changed")?),
    })
}

fn code<T>(
    r: &mut Reader<'_>,
    what: &'static str,
    of: impl FnOnce(u8) -> Option<T>,
) -> Result<T, Error> {
    let value = r.u8(what)?;
    of(value).ok_or_else(|| r.invalid(what))
}
