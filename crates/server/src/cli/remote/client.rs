//! The way to a server over HTTP: where it is, which key goes along, how long to wait, and what to
//! say when there is no answer.
//!
//! Invariant: a key found by itself in `./data` goes to this machine only, never to a named host.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use serde_json::Value;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

use super::documents;
use crate::cli::terminal::failure::{Failure, Problem};

/// Where a server is when nobody says.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// Where `stormbell serve` keeps its data when nobody says.
pub(crate) const DEFAULT_DATA: &str = "./data";
/// The file in a data folder that the first start writes.
const KEY_FILE: &str = "admin.key";
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole request may take, its answer included.
const WHOLE: Duration = Duration::from_secs(90);
/// How often a request is tried that the server asks to repeat.
const TRIES: u32 = 4;
/// The longest wait between tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Bytes of an answer; a page of the largest signals stays below.
const ANSWER_BYTES: u64 = 512 << 20;

/// Which server, and with which key.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Connection {
    /// Address of the server
    #[arg(
        long,
        env = "STORMBELL_URL",
        value_name = "URL",
        default_value = DEFAULT_URL,
        hide_env_values = true
    )]
    pub(crate) url: String,
    /// API key; where it is not given, DATA/admin.key is used if it is there
    #[arg(long, env = "STORMBELL_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Data folder of a server on this machine, for its admin.key [default: ./data]
    #[arg(long, env = "STORMBELL_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Certificate authority to trust instead of those of the system (PEM)
    #[arg(long, env = "STORMBELL_CA", value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// A way to a server. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    base: String,
    /// The address as it is said to people: without the key that may stand in it.
    shown: String,
    key: Option<String>,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) bytes: Vec<u8>,
    kind: Option<String>,
    retry_after: Option<Duration>,
    location: Option<String>,
}

impl Connection {
    /// Checks what was said and finds the key. Connects to nothing yet.
    pub(crate) fn open(&self) -> Result<Client, Failure> {
        let (base, local) = self.base()?;
        let said = self.key.as_deref().map(str::trim).filter(|key| !key.is_empty());
        let key = match said {
            Some(key) => Some(key.to_owned()),
            None => self.key_of_data(local)?,
        };
        let mut builder = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections_per_host(16)
            .user_agent(concat!("stormbell/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .tls_config(self.tls()?);
        if local {
            builder = builder.proxy(None);
        }
        let shown = without_credentials(&base);
        Ok(Client { agent: builder.build().new_agent(), base, shown, key })
    }

    /// The address without a slash at its end, and whether it is this machine.
    fn base(&self) -> Result<(String, bool), Failure> {
        let (scheme, rest) = self.url.trim().split_once("://").unwrap_or(("http", self.url.trim()));
        let text = format!("{scheme}://{}", rest.trim_end_matches('/'));
        let wrong = |why: &str| {
            let said = without_credentials(&text);
            Failure::Usage(format!("--url {said}: {why}; write it as {DEFAULT_URL}"))
        };
        let uri: Uri = text.parse().map_err(|_| wrong("it is not an address"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it must begin with http:// or https://"));
        }
        let host =
            uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        Ok((text, local))
    }

    fn key_of_data(&self, local: bool) -> Result<Option<String>, Failure> {
        let folder = match &self.data {
            Some(folder) => folder.as_path(),
            None if local => Path::new(DEFAULT_DATA),
            None => return Ok(None),
        };
        let path = folder.join(KEY_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|key| !key.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::Usage(format!(
                "cannot read the key in {}: {error}; pass one with --key or STORMBELL_KEY",
                path.display()
            ))),
        }
    }

    fn tls(&self) -> Result<TlsConfig, Failure> {
        let roots = match &self.ca {
            None => RootCerts::PlatformVerifier,
            Some(path) => {
                let unusable =
                    |why: String| Failure::Usage(format!("--ca {}: {why}", path.display()));
                let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
                let certificates: Vec<_> = ureq::tls::parse_pem(&pem)
                    .filter_map(|item| match item {
                        Ok(PemItem::Certificate(certificate)) => Some(certificate),
                        _ => None,
                    })
                    .collect();
                if certificates.is_empty() {
                    return Err(unusable("there is no certificate in it".to_owned()));
                }
                RootCerts::from(certificates)
            }
        };
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        Ok(TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(provider))
            .root_certs(roots)
            .build())
    }
}

impl Client {
    /// Reads something.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.patient(&Method::GET, &with_query(path, query), None)
    }

