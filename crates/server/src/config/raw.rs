//! The configuration as it is written: a TOML file, and flags and environment over it. Unknown names
//! are errors; nothing is judged here.

use std::path::{Path, PathBuf};

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file. Every field has a default that is safe on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Raw {
    /// Folder that holds everything.
    pub(crate) data: PathBuf,
    /// Address HTTP is served on.
    pub(crate) http: String,
    /// Address gRPC is served on.
    pub(crate) grpc: String,
    /// `disk`: an acknowledgement waits for the disk. `os`: for development, it does not.
    pub(crate) durability: String,
    /// `human` or `json`.
    pub(crate) log_format: String,
    /// How often a line of figures is logged, such as `5s`; absent is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stats_every: Option<String>,
    /// Records per second taken from one source address, above 0; absent is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate_per_source: Option<u32>,
    /// TLS, for both listeners.
    pub(crate) tls: RawTls,
    /// The journal.
    pub(crate) journal: RawJournal,
    /// The lake.
    pub(crate) lake: RawLake,
    /// The pipeline.
    pub(crate) pipeline: RawPipeline,
    /// Delivery of notifications.
    pub(crate) delivery: RawDelivery,
}

/// TLS files, PEM. Both or none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTls {
    /// Certificate chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
}

/// The journal's sizes and retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawJournal {
    /// Bytes of a segment; a multiple of 512 from 4096 to 1073741824.
    pub(crate) segment_bytes: u64,
    /// Bytes that may wait to be written, at least 1048576; beyond it doors answer 503.
    pub(crate) queue_bytes: u64,
    /// Records that may wait to be written, above 0; beyond it doors answer 503.
    pub(crate) queue_records: u64,
    /// Age up to which segments are kept that are no longer needed.
    pub(crate) keep_age: String,
    /// Bytes up to which segments are kept that are no longer needed.
    pub(crate) keep_bytes: u64,
}

/// When hot rows become files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLake {
    /// Rows in the hot buffer, above 0.
    pub(crate) flush_rows: usize,
    /// Age of the oldest hot row.
    pub(crate) flush_age: String,
}

/// When engine snapshots are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawPipeline {
    /// Entries after which a snapshot is taken, above 0.
    pub(crate) snapshot_entries: u64,
    /// Time after which a snapshot is taken if anything happened.
    pub(crate) snapshot_age: String,
}

/// How notifications are delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawDelivery {
    /// Whether endpoints may lie on loopback and private addresses: for tests and closed networks.
    pub(crate) allow_private_endpoints: bool,
    /// Where people reach this server, such as `https://stormbell.example.org`, without user, password and query: links in messages begin with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link_base: Option<String>,
    /// Whether the owner of an endpoint has to confirm it before anything is sent there: of every new one, and where one
    /// is changed to send elsewhere.
    pub(crate) verify_endpoints: bool,
    /// A file of further root certificates (PEM) that endpoints are trusted by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) roots: Option<PathBuf>,
}

/// What can be said on the command line or in the environment; both win over the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Flags {
    /// Configuration file (TOML).
    #[arg(long, env = "STORMBELL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder that holds everything [default: ./data].
    #[arg(long, env = "STORMBELL_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address HTTP is served on [default: 127.0.0.1:8080].
    #[arg(long, env = "STORMBELL_HTTP", value_name = "ADDR")]
    pub(crate) http: Option<String>,
    /// Address gRPC is served on [default: 127.0.0.1:8081].
    #[arg(long, env = "STORMBELL_GRPC", value_name = "ADDR")]
    pub(crate) grpc: Option<String>,
    /// Certificate chain for TLS on both addresses (PEM).
    #[arg(long, env = "STORMBELL_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key for TLS (PEM).
    #[arg(long, env = "STORMBELL_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// What an acknowledgement waits for: disk, or os for development [default: disk].
    #[arg(long, env = "STORMBELL_DURABILITY", value_name = "disk|os")]
    pub(crate) durability: Option<String>,
    /// How logs are written: human or json [default: human].
    #[arg(long, env = "STORMBELL_LOG_FORMAT", value_name = "human|json")]
    pub(crate) log_format: Option<String>,
    /// Log a line of figures this often, such as 5s.
    #[arg(long, env = "STORMBELL_STATS", value_name = "EVERY", num_args = 0..=1, default_missing_value = "5s")]
    pub(crate) stats: Option<String>,
    /// Records per second taken from one source address, above 0.
    #[arg(long, env = "STORMBELL_RATE_PER_SOURCE", value_name = "N")]
    pub(crate) rate_per_source: Option<u32>,
    /// Deliver to endpoints on loopback and private addresses too: for tests and closed networks.
    #[arg(long, env = "STORMBELL_ALLOW_PRIVATE_ENDPOINTS")]
    pub(crate) allow_private_endpoints: bool,
    /// Where people reach this server: links in messages begin with it.
    #[arg(long, env = "STORMBELL_LINK_BASE", value_name = "URL")]
    pub(crate) link_base: Option<String>,
    /// The owner of every new endpoint, and of one that is changed to send elsewhere, has to confirm it.
    #[arg(long, env = "STORMBELL_VERIFY_ENDPOINTS")]
    pub(crate) verify_endpoints: bool,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            http: "127.0.0.1:8080".to_owned(),
            grpc: "127.0.0.1:8081".to_owned(),
            durability: "disk".to_owned(),
            log_format: "human".to_owned(),
            stats_every: None,
            rate_per_source: None,
            tls: RawTls::default(),
            journal: RawJournal::default(),
            lake: RawLake::default(),
            pipeline: RawPipeline::default(),
            delivery: RawDelivery::default(),
        }
    }
}

impl Default for RawJournal {
    fn default() -> Self {
        let options = journal::Options::default();
        Self {
            segment_bytes: options.segment_bytes,
            queue_bytes: options.queue_bytes,
            queue_records: options.queue_records,
            keep_age: "1d".to_owned(),
            keep_bytes: 8 << 30,
        }
    }
}

impl Default for RawLake {
    fn default() -> Self {
        Self { flush_rows: 131_072, flush_age: "30s".to_owned() }
    }
}

impl Default for RawPipeline {
    fn default() -> Self {
        Self { snapshot_entries: 2_000_000, snapshot_age: "1m".to_owned() }
    }
}

impl Raw {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text)
            .with_context(|| format!("{} is not a valid configuration", path.display()))
    }

    pub(super) fn lay_over(&mut self, flags: &Flags) {
        let set = |field: &mut String, flag: &Option<String>| {
            if let Some(text) = flag {
                field.clone_from(text);
            }
        };
        set(&mut self.http, &flags.http);
        set(&mut self.grpc, &flags.grpc);
        set(&mut self.durability, &flags.durability);
        set(&mut self.log_format, &flags.log_format);
        if let Some(data) = &flags.data {
            self.data.clone_from(data);
        }
        self.stats_every = flags.stats.clone().or(self.stats_every.take());
        self.rate_per_source = flags.rate_per_source.or(self.rate_per_source);
        self.delivery.allow_private_endpoints |= flags.allow_private_endpoints;
        self.delivery.verify_endpoints |= flags.verify_endpoints;
        self.delivery.link_base = flags.link_base.clone().or(self.delivery.link_base.take());
        self.tls.cert = flags.tls_cert.clone().or(self.tls.cert.take());
        self.tls.key = flags.tls_key.clone().or(self.tls.key.take());
    }
}
