//! What the server is compared with: a responder that only reads and answers, a gRPC server that only
//! decodes and acknowledges, each a process of its own from this binary; and Alertmanager.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proto::v1::ingest_server::{Ingest, IngestServer};
use proto::v1::{IngestAck, IngestBatch};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Status, Streaming};

use crate::client::Client;
use crate::process::{Process, free_address};
use crate::run::Bench;

const ANSWER: &[u8] = br#"{"accepted":1,"duplicates":0,"rejected":[],"ids":[]}"#;

/// A reference that runs.
pub(crate) struct Reference {
    pub(crate) address: SocketAddr,
    /// Lives as long as this does.
    _process: Process,
}

impl Reference {
    /// Starts this binary in a role and learns its port.
    pub(crate) fn own(bench: &Bench, role: &str) -> anyhow::Result<Self> {
        let mut command = Command::new(&bench.own);
        command.arg(role).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().with_context(|| format!("cannot start the {role}"))?;
        let mut process = Process::from_child(child, role.to_owned());
        let out = process.child().stdout.take().context("it was asked for")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the {role} said `{line}`"))?;
        Ok(Self { address, _process: process })
    }

    /// Starts Alertmanager with groups by service, nobody to notify and no peers.
    pub(crate) fn alertmanager(bench: &Bench, data: &Path) -> anyhow::Result<Self> {
        let config = data.join("alertmanager.yml");
        let route =
            "route: { receiver: nobody, group_by: [service] }\nreceivers: [{ name: nobody }]\n";
        std::fs::write(&config, route)?;
        let address = free_address()?;
        let mut command = Command::new(&bench.alertmanager);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.path={}", data.join("storage").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.arg("--cluster.listen-address=").arg("--log.level=error");
        // By default it refuses more than 8 reads at once, which would not be a measure of its speed.
        command.arg("--web.get-concurrency=64");
        let mut process = Process::start(command, &bench.log("alertmanager"))?;
        let began = Instant::now();
        loop {
            process.check()?;
            let ready =
                Client::connect(address, None).and_then(|mut client| client.get("/-/ready"));
            if ready.is_ok_and(|ready| ready.status == 200) {
                return Ok(Self { address, _process: process });
            }
            anyhow::ensure!(
                began.elapsed() < Duration::from_secs(30),
                "Alertmanager does not get ready"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Reads bodies and answers 202, until standard input ends.
pub(crate) fn responder() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let listener = runtime.block_on(listen())?;
    runtime.spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _best_effort = stream.set_nodelay(true);
            let serving =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(serving);
        }
    });
    until_input_ends()
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let read = request.into_body().collect().await;
    let status = if read.is_ok() { StatusCode::ACCEPTED } else { StatusCode::BAD_REQUEST };
    let mut response = Response::new(Full::new(Bytes::from_static(ANSWER)));
    *response.status_mut() = status;
    Ok(response)
}

/// Decodes batches and acknowledges them, until standard input ends.
pub(crate) fn echo() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let incoming = TcpListenerStream::new(runtime.block_on(listen())?);
    runtime.spawn(async move {
        let service = IngestServer::new(Echo).max_decoding_message_size(64 << 20);
        let server = tonic::transport::Server::builder()
            .tcp_nodelay(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20);
        let ended = { server }.add_service(service).serve_with_incoming(incoming).await;
        if let Err(error) = ended {
            eprintln!("echo: {error}");
        }
    });
    until_input_ends()
}

struct Echo;

#[tonic::async_trait]
impl Ingest for Echo {
    type StreamStream = Pin<Box<dyn Stream<Item = Result<IngestAck, Status>> + Send>>;

    async fn stream(
        &self,
        request: tonic::Request<Streaming<IngestBatch>>,
    ) -> Result<tonic::Response<Self::StreamStream>, Status> {
        let acks = request.into_inner().map(|batch| {
            batch.map(|batch| IngestAck {
                batch_id: batch.batch_id,
                status: proto::v1::ingest_ack::Status::Ok.into(),
                accepted: u32::try_from(batch.signals.len()).unwrap_or(u32::MAX),
                ..IngestAck::default()
            })
        });
        Ok(tonic::Response::new(Box::pin(acks)))
    }
}

/// Listens on a free port of loopback and says which.
async fn listen() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    Ok(listener)
}

/// Whoever started this holds the other end of standard input: when it is gone, nobody needs this.
fn until_input_ends() -> anyhow::Result<()> {
    let mut ignored = Vec::new();
    std::io::stdin().read_to_end(&mut ignored)?;
    Ok(())
}
