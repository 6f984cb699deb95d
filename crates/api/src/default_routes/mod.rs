//! Default routes: what the endpoints of a project hear of while it has no rule. P0 goes to PagerDuty, P1
//! and P2 to Slack, P3 to the console; where a subscriber has no such endpoint, to the next in that order.
//!
//! They follow the endpoints: whoever creates, changes or removes one brings its subscriber's routes in line,
//! and [`Api::keep_default_routes`] makes up for what a crash or a full journal left out.
//!
//! Invariant: a subscriber has at most one default route for each of these levels, under an id that follows
//! from the subscriber and the level.

mod document;
mod plan;

use axum::Json;
use axum::extract::State;
use model::{
    Actor, Command, CommandId, Directive, DirectiveKind, Operation, Outcome, ProjectId, Refusal,
    Scope, SubscriberId,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::directives::{self, Shown};
use crate::problem::Problem;
use crate::request::{Call, Parameters};

use document::{DefaultRouteDocument, DefaultRoutePage};
use plan::{Change, changes};

/// How often the routes are compared again when somebody else changed them meanwhile.
const TRIES: usize = 8;

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(list_default_routes))
}

/// List default routes
///
/// What endpoints of the channels `pagerduty`, `slack` and `console` hear of while the project has no rule,
/// not even a disabled one. They follow the endpoints and are not changed by themselves.
#[utoipa::path(
    get, path = "/v1/default-routes", tag = "rules",
    params(
        ("subscriber" = Option<String>, Query, description = "those of this subscriber"),
        ("limit" = Option<u32>, Query, description = "rows of the page, 1 to 1000; 50 where not said"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of default routes, and whether they are in force", body = DefaultRoutePage)),
)]
async fn list_default_routes(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Json<DefaultRoutePage>, Problem> {
    call.require(&[Scope::Read])?;
    let parameters = parameters.only(&["subscriber", "limit", "cursor"])?;
    let owner = parameters.subscriber()?;
    let (page, next_cursor) =
        directives::page::<DefaultRouteDocument>(&api, &call, &parameters, owner).await?;
    let items = page.items.iter().filter_map(|it| DefaultRouteDocument::show(&api, it)).collect();
    let in_force = !has_rules(&api, call.project()).await?;
    Ok(Json(DefaultRoutePage { items, in_force, next_cursor, total: page.total }))
}

/// Whether the project has rules, so that default routes are not in force.
pub(crate) async fn has_rules(api: &Api, project: ProjectId) -> Result<bool, Problem> {
    let rules = api.ports().store.directives(project, DirectiveKind::Rule, None, None, 1).await?;
    Ok(!rules.items.is_empty())
}

/// Brings the default routes of a project in line with its endpoints: those of one subscriber, or all. What
/// cannot be done now is done later, for the endpoints are saved already.
pub(crate) async fn follow(api: &Api, project: ProjectId, of: Option<SubscriberId>, actor: &Actor) {
    if let Err(problem) = bring_in_line(api, project, of, actor).await {
        let (project, cause) = (project.0, problem.detail());
        tracing::warn!(project, cause, "default routes will follow their endpoints later");
        api.owe_default_routes();
    }
}

async fn bring_in_line(
    api: &Api,
    project: ProjectId,
    of: Option<SubscriberId>,
    actor: &Actor,
) -> Result<(), Problem> {
    for _ in 0..TRIES {
        // The routes first: who saves an endpoint between the two reads sees a version that is older
        // than what is written here, or this sees its endpoint.
        let kind = DirectiveKind::DefaultRoute;
        let known = directives::all(api, project, kind, of).await?;
        let endpoints = api.ports().store.endpoints(project).await?;
        let endpoints = endpoints.iter().filter(|row| of.is_none_or(|of| row.subscriber == of));
        let mut outdated = false;
        for change in changes(project, &known, endpoints) {
            outdated |= !make(api, project, change, actor).await?;
        }
        if !outdated {
            return Ok(());
        }
    }
    api.owe_default_routes();
    Ok(())
}

/// Makes one change; `false` where the route is another than it was taken for.
async fn make(
    api: &Api,
    project: ProjectId,
    change: Change,
    actor: &Actor,
) -> Result<bool, Problem> {
    let operation = match change {
        Change::Put(directive, expected_version) => {
            Operation::PutDirective { directive: Box::new(directive), expected_version }
        }
        Change::Remove(Directive { id, version, .. }) => Operation::DeleteDirective {
            kind: DirectiveKind::DefaultRoute,
            id,
            expected_version: Some(version),
        },
    };
    let id = CommandId(uuid::Uuid::now_v7().as_u128());
    let command = Command { id, project, actor: actor.clone(), idempotency: None, operation };
    match api.ports().road.submit(command).await? {
        Outcome::Directive { .. } => Ok(true),
        Outcome::Refused(Refusal::StaleVersion { .. } | Refusal::NotFound) => Ok(false),
        Outcome::Refused(refusal) => Err(refusal.into()),
        Outcome::Incident(_) | Outcome::Policy { .. } | Outcome::Replayed(_) => Ok(true),
    }
}

impl Api {
    /// Brings the default routes of every project in line with its endpoints, if that is owed: at the start,
    /// and after a change that could not be followed at once. To be called again and again.
    pub async fn keep_default_routes(&self) {
        if !self.take_owed_default_routes() {
            return;
        }
        match self.ports().store.projects().await {
            Ok(projects) => {
                for project in projects {
                    follow(self, project.id, None, &Actor::system()).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "default routes will follow their endpoints later");
                self.owe_default_routes();
            }
        }
    }
}
