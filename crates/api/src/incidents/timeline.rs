//! `GET /v1/incidents/{id}/timeline`: who did what, when and why, oldest first.

use axum::Json;
use axum::extract::State;
use model::effect::AuditAction;
use model::{AuditRow, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::find;
use crate::problem::Problem;
use crate::request::{Call, CursorKind, Id, Parameters};
use crate::{Api, instant, words};

/// What was done; what does not apply to the action is null.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
struct ActionPart {
    /// `opened`, `moved`, `severity_changed`, `assigned`, `commented`, `linked`, `merged_into`, `split`,
    /// `policy_saved`, `policy_removed`.
    action: &'static str,
    /// The status or severity before.
    #[schema(required)]
    from: Option<String>,
    /// The status, severity or assignee after.
    #[schema(required)]
    to: Option<String>,
    /// Where an added link leads.
    #[schema(required)]
    url: Option<String>,
    /// The other incident of a merge or a split.
    #[schema(required)]
    related_incident: Option<String>,
    /// How many signals a split moved.
    #[schema(required)]
    signals: Option<u64>,
    /// The policy that was saved or removed.
    #[schema(required)]
    policy_id: Option<String>,
}

/// One line of the timeline.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TimelineItem {
    /// The journal entry that caused it.
    pub(crate) seq: u64,
    /// Orders the lines of one entry.
    pub(crate) index: u32,
    /// When.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Who.
    pub(crate) actor: words::Actor,
    /// What.
    #[serde(flatten)]
    action: ActionPart,
    /// Why: `by_hand`, `new_key`, `quiet`, …
    pub(crate) reason: &'static str,
    /// Words of a person: a reason, a comment, the title of a link; empty where there were none.
    pub(crate) text: String,
}

/// A page of the timeline.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TimelinePage)]
pub(crate) struct TimelineItems {
    /// The lines, oldest first.
    pub(crate) items: Vec<TimelineItem>,
    /// Pass it as `cursor` for the next page; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// How many lines there are in all.
    pub(crate) total: u64,
}

/// List the timeline of an incident
///
/// Its transitions, comments, links, assignments and severity changes in one list, oldest first.
#[utoipa::path(
    get, path = "/v1/incidents/{id}/timeline", tag = "incidents",
    params(
        ("id" = String, Path, description = "id or number"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of the timeline", body = TimelineItems), (status = 404, description = "No such incident in the project")),
)]
pub(super) async fn list_timeline(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<TimelineItems>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["limit", "cursor"])?;
    let limit = parameters.limit()?;
    let incident = find(&api, call.project(), &id).await?.incident.id;
    let list = CursorKind::Timeline(incident);
    let after =
        parameters.one("cursor")?.map(|text| list.read(call.project(), text)).transpose()?;
    let page = api.ports().store.timeline(call.project(), incident, after, limit).await?;
    Ok(Json(TimelineItems {
        items: page.items.iter().map(TimelineItem::from).collect(),
        next_cursor: page.next.map(|cursor| list.write(call.project(), cursor)),
        total: page.total,
    }))
}

impl From<&AuditRow> for TimelineItem {
    fn from(row: &AuditRow) -> Self {
        Self {
            seq: row.seq.0,
            index: row.index,
            at: instant::write(row.at),
            actor: (&row.actor).into(),
            action: (&row.action).into(),
            reason: row.reason.as_str(),
            text: row.text.clone(),
        }
    }
}

impl From<&AuditAction> for ActionPart {
    fn from(action: &AuditAction) -> Self {
        let of = |action: &'static str| Self { action, ..Self::default() };
        match action {
            AuditAction::Opened => of("opened"),
            AuditAction::Moved { from, to } => {
                Self { from: Some(from.to_string()), to: Some(to.to_string()), ..of("moved") }
            }
            AuditAction::SeverityChanged { from, to } => Self {
                from: Some(from.to_string()),
                to: Some(to.to_string()),
                ..of("severity_changed")
            },
            AuditAction::Assigned { to } => Self { to: to.clone(), ..of("assigned") },
            AuditAction::Commented => of("commented"),
            AuditAction::Linked { url } => Self { url: Some(url.clone()), ..of("linked") },
            AuditAction::MergedInto { parent } => {
                Self { related_incident: Some(parent.to_string()), ..of("merged_into") }
            }
            AuditAction::Split { other, signals } => Self {
                related_incident: Some(other.to_string()),
                signals: Some(*signals),
                ..of("split")
            },
            AuditAction::PolicySaved { policy, .. } => {
                Self { policy_id: Some(policy.to_string()), ..of("policy_saved") }
            }
            AuditAction::PolicyRemoved { policy } => {
                Self { policy_id: Some(policy.to_string()), ..of("policy_removed") }
            }
            // These are on no incident, so no timeline shows them.
            AuditAction::DirectiveSaved { .. } => of("directive_saved"),
            AuditAction::DirectiveRemoved { .. } => of("directive_removed"),
            AuditAction::Replayed { .. } => of("replayed"),
        }
    }
}
