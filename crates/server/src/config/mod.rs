//! Configuration, in two stages: `raw` parses a file and flags without judging them, `resolve` turns
//! them into a [`Config`] that is checked whole and says what is wrong by name.

mod raw;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use journal::Durability;
use model::limits;

pub(crate) use raw::Flags;
use raw::Raw;

/// A configuration that can be run.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where everything is kept.
    pub(crate) data_dir: PathBuf,
    /// Where HTTP is served.
    pub(crate) http: SocketAddr,
    /// Where gRPC is served.
    pub(crate) grpc: SocketAddr,
    /// Certificate chain and private key, PEM files, for both.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// What an acknowledgement is worth.
    pub(crate) durability: Durability,
    /// How logs are written.
    pub(crate) log_format: LogFormat,
    /// How often the line of figures is logged.
    pub(crate) stats_every: Option<Duration>,
    /// The journal's sizes and retention.
    pub(crate) journal: journal::Options,
    /// Rows in the lake's hot buffer before they become a file.
    pub(crate) lake_flush_rows: usize,
    /// Age of the oldest hot row before it becomes a file.
    pub(crate) lake_flush_age: Duration,
    /// How the pipeline runs.
    pub(crate) pipeline: pipeline::Options,
    /// Records per second from one source address; off until set.
    pub(crate) rate_per_source: Option<u32>,
    /// How notifications are delivered.
    pub(crate) delivery: Delivery,
    /// What was said, for `config dump`.
    raw: Raw,
}

/// How notifications are delivered.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Whether endpoints may lie on loopback and private addresses.
    pub(crate) allow_private_endpoints: bool,
    /// What links in messages begin with, without a slash at its end.
    pub(crate) link_base: Option<String>,
    /// Whether the owner of every new endpoint has to confirm it.
    pub(crate) verify_endpoints: bool,
    /// Further root certificates, PEM.
    pub(crate) roots: Option<PathBuf>,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For a person at a terminal.
    Human,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads the file, if one is named, lays flags and environment over it, and checks the whole.
    pub(crate) fn load(flags: &Flags) -> anyhow::Result<Self> {
        let mut raw = match &flags.config {
            Some(path) => Raw::read(path)?,
            None => Raw::default(),
        };
        raw.lay_over(flags);
        resolve(raw)
    }

    /// The configuration as a file that gives the same one.
    pub(crate) fn to_toml(&self) -> anyhow::Result<String> {
        toml::to_string_pretty(&self.raw).context("cannot write the configuration as TOML")
    }

    /// A folder of the data directory.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }

    /// The key that the first start writes.
    pub(crate) fn admin_key_path(&self) -> PathBuf {
        self.folder("admin.key")
    }
}

/// The JSON Schema of the configuration file.
pub(crate) fn schema() -> serde_json::Value {
    schemars::schema_for!(Raw).into()
}

fn resolve(raw: Raw) -> anyhow::Result<Config> {
    let config = Config {
        data_dir: raw.data.clone(),
        http: address("http", &raw.http)?,
        grpc: address("grpc", &raw.grpc)?,
        tls: tls(raw.tls.cert.as_deref(), raw.tls.key.as_deref())?,
        durability: match raw.durability.as_str() {
            "disk" => Durability::Disk,
            "os" => Durability::Os,
            other => bail!("durability: `{other}` is not known; write \"disk\" or \"os\""),
        },
        log_format: match raw.log_format.as_str() {
            "human" => LogFormat::Human,
            "json" => LogFormat::Json,
            other => bail!("log_format: `{other}` is not known; write \"human\" or \"json\""),
        },
        stats_every: raw
            .stats_every
            .as_deref()
            .map(|text| span("stats_every", text))
            .transpose()?,
        journal: journal_options(&raw)?,
        lake_flush_rows: raw.lake.flush_rows,
        lake_flush_age: span("lake.flush_age", &raw.lake.flush_age)?,
        pipeline: pipeline::Options {
            snapshot_entries: raw.pipeline.snapshot_entries,
            snapshot_age: span("pipeline.snapshot_age", &raw.pipeline.snapshot_age)?,
            ..pipeline::Options::default()
        },
        rate_per_source: raw.rate_per_source,
        delivery: delivery(&raw.delivery)?,
        raw,
    };
    check_numbers(&config)?;
    check_addresses(config.http, config.grpc)?;
    Ok(config)
}

