//! `GET /incidents/{id}`: where the links in messages lead. A page that says nothing by itself: its script asks for a
//! key and reads with it what the API tells.
//!
//! Refuses to know: incidents, keys. Invariants: the same bytes whatever the address; nothing from anywhere else, and no
//! script or style but those whose digests the policy names.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use model::IncidentId;
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;
use crate::problem::Problem;
use crate::request::Id;

const PAGE: &str = include_str!("page.html");
const MISSING: &str = include_str!("missing.html");
const STYLE: &str = include_str!("page.css");
/// One module, in the order in which its parts build on each other.
const SCRIPT: [&str; 3] =
    [include_str!("client.js"), include_str!("view.js"), include_str!("page.js")];

/// The page and the one for addresses of no incident, made once.
#[derive(Debug)]
pub(crate) struct IncidentPage {
    page: Bytes,
    missing: Bytes,
    policy: HeaderValue,
}

impl IncidentPage {
    /// Puts the pages together, and the policy that lets in nothing else.
    pub(crate) fn new() -> Self {
        let script = SCRIPT.concat();
        let whole = |page: &str| page.replace("{{style}}", STYLE).replace("{{script}}", &script);
        // No text becomes markup: the script could not put any in if it tried.
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
            digest(&script),
            digest(STYLE),
        );
        let policy = HeaderValue::try_from(policy);
        Self {
            page: whole(PAGE).into(),
            missing: whole(MISSING).into(),
            // Base64 has no character that a header has not.
            policy: policy.unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }

    fn answer(&self, status: StatusCode) -> Response {
        let body = if status == StatusCode::OK { &self.page } else { &self.missing };
        let mut response = (status, body.clone()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        let set = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (HeaderName::from_static("referrer-policy"), "no-referrer"),
        ];
        for (name, value) in set {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// The routes of this folder.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(show_incident))
}

/// The page of an incident
///
/// Where links in messages lead, for people in a browser. It says nothing by itself and is the same for every id: it asks
/// for a key, and shows what `/v1/incidents/{id}` answers with it.
#[utoipa::path(
    get, path = "/incidents/{id}", tag = "incidents", security(()),
    params(("id" = String, Path, description = "id or number")),
    responses((status = 200, description = "The page, whether there is such an incident or not", body = String, content_type = "text/html"), (status = 404, description = "Neither an id nor a number", body = String, content_type = "text/html")),
)]
async fn show_incident(State(api): State<Api>, id: Result<Id, Problem>) -> Response {
    let is_id = |text: &str| text.parse::<u64>().is_ok() || IncidentId::parse(text).is_some();
    let status =
        if id.is_ok_and(|Id(id)| is_id(&id)) { StatusCode::OK } else { StatusCode::NOT_FOUND };
    api.incident_page().answer(status)
}

/// What a policy calls a script or a style by.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
