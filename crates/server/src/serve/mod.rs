//! The server: bind, open, build, start; and the way back in order.
//!
//! Ports are bound before any work. Whatever is opened registers how it is closed, and closing runs
//! last in, first out. `tasks` says what the death of each task means.

mod adapters;
mod bind;
mod build;
mod connections;
mod courtesy;
mod deliver;
mod first_start;
mod grpc;
mod health;
mod histogram;
mod http;
mod logging;
mod metered_disk;
mod metrics;
pub(crate) mod offline;
mod open;
mod sealed;
mod signals;
mod stats;
mod tasks;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::config::Config;
use bind::Bound;
use open::Parts;
use tasks::Tasks;

pub(crate) use logging::init as init_logging;
pub(crate) use signals::Signals;

/// How long open connections may take to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// A running server.
pub(crate) struct Server {
    runtime: Runtime,
    http: SocketAddr,
    grpc: SocketAddr,
    admin_key: PathBuf,
    stop: watch::Sender<bool>,
    tasks: Tasks,
    parts: Parts,
}

/// Why a server ended.
enum End {
    Asked(&'static str),
    Died(anyhow::Error),
}

/// Runs a server until a signal stops it: the whole life of `stormbell serve`. Logging is set up by whoever calls.
pub(crate) fn run(config: Config) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    let mut server = Server::start_on(runtime, config)?;
    tracing::info!(http = %server.http, grpc = %server.grpc, "stormbell is ready");
    let end = server.wait(signals);
    if let End::Asked(signal) = &end {
        tracing::info!(
            signal,
            "stopping: no new connections, then everything taken is made durable and applied"
        );
    }
    server.stop()?;
    tracing::info!("stopped; everything acknowledged is durable");
    match end {
        End::Asked(_) => Ok(()),
        End::Died(error) => Err(error),
    }
}

/// Reads the files that a configuration names: TLS and further roots are proven to be what they should be.
pub(crate) fn check_files(config: &Config) -> anyhow::Result<()> {
    if let Some((cert, key)) = &config.tls {
        bind::acceptor(cert, key)?;
    }
    deliver::roots(config)?;
    Ok(())
}

/// Threads of the runtime at least. Where there are few processors, a worker that waits for its turn behind the
/// pipeline holds up all connections it serves, unless another worker takes them (docs/adr/0006).
const WORKERS_LEAST: usize = 8;

impl Server {
    /// Binds, opens, builds and starts. When it returns, the server answers and has caught up.
    pub(crate) fn start(config: Config) -> anyhow::Result<Self> {
        Self::start_on(runtime()?, config)
    }

    fn start_on(runtime: Runtime, config: Config) -> anyhow::Result<Self> {
        let bound = runtime.block_on(Bound::bind(&config))?;
        let opening = Parts::open(&config, bound.own_address(), runtime.handle());
        let mut parts = runtime.block_on(opening)?;
        let (http, grpc) = (bound.http_addr(), bound.grpc_addr());
        let stop = watch::Sender::new(false);
        let tasks = {
            let _entered = runtime.enter();
            Tasks::start(&config, bound, &mut parts, &stop)?
        };
        Ok(Self { runtime, http, grpc, admin_key: config.admin_key_path(), stop, tasks, parts })
    }

    /// Where HTTP is served.
    pub(crate) fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where gRPC is served.
    pub(crate) fn grpc_addr(&self) -> SocketAddr {
        self.grpc
    }

    /// The key that the first start wrote.
    pub(crate) fn admin_key(&self) -> anyhow::Result<String> {
        let text = std::fs::read_to_string(&self.admin_key)
            .with_context(|| format!("cannot read {}", self.admin_key.display()))?;
        Ok(text.trim().to_owned())
    }

    /// Stops accepting, drains to durable, finishes what is durable, and closes.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.parts.refuse_from_now_on();
        // Nobody listens any more when every task has ended already.
        self.stop.send_replace(true);
        self.runtime.block_on(self.tasks.drain(DRAIN));
        let closed = self.parts.close(&self.runtime);
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        closed
    }

    /// Waits for a signal or for the death of something the server cannot be without.
    fn wait(&mut self, signals: Signals) -> End {
        self.runtime.block_on(async {
            tokio::select! {
                signal = signalled(signals) => End::Asked(signal),
                error = self.tasks.fatal_death() => End::Died(error),
                error = self.parts.pipeline_death() => End::Died(error),
            }
        })
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.max(WORKERS_LEAST))
        .enable_all()
        .thread_name("stormbell")
        .build()
        .context("cannot start the runtime")
}

/// The first signal. A second one ends the process at once.
async fn signalled(mut signals: Signals) -> &'static str {
    let first = signals.next().await;
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("a second signal: ending at once; the next start recovers");
        std::process::exit(130);
    });
    first
}
