//! The body of a webhook and what signs it.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use model::Timestamp;
use sha2::Sha256;

use super::config::Config;
use crate::channels::Preview;
use crate::rendering::{Telling, body::Body};
use crate::template::{self, TemplateError};

/// The body: of the template where there is one, else of the fixed shape; a challenge has a shape of its own.
///
/// # Errors
/// The template costs or yields too much.
pub(super) fn body(config: &Config, telling: &Telling<'_>) -> Result<Vec<u8>, TemplateError> {
    if let Some(challenge) = telling.challenge {
        return Ok(challenge.body(telling.endpoint).to_string().into_bytes());
    }
    let body = Body::of(telling);
    let Some(source) = &config.template else {
        return Ok(serde_json::to_vec(&body).unwrap_or_default());
    };
    let variables = serde_json::to_value(body).unwrap_or_default();
    template::render(source, config.escape, &variables).map(String::into_bytes)
}

/// The value of `Stormbell-Signature`: `t=<seconds>,v1=<hex>`, one `v1` for each secret. What is signed is the
/// seconds, a dot, and the body.
pub(super) fn signature(secrets: &[String], now: Timestamp, body: &[u8]) -> String {
    let seconds = now.micros().div_euclid(1_000_000);
    let mut value = format!("t={seconds}");
    for secret in secrets {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { continue };
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        value.push_str(",v1=");
        for byte in mac.finalize().into_bytes() {
            let _ = write!(value, "{byte:02x}");
        }
    }
    value
}

/// The body, and what a template asks for that is not there.
pub(super) fn preview(config: &Config, telling: &Telling<'_>) -> Preview {
    let (text, mut remarks) = match body(config, telling) {
        Ok(body) => (String::from_utf8_lossy(&body).into_owned(), Vec::new()),
        Err(error) => (String::new(), vec![format!("template: {error}")]),
    };
    if let Some(source) = &config.template {
        let variables = serde_json::to_value(Body::of(telling)).unwrap_or_default();
        let missing = template::undefined(source, config.escape, &variables);
        remarks.extend(missing.map(|error| format!("template: {error}")));
    }
    Preview { text, remarks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_as_any_other_tool_computes_it() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        let now = Timestamp::from_micros(1_700_000_000_999_999);
        let one = signature(&["key".to_owned()], now, br#"{"a":1}"#);
        let wanted =
            "t=1700000000,v1=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
        assert_eq!(one, wanted);
    }

    #[test]
    fn every_secret_signs_during_a_rotation() {
        let secrets = ["old".to_owned(), "new".to_owned()];
        let now = Timestamp::from_micros(1_000_000);
        let both = signature(&secrets, now, b"x");
        let parts: Vec<_> = both.split(',').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(format!("t=1,{}", parts[1]), signature(&secrets[..1], now, b"x"));
        assert_eq!(format!("t=1,{}", parts[2]), signature(&secrets[1..], now, b"x"));
    }
}