/// Whoever writes 0 means "off", and would get the least there is.
fn check_numbers(config: &Config) -> anyhow::Result<()> {
    ensure!(config.lake_flush_rows > 0, "lake.flush_rows: must be above 0");
    ensure!(config.pipeline.snapshot_entries > 0, "pipeline.snapshot_entries: must be above 0");
    let no_rate = config.rate_per_source == Some(0);
    ensure!(!no_rate, "rate_per_source: must be above 0; without it there is no limit");
    Ok(())
}

/// Two listeners cannot have one address, but each can take a free port.
fn check_addresses(http: SocketAddr, grpc: SocketAddr) -> anyhow::Result<()> {
    let any = |address: SocketAddr| address.ip().is_unspecified();
    let covers = http.is_ipv4() == grpc.is_ipv4() && (any(http) || any(grpc));
    let same = http.port() == grpc.port() && (http.ip() == grpc.ip() || covers);
    ensure!(
        !same || http.port() == 0,
        "http and grpc: {http} and {grpc} are one address; each needs its own"
    );
    Ok(())
}

fn delivery(raw: &raw::RawDelivery) -> anyhow::Result<Delivery> {
    Ok(Delivery {
        allow_private_endpoints: raw.allow_private_endpoints,
        link_base: raw.link_base.as_deref().map(link_base).transpose()?,
        verify_endpoints: raw.verify_endpoints,
        roots: raw.roots.clone(),
    })
}

/// Read as the channels read it, and without what a link to everybody must not carry. What is refused may hold a
/// password, so it is not repeated where it has one.
fn link_base(text: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(text).context("delivery.link_base: it is not an address")?;
    let is_web = matches!(url.scheme(), "http" | "https");
    ensure!(is_web, "delivery.link_base: it does not begin with https:// or http://");
    let has_user = !url.username().is_empty() || url.password().is_some();
    ensure!(
        !has_user,
        "delivery.link_base: it has a user or a password, which every link would show"
    );
    let is_bare = url.query().is_none() && url.fragment().is_none();
    ensure!(
        is_bare && !text.contains(char::is_whitespace),
        "delivery.link_base: `{text}` has a query, a fragment or a space; a path is put behind it"
    );
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn journal_options(raw: &Raw) -> anyhow::Result<journal::Options> {
    let journal = &raw.journal;
    let options = journal::Options {
        durability: if raw.durability == "os" { Durability::Os } else { Durability::Disk },
        segment_bytes: journal.segment_bytes,
        queue_bytes: journal.queue_bytes,
        queue_records: journal.queue_records,
        max_age: Some(span("journal.keep_age", &journal.keep_age)?),
        max_bytes: Some(journal.keep_bytes),
        ..journal::Options::default()
    };
    options.validate()?;
    let least = limits::SIGNAL_BYTES as u64;
    ensure!(
        options.queue_bytes >= least,
        "journal.queue_bytes: {} is less than {least}, the most that one signal may have",
        options.queue_bytes
    );
    Ok(options)
}

fn address(name: &str, text: &str) -> anyhow::Result<SocketAddr> {
    let mut found = text.to_socket_addrs().with_context(|| {
        format!("{name}: `{text}` is not an address; write it as \"127.0.0.1:8080\"")
    })?;
    found.next().with_context(|| format!("{name}: `{text}` has no address"))
}

fn tls(cert: Option<&Path>, key: Option<&Path>) -> anyhow::Result<Option<(PathBuf, PathBuf)>> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert.to_owned(), key.to_owned()))),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("tls.cert is set and tls.key is not: TLS takes both"),
        (None, Some(_)) => bail!("tls.key is set and tls.cert is not: TLS takes both"),
    }
}

