//! `GET /v1/explain`: the ordered decisions about a signal, an incident or a notification for one subscriber.
//!
//! What was decided is read from the notifications; why a rule did not fit is found by holding it, as it
//! is now, against the subject.

mod document;
mod judge;
mod subject;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use model::{Directive, DirectiveId, DirectiveKind, ProjectId, Scope, SubscriberId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::request::{Call, Parameters};
use crate::{Api, default_routes, directives, subscribers};

use document::{Decision, Explanation};

/// Rules of the subscriber that are looked at, at most.
const RULES: usize = 10_000;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(explain))
}

/// Explain who was told and who was not
///
/// For each rule of the subscriber whether it fits, and the first condition that does not; then what became of
/// each notification: notified, silenced, inhibited, held back; then every try. Rules are held against the
/// subject as they are now; what they decided earlier is shown as it was.
#[utoipa::path(
    get, path = "/v1/explain", tag = "notifications",
    params(
        ("subject" = String, Query, description = "`signal:ID`, `incident:ID` or `notification:ID`; a bare id is looked for as a notification, an incident and a signal"),
        ("subscriber" = Option<String>, Query, description = "whose rules; needed unless the subject is a notification"),
    ),
    responses((status = 200, description = "The decisions, in order", body = Explanation), (status = 400, description = "`invalid_parameter`"), (status = 404, description = "No such subject or subscriber in the project")),
)]
async fn explain(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<Explanation>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["subject", "subscriber"])?;
    let text = parameters.one("subject")?;
    let text = text.ok_or_else(|| Problem::parameter("subject", "it must be given"))?;
    let subject = subject::find(&api, call.project(), text).await?;
    let subscriber = match (parameters.one("subscriber")?, subject.subscriber()) {
        (Some(id), _) => subscribers::find(&api, call.project(), id).await?.id,
        (None, Some(told)) => told,
        (None, None) => return Err(Problem::parameter("subscriber", "it must be given")),
    };
    let (told, more_told) = subject.told(&api, call.project(), subscriber).await?;
    let facts = subject.facts(&api).await?;
    let asked: BTreeSet<DirectiveId> =
        told.iter().flat_map(|view| view.notification.rules.iter().copied()).collect();
    let (rules, more_rules) = rules(&api, call.project(), subscriber, &asked).await?;
    let judged = tokio::task::spawn_blocking(move || judge::judge(&rules, &facts, &asked)).await;
    let mut decisions = judged.map_err(|error| Problem::internal(&error))?;
    decisions.extend(told.iter().rev().flat_map(Decision::of));
    Ok(Json(Explanation {
        subject: subject.document(),
        subscriber_id: subscriber.to_string(),
        incident_id: subject.incident().map(|id| id.to_string()),
        decisions,
        truncated: more_told || more_rules,
    }))
}

/// The rules of a subscriber; and its default routes, where they are in force or were when they told.
async fn rules(
    api: &Api,
    project: ProjectId,
    subscriber: SubscriberId,
    asked: &BTreeSet<DirectiveId>,
) -> Result<(Vec<Directive>, bool), Problem> {
    let kind = DirectiveKind::Rule;
    let (mut rules, more) = directives::up_to(api, project, kind, Some(subscriber), RULES).await?;
    let kind = DirectiveKind::DefaultRoute;
    let mut routes = directives::all(api, project, kind, Some(subscriber)).await?;
    if default_routes::has_rules(api, project).await? {
        routes.retain(|route| asked.contains(&route.id));
    }
    rules.extend(routes);
    Ok((rules, more))
}
