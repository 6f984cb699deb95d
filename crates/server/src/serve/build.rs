//! Building: what answers, made out of what is open. Nothing runs yet, and nothing here can fail.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use api::{Api, Build};
use delivery::{Channels, courier};
use ingest::Doors;
use journal::Journal;
use lake::Lake;
use pipeline::Handle;
use store::{Keys, Store};
use tokio::runtime;

use super::adapters::{JournalRoad, KeyReload, Load, SharedIds, WallClock, now};
use super::deliver::Outlet;
use super::health::Watch;
use super::histogram::Histogram;
use super::metrics::{HttpMeters, Metrics};
use crate::config::Config;

/// What is open, as those who answer see it.
pub(super) struct Rooms {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) store: Arc<dyn Store>,
    pub(super) lake: Arc<dyn Lake>,
    pub(super) keys: Arc<Keys>,
    pub(super) handle: Arc<Handle>,
    /// How messages leave.
    pub(super) channels: Arc<Channels>,
    /// How delivery stands.
    pub(super) courier: Arc<courier::Handle>,
    /// How long syncs of the journal took.
    pub(super) syncs: Arc<Histogram>,
    /// How long batches of the pipeline took.
    pub(super) batches: Arc<Histogram>,
    /// Set once nothing more is to be taken.
    pub(super) stopping: Arc<AtomicBool>,
}

/// What answers.
pub(super) struct Built {
    pub(super) doors: Arc<Doors>,
    pub(super) door_metrics: Arc<ingest::Metrics>,
    pub(super) http_meters: Arc<HttpMeters>,
    pub(super) api: Api,
}

impl Rooms {
    /// The doors and the API over these rooms.
    pub(super) fn build(&self, config: &Config) -> Built {
        let door_metrics = Arc::new(ingest::Metrics::default());
        let http_meters = Arc::new(HttpMeters::default());
        let doors = self.doors(config, &door_metrics);
        let api = self.api(config, &door_metrics, &http_meters);
        Built { doors, door_metrics, http_meters, api }
    }

    fn doors(&self, config: &Config, metrics: &Arc<ingest::Metrics>) -> Arc<Doors> {
        let load = Load {
            journal: self.journal.clone(),
            handle: self.handle.clone(),
            stopping: self.stopping.clone(),
        };
        let options = ingest::Options {
            queue_bytes: config.journal.queue_bytes,
            queue_records: config.journal.queue_records,
            source_rate_per_second: config.rate_per_source,
            ..ingest::Options::default()
        };
        Arc::new(Doors::new(
            options,
            self.journal.clone(),
            self.keys.clone(),
            Arc::new(SharedIds(self.handle.clone())),
            Arc::new(load),
            Arc::new(ingest::SystemClock),
            metrics.clone(),
        ))
    }

    fn api(&self, config: &Config, doors: &Arc<ingest::Metrics>, http: &Arc<HttpMeters>) -> Api {
        let (journal, handle, store) =
            (self.journal.clone(), self.handle.clone(), self.store.clone());
        let watch = self.watch(config);
        let metrics = Metrics {
            watch: watch.clone(),
            doors: doors.clone(),
            http: http.clone(),
            syncs: self.syncs.clone(),
            batches: self.batches.clone(),
            runtime: runtime::Handle::current(),
            started_at: now(),
        };
        let ports = api::Ports {
            store: store.clone(),
            lake: self.lake.clone(),
            alerts: handle.alerts.clone(),
            access: self.keys.clone(),
            road: Arc::new(JournalRoad { journal, handle }),
            channels: Arc::new(Outlet(self.channels.clone())),
            keys_changed: Arc::new(KeyReload { keys: self.keys.clone(), store }),
            clock: Arc::new(WallClock),
            health: watch,
            metrics: Arc::new(metrics),
            verify_endpoints: config.delivery.verify_endpoints,
            build: Build {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                revision: option_env!("STORMBELL_REVISION").unwrap_or_default().to_owned(),
                started_at: now(),
            },
        };
        Api::new(ports)
    }

    fn watch(&self, config: &Config) -> Arc<Watch> {
        Arc::new(Watch {
            journal: self.journal.clone(),
            store: self.store.clone(),
            lake: self.lake.clone(),
            handle: self.handle.clone(),
            courier: self.courier.clone(),
            data_dir: config.data_dir.clone(),
            stopping: self.stopping.clone(),
        })
    }
}
