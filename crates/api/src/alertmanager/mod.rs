//! The reading side of Alertmanager's API v2, so that amtool, Grafana and Karma work unmodified.
//!
//! Shapes and leniency are Alertmanager's: unknown parameters are ignored, errors are JSON strings.
//! Refuses to know: how alerts come in; that is a door of the crate `ingest`.

mod fragment;
mod groups;
mod matcher;
mod page;
mod rendering;
mod stamp;
mod status;
#[cfg(test)]
mod tests;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use model::{Scope, limits};
use regex::Regex;
use store::AlertList;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, Parameters};

use matcher::Matcher;
use page::Writer;
use status::{AlertDocument, AlertGroupDocument};

pub(crate) use rendering::Renderings;

/// The one receiver there is.
const RECEIVER: &str = "stormbell";

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(list_alerts))
        .routes(routes!(list_groups))
        .routes(routes!(status::get_status))
        .routes(routes!(status::list_receivers))
        .routes(routes!(status::list_silences))
}

/// List alerts that fire
#[utoipa::path(
    get, path = "/api/v2/alerts", tag = "alertmanager",
    params(
        ("filter" = Option<Vec<String>>, Query, description = "matchers: `name=value`, `!=`, `=~`, `!~`; all must fit"),
        ("active" = Option<bool>, Query, description = "show those with an incident; true where not said"),
        ("unprocessed" = Option<bool>, Query, description = "show those without an incident yet; true where not said"),
        ("silenced" = Option<bool>, Query, description = "taken and without effect: nothing is silenced"),
        ("inhibited" = Option<bool>, Query, description = "taken and without effect: nothing is inhibited"),
        ("receiver" = Option<String>, Query, description = "a regular expression that the receiver `stormbell` must fit"),
    ),
    responses((status = 200, description = "The alerts, by fingerprint", body = Vec<AlertDocument>), (status = 400, description = "A filter cannot be read")),
)]
async fn list_alerts(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    let filter = Filter::read(&parameters)?;
    if filter.shows_everything() {
        return Ok(json(rendering::alerts(&api, call.project()).await?));
    }
    let list = api.ports().alerts.snapshot(call.project());
    let shown = move || {
        let mut writer = Writer::new(&list, 0);
        let indices = (0..list.alerts.len()).filter(|&index| filter.shows(&list, index));
        rendering::write_alerts(&mut writer, indices);
        writer.finish()
    };
    Ok(json(blocking(shown).await?))
}

/// List alerts that fire, by incident
#[utoipa::path(
    get, path = "/api/v2/alerts/groups", tag = "alertmanager",
    params(
        ("filter" = Option<Vec<String>>, Query, description = "as for alerts"),
        ("active" = Option<bool>, Query, description = "show those with an incident; true where not said"),
        ("silenced" = Option<bool>, Query, description = "taken and without effect: nothing is silenced"),
        ("inhibited" = Option<bool>, Query, description = "taken and without effect: nothing is inhibited"),
        ("receiver" = Option<String>, Query, description = "as for alerts"),
    ),
    responses((status = 200, description = "One group for each incident", body = Vec<AlertGroupDocument>), (status = 400, description = "A filter cannot be read")),
)]
async fn list_groups(
    State(api): State<Api>,
    call: Call,
    parameters: Parameters,
) -> Result<Response, Problem> {
    call.require(&[Scope::Read])?;
    let filter = Filter::read(&parameters)?;
    if filter.shows_everything() {
        return Ok(json(groups::page(&api, call.project()).await?));
    }
    let shown = move |list: &AlertList, index| filter.shows(list, index);
    Ok(json(groups::shown(&api, call.project(), shown).await?))
}

/// Work that takes long with many alerts, off the threads that serve everybody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}

fn json(body: Bytes) -> Response {
    let mut response = body.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Which alerts to show.
#[derive(Debug)]
struct Filter {
    matchers: Vec<Matcher>,
    active: bool,
    unprocessed: bool,
    receiver: bool,
}

impl Filter {
    fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let mut matchers = Vec::new();
        for text in parameters.each("filter") {
            if matchers.len() == limits::MATCHER_CONDITIONS {
                return Err(Problem::parameter(
                    "filter",
                    format!("at most {} matchers", limits::MATCHER_CONDITIONS),
                ));
            }
            matchers.push(Matcher::parse(text).map_err(|why| Problem::parameter("filter", why))?);
        }
        let receiver = match parameters.each("receiver").next() {
            Some(pattern) if !pattern.is_empty() => anchored(pattern)
                .map_err(|why| {
                    Problem::parameter("receiver", format!("failed to parse receiver param: {why}"))
                })?
                .is_match(RECEIVER),
            _ => true,
        };
        Ok(Self {
            matchers,
            active: flag(parameters, "active"),
            unprocessed: flag(parameters, "unprocessed"),
            receiver,
        })
    }

    fn shows_everything(&self) -> bool {
        self.matchers.is_empty() && self.active && self.unprocessed && self.receiver
    }

    fn shows(&self, list: &AlertList, index: usize) -> bool {
        let body = &list.alerts.bodies()[index];
        let state = if body.incident.is_some() { self.active } else { self.unprocessed };
        state && self.receiver && self.matchers.iter().all(|matcher| matcher.fits(&body.signal))
    }
}

/// True where not said; what is said is true only as Alertmanager reads it.
fn flag(parameters: &Parameters, name: &str) -> bool {
    const YES: [&str; 10] =
        ["1", "t", "true", "y", "yes", "ok", "on", "selected", "checked", "enabled"];
    parameters
        .each(name)
        .next()
        .is_none_or(|text| YES.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

/// A regular expression that must fit the whole text; its size is bounded.
fn anchored(pattern: &str) -> Result<Regex, String> {
    const SIZE_BYTES: usize = 1 << 20;
    let built =
        regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(SIZE_BYTES).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        other => other.to_string().lines().last().unwrap_or("bad regular expression").to_owned(),
    })
}
