//! How every part is: for `/readyz`, `/healthz`, the metrics and the line of figures.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::{Health, HealthSource, PartHealth, PartStatus};
use async_trait::async_trait;
use delivery::courier;
use journal::{Durability, Journal};
use lake::Lake;
use pipeline::Handle;
use store::Store;

use super::adapters::journal_trouble;

/// Records of lag above which the engine counts as degraded.
const LAG_DEGRADED: u64 = 100_000;
/// Deliveries due above which delivery counts as degraded.
const DUE_DEGRADED: u64 = 10_000;
/// Bytes left on the disk below which it counts as degraded.
const DISK_DEGRADED_BYTES: u64 = 1 << 30;

/// Looks at every part.
pub(super) struct Watch {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) store: Arc<dyn Store>,
    pub(super) lake: Arc<dyn Lake>,
    pub(super) handle: Arc<Handle>,
    pub(super) courier: Arc<courier::Handle>,
    pub(super) data_dir: PathBuf,
    pub(super) stopping: Arc<AtomicBool>,
}

impl Watch {
    /// Bytes left on the disk that holds the data.
    pub(super) fn disk_left_bytes(&self) -> Option<u64> {
        let stats = rustix::fs::statvfs(&self.data_dir).ok()?;
        Some(stats.f_bavail * stats.f_frsize)
    }

    /// Records the engine is behind the journal.
    pub(super) fn engine_lag(&self) -> u64 {
        self.journal.durable_end().saturating_sub(1).saturating_sub(self.handle.applied().0)
    }

    fn journal_part(&self) -> PartHealth {
        let status = self.journal.status();
        let trouble = journal_trouble(&*self.journal);
        let latency_us = u64::try_from(status.last_sync.as_micros()).ok();
        let os = status.durability == Durability::Os;
        let (status, detail) = match trouble {
            Some(trouble) => (PartStatus::Down, trouble),
            None if os => (
                PartStatus::Degraded,
                "durability is `os`: an acknowledgement does not wait for the disk".to_owned(),
            ),
            None => (PartStatus::Up, String::new()),
        };
        PartHealth { name: "journal", status, latency_us, detail }
    }

    fn engine_part(&self, lag: u64) -> PartHealth {
        let (status, detail) = match self.handle.trouble() {
            Some(trouble) => (PartStatus::Down, trouble.to_string()),
            None if lag > LAG_DEGRADED => {
                (PartStatus::Degraded, format!("{lag} records behind the journal"))
            }
            None => (PartStatus::Up, String::new()),
        };
        PartHealth { name: "engine", status, latency_us: None, detail }
    }

    async fn store_part(&self) -> PartHealth {
        let (status, latency_us, detail) = match self.store.ping().await {
            Ok(micros) => (PartStatus::Up, Some(micros), String::new()),
            Err(error) => (PartStatus::Down, None, error.to_string()),
        };
        PartHealth { name: "store", status, latency_us, detail }
    }

    fn lake_part(&self) -> PartHealth {
        let status = self.lake.status();
        let trouble = status.flush_error.or(status.compaction_error);
        let (status, detail) = match trouble {
            Some(trouble) => (PartStatus::Degraded, trouble),
            None => (PartStatus::Up, String::new()),
        };
        PartHealth { name: "lake", status, latency_us: None, detail }
    }

    async fn delivery_part(&self) -> PartHealth {
        let standing = self.courier.standing();
        let counts = self.store.outbox_counts().await.unwrap_or_default();
        let detail = match standing.trouble {
            Some(trouble) => trouble.to_string(),
            None if counts.due > DUE_DEGRADED => format!("{} deliveries are due", counts.due),
            None => String::new(),
        };
        let status = if detail.is_empty() { PartStatus::Up } else { PartStatus::Degraded };
        PartHealth { name: "delivery", status, latency_us: None, detail }
    }

    fn disk_part(&self, left: Option<u64>) -> PartHealth {
        let (status, detail) = match left {
            Some(left) if left < DISK_DEGRADED_BYTES => {
                (PartStatus::Degraded, format!("{left} bytes left"))
            }
            Some(_) => (PartStatus::Up, String::new()),
            None => (PartStatus::Degraded, "the space left cannot be read".to_owned()),
        };
        PartHealth { name: "disk", status, latency_us: None, detail }
    }
}

#[async_trait]
impl HealthSource for Watch {
    async fn ready(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        journal_trouble(&*self.journal).map_or(Ok(()), Err)
    }

    async fn health(&self) -> Health {
        let journal = self.journal.status();
        let (lag, left) = (self.engine_lag(), self.disk_left_bytes());
        let durable = journal.durable_end.saturating_sub(1);
        Health {
            parts: vec![
                self.journal_part(),
                self.engine_part(lag),
                self.store_part().await,
                self.lake_part(),
                self.delivery_part().await,
                self.disk_part(left),
            ],
            queue_records: journal.queue_records,
            engine_lag_records: lag,
            lake_lag_records: durable.saturating_sub(self.lake.durable().0),
            disk_left_bytes: left,
            durability: match journal.durability {
                Durability::Disk => "disk",
                Durability::Os => "os",
            },
        }
    }
}
