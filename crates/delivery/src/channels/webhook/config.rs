//! What an endpoint of the webhook says.

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::channels::fields::Fields;
use crate::rendering::sample;
use crate::rendering::{Telling, body::Body};
use crate::template::{self, Escape};

/// Secrets that sign at once: an old and a new one, and room for a mistake.
const SECRETS: usize = 4;
/// Characters of a secret.
const SECRET_CHARS: usize = 256;

/// Where, how, and signed with what.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) secrets: Vec<String>,
    pub(super) template: Option<String>,
    /// How a template writes what is put into it, going by the content type.
    pub(super) escape: Escape,
}

impl Config {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let url = fields.url("url");
        let method = match fields.word("method", &["POST", "PUT", "PATCH"]) {
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            _ => Method::POST,
        };
        let headers = fields.headers("headers");
        let mut secrets = Vec::from_iter(fields.optional_text("secret", SECRET_CHARS));
        secrets.extend(fields.texts("secrets", SECRETS, SECRET_CHARS));
        let config = Self {
            url,
            method,
            escape: escape(&headers),
            headers,
            secrets,
            template: fields.template("template"),
        };
        if fields.is_trying() && fields.is_clean() {
            config.try_template(fields);
            config.look_for_digest(fields);
        }
        config
    }

    /// Nobody is told of what their template does not show.
    fn look_for_digest(&self, fields: &mut Fields<'_>) {
        let shows = |template: &String| template.contains("digest");
        if fields.has("digest") && !self.template.as_ref().is_none_or(shows) {
            let message = "with `digest`, a template has to go through the list `digest`";
            fields.refuse("template", "no_digest", message);
        }
    }

    /// A template must render a sample, and to JSON where it says that it is JSON.
    fn try_template(&self, fields: &mut Fields<'_>) {
        let Some(source) = &self.template else { return };
        match template::render(source, self.escape, &sample_variables()) {
            Err(error) => fields.refuse("template", "template", error.to_string()),
            Ok(text) if self.escape == Escape::Json => {
                if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
                    let message = format!("a sample does not come out as JSON: {error}");
                    fields.refuse("template", "not_json", message);
                }
            }
            Ok(_) => {}
        }
    }
}

fn escape(headers: &[(HeaderName, HeaderValue)]) -> Escape {
    let content_type = headers.iter().find(|(name, _)| *name == CONTENT_TYPE);
    match content_type {
        Some((_, value)) if !value.as_bytes().windows(4).any(|part| part == b"json") => {
            Escape::Nothing
        }
        Some(_) | None => Escape::Json,
    }
}

/// What a template is tried with.
fn sample_variables() -> serde_json::Value {
    sample::with_message(None, |message, endpoint| {
        let telling = Telling {
            message,
            endpoint,
            link_base: Some("https://stormbell.example"),
            challenge: None,
        };
        serde_json::to_value(Body::of(&telling)).unwrap_or_default()
    })
}
