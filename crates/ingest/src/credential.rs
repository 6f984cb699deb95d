//! Where a request carries its key, and what the key grants.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use model::{Access, Denied, Grant, Scope, Timestamp};

use crate::code::Code;
use crate::problem::Problem;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The key in the headers: bearer token, `X-API-Key`, or the password of basic authentication.
pub(crate) fn in_headers(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, credential) = value.to_str().ok()?.split_once(' ')?;
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Cow::Borrowed(credential));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = String::from_utf8(BASE64.decode(credential).ok()?).ok()?;
            let (_, password) = decoded.split_once(':')?;
            return Some(Cow::Owned(password.to_owned()));
        }
        return None;
    }
    headers.get(X_API_KEY)?.to_str().ok().map(Cow::Borrowed)
}

/// Splits `/k/{key}/rest` into the key and `/rest`.
pub(crate) fn in_path(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/k/")?;
    let (key, _) = rest.split_once('/')?;
    Some((key, &rest[key.len()..]))
}

/// The grant behind a key, if it may send signals.
pub(crate) fn grant(
    access: &dyn Access,
    key: Option<&str>,
    now: Timestamp,
) -> Result<Arc<Grant>, Problem> {
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        let detail = "send the project's API key as `Authorization: Bearer KEY`, `X-API-Key: KEY` \
                      or as the password of basic authentication";
        return Err(Problem::new(Code::MissingKey, detail));
    };
    let grant = access.grant(key, now).map_err(|denied| match denied {
        Denied::Unknown => Problem::new(Code::UnknownKey, "the key is not known"),
        Denied::Revoked => Problem::new(Code::RevokedKey, "the key was revoked"),
        Denied::Expired => Problem::new(Code::ExpiredKey, "the key has expired"),
    })?;
    if !grant.scopes.has(Scope::Ingest) {
        let detail = "the key lacks the scope `ingest`";
        return Err(Problem::new(Code::MissingScope, detail));
    }
    Ok(grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &'static str, value: &'static str) -> Option<String> {
        let name = HeaderName::from_static(name);
        let headers = HeaderMap::from_iter([(name, http::HeaderValue::from_static(value))]);
        in_headers(&headers).map(Cow::into_owned)
    }

    #[test]
    fn keys_are_found_wherever_senders_can_put_them() {
        assert_eq!(key("authorization", "Bearer secret").as_deref(), Some("secret"));
        assert_eq!(key("authorization", "bearer  secret").as_deref(), Some("secret"));
        assert_eq!(key("authorization", "Basic YW55OnNlOmNyZXQ=").as_deref(), Some("se:cret"));
        assert_eq!(key("x-api-key", "secret").as_deref(), Some("secret"));
        for broken in ["secret", "Digest x", "Basic !", "Basic YW55", ""] {
            assert_eq!(key("authorization", broken), None, "{broken}");
        }
        assert_eq!(in_path("/k/secret/api/v2/alerts"), Some(("secret", "/api/v2/alerts")));
        assert_eq!(in_path("/k/secret"), None);
        assert_eq!(in_path("/v1/signals"), None);
    }
}
