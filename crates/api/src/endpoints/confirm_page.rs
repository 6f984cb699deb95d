//! The page that the link in a challenge leads to: one button, no script, nothing from anywhere else.
//!
//! Its addresses are relative, so that it works behind a proxy that puts a path before ours. Invariant: every text is
//! escaped.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use store::EndpointRow;

use crate::problem::Problem;

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page with the button.
pub(super) fn question(row: &EndpointRow, token: &str) -> Response {
    let body = format!(
        "<p>Notifications of Stormbell are to be sent to the {} endpoint <b>{}</b>. Confirm only what is yours, and \
         only if you want them.</p><form method=\"post\" action=\"verify\"><input type=\"hidden\" name=\"token\" \
         value=\"{}\"><p><button type=\"submit\">Confirm this endpoint</button></p></form>",
        escaped(&row.channel),
        escaped(&row.name),
        escaped(token.trim()),
    );
    page(StatusCode::OK, "Confirm this endpoint", &body)
}

/// The page after it was pressed.
pub(super) fn answer(row: &EndpointRow) -> Response {
    let body = format!(
        "<p>Notifications are sent to the {} endpoint <b>{}</b> from now on. You can close this page.</p>",
        escaped(&row.channel),
        escaped(&row.name),
    );
    page(StatusCode::OK, "The endpoint is confirmed", &body)
}

/// The page that says why nothing was confirmed.
pub(super) fn refusal(problem: &Problem) -> Response {
    let code = problem.code();
    let body = format!(
        "<p>{}</p><p>Nothing was confirmed: {}.</p><p><code>{}</code></p>",
        escaped(code.title()),
        escaped(problem.detail()),
        escaped(code.as_str()),
    );
    page(code.status(), "Not confirmed", &body)
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"../docs/reference.css\"></head>\
         <body><main class=\"alone\"><h1>{title}</h1>{body}</main></body></html>\n",
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let set = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // The address of the page holds the token.
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
    }
    html
}
