//! What is to be explained: found by its id, with the facts that rules are held against.

use model::{
    IncidentId, NotificationId, ProjectId, Signal, SignalId, Subject, SubscriberId, Transition,
};
use store::{IncidentView, NotificationFilter, NotificationView};

use super::judge::{Asked, Facts};
use crate::Api;
use crate::incidents::{self, opening_signal, signal_by_id};
use crate::notifications::{self, SubjectDocument};
use crate::problem::Problem;

/// Notifications about one subject that are shown, at most.
const TOLD: usize = 1_000;

/// What is to be explained.
#[derive(Debug)]
pub(super) enum Found {
    /// A notification.
    Notification(Box<NotificationView>),
    /// An incident.
    Incident(Box<IncidentView>),
    /// A signal, and the incident it was filed under.
    Signal(Box<Signal<'static>>, Option<IncidentId>),
}

/// The subject behind `signal:ID`, `incident:ID`, `notification:ID` or a bare id.
pub(super) async fn find(api: &Api, project: ProjectId, text: &str) -> Result<Found, Problem> {
    let (kind, id) = text.split_once(':').unwrap_or(("", text));
    let all = kind.is_empty();
    if !all && !["notification", "incident", "signal"].contains(&kind) {
        let message = "it must be signal:ID, incident:ID or notification:ID";
        return Err(Problem::parameter("subject", message));
    }
    if (all || kind == "notification")
        && let Some(view) = notification(api, project, id).await?
    {
        return Ok(Found::Notification(Box::new(view)));
    }
    if all || kind == "incident" {
        match incidents::find(api, project, id).await {
            Ok(view) => return Ok(Found::Incident(Box::new(view))),
            Err(problem) if !all || problem.code() != crate::Code::NotFound => return Err(problem),
            Err(_) => {}
        }
    }
    if (all || kind == "signal")
        && let Some(wanted) = SignalId::parse(id)
        && let Some(row) = signal_by_id(api, project, wanted).await?
    {
        return Ok(Found::Signal(Box::new(row.signal), row.incident));
    }
    Err(Problem::not_found(if all { "subject" } else { kind }, id))
}

async fn notification(
    api: &Api,
    project: ProjectId,
    id: &str,
) -> Result<Option<NotificationView>, Problem> {
    let Some(id) = NotificationId::parse(id) else { return Ok(None) };
    Ok(api.ports().store.notification(project, id).await?)
}

impl Found {
    /// Who is told, where that is given by the subject.
    pub(super) fn subscriber(&self) -> Option<SubscriberId> {
        match self {
            Self::Notification(view) => Some(view.notification.subscriber),
            Self::Incident(_) | Self::Signal(..) => None,
        }
    }

    /// What the explanation is about.
    pub(super) fn document(&self) -> SubjectDocument {
        match self {
            Self::Notification(view) => SubjectDocument::notification(view.notification.id),
            Self::Incident(view) => SubjectDocument::incident(view.incident.id),
            Self::Signal(signal, _) => SubjectDocument::signal(signal.id),
        }
    }

    /// The incident of a signal.
    pub(super) fn incident(&self) -> Option<IncidentId> {
        match self {
            Self::Signal(_, incident) => *incident,
            Self::Notification(view) => match view.notification.subject {
                Subject::Incident(id) => Some(id),
                Subject::Signal(_) => view.notification.notice.incident.as_ref().map(|it| it.id),
            },
            Self::Incident(_) => None,
        }
    }

    /// What the subscriber was told of it, newest first; and whether there is more.
    pub(super) async fn told(
        &self,
        api: &Api,
        project: ProjectId,
        subscriber: SubscriberId,
    ) -> Result<(Vec<NotificationView>, bool), Problem> {
        let mut filter =
            NotificationFilter { subscriber: Some(subscriber), ..NotificationFilter::default() };
        match self {
            Self::Notification(view) => {
                let told = view.notification.subscriber == subscriber;
                return Ok((Vec::from_iter(told.then(|| (**view).clone())), false));
            }
            Self::Incident(view) => filter.incident = Some(view.incident.id),
            Self::Signal(signal, _) => filter.signal = Some(signal.id),
        }
        let (mut views, more) = notifications::up_to(api, project, filter, TOLD).await?;
        if let Self::Incident(view) = self {
            let about = Subject::Incident(view.incident.id);
            views.retain(|told| told.notification.subject == about);
        }
        Ok((views, more))
    }

    /// What rules are held against.
    pub(super) async fn facts(&self, api: &Api) -> Result<Facts, Problem> {
        Ok(match self {
            Self::Notification(view) => {
                let notice = &view.notification.notice;
                let incident = match view.notification.subject {
                    Subject::Incident(_) => notice.incident.clone(),
                    Subject::Signal(_) => None,
                };
                let asked = match view.notification.transition {
                    Transition::Of(trigger) => Asked::One(trigger),
                    Transition::Step { .. } => Asked::Step,
                };
                Facts { incident, signal: notice.signal.clone(), asked }
            }
            Self::Incident(view) => Facts {
                incident: Some(view.incident.clone()),
                signal: opening_signal(api, &view.incident).await?,
                asked: Asked::OfIncident,
            },
            Self::Signal(signal, _) => {
                Facts { incident: None, signal: Some((**signal).clone()), asked: Asked::OfSignal }
            }
        })
    }
}