    /// Makes or changes something. The request carries an idempotency key, so it is tried again
    /// without doing it twice.
    pub(crate) fn send(
        &self,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(body).context("cannot write the request as JSON")?;
        self.patient(method, path, Some(("application/json", &body)))
    }

    /// Asks for something once: where it is too soon for it, there is no use in waiting here.
    pub(crate) fn post_once(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(body).context("cannot write the request as JSON")?;
        let request = self.request(&Method::POST, path)?;
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.run(request, Some(&body))?.checked(self)
    }

    /// Sends a file of YAML, tried again like [`Client::send`].
    pub(crate) fn post_yaml(&self, path: &str, text: &[u8]) -> Result<Answer, Failure> {
        self.patient(&Method::POST, path, Some(("application/yaml", text)))
    }

    /// Removes something.
    pub(crate) fn delete(&self, path: &str) -> Result<Answer, Failure> {
        self.patient(&Method::DELETE, path, None)
    }

    /// Sends signals, one JSON object a line, once. The answer may be a refusal.
    pub(crate) fn post_signals(&self, lines: &[u8]) -> Result<Answer, Failure> {
        let request = self.request(&Method::POST, "/v1/signals")?;
        let request = request.header(header::CONTENT_TYPE, "application/x-ndjson");
        self.run(request, Some(lines))
    }

    /// Tries until there is an answer other than to try again; a body comes with its kind.
    fn patient(
        &self,
        method: &Method,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Answer, Failure> {
        let idempotency_key = uuid::Uuid::now_v7().to_string();
        let mut tried = 0;
        loop {
            let mut request = self.request(method, path)?;
            if let Some((kind, _)) = body {
                request = request
                    .header(header::CONTENT_TYPE, kind)
                    .header("idempotency-key", &idempotency_key);
            }
            let answer = self.run(request, body.map(|(_, bytes)| bytes))?;
            tried += 1;
            if !answer.is_to_be_repeated() || tried == TRIES {
                return answer.checked(self);
            }
            std::thread::sleep(answer.wait().min(LONGEST_WAIT));
        }
    }

    fn request(&self, method: &Method, path: &str) -> Result<http::request::Builder, Failure> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, bearer(key)?);
        }
        Ok(request)
    }

    fn run(&self, request: http::request::Builder, body: Option<&[u8]>) -> Result<Answer, Failure> {
        let unusable = |error: http::Error| Failure::Usage(format!("{}: {error}", self.shown));
        let response = match body {
            Some(body) => self.agent.run(request.body(body).map_err(unusable)?),
            None => self.agent.run(request.body(()).map_err(unusable)?),
        };
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        let reader = response.body_mut().with_config().limit(ANSWER_BYTES);
        let bytes = reader.read_to_vec().map_err(|error| self.unreachable(&error))?;
        Ok(Answer {
            status: response.status().as_u16(),
            bytes,
            kind: text_of(response.headers(), &header::CONTENT_TYPE),
            retry_after: retry_after(response.headers()),
            location: text_of(response.headers(), &header::LOCATION),
        })
    }

    /// Why there is no answer, and what to do.
    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let base = &self.shown;
        let text = match error {
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.nobody()
            }
            ureq::Error::ConnectionFailed => self.nobody(),
            ureq::Error::HostNotFound => {
                format!(
                    "the host of {base} is not known; say where the server is with --url or STORMBELL_URL"
                )
            }
            ureq::Error::Timeout(stage) => format!("{base} did not answer in time ({stage})"),
            ureq::Error::Tls(why) => no_tls(base, why),
            ureq::Error::Rustls(why) => no_tls(base, why),
            ureq::Error::Io(error) if is_of_tls(error) => no_tls(base, error),
            ureq::Error::Protocol(why) => {
                format!("{base} does not speak HTTP ({why}); is it https, or another port?")
            }
            ureq::Error::Io(why) if base.starts_with("https:") => {
                format!("the connection to {base} broke: {why}; does it speak TLS?")
            }
            ureq::Error::Io(why) => format!("the connection to {base} broke: {why}"),
            other => format!("the connection to {base} broke: {other}"),
        };
        Failure::Unreachable(text)
    }

    fn no_stormbell(&self) -> String {
        format!(
            "{} answers, but not as a Stormbell server does; is it the right --url?",
            self.shown
        )
    }

    fn nobody(&self) -> String {
        format!(
            "nothing answers at {} (connection refused); start a server with `stormbell serve`, \
             or say where one is with --url or STORMBELL_URL",
            self.shown
        )
    }
}

