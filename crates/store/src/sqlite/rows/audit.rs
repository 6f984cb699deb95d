//! Audit rows. What was done is a word, and what belongs to it a JSON object.

use model::effect::AuditAction;
use model::{AuditRow, DirectiveId, DirectiveKind, IncidentId, PolicyId, Severity, Status};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use super::json;
use crate::Error;
use crate::sqlite::bulk::Values;
use crate::sqlite::columns::Columns;

pub(in crate::sqlite) const COLUMNS: [&str; 11] = [
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

pub(in crate::sqlite) fn write(values: &mut Values, row: &AuditRow) {
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

pub(in crate::sqlite) fn read(row: &SqliteRow) -> Result<AuditRow, Error> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letters: Option<u64>,
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
        AuditAction::DirectiveSaved { kind, id, version } => {
            let (kind, directive) = (Some(kind.to_string()), Some(id.to_string()));
            let version = Some(*version);
            ("directive_saved", DetailJson { kind, directive, version, ..none })
        }
        AuditAction::DirectiveRemoved { kind, id } => {
            let (kind, directive) = (Some(kind.to_string()), Some(id.to_string()));
            ("directive_removed", DetailJson { kind, directive, ..none })
        }
        AuditAction::Replayed { letters } => {
            ("replayed", DetailJson { letters: Some(*letters), ..none })
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
        "directive_saved" => directive(&detail)
            .zip(detail.version)
            .map(|((kind, id), version)| AuditAction::DirectiveSaved { kind, id, version }),
        "directive_removed" => {
            directive(&detail).map(|(kind, id)| AuditAction::DirectiveRemoved { kind, id })
        }
        "replayed" => detail.letters.map(|letters| AuditAction::Replayed { letters }),
        _ => None,
    };
    read.ok_or_else(|| columns.unreadable("action", "a known action with its detail"))
}

fn status(text: Option<String>) -> Option<Status> {
    Status::parse(&text?)
}

fn severity(text: Option<String>) -> Option<Severity> {
    Severity::parse(&text?)
}

fn incident(text: Option<String>) -> Option<IncidentId> {
    IncidentId::parse(&text?)
}

fn directive(detail: &DetailJson) -> Option<(DirectiveKind, DirectiveId)> {
    let kind = DirectiveKind::parse(detail.kind.as_deref()?)?;
    Some((kind, DirectiveId::parse(detail.directive.as_deref()?)?))
}

fn policy(text: Option<String>) -> Option<PolicyId> {
    PolicyId::parse(&text?)
}
