//! The OpenAPI document and the page people read it on.
//!
//! The document is put together from the handlers and, for the doors that another crate answers, from
//! [`doors`]. What holds for every operation (errors, credentials) is added once, in [`complete`].

mod complete;
mod doors;
mod page;
mod reference;

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;

use crate::Api;
use crate::problem::{FieldProblem, ProblemDocument};

pub(crate) use reference::Reference;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stormbell",
        description = "Takes alerts and signals in durably, folds them into incidents, and never lets one close without a root cause analysis.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(doors::signals, doors::alertmanager_alerts, doors::alertmanager_webhook, doors::grafana_webhook),
    components(schemas(ProblemDocument, FieldProblem)),
    tags(
        (name = "signals", description = "The doors through which signals come in."),
        (name = "incidents", description = "Incidents, and what people and agents do to them."),
        (name = "policies", description = "Which signals are one incident."),
        (name = "subscribers", description = "Who owns rules: teams, customers, people."),
        (name = "endpoints", description = "Where notifications are sent."),
        (name = "rules", description = "What subscribers want to hear of."),
        (name = "silences", description = "What nobody is told for a while, or while something worse is known."),
        (name = "schedules", description = "Who is on call when, and when rules are mute."),
        (name = "notifications", description = "Who was told what, when, where, and why not."),
        (name = "keys", description = "Keys and projects."),
        (name = "alertmanager", description = "Alertmanager's API v2, for Prometheus, amtool, Grafana and Karma. Below `/k/{key}` too, for clients that can send no header."),
        (name = "health", description = "How the server is. Needs no key."),
        (name = "reference", description = "This document. Needs no key."),
    ),
)]
struct Root;

/// Whether a door takes what is posted to this path, and nothing else is there: `/api/v2/alerts` is read here too.
pub(crate) fn is_door(path: &str) -> bool {
    ["/v1/signals", "/v1/webhooks/alertmanager", "/v1/webhooks/grafana"].contains(&path)
}

/// Every route, and the document of all of them.
pub(crate) fn assemble() -> (Router<Api>, Document) {
    let (routes, document) = OpenApiRouter::with_openapi(Root::openapi())
        .merge(crate::incidents::routes())
        .merge(crate::incident_page::routes())
        .merge(crate::policies::routes())
        .merge(crate::subscribers::routes())
        .merge(crate::endpoints::routes())
        .merge(crate::rules::routes())
        .merge(crate::default_routes::routes())
        .merge(crate::rules_file::routes())
        .merge(crate::escalations::routes())
        .merge(crate::silences::routes())
        .merge(crate::inhibitions::routes())
        .merge(crate::on_call::routes())
        .merge(crate::notifications::routes())
        .merge(crate::dead_letters::routes())
        .merge(crate::explain::routes())
        .merge(crate::keys::routes())
        .merge(crate::projects::routes())
        .merge(crate::alertmanager::routes())
        .merge(crate::import::routes())
        .merge(crate::health::routes())
        .merge(reference::routes())
        .split_for_parts();
    (routes, document)
}
