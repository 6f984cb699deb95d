//! The routes by which an endpoint is verified: a challenge is asked for with a key, and its token is handed in
//! without one, because the owner of an endpoint has none.
//!
//! Invariant: only a POST verifies anything, because programs that look through mail follow links.

use axum::Json;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Uri, header};
use model::{ActorKind, EndpointId, Scope};
use serde::Serialize;
use serde_json::{Map, Value};
use store::EndpointRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pace::Unasked;
use super::standing::{
    EndpointChallenge, challenge_now, confirm, find_claimed, permitted, too_soon,
};
use super::{confirm_page, find};
use crate::problem::{Code, Problem};
use crate::request::{Call, Fields, Id, Parameters, TextBody};
use crate::{Api, instant};

/// Bytes of a body that hands a token in.
const BODY_BYTES: usize = 4_096;
/// Bytes of a token; the channels know how long theirs are.
const TOKEN_BYTES: usize = 1_024;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// An endpoint that its owner has confirmed.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct VerifiedEndpoint {
    /// Which.
    #[schema(format = "uuid")]
    endpoint_id: String,
    /// When it was verified.
    #[schema(format = DateTime)]
    verified_at: String,
}

/// A token that is handed in.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents the body, which is read field by field")]
struct HandedIn {
    /// The token, as it was sent to the endpoint.
    token: String,
    /// The endpoint that is meant: 409 `foreign_token` when the token is for another one.
    #[schema(format = "uuid")]
    endpoint_id: Option<String>,
}

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(show_verification, verify_endpoint))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .routes(routes!(challenge_endpoint))
}

/// Send a challenge
///
/// Sends the endpoint a message with a token, once a minute at most. Its owner opens the link in it, or the token is
/// handed in at `/v1/endpoints/verify`; a webhook may answer with it, as text or as `{"challenge": "…"}`.
#[utoipa::path(
    post, path = "/v1/endpoints/{id}/verification", tag = "endpoints",
    params(("id" = String, Path, description = "id of the endpoint")),
    responses((status = 200, description = "What came of it, sent or not", body = EndpointChallenge), (status = 404, description = "No such endpoint in the project"), (status = 409, description = "`already_verified`"), (status = 429, description = "`rate_limited`; `Retry-After` says when to come back")),
)]
async fn challenge_endpoint(
    State(api): State<Api>,
    call: Call,
    Id(id): Id,
    parameters: Parameters,
) -> Result<Json<EndpointChallenge>, Problem> {
    call.require(&[Scope::Manage])?;
    parameters.only(&[])?;
    let row = find(&api, call.project(), &id).await?;
    if row.verified_at.is_some() {
        return Err(Problem::new(Code::AlreadyVerified, "there is nothing to confirm"));
    }
    permitted(&api, Unasked::Challenge, &row)
        .map_err(|wait| Problem::rate_limited(too_soon(wait), wait))?;
    let (_, said) = challenge_now(&api, row).await?;
    Ok(Json(said))
}

/// The page that confirms an endpoint
///
/// Where the link in a challenge leads: a page with one button, which hands the token in. It changes nothing itself.
#[utoipa::path(
    get, path = "/v1/endpoints/verify", tag = "endpoints", security(()),
    params(("token" = String, Query, description = "the token")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 400, description = "`invalid_token`"), (status = 410, description = "`expired_token` or `outdated_token`")),
)]
async fn show_verification(
    State(api): State<Api>,
    headers: HeaderMap,
    parameters: Result<Parameters, Problem>,
) -> Response {
    let shown = match parameters {
        Ok(parameters) => question(&api, &parameters).await,
        Err(problem) => Err(problem),
    };
    shown.unwrap_or_else(|problem| explained(&headers, problem))
}

/// Confirm an endpoint
///
/// Hands in the token of a challenge, as JSON or as a form. The same token again changes nothing. Needs no key.
#[utoipa::path(
    post, path = "/v1/endpoints/verify", tag = "endpoints", security(()),
    request_body(content((HandedIn = "application/json"), (HandedIn = "application/x-www-form-urlencoded")), description = "At most 4 KiB"),
    responses((status = 200, description = "The endpoint is verified; a page where `Accept` asks for HTML", body = VerifiedEndpoint), (status = 400, description = "`invalid_token`, or the body cannot be read"), (status = 409, description = "`foreign_token`"), (status = 410, description = "`expired_token` or `outdated_token`"), (status = 413, description = "The body is larger than 4 KiB"), (status = 415, description = "The body is neither JSON nor a form"), (status = 422, description = "`invalid_fields`")),
)]
async fn verify_endpoint(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<TextBody, Problem>,
) -> Response {
    let verified = match body {
        Ok(body) => verify(&api, &body).await,
        Err(problem) => Err(problem),
    };
    match verified {
        Ok(row) if wants_page(&headers) => confirm_page::answer(&row),
        Ok(row) => Json(VerifiedEndpoint::from(&row)).into_response(),
        Err(problem) => explained(&headers, problem),
    }
}

/// Programs that rewrite links add parameters of their own: those are passed over.
async fn question(api: &Api, parameters: &Parameters) -> Result<Response, Problem> {
    let given = parameters.one("token")?;
    let token = given.ok_or_else(|| Problem::parameter("token", "it must be given"))?;
    let (_, row) = find_claimed(api, token, None).await?;
    Ok(confirm_page::question(&row, token))
}

async fn verify(api: &Api, body: &TextBody) -> Result<EndpointRow, Problem> {
    let (token, wanted) = read(body)?;
    let (claim, _) = find_claimed(api, &token, wanted).await?;
    confirm(api, &claim, ActorKind::Person).await
}

/// The token in a body, and the endpoint that is meant, where it is said.
fn read(body: &TextBody) -> Result<(String, Option<EndpointId>), Problem> {
    let text = body.text(&[JSON, FORM], Code::InvalidJson)?;
    let mut fields = Fields::new(if body.kind() == FORM { form(text)? } else { object(text)? });
    let token = fields.required_text("token", TOKEN_BYTES);
    let wanted = fields.text("endpoint_id");
    let endpoint = wanted.as_deref().and_then(EndpointId::parse);
    if wanted.is_some() && endpoint.is_none() {
        fields.refuse("endpoint_id", "invalid_id", "it must be the id of an endpoint");
    }
    fields.finish()?;
    Ok((token, endpoint))
}

fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    let read = serde_json::from_str(text);
    read.map_err(|error| Problem::new(Code::InvalidJson, error.to_string()))
}

/// A form is written as a query is.
fn form(text: &str) -> Result<Map<String, Value>, Problem> {
    let unreadable = || Problem::new(Code::InvalidParameter, "the form cannot be read");
    let uri = Uri::try_from(format!("/?{}", text.trim())).map_err(|_| unreadable())?;
    let Query(pairs) =
        Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| unreadable())?;
    Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect())
}

/// Whether whoever asks is a browser.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter();
    let mut texts = accepted.filter_map(|value| value.to_str().ok());
    texts.any(|text| text.to_ascii_lowercase().contains("text/html"))
}

fn explained(headers: &HeaderMap, problem: Problem) -> Response {
    if wants_page(headers) { confirm_page::refusal(&problem) } else { problem.into_response() }
}

impl From<&EndpointRow> for VerifiedEndpoint {
    fn from(row: &EndpointRow) -> Self {
        Self {
            endpoint_id: row.id.to_string(),
            verified_at: row.verified_at.map(instant::write).unwrap_or_default(),
        }
    }
}