impl Answer {
    /// Whether the server asks to try the same again.
    pub(crate) fn is_to_be_repeated(&self) -> bool {
        matches!(self.status, 429 | 503) || self.status == 408
    }

    /// How long it asks to wait; half a second where it does not say.
    pub(crate) fn wait(&self) -> Duration {
        self.retry_after.unwrap_or(Duration::from_millis(500))
    }

    /// The answer, if it is the one that was asked for.
    pub(crate) fn checked(self, client: &Client) -> Result<Self, Failure> {
        if !(200..300).contains(&self.status) {
            return Err(self.into_failure(client));
        }
        if self.is_of_another_server() {
            return Err(Failure::Unreachable(client.no_stormbell()));
        }
        Ok(self)
    }

    /// Whether its kind is none that a command is answered with: a page for people, or what the port for gRPC says
    /// to everything.
    fn is_of_another_server(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        let known = ["application/json", "application/yaml", "text/calendar"];
        self.status != 204 && !known.iter().any(|known| essence.eq_ignore_ascii_case(known))
    }

    /// The refusal as a failure.
    pub(crate) fn into_failure(self, client: &Client) -> Failure {
        if (300..400).contains(&self.status) {
            let to = self
                .location
                .map_or_else(String::new, |to| format!(" to {}", documents::harmless(&to)));
            return Failure::Usage(format!("{} redirects{to}; pass that as --url", client.shown));
        }
        let mut problem = documents::read::<Problem>(&self.bytes).unwrap_or_default();
        problem.status = self.status;
        if problem.code.is_empty() {
            problem.code = format!("http_{}", self.status);
            problem.detail = client.no_stormbell();
        } else {
            problem.document = self.bytes;
        }
        problem.hint = key_hint(&problem.code, client.key.is_some());
        let problem = Box::new(problem);
        if self.status >= 500 { Failure::Failed(problem) } else { Failure::Refused(problem) }
    }
}

/// A path with a query behind it.
pub(crate) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{path}?{encoded}")
}

/// The key as a header. Keys are letters, digits and `_`; anything else was pasted along with one, and would
/// otherwise be blamed on the address.
fn bearer(key: &str) -> Result<HeaderValue, Failure> {
    let foreign = || {
        Failure::Usage(
            "the key (--key, STORMBELL_KEY or DATA/admin.key) holds characters that no key has"
                .to_owned(),
        )
    };
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(foreign());
    }
    HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| foreign())
}

/// An address without user and password: a key may stand there, and what is said to people ends in mails and logs.
fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

fn no_tls(base: &str, why: &dyn std::fmt::Display) -> String {
    let why = why.to_string();
    if why.contains("CaUsedAsEndEntity") {
        return format!(
            "no TLS with {base}: its certificate is itself a certificate authority, which is not taken for a \
             server's; make it with `openssl req -x509 … -addext basicConstraints=critical,CA:FALSE`"
        );
    }
    format!(
        "no TLS with {base}: {why}; a certificate authority of your own is given with --ca FILE"
    )
}

