//! `stormbell demo`: a stranger's first minute. A server of its own, three outages at once, the
//! incidents they became, the worst of them in full, and what to try next.
//!
//! Invariant: without `--data` nothing of it is left behind.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use tempfile::TempDir;

use super::client::{Client, Connection, DEFAULT_URL};
use super::failure::Failure;
use super::incident::{self, Named};
use super::incidents;
use super::output::{Ink, Output};
use super::simulate;
use crate::config::Flags;
use crate::serve::Server;

/// Signals of the worst incident that are shown.
const SIGNALS: u16 = 5;

/// How to show it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Makes the same signals again
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// End after printing instead of staying up
    #[arg(long)]
    exit: bool,
    #[command(flatten)]
    flags: Flags,
}

/// What was found out about the server that was started.
struct Place {
    url: String,
    grpc: SocketAddr,
    data: PathBuf,
    temporary: bool,
    tls: bool,
}

/// Runs `stormbell demo`.
pub(crate) fn run(options: Options, output: &mut Output) -> Result<(), Failure> {
    let Options { seed, exit, mut flags } = options;
    let temporary = throw_away(&mut flags)?;
    for address in
        [&mut flags.http, &mut flags.grpc].into_iter().zip(["127.0.0.1:8080", "127.0.0.1:8081"])
    {
        free_if_taken(address.0, address.1);
    }
    let config = super::configured(&flags)?;
    let data = config.data_dir.clone();
    let tls = config.tls.is_some();
    let started = Instant::now();
    if !output.is_json() {
        let name = output.paint(Ink::Bold, "stormbell");
        output
            .line(format!("{name} {}: a storm of signals, one bell.", env!("CARGO_PKG_VERSION")))?;
        output.gap()?;
        output.flush()?;
    }
    let server = Server::start(config)?;
    let took_ms = started.elapsed().as_millis();
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://{}", reachable(server.http_addr()));
    let place = Place { url, grpc: server.grpc_addr(), data, temporary: temporary.is_some(), tls };
    let shown = show(&server, &place, seed, took_ms, output);
    let stayed = match &shown {
        Ok(()) if !exit => output.flush().and_then(|()| stay_up()),
        _ => Ok(()),
    };
    let stopped = server.stop();
    if let Some(folder) = temporary {
        folder.close().context("cannot remove the temporary data folder")?;
    }
    shown.and(stayed)?;
    Ok(stopped?)
}

/// A data folder of its own, where none was named; it is removed in the end.
fn throw_away(flags: &mut Flags) -> Result<Option<TempDir>, Failure> {
    if flags.data.is_some() || flags.config.is_some() {
        return Ok(None);
    }
    let folder = tempfile::Builder::new()
        .prefix("stormbell-demo-")
        .tempdir()
        .context("cannot make a temporary data folder")?;
    flags.data = Some(folder.path().to_owned());
    Ok(Some(folder))
}

/// Any free port, where none was asked for and the usual one is taken: a demo is not to fail for that.
fn free_if_taken(address: &mut Option<String>, usual: &str) {
    if address.is_none() && TcpListener::bind(usual).is_err() {
        *address = Some("127.0.0.1:0".to_owned());
    }
}

/// A server that listens everywhere is reached on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn show(
    server: &Server,
    place: &Place,
    seed: u64,
    took_ms: u128,
    output: &mut Output,
) -> Result<(), Failure> {
    let key = server.admin_key()?;
    let client = connection(place, key).open()?;
    if !output.is_json() {
        let kept = if place.temporary { "for as long as this runs" } else { "kept" };
        output.line(format!(
            "A server is up after {took_ms} ms: {}, data in {} ({kept}).",
            place.url,
            place.data.display()
        ))?;
        output.line("Now a database, a cache and a host break, all within a minute…")?;
        output.gap()?;
        output.flush()?;
    }
    let run = simulate::simulate(&client, seed, 1)?;
    run.print(output)?;
    if !output.is_json() {
        show_incidents(&client, &run, output)?;
        show_place(place, run.incidents.first().map_or(1, |incident| incident.number), output)?;
    }
    if run.is_as_predicted() { Ok(()) } else { Err(Failure::Negative) }
}

fn connection(place: &Place, key: String) -> Connection {
    Connection { url: place.url.clone(), key: Some(key), data: None, ca: None }
}

fn show_incidents(
    client: &Client,
    run: &simulate::Run,
    output: &mut Output,
) -> Result<(), Failure> {
    output.gap()?;
    output.line(output.paint(Ink::Bold, "What a person sees of it:"))?;
    output.gap()?;
    incidents::print(output, &run.incidents)?;
    if let Some(worst) = run.incidents.first() {
        output.gap()?;
        output.line(output.paint(Ink::Bold, "The worst of them:"))?;
        output.gap()?;
        incident::print(client, &Named::number(worst.number), SIGNALS, output)?;
    }
    Ok(())
}

fn show_place(place: &Place, number: u64, output: &mut Output) -> Result<(), Failure> {
    let data = place.data.display();
    let key = place.data.join("admin.key");
    let name = invoked_as();
    // What the defaults find by themselves need not be said.
    let mut where_it_is = String::new();
    if place.url != DEFAULT_URL {
        where_it_is.push_str(&format!(" STORMBELL_URL={}", place.url));
    }
    where_it_is.push_str(&format!(" STORMBELL_DATA={data}"));
    output.gap()?;
    output.line(output.paint(Ink::Bold, "Where things are"))?;
    for (what, place) in [
        ("HTTP", place.url.clone()),
        ("gRPC", place.grpc.to_string()),
        ("API", format!("{}/v1/openapi.json", place.url)),
        ("key", key.display().to_string()),
    ] {
        output.line(format!("  {}  {place}", output.paint(Ink::Dim, &format!("{what:4}"))))?;
    }
    output.gap()?;
    output.line(output.paint(Ink::Bold, "Try, in another terminal"))?;
    let mut lines = vec![format!("export{where_it_is}")];
    if name != "stormbell" {
        lines.push(format!("alias stormbell={name}"));
    }
    let insecure = if place.tls { " -k" } else { "" };
    lines.extend([
        format!(
            "curl{insecure} {}/v1/signals -H \"X-API-Key: $(cat {})\" --json \
             '{{\"component\":\"my-db\",\"severity\":\"P1\",\"summary\":\"it is slow\"}}'",
            place.url,
            key.display()
        ),
        "stormbell incidents".to_owned(),
        format!("stormbell ack {number}"),
        format!("stormbell resolve {number}"),
        format!("stormbell rca {number} --edit"),
    ]);
    for line in lines {
        output.line(format!("  {line}"))?;
    }
    Ok(())
}

/// The name this was started by: the bare one where the shell finds it.
fn invoked_as() -> String {
    let name = std::env::args().next().unwrap_or_default();
    let path = Path::new(&name);
    if path.components().count() < 2 {
        return "stormbell".to_owned();
    }
    std::path::absolute(path).map_or(name, |path| path.display().to_string())
}

/// Waits for SIGINT or SIGTERM.
fn stay_up() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for a signal")?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(())
}
