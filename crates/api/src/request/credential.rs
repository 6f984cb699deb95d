//! Where a key stands in a request: `Authorization: Bearer`, basic password, `X-API-Key`, or the path
//! `/k/{key}/…`, in this order.
//!
//! Refuses to know what a key may do.

use http::{HeaderMap, header};

use crate::problem::{Code, Problem};

/// The secret the request carries.
pub(crate) fn secret(headers: &HeaderMap, path: &str) -> Result<String, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().map_err(|_| malformed("it is not text"))?;
        return authorization(text);
    }
    if let Some(value) = headers.get("x-api-key") {
        let text = value.to_str().map_err(|_| malformed("X-API-Key is not text"))?;
        return Ok(text.trim().to_owned());
    }
    match path.strip_prefix("/k/").and_then(|rest| rest.split('/').next()) {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(Problem::new(
            Code::MissingKey,
            "send a key as `Authorization: Bearer KEY`, as `X-API-Key: KEY` or as the password of basic authentication",
        )),
    }
}

fn authorization(text: &str) -> Result<String, Problem> {
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        return Ok(rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = base64(rest).and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded =
            decoded.ok_or_else(|| malformed("the basic credentials are not base64 text"))?;
        let password = decoded.split_once(':').map(|(_, password)| password.to_owned());
        return password.ok_or_else(|| malformed("the basic credentials hold no `:`"));
    }
    Err(malformed("it is neither `Bearer KEY` nor basic authentication"))
}

fn malformed(why: &str) -> Problem {
    Problem::new(Code::MissingKey, format!("the Authorization header cannot be read: {why}"))
}

/// Standard base64, padding optional.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let mut bits: u32 = 0;
    let mut held = 0;
    for symbol in text.bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap_or(0));
        }
    }
    (text.len() % 4 != 1).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: &'static str, value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        secret(&headers, "/v1/incidents").ok()
    }

    #[test]
    fn a_key_is_found_in_every_place_it_may_stand() {
        assert_eq!(with("authorization", "Bearer sb_1").as_deref(), Some("sb_1"));
        assert_eq!(with("authorization", "bearer  sb_1 ").as_deref(), Some("sb_1"));
        assert_eq!(with("authorization", "Basic dXNlcjpzYl8x").as_deref(), Some("sb_1"));
        assert_eq!(with("authorization", "Basic OnNiXzE=").as_deref(), Some("sb_1"));
        assert_eq!(with("x-api-key", "sb_1").as_deref(), Some("sb_1"));
        assert_eq!(
            secret(&HeaderMap::new(), "/k/sb_1/api/v2/alerts").ok().as_deref(),
            Some("sb_1")
        );
    }

    #[test]
    fn what_is_no_key_is_not_taken_for_one() {
        for value in ["", "Bearer", "Bearer ", "Digest x", "Basic !!!", "Basic dXNlcg==", "Basic A"]
        {
            assert_eq!(with("authorization", value), None, "{value}");
        }
        assert!(secret(&HeaderMap::new(), "/v1/incidents").is_err());
        assert!(secret(&HeaderMap::new(), "/k//api/v2/alerts").is_err());
    }
}
