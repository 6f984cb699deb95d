//! Alertmanager's API v2 but for the door of alerts, so that amtool, Grafana and Karma work unmodified.
//!
//! Shapes and leniency are Alertmanager's: unknown parameters are ignored, errors are JSON strings.
//! Refuses to know: how alerts come in; that is a door of the crate `ingest`.

mod fragment;
mod groups;
mod matcher;
mod page;
mod rendering;
mod silences;
mod stamp;
mod status;
mod suppression;
#[cfg(test)]
mod tests;
mod view;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use model::{Scope, limits};
use regex::Regex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::problem::Problem;
use crate::request::{Call, Parameters};

use page::Writer;
use status::{AlertDocument, AlertGroupDocument};
use view::View;

pub(crate) use matcher::{Matcher, MatcherDocument};
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
        .merge(silences::routes())
}

/// List alerts that fire
#[utoipa::path(
    get, path = "/api/v2/alerts", tag = "alertmanager",
    params(
        ("filter" = Option<Vec<String>>, Query, description = "matchers: `name=value`, `!=`, `=~`, `!~`; all must fit"),
        ("active" = Option<bool>, Query, description = "show those with an incident; true where not said"),
        ("unprocessed" = Option<bool>, Query, description = "show those without an incident yet; true where not said"),
        ("silenced" = Option<bool>, Query, description = "show those that a silence holds back; true where not said"),
        ("inhibited" = Option<bool>, Query, description = "show those that another alert holds back; true where not said"),
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
    let kept = api.renderings().of(call.project());
    let suppressed = kept.suppressed(&api, call.project(), &list).await?;
    let view = View { list, suppressed };
    let shown = move || {
        let mut writer = Writer::new(&view, 0);
        let all = 0..view.list.alerts.len();
        let indices = all.filter(|&index| filter.shows(&view, index));
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
        ("silenced" = Option<bool>, Query, description = "show those that a silence holds back; true where not said"),
        ("inhibited" = Option<bool>, Query, description = "show those that another alert holds back; true where not said"),
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
    let shown = move |view: &View, index| filter.shows(view, index);
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
    silenced: bool,
    inhibited: bool,
    receiver: bool,
}

impl Filter {
    fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let matchers = read_matchers(parameters)?;
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
            silenced: flag(parameters, "silenced"),
            inhibited: flag(parameters, "inhibited"),
            receiver,
        })
    }

    fn shows_everything(&self) -> bool {
        let states = [self.active, self.unprocessed, self.silenced, self.inhibited];
        self.matchers.is_empty() && states.into_iter().all(|shown| shown) && self.receiver
    }

    fn shows(&self, view: &View, index: usize) -> bool {
        let body = &view.list.alerts.bodies()[index];
        let state = match view.suppressed.at(index) {
            Some(held) => {
                (self.silenced || held.silenced_by.is_empty())
                    && (self.inhibited || held.inhibited_by.is_empty())
            }
            None if body.incident.is_some() => self.active,
            None => self.unprocessed,
        };
        state && self.receiver && self.matchers.iter().all(|matcher| matcher.fits(&body.signal))
    }
}

/// The matchers of the parameter `filter`.
fn read_matchers(parameters: &Parameters) -> Result<Vec<Matcher>, Problem> {
    let mut matchers = Vec::new();
    for text in parameters.each("filter") {
        if matchers.len() == limits::MATCHER_CONDITIONS {
            let most = limits::MATCHER_CONDITIONS;
            return Err(Problem::parameter("filter", format!("at most {most} matchers")));
        }
        matchers.push(Matcher::parse(text).map_err(|why| Problem::parameter("filter", why))?);
    }
    Ok(matchers)
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
