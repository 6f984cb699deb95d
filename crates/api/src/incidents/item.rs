//! An incident and its root cause analysis as the API writes them.

use model::{Incident, Rca, Timestamp};
use serde::Serialize;
use store::{IncidentView, RcaView};
use utoipa::ToSchema;

use crate::instant;
use crate::words;

/// An incident as lists show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IncidentItem {
    /// Its id.
    #[schema(format = "uuid")]
    pub(crate) id: String,
    /// 1, 2, 3 … within the project, for people.
    pub(crate) number: u64,
    /// One line for people.
    pub(crate) title: String,
    /// Where it stands.
    pub(crate) status: words::Status,
    /// How bad: the highest seen, or what a person set.
    pub(crate) severity: words::Severity,
    /// What it is about.
    pub(crate) component: String,
    /// The type of what it is about.
    pub(crate) component_type: words::ComponentType,
    /// Its environment.
    pub(crate) environment: String,
    /// The grouping key for people: `environment=prod,component=db`.
    pub(crate) grouping_key: String,
    /// Signals that belong to it, those of merged children not counted.
    pub(crate) signal_count: u64,
    /// Receipt of its first signal.
    #[schema(format = DateTime)]
    pub(crate) first_signal_at: String,
    /// Receipt of its latest signal.
    #[schema(format = DateTime)]
    pub(crate) last_signal_at: String,
    /// When it was opened.
    #[schema(format = DateTime)]
    pub(crate) opened_at: String,
    /// Who has it.
    #[schema(required)]
    pub(crate) assignee: Option<String>,
    /// First INVESTIGATING − opened, in whole seconds; written when it closes.
    #[schema(required)]
    pub(crate) mtta_seconds: Option<u64>,
    /// End − start by the analysis, in whole seconds; written when it closes.
    #[schema(required)]
    pub(crate) mttr_seconds: Option<u64>,
    /// When it was closed.
    #[schema(required, format = DateTime)]
    pub(crate) closed_at: Option<String>,
}

/// One incident with what belongs to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IncidentDetail {
    /// What lists show.
    #[serde(flatten)]
    pub(crate) item: IncidentItem,
    /// Where a person may move it now; CLOSED is reached by submitting the analysis.
    pub(crate) legal_transitions: Vec<words::Status>,
    /// The accepted analysis: its own, or its parent's.
    #[schema(required)]
    pub(crate) rca: Option<RcaDocument>,
    /// When it first became INVESTIGATING.
    #[schema(required, format = DateTime)]
    pub(crate) acknowledged_at: Option<String>,
    /// When it last became RESOLVED.
    #[schema(required, format = DateTime)]
    pub(crate) resolved_at: Option<String>,
    /// The policy that opened it.
    #[schema(format = "uuid")]
    pub(crate) policy_id: String,
    /// Whether a person set the severity, so that it no longer moves by itself.
    pub(crate) severity_pinned: bool,
    /// The incident it was merged into.
    #[schema(required, format = "uuid")]
    pub(crate) merged_into: Option<String>,
    /// The incident it was split from.
    #[schema(required, format = "uuid")]
    pub(crate) split_from: Option<String>,
    /// The incidents merged into it.
    pub(crate) children: Vec<String>,
    /// Links people added.
    pub(crate) links: Vec<IncidentLink>,
    /// Changes with every change but those of counters; the `ETag`.
    pub(crate) version: u64,
}

/// A link somebody added.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IncidentLink {
    /// What it leads to.
    pub(crate) title: String,
    /// Where it leads.
    pub(crate) url: String,
}

/// An accepted root cause analysis.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RcaDocument {
    /// The incident it was written for.
    #[schema(format = "uuid")]
    pub(crate) incident_id: String,
    /// The analysis.
    #[serde(flatten)]
    pub(crate) content: RcaContent,
    /// By whom.
    pub(crate) submitted_by: words::Actor,
    /// When.
    #[schema(format = DateTime)]
    pub(crate) submitted_at: String,
}

