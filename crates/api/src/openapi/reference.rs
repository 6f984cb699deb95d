//! Serves the document, the reference page and the pages that explain errors. No key, no script, nothing
//! from anywhere else: the content security policy allows one style sheet of our own.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{complete, page};
use crate::Api;
use crate::problem::{Code, Problem};
use crate::request::Id;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("reference.css");
const DOOR_ERRORS: &str = include_str!("../../../../docs/errors/ingest.md");
const ERRORS: &str = include_str!("../../../../docs/errors/README.md");

/// The document and the page, made once.
#[derive(Debug)]
pub(crate) struct Reference {
    document: Bytes,
    page: Bytes,
}

impl Reference {
    /// Completes the document and renders the page.
    pub(crate) fn new(document: &Document, version: &str) -> Self {
        let mut value = serde_json::to_value(document).unwrap_or(Value::Null);
        complete::complete(&mut value, version);
        Self { page: page::render(&value).into(), document: value.to_string().into() }
    }

    /// The document as JSON.
    pub(crate) fn document(&self) -> &[u8] {
        &self.document
    }
}

/// The routes of this file.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(get_document))
        .routes(routes!(get_page))
        .routes(routes!(get_style))
        .routes(routes!(get_error_page))
}

/// The OpenAPI 3.1 document
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "reference", security(()),
    responses((status = 200, description = "The document", body = serde_json::Value)),
)]
async fn get_document(State(api): State<Api>) -> Response {
    typed(api.reference().document.clone(), "application/json")
}

/// The reference page
#[utoipa::path(
    get, path = "/v1/docs", tag = "reference", security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
async fn get_page(State(api): State<Api>) -> Response {
    guarded(typed(api.reference().page.clone(), "text/html; charset=utf-8"))
}

/// The style of the reference page
#[utoipa::path(
    get, path = "/v1/docs/reference.css", tag = "reference", security(()),
    responses((status = 200, description = "The style", body = String, content_type = "text/css")),
)]
async fn get_style() -> Response {
    typed(Bytes::from_static(STYLE.as_bytes()), "text/css; charset=utf-8")
}

/// What an error means
///
/// Where the `type` of a problem document leads.
#[utoipa::path(
    get, path = "/docs/errors/{code}", tag = "reference", security(()),
    params(("code" = String, Path, description = "the code of a problem document")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), (status = 404, description = "No such code")),
)]
async fn get_error_page(Id(code): Id) -> Result<Response, Problem> {
    let known = Code::ALL.iter().find(|known| known.as_str() == code);
    let ours = known.map(|known| page::Explained {
        word: known.as_str(),
        title: known.title(),
        text: explanation(*known).to_owned(),
    });
    let explained = ours.into_iter().chain(door_explanation(&code)).collect::<Vec<_>>();
    if explained.is_empty() {
        return Err(Problem::new(Code::NoSuchRoute, "there is no error with this code"));
    }
    Ok(guarded(typed(page::errors(&explained).into(), "text/html; charset=utf-8")))
}

/// The row of `docs/errors/ingest.md` on a code of the doors: `code`, status, meaning, what to do.
fn door_explanation(code: &str) -> Option<page::Explained<'static>> {
    let rows = DOOR_ERRORS.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let row = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).find_map(|cells| {
        match cells.as_slice() {
            [word, status, meaning, advice] if word.trim_end_matches('`') == code => {
                Some((*word, *status, *meaning, *advice))
            }
            _ => None,
        }
    });
    let (word, status, meaning, advice) = row?;
    let text = format!("{status}, at the doors through which signals come in. {advice}");
    Some(page::Explained { word: word.trim_end_matches('`'), title: meaning, text })
}

/// The section of `docs/errors/README.md` on a code, without its heading.
fn explanation(code: Code) -> &'static str {
    let heading = format!("\n### `{}`\n", code.as_str());
    let section = ERRORS.split_once(heading.as_str()).map_or("", |(_, rest)| rest);
    section.split("\n#").next().unwrap_or_default().trim()
}

fn typed(body: Bytes, kind: &'static str) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_on_its_page_with_its_own_status() {
        for code in Code::ALL {
            let text = explanation(*code);
            assert!(text.contains(code.status().as_str()), "{} is not explained", code.as_str());
            assert!(text.len() > 40, "{} is hardly explained", code.as_str());
        }
    }

    #[test]
    fn the_codes_of_the_doors_are_explained_too() {
        let explained = door_explanation("all_rejected").expect("a row of the table");
        assert!(explained.text.starts_with("400, ") && !explained.title.is_empty());
        assert!(door_explanation("nonsense").is_none());
    }

    #[test]
    fn no_code_is_explained_that_there_is_not() {
        for heading in ERRORS.lines().filter_map(|line| line.strip_prefix("### `")) {
            let word = heading.trim_end_matches('`');
            assert!(Code::ALL.iter().any(|code| code.as_str() == word), "{word}");
        }
    }
}
