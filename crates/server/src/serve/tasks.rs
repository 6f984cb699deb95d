//! The tasks of a server, and what the death of each means.

use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::bind::Bound;
use super::connections;
use super::grpc::Services;
use super::http::Front;
use super::open::Parts;
use super::stats;
use crate::config::Config;

/// How often the last uses of keys are written down.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// How often default routes are brought in line with their endpoints, where that is owed.
const ROUTES_EVERY: Duration = Duration::from_secs(1);

/// A task that runs as long as the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TaskKind {
    Http,
    Grpc,
    Stats,
    KeyUse,
    DefaultRoutes,
    Courier,
}

/// What the death of a task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnDeath {
    /// The server cannot be without it.
    Stop,
    /// The server goes on and says so.
    GoOn,
}

impl TaskKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Stats => "stats",
            Self::KeyUse => "key use",
            Self::DefaultRoutes => "default routes",
            Self::Courier => "courier",
        }
    }

    const fn on_death(self) -> OnDeath {
        match self {
            Self::Http | Self::Grpc | Self::Courier => OnDeath::Stop,
            Self::Stats | Self::KeyUse | Self::DefaultRoutes => OnDeath::GoOn,
        }
    }
}

/// The running tasks.
pub(super) struct Tasks(JoinSet<(TaskKind, anyhow::Result<()>)>);

impl Tasks {
    /// Starts every task; they end when `stop` becomes true.
    pub(super) fn start(
        config: &Config,
        bound: Bound,
        parts: &mut Parts,
        stop: &watch::Sender<bool>,
    ) -> anyhow::Result<Self> {
        let mut tasks = JoinSet::new();
        let front = Front::new(
            parts.built.doors.clone(),
            parts.built.api.router(),
            parts.built.http_meters.clone(),
        );
        let services =
            tokio::runtime::Handle::current().block_on(Services::new(parts.built.doors.clone()))?;
        let (http, grpc) = (stop.subscribe(), stop.subscribe());
        let tls = bound.tls.clone();
        tasks.spawn(async move {
            (TaskKind::Http, connections::serve(bound.http, tls, front, http).await)
        });
        tasks.spawn(async move {
            (TaskKind::Grpc, connections::serve(bound.grpc, bound.tls, services, grpc).await)
        });
        if let Some(every) = config.stats_every {
            let line = stats::Line::new(parts);
            let stopped = stop.subscribe();
            tasks.spawn(async move { (TaskKind::Stats, stats::log(line, every, stopped).await) });
        }
        if let Some(courier) = parts.courier.take() {
            let stopped = stop.subscribe();
            tasks.spawn(async move {
                (TaskKind::Courier, courier.run(stopped).await.map_err(anyhow::Error::from))
            });
        }
        let (keys, store, mut stopped) =
            (parts.rooms.keys.clone(), parts.rooms.store.clone(), stop.subscribe());
        tasks.spawn(async move {
            while tokio::time::timeout(TOUCH_EVERY, stopped.wait_for(|&stopping| stopping))
                .await
                .is_err()
            {
                if let Err(error) = store.touch_keys(&keys.used()).await {
                    tracing::warn!(%error, "the last uses of keys were not noted");
                }
            }
            (TaskKind::KeyUse, Ok(()))
        });
        let (api, mut stopped) = (parts.built.api.clone(), stop.subscribe());
        tasks.spawn(async move {
            api.keep_default_routes().await;
            while tokio::time::timeout(ROUTES_EVERY, stopped.wait_for(|&stopping| stopping))
                .await
                .is_err()
            {
                api.keep_default_routes().await;
            }
            (TaskKind::DefaultRoutes, Ok(()))
        });
        Ok(Self(tasks))
    }

    /// Resolves with the reason when a task has died that the server cannot be without.
    pub(super) async fn fatal_death(&mut self) -> anyhow::Error {
        while let Some(joined) = self.0.join_next().await {
            match joined {
                Ok((kind, ended)) => {
                    let error =
                        ended.err().unwrap_or_else(|| anyhow!("it ended without being asked to"));
                    let error = error.context(format!("the task `{}` died", kind.name()));
                    if kind.on_death() == OnDeath::Stop {
                        return error;
                    }
                    tracing::error!(error = format!("{error:#}"), "the server goes on without it");
                }
                Err(panicked) => return anyhow::Error::new(panicked).context("a task panicked"),
            }
        }
        anyhow!("every task has ended")
    }

    /// Waits until every task has ended, but not for ever.
    pub(super) async fn drain(mut self, within: Duration) {
        let all = async { while self.0.join_next().await.is_some() {} };
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!("some connections did not finish in time and are cut off");
        }
    }
}