/// What an analysis says.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RcaContent {
    /// CODE_DEFECT, INFRASTRUCTURE, CONFIG_CHANGE, EXTERNAL_DEPENDENCY, CAPACITY, HUMAN_ERROR or OTHER.
    pub(crate) root_cause_category: String,
    /// What was done about it.
    pub(crate) fix_applied: String,
    /// What will keep it from coming back.
    pub(crate) prevention_steps: String,
    /// When it began.
    #[schema(required, format = DateTime)]
    pub(crate) incident_start: Option<String>,
    /// When it ended.
    #[schema(required, format = DateTime)]
    pub(crate) incident_end: Option<String>,
    /// Notes on the course of events.
    pub(crate) timeline_note: String,
    /// What remains to be done.
    pub(crate) action_items: Vec<ActionItem>,
}

/// Something that remains to be done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ActionItem {
    /// What.
    pub(crate) title: String,
    /// By whom.
    pub(crate) owner: String,
    /// By when: `YYYY-MM-DD`.
    pub(crate) due: String,
}

impl From<&Incident> for IncidentItem {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id.to_string(),
            number: incident.number,
            title: incident.title.clone(),
            status: incident.status.into(),
            severity: incident.severity.into(),
            component: incident.component.clone(),
            component_type: incident.component_type.into(),
            environment: incident.environment.clone(),
            grouping_key: incident.grouping_key.clone(),
            signal_count: incident.signal_count,
            first_signal_at: instant::write(incident.first_signal_at),
            last_signal_at: instant::write(incident.last_signal_at),
            opened_at: instant::write(incident.opened_at),
            assignee: incident.assignee.clone(),
            mtta_seconds: incident.mtta_seconds,
            mttr_seconds: incident.mttr_seconds,
            closed_at: optional(incident.closed_at),
        }
    }
}

impl From<&IncidentView> for IncidentDetail {
    fn from(view: &IncidentView) -> Self {
        let incident = &view.incident;
        // A child moves with its parent: by hand it goes nowhere.
        let legal =
            if incident.merged_into.is_some() { &[] } else { incident.status.legal_by_hand() };
        Self {
            item: incident.into(),
            legal_transitions: legal.iter().map(|&status| status.into()).collect(),
            rca: view.rca.as_ref().map(RcaDocument::from),
            acknowledged_at: optional(incident.acknowledged_at),
            resolved_at: optional(incident.resolved_at),
            policy_id: incident.policy.to_string(),
            severity_pinned: incident.severity_pinned,
            merged_into: incident.merged_into.map(|id| id.to_string()),
            split_from: incident.split_from.map(|id| id.to_string()),
            children: view.children.iter().map(ToString::to_string).collect(),
            links: incident
                .links
                .iter()
                .map(|(title, url)| IncidentLink { title: title.clone(), url: url.clone() })
                .collect(),
            version: incident.changed_seq.0,
        }
    }
}

impl From<&RcaView> for RcaDocument {
    fn from(view: &RcaView) -> Self {
        Self {
            incident_id: view.incident.to_string(),
            content: (&view.rca).into(),
            submitted_by: (&view.submitted_by).into(),
            submitted_at: instant::write(view.submitted_at),
        }
    }
}

impl From<&Rca> for RcaContent {
    fn from(rca: &Rca) -> Self {
        let action_items = rca.action_items.iter().map(|item| ActionItem {
            title: item.title.clone(),
            owner: item.owner.clone(),
            due: item.due.clone(),
        });
        Self {
            root_cause_category: rca.root_cause_category.clone(),
            fix_applied: rca.fix_applied.clone(),
            prevention_steps: rca.prevention_steps.clone(),
            incident_start: optional(rca.incident_start),
            incident_end: optional(rca.incident_end),
            timeline_note: rca.timeline_note.clone(),
            action_items: action_items.collect(),
        }
    }
}

fn optional(at: Option<Timestamp>) -> Option<String> {
    at.map(instant::write)
}
