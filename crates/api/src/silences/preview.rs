//! `POST /v1/silences/preview`: what a silence would hide now. Nothing is kept.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use matching::{Binding, Conjunction, Facts};
use model::{IncidentId, ProjectId, Scope, Signal, SignalId, Status, limits};
use serde::Serialize;
use store::{AlertList, IncidentFilter};
use utoipa::ToSchema;

use super::document::read_wanted;
use crate::Api;
use crate::directives::ConditionDocument;
use crate::incidents::{IncidentItem, opening_signal};
use crate::problem::{Code, Problem};
use crate::request::{Call, JsonBody, Parameters};

/// Alerts and incidents shown; the rest are counted.
const SHOWN: usize = 100;
/// Incidents looked at.
const INCIDENTS: usize = limits::PAGE;
/// Incidents whose opening signal is looked for in the lake.
const LOOKED_UP: usize = 200;

/// What a silence would hide now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SilencePreview {
    /// Alerts that fire and fit, at most 100 of them.
    alerts: Vec<HiddenAlert>,
    /// How many alerts fire and fit.
    alert_count: u64,
    /// Incidents that are OPEN or INVESTIGATING and fit, at most 100 of them.
    incidents: Vec<IncidentItem>,
    /// How many such incidents fit, of the 1000 that are looked at.
    incident_count: u64,
    /// Whether there are more such incidents than are looked at.
    truncated: bool,
}

/// An alert that would be hidden.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HiddenAlert {
    /// Its fingerprint, as Alertmanager writes it.
    fingerprint: String,
    /// One line for people.
    summary: String,
    /// Names and values.
    labels: BTreeMap<String, String>,
    /// The incident it belongs to.
    #[schema(required, format = "uuid")]
    incident_id: Option<String>,
}

/// What to preview.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
pub(crate) struct PreviewedSilence {
    /// Conditions that must all hold; at least one. Regular expressions are bound to both ends.
    r#match: Vec<ConditionDocument>,
}

/// Preview a silence
///
/// What fires and is open now and fits the conditions. Nothing is kept.
#[utoipa::path(
    post, path = "/v1/silences/preview", tag = "silences",
    request_body = PreviewedSilence,
    responses((status = 200, description = "What it would hide", body = SilencePreview), (status = 422, description = "Every bad field")),
)]
pub(super) async fn preview_silence(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
    body: JsonBody,
) -> Result<Json<SilencePreview>, Problem> {
    call.require(&[Scope::Read])?;
    parameters.only(&[])?;
    let mut fields = body.object()?;
    let conditions = read_wanted(&mut fields);
    fields.finish()?;
    let wanted = Conjunction::compile(&conditions, Binding::Whole)
        .map_err(|errors| Problem::fields(Code::InvalidFields, &errors))?;
    let list = api.ports().alerts.snapshot(call.project());
    let mut preview = SilencePreview {
        alerts: Vec::new(),
        alert_count: 0,
        incidents: Vec::new(),
        incident_count: 0,
        truncated: false,
    };
    preview.alerts(&wanted, &list);
    preview.incidents(&api, call.project(), &wanted, &list).await?;
    Ok(Json(preview))
}

impl SilencePreview {
    fn alerts(&mut self, wanted: &Conjunction, list: &AlertList) {
        let fitting = list.alerts.bodies().iter();
        for body in fitting.filter(|body| wanted.holds(&Facts::of_signal(&body.signal))) {
            self.alert_count += 1;
            if self.alerts.len() < SHOWN {
                let labels = body.signal.labels.iter();
                self.alerts.push(HiddenAlert {
                    fingerprint: format!("{:016x}", body.fingerprint),
                    summary: body.signal.summary.to_string(),
                    labels: labels.map(|(name, it)| (name.to_string(), it.to_string())).collect(),
                    incident_id: body.incident.map(|id| id.to_string()),
                });
            }
        }
    }

    async fn incidents(
        &mut self,
        api: &Api,
        project: ProjectId,
        wanted: &Conjunction,
        list: &AlertList,
    ) -> Result<(), Problem> {
        let filter = IncidentFilter {
            statuses: vec![Status::Open, Status::Investigating],
            limit: INCIDENTS,
            ..IncidentFilter::default()
        };
        let page = api.ports().store.incidents(project, &filter).await?;
        self.truncated = page.next.is_some();
        // An incident is known by a signal of it: that of an alert that fires, or the one that opened it.
        let firing: HashMap<IncidentId, &Signal<'static>> = list
            .alerts
            .bodies()
            .iter()
            .filter_map(|body| Some((body.incident?, &body.signal)))
            .collect();
        let blank = Signal::new(SignalId(0), "", "");
        let mut looked_up = 0;
        for incident in &page.items {
            let mut opening = None;
            if !firing.contains_key(&incident.id) && looked_up < LOOKED_UP {
                looked_up += 1;
                opening = opening_signal(api, incident).await?;
            }
            let known = firing.get(&incident.id).copied().or(opening.as_ref()).unwrap_or(&blank);
            if wanted.holds(&Facts::of_incident(incident, known)) {
                self.incident_count += 1;
                if self.incidents.len() < SHOWN {
                    self.incidents.push(IncidentItem::from(incident));
                }
            }
        }
        Ok(())
    }
}