/// Whether TLS failed on a connection that did not.
fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<tokio_rustls::rustls::Error>())
}

fn key_hint(code: &str, sent: bool) -> Option<String> {
    let text = match code {
        "missing_key" => {
            "  pass one with --key or STORMBELL_KEY, or point --data at the server's data folder: \
             its first start wrote DATA/admin.key"
        }
        "unknown_key" if sent => "  the key is of another server, or was mistyped",
        "expired_key" | "revoked_key" => "  make a new one with `stormbell keys create`",
        _ => return None,
    };
    Some(text.to_owned())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    text_of(headers, &header::RETRY_AFTER)?.trim().parse().ok().map(Duration::from_secs)
}

fn text_of(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str, data: Option<&Path>) -> Connection {
        Connection { url: url.to_owned(), key: None, data: data.map(Path::to_owned), ca: None }
    }

    #[test]
    fn addresses_are_read_with_and_without_scheme() {
        let read =
            |url: &str| connection(url, None).base().map_err(|failure| format!("{failure:?}"));
        assert_eq!(read("localhost:8080"), Ok(("http://localhost:8080".to_owned(), true)));
        assert_eq!(read("http://[::1]:1/"), Ok(("http://[::1]:1".to_owned(), true)));
        assert_eq!(
            read("https://bell.example.org/x/"),
            Ok(("https://bell.example.org/x".to_owned(), false))
        );
        for wrong in ["ftp://host", "http://", "http://a b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_in_an_address_is_used_and_not_shown() {
        let secret = "http://any:sb_secret@127.0.0.1:1/x";
        let client = connection(secret, None).open().expect("it is an address");
        assert_eq!((client.base.as_str(), client.shown.as_str()), (secret, "http://127.0.0.1:1/x"));
        assert!(
            !format!("{:?}", connection("ftp://any:sb_secret@host", None).base()).contains("sb_")
        );
        assert_eq!(without_credentials("http://host/a@b"), "http://host/a@b");
    }

    #[test]
    fn a_key_with_characters_that_no_key_has_is_refused_before_it_is_sent() {
        assert!(bearer("sb_secret").is_ok());
        for wrong in ["é", "sb_a b", "sb_a\nb", "\u{feff}sb_a", "“sb_a”"] {
            assert!(matches!(bearer(wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_page_for_people_is_no_answer_of_a_server() {
        let foreign = |status: u16, kind: Option<&str>| {
            let kind = kind.map(str::to_owned);
            Answer { status, bytes: Vec::new(), kind, retry_after: None, location: None }
                .is_of_another_server()
        };
        assert!(!foreign(204, None), "what is done and has nothing to say");
        for known in ["application/json", "Application/YAML; charset=utf-8"] {
            assert!(!foreign(200, Some(known)), "{known}");
        }
        for other in [None, Some("text/html; charset=utf-8"), Some("application/grpc")] {
            assert!(foreign(200, other), "{other:?}");
        }
    }

    #[test]
    fn the_key_of_a_data_folder_is_used_and_a_missing_one_is_no_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = connection(DEFAULT_URL, Some(folder.path()));
        assert_eq!(here.open().map(|client| client.key).ok(), Some(None));
        std::fs::write(folder.path().join(KEY_FILE), "sb_secret\n").expect("it can be written");
        assert_eq!(here.open().map(|client| client.key).ok(), Some(Some("sb_secret".to_owned())));
    }

    #[test]
    fn a_query_is_encoded() {
        assert_eq!(with_query("/v1/incidents", &[]), "/v1/incidents");
        assert_eq!(
            with_query("/v1/incidents", &[("q", "a b&c"), ("limit", "5")]),
            "/v1/incidents?q=a+b%26c&limit=5"
        );
    }
}
