//! Strikes secrets out of what is said about an attempt: as they are, as requests hold them, and as answers repeat them.
//!
//! Refuses to know: channels, what an answer means. Invariant: what is struck out is found before anything is cut off, so
//! that no part of a secret is left at an end.

use std::cmp::Reverse;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::rendering::escape::html;

/// Bytes from which a secret is struck out; shorter ones are words that say nothing.
const STRUCK_BYTES: usize = 4;
/// The same for the parts of a secret address or header, some of which are the same for everybody.
const STRUCK_PART_BYTES: usize = 9;
/// What stands in their place.
const MARK: &str = "***";

/// Texts that nobody gets to read.
#[derive(Default)]
pub(super) struct Struck(Vec<String>);

impl Struck {
    /// The secrets of a configuration, with what is made of them.
    pub(super) fn of(secrets: &[&str], settings: &Map<String, Value>) -> Self {
        let mut struck = Self::default();
        let username = settings.get("username").and_then(Value::as_str).map(str::trim);
        for name in secrets {
            struck.add_all(settings.get(*name), username);
        }
        struck
    }

    /// A text that is struck out however short it is.
    pub(super) fn add(&mut self, text: &str) {
        self.add_from(1, text);
    }

    /// What may be shown of a text.
    pub(super) fn strike(mut self, text: &str) -> String {
        // Longer ones first: they may begin with shorter ones.
        self.0.sort_unstable_by(|a, b| Reverse(a.len()).cmp(&Reverse(b.len())).then(a.cmp(b)));
        self.0.dedup();
        let mut shown = text.to_owned();
        for secret in &self.0 {
            if shown.contains(secret) {
                shown = shown.replace(secret, MARK);
            }
        }
        shown
    }

    fn add_all(&mut self, secret: Option<&Value>, username: Option<&str>) {
        match secret {
            Some(Value::String(text)) => self.add_secret(text.trim(), username),
            Some(Value::Array(list)) => {
                list.iter().for_each(|item| self.add_all(Some(item), username));
            }
            Some(Value::Object(object)) => {
                object.values().for_each(|item| self.add_all(Some(item), username));
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => {}
        }
    }

    fn add_secret(&mut self, text: &str, username: Option<&str>) {
        self.add_from(STRUCK_BYTES, text);
        self.add_encoded(text);
        if let Some(username) = username {
            // As `Authorization: Basic` has them, and the PLAIN of SMTP.
            self.add_encoded(&format!("{username}:{text}"));
            self.add_encoded(&format!("\0{username}\0{text}"));
        }
        if let Some(url) = Url::parse(text).ok().filter(Url::has_host) {
            self.add_address(&url);
        } else if let Some((_, credentials)) = text.split_once(' ') {
            self.add_credentials(credentials.trim());
        }
    }

    /// The whole address, its path, and the parts of both.
    fn add_address(&mut self, url: &Url) {
        self.add_from(STRUCK_BYTES, url.as_str());
        let whole = [&url[url::Position::BeforePath..], url.path()];
        let parts = url.path().split('/').chain(url.query().unwrap_or_default().split(['&', '=']));
        whole.into_iter().chain(parts).for_each(|part| self.add_from(STRUCK_PART_BYTES, part));
        for (_, part) in url.query_pairs() {
            self.add_from(STRUCK_PART_BYTES, &part);
        }
    }

    /// What stands behind the scheme in a header such as `Authorization`, and what it says of a password.
    fn add_credentials(&mut self, credentials: &str) {
        self.add_from(STRUCK_BYTES, credentials);
        let separators = [' ', ',', ';', '=', '"'];
        credentials.split(separators).for_each(|part| self.add_from(STRUCK_PART_BYTES, part));
        let decoded = STANDARD.decode(credentials).ok().and_then(|it| String::from_utf8(it).ok());
        if let Some((_, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
            self.add_from(STRUCK_BYTES, password);
        }
    }

    /// In base64. What it is filled up with says nothing.
    fn add_encoded(&mut self, text: &str) {
        self.add_from(STRUCK_BYTES, &STANDARD_NO_PAD.encode(text));
        self.add_from(STRUCK_BYTES, &URL_SAFE_NO_PAD.encode(text));
    }

    /// A text of at least so many bytes, also as JSON, HTML and addresses write it.
    fn add_from(&mut self, least: usize, text: &str) {
        if text.len() < least {
            return;
        }
        let json = Value::from(text).to_string();
        let inside = json[1..json.len() - 1].to_owned();
        let address: String = byte_serialize(text.as_bytes()).collect();
        self.0.extend([text.to_owned(), inside, html(text), address.replace('+', "%20"), address]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn struck(settings: &Value, text: &str) -> String {
        let secrets = ["url", "password", "headers", "secrets"];
        Struck::of(&secrets, settings.as_object().unwrap()).strike(text)
    }

    #[test]
    fn a_secret_is_struck_out_in_every_form() {
        let login = json!({"username": "me", "password": " pass/word+\"1<é> "});
        for form in [
            "pass/word+\"1<é>",
            // As JSON, HTML and addresses write it.
            "pass/word+\\\"1<é>",
            "pass/word+&quot;1&lt;é&gt;",
            "pass%2Fword%2B%221%3C%C3%A9%3E",
            // printf 'me:pass/word+"1<é>' | base64, and the same with \0 for SMTP, and alone.
            "bWU6cGFzcy93b3JkKyIxPMOpPg",
            "AG1lAHBhc3Mvd29yZCsiMTzDqT4",
            "cGFzcy93b3JkKyIxPMOpPg",
        ] {
            assert_eq!(struck(&login, &format!("a {form} b")), "a *** b", "{form}");
        }
        assert_eq!(struck(&login, "me: word"), "me: word");
    }

    #[test]
    fn of_headers_and_addresses_the_parts_are_struck_out() {
        // printf 'bot:hunter2' | base64
        let headers = json!({"headers": {
            "Authorization": "Basic Ym90Omh1bnRlcjI=", "X-Token": "Bearer abcd", "Cookie": "a b=\"123456789\"; c=d",
        }});
        for (text, shown) in [
            ("Authorization: Basic Ym90Omh1bnRlcjI=", "Authorization: ***"),
            ("got Ym90Omh1bnRlcjI=", "got ***"),
            ("bot hunter2 is unknown", "bot *** is unknown"),
            ("token abcd", "token ***"),
            ("b: 123456789", "b: ***"),
            ("Bearer tokens only", "Bearer tokens only"),
        ] {
            assert_eq!(struck(&headers, text), shown);
        }
        let url = json!({"url": "https://x.example/in/abc?sig=a%2Bbcdefghi&v=1"});
        for (text, shown) in [
            ("POST /in/abc?sig=a%2Bbcdefghi&v=1", "POST ***"),
            ("sig a%2Bbcdefghi, a+bcdefghi", "sig ***, ***"),
            ("x.example has no v=2", "x.example has no v=2"),
        ] {
            assert_eq!(struck(&url, text), shown);
        }
    }

    #[test]
    fn the_longer_of_two_secrets_is_struck_out_whole() {
        let secrets = json!({"secrets": ["hunter", "hunter-of-more", "abc"]});
        assert_eq!(struck(&secrets, "hunter-of-more, hunter, abc"), "***, ***, abc");
    }
}
