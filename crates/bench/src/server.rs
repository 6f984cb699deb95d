//! The real server, started on free ports with a folder of its own.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::bodies::Target;
use crate::client::Client;
use crate::lag;
use crate::process::{Process, free_address};
use crate::run::Bench;

/// How long a start may take.
const START: Duration = Duration::from_secs(600);

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) key: String,
    /// From starting the process to being ready.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts the server on a folder and waits until it is ready.
    pub(crate) fn start(bench: &Bench, data: &Path) -> anyhow::Result<Self> {
        Self::start_with(bench, data, &[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(bench: &Bench, data: &Path, more: &[&str]) -> anyhow::Result<Self> {
        let (http, grpc) = (free_address()?, free_address()?);
        let mut command = Command::new(&bench.server);
        command.arg("serve").arg("--data").arg(data);
        command.arg("--http").arg(http.to_string()).arg("--grpc").arg(grpc.to_string());
        command.args(more);
        let began = Instant::now();
        let mut process = Process::start(command, &bench.log("stormbell"))?;
        wait_until_ready(&mut process, http, began)?;
        let start = began.elapsed();
        let key = std::fs::read_to_string(data.join("admin.key")).context("cannot read the key")?;
        Ok(Self { process, http, grpc, key: key.trim().to_owned(), start })
    }

    pub(crate) fn target(&self, path: &'static str) -> Target {
        Target { address: self.http, path, key: Some(self.key.clone()) }
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.http, Some(&self.key))
    }

    /// Waits until everything durable is applied, so that nothing of it runs into the next measurement.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        lag::wait_until_applied(self.http, Duration::from_secs(300))?;
        std::thread::sleep(Duration::from_millis(200));
        Ok(())
    }
}

/// Ports are bound before anything is opened, so a connection waits there until it is answered.
fn wait_until_ready(process: &mut Process, http: SocketAddr, began: Instant) -> anyhow::Result<()> {
    while began.elapsed() < START {
        process.check()?;
        if TcpStream::connect(http).is_ok() {
            let ready = Client::connect(http, None)?.get("/readyz")?;
            ensure!(ready.status == 200, "not ready: {}", String::from_utf8_lossy(&ready.body));
            return Ok(());
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    anyhow::bail!("not ready after {START:?}")
}