fn span(name: &str, text: &str) -> anyhow::Result<Duration> {
    let span = model::Duration::parse(text).with_context(|| name.to_owned())?;
    ensure!(span > model::Duration::ZERO, "{name}: must be longer than nothing");
    Ok(Duration::from_micros(span.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dumped_reads_back_as_the_same() {
        let config = resolve(Raw::default()).expect("the defaults are valid");
        let dumped = config.to_toml().expect("it can be written");
        let again: Raw = toml::from_str(&dumped).expect("it can be read");
        assert_eq!(again, Raw::default());
    }

    #[test]
    fn owners_confirm_their_endpoints_where_file_or_flag_says_so() {
        let mut raw = Raw::default();
        let verifies =
            |raw: &Raw| resolve(raw.clone()).expect("it is valid").delivery.verify_endpoints;
        assert!(!verifies(&raw));
        raw.lay_over(&Flags { verify_endpoints: true, ..Flags::default() });
        assert!(verifies(&raw));
        let raw: Raw =
            toml::from_str("[delivery]\nverify_endpoints = true").expect("it can be read");
        assert!(verifies(&raw));
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        let wrong = |text: &str| {
            let raw = toml::from_str(text).map_err(anyhow::Error::from);
            let error = raw.and_then(resolve).expect_err("it is wrong");
            format!("{error:#}")
        };
        assert!(wrong("http = 'nowhere'").contains("http: `nowhere` is not an address"));
        assert!(wrong("durability = 'maybe'").contains("durability: `maybe` is not known"));
        assert!(wrong("[tls]\ncert = 'c.pem'").contains("tls.cert is set and tls.key is not"));
        assert!(wrong("htp = 'x'").contains("unknown field `htp`"));
        assert!(wrong("[lake]\nflush_age = '5'").contains("lake.flush_age"));
    }

    #[test]
    fn what_could_not_run_is_refused() {
        let refused = |text: &str| {
            let raw = toml::from_str(text).expect("it can be read");
            format!("{:#}", resolve(raw).expect_err("it cannot run"))
        };
        for (text, said) in [
            ("http = '[::1]:9'\ngrpc = '[::1]:9'", "http and grpc: [::1]:9 and [::1]:9"),
            ("http = '0.0.0.0:9'\ngrpc = '127.0.0.1:9'", "are one address"),
            ("rate_per_source = 0", "rate_per_source: must be above 0"),
            ("[lake]\nflush_rows = 0", "lake.flush_rows: must be above 0"),
            ("[pipeline]\nsnapshot_entries = 0", "pipeline.snapshot_entries: must be above 0"),
            ("[journal]\nsegment_bytes = 1000", "option segment_bytes: must be a multiple of 512"),
            ("[journal]\nqueue_records = 0", "option queue_records: must be above 0"),
            ("[journal]\nqueue_bytes = 10", "journal.queue_bytes: 10 is less than 1048576"),
            ("[delivery]\nlink_base = 'here'", "delivery.link_base: it is not an address"),
            ("[delivery]\nlink_base = 'http://'", "delivery.link_base: it is not an address"),
            ("[delivery]\nlink_base = 'ftp://x'", "delivery.link_base: it does not begin with"),
            ("[delivery]\nlink_base = 'https://x/ y'", "delivery.link_base: `https://x/ y` has"),
            ("[delivery]\nlink_base = 'https://x?y'", "delivery.link_base: `https://x?y` has"),
        ] {
            assert!(refused(text).contains(said), "{text}: {}", refused(text));
        }
        let password = refused("[delivery]\nlink_base = 'https://u:hidden@x/'");
        assert!(password.contains("a user or a password") && !password.contains("hidden"));
    }

    #[test]
    fn two_listeners_may_each_take_a_free_port_or_one_port_of_two_addresses() {
        for text in [
            "http = '127.0.0.1:0'\ngrpc = '127.0.0.1:0'",
            "http = '127.0.0.1:9'\ngrpc = '127.0.0.2:9'",
            "http = '0.0.0.0:9'\ngrpc = '[::1]:9'",
        ] {
            resolve(toml::from_str(text).expect("it can be read")).expect("it can run");
        }
    }

    #[test]
    fn links_begin_with_the_address_as_the_channels_read_it() {
        for (text, base) in [
            ("https://stormbell.example/", "https://stormbell.example"),
            ("https://stormbell.example/bell/", "https://stormbell.example/bell"),
            ("http://10.0.0.1:8080", "http://10.0.0.1:8080"),
        ] {
            assert_eq!(link_base(text).expect("it is an address"), base);
        }
    }
}
