//! A server of HTTP on a free port of loopback that records what it sees and behaves as told.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request, whole.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What the original would say: status and body, from the request and all before it.
pub(crate) type Vendor = fn(&Seen, &[Seen]) -> (u16, String);

/// How the server behaves.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// As the original.
    Vendor(Vendor),
    /// Always this status, with these headers and this body.
    Always(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// This status, and a body without end.
    Endless(u16),
    /// It takes the request and never answers.
    Hang,
    /// It takes the request and closes the connection.
    Cut,
    /// 307 to another place until the path is `/there`, then 200.
    Redirect(u16, String),
}

/// A server; it ends with the test's runtime.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Seen>>>,
}

type Body = Either<Full<Bytes>, StreamBody<stream::BoxStream<'static, Chunk>>>;
type Chunk = Result<Frame<Bytes>, Infallible>;

impl Server {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        Self::start_with(behaviour, None).await
    }

    pub(crate) async fn start_with(behaviour: Behaviour, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behaviour, record, tls) =
                    (behaviour.clone(), Arc::clone(&record), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        answer(request, behaviour.clone(), Arc::clone(&record))
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A connection that ends in an error is what some tests are about.
                    let _ = match tls {
                        None => server.serve_connection(TokioIo::new(stream), service).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            server.serve_connection(TokioIo::new(stream), service).await
                        }
                    };
                });
            }
        });
        Self { address, scheme, seen }
    }

    /// An address on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The same by the name of the machine.
    pub(crate) fn named_url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    request: http::Request<Incoming>,
    behaviour: Behaviour,
    record: Arc<Mutex<Vec<Seen>>>,
) -> Result<Response<Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let method = head.method.to_string();
    let seen = Seen { method, path, headers: head.headers, body };
    let before = {
        let mut record = record.lock().unwrap();
        let before = record.clone();
        record.push(seen.clone());
        before
    };
    match behaviour {
        Behaviour::Vendor(vendor) => {
            let (status, body) = vendor(&seen, &before);
            Ok(respond(status, &[], body.into_bytes()))
        }
        Behaviour::Always(status, headers, body) => Ok(respond(status, &headers, body)),
        Behaviour::Endless(status) => {
            let chunk = || Ok(Frame::data(Bytes::from_static(&[b'x'; 8_192])));
            let endless: stream::BoxStream<'static, Chunk> = Box::pin(stream::repeat_with(chunk));
            let body = Either::Right(StreamBody::new(endless));
            Ok(Response::builder().status(status).body(body).unwrap())
        }
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Cut => Err(io::Error::other("cut")),
        Behaviour::Redirect(_, _) if seen.path == "/there" => Ok(respond(200, &[], Vec::new())),
        Behaviour::Redirect(status, place) => {
            Ok(respond(status, &[("location", place)], Vec::new()))
        }
    }
}

fn respond(status: u16, headers: &[(&'static str, String)], body: Vec<u8>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Either::Left(Full::new(Bytes::from(body)))).unwrap()
}
