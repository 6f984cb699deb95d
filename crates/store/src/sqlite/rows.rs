//! Rows of the tables to words of the model and back: incidents, audit, analyses, alerts.
//!
//! Conversions are by hand; serde is for the private shapes of JSON columns only. Invariant: what is
//! written reads back equal, and what cannot be read is an error that names the row.

use model::effect::AuditAction;
use model::{
    ActionItem, Alert, AuditRow, Entry, GroupingKey, IdentityKey, Incident, IncidentId, PolicyId,
    Rca, Signal, Status,
};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use super::bulk::Values;
use super::columns::Columns;
use crate::Error;
use crate::batch::IncidentRow;
use crate::query::RcaView;

pub(super) const INCIDENT_KEY: [&str; 2] = ["project", "id"];
pub(super) const INCIDENT_OTHERS: [&str; 25] = [
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
    "signal_count",
    "first_signal_at",
    "last_signal_at",
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

pub(super) fn write_incident(values: &mut Values, row: &IncidentRow<'_>) {
    let incident = row.incident;
    let links: Vec<LinkJson<'_>> =
        incident.links.iter().map(|(title, url)| LinkJson { title: title.into(), url: url.into() }).collect();
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
        .add(row.signal_count.cast_signed())
        .add(incident.first_signal_at.micros())
        .add(row.last_signal_at.micros())
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

pub(super) fn read_incident(row: &SqliteRow) -> Result<Incident, Error> {
    let columns = Columns::new(row, "incidents", &INCIDENT_KEY);
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

pub(super) const AUDIT_COLUMNS: [&str; 11] = [
    "project",
    "seq",
    "position",
    "incident",
    "at",
    "actor_kind",
    "actor_name",
    "action",
    "detail",
    "reason",
    "text",
];

pub(super) fn write_audit(values: &mut Values, row: &AuditRow) {
    let (action, detail) = write_action(&row.action);
    values
        .add(i64::from(row.project.0))
        .add(row.seq.0.cast_signed())
        .add(i64::from(row.index))
        .add(row.incident.map(|id| id.to_bytes().to_vec()))
        .add(row.at.micros())
        .add(i64::from(row.actor.kind.code()))
        .add(row.actor.name.as_str())
        .add(action)
        .add(json(&detail))
        .add(i64::from(row.reason.code()))
        .add(row.text.as_str());
}

pub(super) fn read_audit(row: &SqliteRow) -> Result<AuditRow, Error> {
    let columns = Columns::new(row, "audit", &["project", "seq", "position"]);
    Ok(AuditRow {
        seq: columns.seq("seq")?,
        index: columns.small("position")?,
        project: columns.project("project")?,
        incident: columns.maybe_incident("incident")?,
        at: columns.time("at")?,
        actor: columns.actor("actor_kind", "actor_name")?,
        action: read_action(&columns)?,
        reason: columns.reason()?,
        text: columns.text("text")?,
    })
}

/// What an audit action carries beside its kind.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DetailJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signals: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

fn write_action(action: &AuditAction) -> (&'static str, DetailJson) {
    let none = DetailJson::default();
    match action {
        AuditAction::Opened => ("opened", none),
        AuditAction::Moved { from, to } => {
            let (from, to) = (Some(from.to_string()), Some(to.to_string()));
            ("moved", DetailJson { from, to, ..none })
        }
        AuditAction::SeverityChanged { from, to } => {
            let (from, to) = (Some(from.to_string()), Some(to.to_string()));
            ("severity_changed", DetailJson { from, to, ..none })
        }
        AuditAction::Assigned { to } => ("assigned", DetailJson { to: to.clone(), ..none }),
        AuditAction::Commented => ("commented", none),
        AuditAction::Linked { url } => ("linked", DetailJson { url: Some(url.clone()), ..none }),
        AuditAction::MergedInto { parent } => {
            ("merged_into", DetailJson { incident: Some(parent.to_string()), ..none })
        }
        AuditAction::Split { other, signals } => {
            let (incident, signals) = (Some(other.to_string()), Some(*signals));
            ("split", DetailJson { incident, signals, ..none })
        }
        AuditAction::PolicySaved { policy, version } => {
            let (policy, version) = (Some(policy.to_string()), Some(*version));
            ("policy_saved", DetailJson { policy, version, ..none })
        }
        AuditAction::PolicyRemoved { policy } => {
            ("policy_removed", DetailJson { policy: Some(policy.to_string()), ..none })
        }
    }
}

fn read_action(columns: &Columns<'_>) -> Result<AuditAction, Error> {
    let action = columns.text("action")?;
    let detail: DetailJson = columns.json("detail")?;
    let read = match action.as_str() {
        "opened" => Some(AuditAction::Opened),
        "moved" => status(detail.from)
            .zip(status(detail.to))
            .map(|(from, to)| AuditAction::Moved { from, to }),
        "severity_changed" => severity(detail.from)
            .zip(severity(detail.to))
            .map(|(from, to)| AuditAction::SeverityChanged { from, to }),
        "assigned" => Some(AuditAction::Assigned { to: detail.to }),
        "commented" => Some(AuditAction::Commented),
        "linked" => detail.url.map(|url| AuditAction::Linked { url }),
        "merged_into" => incident(detail.incident).map(|parent| AuditAction::MergedInto { parent }),
        "split" => incident(detail.incident)
            .zip(detail.signals)
            .map(|(other, signals)| AuditAction::Split { other, signals }),
        "policy_saved" => policy(detail.policy)
            .zip(detail.version)
            .map(|(policy, version)| AuditAction::PolicySaved { policy, version }),
        "policy_removed" => {
            policy(detail.policy).map(|policy| AuditAction::PolicyRemoved { policy })
        }
        _ => None,
    };
    read.ok_or_else(|| columns.unreadable("action", "a known action with its detail"))
}

fn status(text: Option<String>) -> Option<Status> {
    Status::parse(&text?)
}

fn severity(text: Option<String>) -> Option<model::Severity> {
    model::Severity::parse(&text?)
}

fn incident(text: Option<String>) -> Option<IncidentId> {
    IncidentId::parse(&text?)
}

fn policy(text: Option<String>) -> Option<PolicyId> {
    PolicyId::parse(&text?)
}

/// The columns of an analysis, which drafts have too.
pub(super) const RCA_COLUMNS: [&str; 7] = [
    "root_cause_category",
    "fix_applied",
    "prevention_steps",
    "incident_start",
    "incident_end",
    "timeline_note",
    "action_items",
];

pub(super) fn write_rca(values: &mut Values, rca: &Rca) {
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

pub(super) fn read_rca(columns: &Columns<'_>) -> Result<Rca, Error> {
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

pub(super) fn read_rca_view(row: &SqliteRow) -> Result<RcaView, Error> {
    let columns = Columns::new(row, "rcas", &["project", "incident"]);
    Ok(RcaView {
        incident: IncidentId(columns.wide("incident")?),
        rca: read_rca(&columns)?,
        submitted_by: columns.actor("submitted_by_kind", "submitted_by_name")?,
        submitted_at: columns.time("submitted_at")?,
    })
}

pub(super) fn write_alert(values: &mut Values, alert: &Alert) {
    let mut entry = Vec::new();
    let signal = alert.signal.clone();
    let as_entry = Entry::Alert { project: alert.project, lease: alert.lease, signal };
    model::codec::encode(&as_entry, &mut entry);
    values
        .add(i64::from(alert.project.0))
        .add(&alert.identity.0.to_be_bytes()[..])
        .add(alert.incident.map(|id| id.to_bytes().to_vec()))
        .add(alert.updated_at.micros())
        .add(entry);
}

pub(super) fn read_alert(row: &SqliteRow) -> Result<Alert, Error> {
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

/// A link of an incident.
#[derive(Serialize, Deserialize)]
struct LinkJson<'a> {
    title: std::borrow::Cow<'a, str>,
    url: std::borrow::Cow<'a, str>,
}

/// An action item of an analysis.
#[derive(Serialize, Deserialize)]
struct ActionItemJson<'a> {
    title: std::borrow::Cow<'a, str>,
    owner: std::borrow::Cow<'a, str>,
    due: std::borrow::Cow<'a, str>,
}

pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain structs of text and numbers always serialize")
}
