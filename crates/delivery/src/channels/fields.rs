//! Reads the configuration of an endpoint field by field and notes everything that is wrong with it.
//!
//! Refuses to know: which fields a channel has. Invariant: a reader always yields a value, and whoever reads looks at
//! [`Fields::finish`] before using any.

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue};
use model::FieldError;
use serde_json::{Map, Value};
use url::Url;

use crate::courier::{ENDPOINT_CONCURRENCY_MOST, Options, Settings};
use crate::template;

/// Characters of an address.
const URL_CHARS: usize = 2_048;
/// Headers of a webhook.
const HEADERS: usize = 32;

/// A configuration that is being read.
#[derive(Debug)]
pub(crate) struct Fields<'c> {
    object: &'c Map<String, Value>,
    known: BTreeSet<&'static str>,
    errors: Vec<FieldError>,
    trying: bool,
}

impl<'c> Fields<'c> {
    /// Starts reading what was checked before.
    pub(crate) const fn new(object: &'c Map<String, Value>) -> Self {
        Self { object, known: BTreeSet::new(), errors: Vec::new(), trying: false }
    }

    /// Starts reading what may be wrong in any way: templates are tried too.
    pub(crate) const fn trying(object: &'c Map<String, Value>) -> Self {
        Self { object, known: BTreeSet::new(), errors: Vec::new(), trying: true }
    }

    /// Whether what takes a while to find out is to be found out.
    pub(crate) const fn is_trying(&self) -> bool {
        self.trying
    }

    /// What was wrong, fields that nobody asked for included.
    pub(crate) fn finish(mut self) -> Vec<FieldError> {
        for name in self.object.keys() {
            if !self.known.contains(name.as_str()) {
                let message = format!("this channel has no field `{name}`");
                self.errors.push(FieldError::new(name, "unknown_field", message));
            }
        }
        self.errors
    }

    /// Whether nothing was wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Notes something wrong.
    pub(crate) fn refuse(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.errors.push(FieldError::new(name, code, message));
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// A text that must be there, of at most `most` characters.
    pub(crate) fn text(&mut self, name: &'static str, most: usize) -> String {
        self.optional_text(name, most).unwrap_or_else(|| {
            if !self.has(name) {
                self.refuse(name, "missing", "this is needed");
            }
            String::new()
        })
    }

    /// A text that may be left out, of at most `most` characters.
    pub(crate) fn optional_text(&mut self, name: &'static str, most: usize) -> Option<String> {
        let text = self.value(name)?.as_str();
        self.one_text(name, text, most)
    }

    fn one_text(&mut self, name: &str, text: Option<&str>, most: usize) -> Option<String> {
        let problem = match text.map(str::trim) {
            None => ("wrong_type", "this is a text".to_owned()),
            Some("") => ("too_short", "this is not empty".to_owned()),
            Some(text) if text.chars().any(char::is_control) => {
                ("control_characters", "this has no control characters".to_owned())
            }
            Some(text) if text.chars().count() > most => {
                ("too_long", format!("this has at most {most} characters"))
            }
            Some(text) => return Some(text.to_owned()),
        };
        self.refuse(name, problem.0, problem.1);
        None
    }

    /// One text or several, at most `items` of at most `most` characters; none where it is left out.
    pub(crate) fn texts(&mut self, name: &'static str, items: usize, most: usize) -> Vec<String> {
        let list = match self.value(name) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if list.len() > items {
            self.refuse(name, "too_many", format!("at most {items}"));
            return Vec::new();
        }
        let mut texts = Vec::with_capacity(list.len());
        for (place, item) in list.iter().enumerate() {
            texts.extend(self.one_text(&format!("{name}[{place}]"), item.as_str(), most));
        }
        texts
    }

    /// An address of http or https that must be there.
    pub(crate) fn url(&mut self, name: &'static str) -> Url {
        let text = self.text(name, URL_CHARS);
        if text.is_empty() { nowhere() } else { self.read_url(name, &text) }
    }

    /// Where an interface stands: an address that paths are put after.
    pub(crate) fn base_url(&mut self, name: &'static str, default: &'static str) -> Url {
        let text = self.optional_text(name, URL_CHARS).unwrap_or_else(|| default.to_owned());
        let mut url = self.read_url(name, &text);
        if url.query().is_some() {
            self.refuse(name, "invalid_url", "this has no query");
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        url
    }

    fn read_url(&mut self, name: &'static str, text: &str) -> Url {
        let refuse = |fields: &mut Self, message: &str| {
            fields.refuse(name, "invalid_url", message);
            nowhere()
        };
        let Ok(mut url) = Url::parse(text) else {
            return refuse(self, "this is an address such as https://example.com/path");
        };
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return refuse(self, "this begins with https:// or http://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(self, "this holds no user and no password");
        }
        url.set_fragment(None);
        url
    }

    /// One of a few words.
    pub(crate) fn word(&mut self, name: &'static str, words: &[&'static str]) -> &'static str {
        let Some(text) = self.optional_text(name, 64) else { return words[0] };
        if let Some(word) = words.iter().find(|word| text.eq_ignore_ascii_case(word)) {
            return word;
        }
        self.refuse(name, "unknown_value", format!("this is one of {}", words.join(", ")));
        words[0]
    }

