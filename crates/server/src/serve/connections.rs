//! Connections: accepted up to a limit, secured where configured, served by HTTP/1 or HTTP/2, and let
//! finish when the server stops. Knows nothing of what is served.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use model::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::http::Body;

/// How long a client may take over its request's head, and over a TLS handshake.
const HEAD: Duration = Duration::from_secs(30);
/// How long open connections may go on when the server stops.
const GRACE: Duration = Duration::from_secs(8);

/// What answers requests; cheap to clone.
pub(super) trait Answer: Clone + Send + Sync + 'static {
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> impl Future<Output = Response<Body>> + Send + 'static;
}

/// Accepts and serves until `stop`, then lets open connections finish.
pub(super) async fn serve<A: Answer>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: A,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let graceful = GracefulShutdown::new();
    let builder = Arc::new(builder());
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS));
    loop {
        // Waiting for room leaves connections in the kernel's backlog, which has a limit of its own.
        let permit = Arc::clone(&room).acquire_owned().await?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: some will come back.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let answering = Answering { answer: answer.clone(), peer };
        tokio::spawn(connection(
            stream,
            tls.clone(),
            Arc::clone(&builder),
            answering,
            graceful.watcher(),
            permit,
        ));
    }
    drop(listener);
    // What has not finished by then is cut off: its sender was told nothing and will send again.
    let _in_time = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    Ok(())
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone means that the server is.
    let _gone = stop.wait_for(|&stopping| stopping).await;
}

async fn connection<A: Answer>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    builder: Arc<auto::Builder<TokioExecutor>>,
    answering: Answering<A>,
    watcher: hyper_util::server::graceful::Watcher,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are small and must not wait for company.
    let _best_effort = stream.set_nodelay(true);
    let ended = match tls {
        None => {
            let serving = builder.serve_connection(TokioIo::new(stream), answering);
            watcher.watch(serving.into_owned()).await
        }
        Some(acceptor) => {
            let Ok(Ok(stream)) = tokio::time::timeout(HEAD, acceptor.accept(stream)).await else {
                return tracing::debug!(peer = %answering.peer, "a TLS handshake failed");
            };
            let serving = builder.serve_connection(TokioIo::new(stream), answering);
            watcher.watch(serving.into_owned()).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(HEAD))
        .max_concurrent_streams(256)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    builder
}

/// An answerer that knows who is on the other side.
#[derive(Clone)]
struct Answering<A> {
    answer: A,
    peer: SocketAddr,
}

impl<A: Answer> Service<Request<Incoming>> for Answering<A> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Infallibly<Pin<Box<dyn Future<Output = Response<Body>> + Send>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        Infallibly(Box::pin(self.answer.answer(request, self.peer)))
    }
}

/// A future that cannot fail, as the one that hyper wants.
struct Infallibly<F>(F);

impl<F: Future + Unpin> Future for Infallibly<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(Ok)
    }
}
