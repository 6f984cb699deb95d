//! The way out: HTTP to hosts that may be spoken to, bounded in time, size and redirects.
//!
//! Refuses to know: channels, messages. Invariants: no connection is made to an address that
//! [`guard`] forbids, whether it came from a name, a literal or a redirect; no proxy is taken from the
//! environment; no error holds an address, because addresses of some channels are secrets.

pub(crate) mod answer;
pub(crate) mod guard;
pub(crate) mod resolver;
pub(crate) mod tls;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use model::Timestamp;
use serde::Serialize;
use url::{Host, Url};

use crate::channel::Sent;
use answer::Answer;
use guard::{Forbidden, Guard};
use resolver::{GuardedResolver, LookUpError, look_up};

/// Bytes that are read of an answer's body.
pub(crate) const BODY_BYTES: usize = 64 << 10;
/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Connections kept open to one host.
const IDLE_CONNECTIONS: usize = 8;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An additional root is not a certificate in PEM.
    #[error("an additional root certificate is not a certificate in PEM")]
    Root,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[source] reqwest::Error),
}

/// The way out.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    guard: Guard,
    timeout: Duration,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    url: Url,
    /// Go to every host that a redirect leads to.
    headers: HeaderMap,
    /// Go to the host that was configured, and to no other.
    own_headers: HeaderMap,
    body: Vec<u8>,
    /// Whether it goes to no other host at all: its address or its body is a secret.
    is_secret: bool,
    now: Timestamp,
}

impl Call {
    /// A request with a body of JSON. `now` is what a date in `Retry-After` is compared with.
    pub(crate) fn json(url: Url, body: &impl Serialize, now: Timestamp) -> Self {
        // Everything that is sent is made of texts, numbers and lists: it cannot fail to be written.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut call = Self::bytes(Method::POST, url, body, now);
        call.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call
    }

    /// A request with any body.
    pub(crate) fn bytes(method: Method, url: Url, body: Vec<u8>, now: Timestamp) -> Self {
        let (headers, own_headers) = (HeaderMap::new(), HeaderMap::new());
        Self { method, url, headers, own_headers, body, is_secret: false, now }
    }

    /// With an address or a body that no other host gets to see: a redirect there is not followed.
    pub(crate) fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// With a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// With a header that no other host gets to see.
    pub(crate) fn own_header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.remove(&name);
        self.own_headers.insert(name, value);
        self
    }
}

impl Client {
    /// A client that gives every request `timeout` and names itself `user_agent`.
    ///
    /// # Errors
    /// A root is not a certificate, or TLS cannot be set up.
    pub(crate) fn new(
        guard: Guard,
        timeout: Duration,
        user_agent: &str,
        extra_roots: &[Vec<u8>],
    ) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::configuration(extra_roots)?)
            .dns_resolver(GuardedResolver { guard })
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(user_agent)
            .timeout(timeout)
            .connect_timeout(timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, guard, timeout })
    }

    /// How long one request may take.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a request and reads the answer, following a redirect that keeps method and body.
    ///
    /// # Errors
    /// What came of it, where there is no answer: nothing to connect to, too late, forbidden.
    pub(crate) async fn call(&self, mut call: Call) -> Result<Answer, Sent> {
        let first = call.url.clone();
        for _ in 0..=REDIRECTS {
            self.permit(&call.url)?;
            let response = self.request(&call, &first).await?;
            let Some(next) = redirect(&call.url, &response)? else {
                return read(response, call.now).await;
            };
            if call.is_secret && !is_same_host(&first, &next) {
                let why =
                    "redirected to another host, which must not get the secret in the request";
                return Err(Sent { status: response.status().as_u16(), ..Sent::refused(why) });
            }
            call.url = next;
        }
        Err(Sent::refused("redirected more than three times"))
    }

    /// The addresses of a host that may be spoken to.
    ///
    /// # Errors
    /// What came of it: the name does not resolve, or is forbidden.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Sent> {
        match look_up(self.guard, host, port).await {
            Ok(found) => Ok(found),
            Err(LookUpError::Forbidden(forbidden)) => Err(Sent::refused(forbidden.to_string())),
            Err(error @ LookUpError::Unresolved(_)) => Err(Sent::later(error.to_string())),
        }
    }

    async fn request(&self, call: &Call, first: &Url) -> Result<reqwest::Response, Sent> {
        let mut request = reqwest::Request::new(call.method.clone(), call.url.clone());
        *request.headers_mut() = call.headers.clone();
        if call.url.origin() == first.origin() {
            request.headers_mut().extend(call.own_headers.clone());
        }
        *request.body_mut() = Some(call.body.clone().into());
        self.http.execute(request).await.map_err(|error| failed(&error))
    }

    /// Judges an address that is written out; a name is judged when it is resolved.
    fn permit(&self, url: &Url) -> Result<(), Sent> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Sent::refused("only http and https are spoken"));
        }
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(Sent::refused("the address names no host")),
        };
        let forbidden = |why| Forbidden { host: address.to_string(), why };
        self.guard.judge(address).map_err(|why| Sent::refused(forbidden(why).to_string()))
    }
}