    /// A whole number that may be left out.
    pub(crate) fn number(&mut self, name: &'static str, least: u64, most: u64) -> Option<u64> {
        let number = self.value(name)?.as_u64();
        let fits = number.filter(|number| (least..=most).contains(number));
        if fits.is_none() {
            self.refuse(name, "out_of_range", format!("this is a whole number, {least} to {most}"));
        }
        fits
    }

    /// Headers of HTTP that may be left out: an object of texts. Those that the transport sets are refused.
    pub(crate) fn headers(&mut self, name: &'static str) -> Vec<(HeaderName, HeaderValue)> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Some(object) = value.as_object().filter(|object| object.len() <= HEADERS) else {
            self.refuse(
                name,
                "wrong_type",
                format!("this is an object of at most {HEADERS} texts"),
            );
            return Vec::new();
        };
        let mut headers = Vec::with_capacity(object.len());
        for (key, value) in object {
            let header = HeaderName::try_from(key.as_str()).ok();
            let value = value.as_str().and_then(|text| HeaderValue::from_str(text).ok());
            match (header, value) {
                (Some(header), Some(_)) if is_reserved(&header) => {
                    let message = format!("`{header}` is set by the transport");
                    self.refuse(&format!("{name}.{key}"), "reserved", message);
                }
                (Some(header), Some(value)) => headers.push((header, value)),
                _ => self.refuse(&format!("{name}.{key}"), "invalid", "this is no header of HTTP"),
            }
        }
        headers
    }

    /// A template that may be left out.
    pub(crate) fn template(&mut self, name: &'static str) -> Option<String> {
        let value = self.value(name)?;
        let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
            self.refuse(name, "wrong_type", "this is a text");
            return None;
        };
        if text.len() > template::TEMPLATE_BYTES {
            let most = template::TEMPLATE_BYTES;
            self.refuse(name, "too_long", format!("this has at most {most} bytes"));
        } else if self.trying
            && let Err(error) = template::check(text)
        {
            self.refuse(name, "template", error.to_string());
        }
        Some(text.to_owned())
    }

    /// What every configuration may say about sending: `concurrency`, `rate_per_second` and, where the channel takes
    /// digests, `digest`. The courier obeys them; here it is only made sure that it understands them.
    pub(crate) fn sending(&mut self, takes_digests: bool) {
        type IsUnderstood = fn(&Settings) -> bool;
        let others: [(&'static str, &str, IsUnderstood); 2] = [
            ("rate_per_second", "this is a number from 0.0001 to 1000000", |read| {
                read.rate_per_second.is_some()
            }),
            ("digest", r#"this is such as {"more_than": 20, "within": "1m"}"#, |read| {
                read.digest.is_some()
            }),
        ];
        self.number("concurrency", 1, u64::from(ENDPOINT_CONCURRENCY_MOST));
        for (name, message, is_understood) in others {
            let Some(value) = self.value(name) else { continue };
            if name == "digest" && !takes_digests {
                let message = "this channel takes no digests: each notification is one of its own";
                self.refuse(name, "unsupported", message);
                continue;
            }
            let alone = serde_json::json!({ name: value }).to_string();
            if !is_understood(&Settings::read(&alone, &Options::default())) {
                self.refuse(name, "invalid", message);
            }
        }
    }

    fn value(&mut self, name: &'static str) -> Option<&'c Value> {
        self.known.insert(name);
        self.object.get(name).filter(|value| !value.is_null())
    }
}

/// Headers that say how the body is carried or what the message is.
fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 11] = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "idempotency-key",
        "stormbell-signature",
    ];
    RESERVED.contains(&name.as_str()) || name.as_str().starts_with("proxy-")
}

/// A stand-in for an address that could not be read; nothing is ever sent to it, because it is never used
/// where something was wrong, and no host of that name can be.
fn nowhere() -> Url {
    Url::parse("http://nowhere.invalid/").unwrap_or_else(|_| unreachable!("it is an address"))
}
