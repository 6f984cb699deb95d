//! `stormbell demo`: a stranger's first minute. A server of its own, three outages at once, the
//! incidents they became, the worst of them in full, and what to try next.
//!
//! Invariant: without `--data` nothing of it is left behind.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use tempfile::TempDir;

use super::incident::{self, Named};
use super::incidents;
use super::remote::client::{Client, Connection, DEFAULT_URL};
use super::simulate;
use super::terminal::failure::Failure;
use super::terminal::output::{Ink, Output};
use crate::config::{Config, Flags};
use crate::serve::{Server, Signals};

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

/// Where the server is that was started.
struct Place {
    url: String,
    grpc: SocketAddr,
    data: PathBuf,
    temporary: bool,
    /// The certificate it shows, where it speaks TLS.
    certificate: Option<PathBuf>,
}

/// Runs `stormbell demo`.
pub(crate) fn run(options: Options, output: &mut Output) -> Result<(), Failure> {
    let Options { seed, exit, mut flags } = options;
    let asked_to_end = listen()?;
    let temporary = throw_away(&mut flags)?;
    if flags.config.is_none() {
        free_if_taken(&mut flags.http, "127.0.0.1:8080");
        free_if_taken(&mut flags.grpc, "127.0.0.1:8081");
    }
    let config = super::configured(&flags)?;
    if !output.is_json() {
        let name = output.paint(Ink::Bold, "stormbell");
        let version = env!("CARGO_PKG_VERSION");
        output.line(format!("{name} {version}: a storm of signals, one bell."))?;
        output.gap()?;
        output.flush()?;
    }
    let shown = start(config, temporary.is_some()).and_then(|(server, place, took)| {
        let shown = show(&server, &place, seed, took, output)
            .and_then(|()| if exit { Ok(()) } else { stay_up(&asked_to_end, &place, output) });
        let stopped = server.stop();
        shown?;
        Ok(stopped?)
    });
    if let Some(folder) = temporary {
        folder.close().context("cannot remove the temporary data folder")?;
    }
    shown
}

fn start(config: Config, temporary: bool) -> Result<(Server, Place, Duration), Failure> {
    let started = Instant::now();
    let data = std::path::absolute(&config.data_dir).unwrap_or_else(|_| config.data_dir.clone());
    let certificate = config.tls.as_ref().map(|(certificate, _)| certificate.clone());
    let server = Server::start(config)?;
    let scheme = if certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", reachable(server.http_addr()));
    let place = Place { url, grpc: server.grpc_addr(), data, temporary, certificate };
    Ok((server, place, started.elapsed()))
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
    took: Duration,
    output: &mut Output,
) -> Result<(), Failure> {
    let connection = Connection {
        url: place.url.clone(),
        key: Some(server.admin_key()?),
        data: None,
        ca: place.certificate.clone(),
    };
    let client = connection.open()?;
    if !output.is_json() {
        let took_ms = took.as_millis();
        let (url, data) = (&place.url, place.data.display());
        output.line(format!("A server is up after {took_ms} ms: {url}, data in {data}."))?;
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
    let insecure = if place.certificate.is_some() { " -k" } else { "" };
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

/// Waits until somebody asks the demo to end.
fn stay_up(asked_to_end: &Receiver<()>, place: &Place, output: &mut Output) -> Result<(), Failure> {
    if !output.is_json() {
        let then = if place.temporary { "; then its data is removed" } else { "" };
        output.gap()?;
        output.line(format!("The server stays up until Ctrl-C{then}."))?;
    }
    output.flush()?;
    // The listener ends with the process only.
    let _asked = asked_to_end.recv();
    Ok(())
}

/// Listens from now on for signals that ask to end. A second one ends the process at once.
fn listen() -> Result<Receiver<()>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot listen for signals")?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    let (asked, wait) = sync_channel(1);
    std::thread::spawn(move || {
        runtime.block_on(signals.next());
        // Where nobody waits any more, the process is ending already.
        let _ending = asked.send(());
        runtime.block_on(signals.next());
        std::process::exit(130);
    });
    Ok(wait)
}