/// Where an answer leads, if it leads elsewhere. 301, 302 and 303 would turn the message into a question, so
/// they are not followed; nor is a way from TLS to none.
fn redirect(from: &Url, response: &reqwest::Response) -> Result<Option<Url>, Sent> {
    if !matches!(response.status().as_u16(), 307 | 308) {
        return Ok(None);
    }
    let place = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(next) = place.and_then(|place| from.join(place).ok()) else {
        return Err(Sent::refused("redirected to nowhere"));
    };
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(Sent::refused("redirected from https to something else"));
    }
    Ok(Some(next))
}

/// Whether a redirect stays where the message was sent, or only turns to TLS there.
fn is_same_host(first: &Url, next: &Url) -> bool {
    let turns_to_tls = (first.scheme(), next.scheme()) == ("http", "https")
        && (first.port(), next.port()) == (None, None)
        && first.host() == next.host();
    turns_to_tls || first.origin() == next.origin()
}

async fn read(mut response: reqwest::Response, now: Timestamp) -> Result<Answer, Sent> {
    let status = response.status().as_u16();
    let wait = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = wait.and_then(|text| answer::retry_after(text, now));
    let mut body = Vec::new();
    while body.len() < BODY_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = BODY_BYTES - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(None) => break,
            // The status has said what came of it; the rest would only have been shown.
            Err(_) => break,
        }
    }
    Ok(Answer { status, retry_after, body })
}

/// What came of a request without an answer. The address is left out of what is said: it may be a secret.
fn failed(error: &reqwest::Error) -> Sent {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(error) = cause {
        if let Some(LookUpError::Forbidden(forbidden)) = error.downcast_ref() {
            return Sent::refused(forbidden.to_string());
        }
        last = error.to_string();
        cause = error.source();
    }
    if error.is_builder() {
        return Sent::refused("the request cannot be made");
    }
    if error.is_timeout() {
        return Sent::later("no answer in time");
    }
    let what = if error.is_connect() { "cannot connect" } else { "the connection broke" };
    let known = std::error::Error::source(error).is_some();
    Sent::later(if known { format!("{what}: {last}") } else { what.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_on_its_host_or_turns_to_tls_there() {
        for (first, next, is_same) in [
            ("https://a.example/x", "https://a.example/y", true),
            ("https://a.example/x", "https://A.EXAMPLE:443/y", true),
            ("http://a.example/x", "https://a.example/x", true),
            ("http://a.example:8065/x", "http://a.example:8065/y", true),
            ("http://a.example:8065/x", "https://a.example/x", false),
            ("http://a.example/x", "https://a.example:8443/x", false),
            ("https://a.example/x", "https://a.example:8443/x", false),
            ("https://a.example/x", "https://b.a.example/x", false),
            ("https://a.example/x", "https://a.example.evil.example/x", false),
            ("https://a.example/x", "http://a.example/x", false),
        ] {
            let [from, to] = [first, next].map(|text| Url::parse(text).unwrap());
            assert_eq!(is_same_host(&from, &to), is_same, "{first} {next}");
        }
    }
}
