//! What every row needs to run: where things are, how long, how often, and where raw output goes.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::arguments::Options;

/// One run of `bench`.
pub(crate) struct Bench {
    /// The server binary.
    pub(crate) server: PathBuf,
    /// The Alertmanager binary.
    pub(crate) alertmanager: PathBuf,
    /// This binary, which is its own references.
    pub(crate) own: PathBuf,
    /// Where data is written; removed in the end.
    pub(crate) scratch: TempDir,
    /// Where raw output is kept.
    pub(crate) raw: PathBuf,
    /// How often each measurement is taken.
    pub(crate) runs: usize,
    /// Whether amounts are small.
    pub(crate) quick: bool,
    records: Option<u64>,
    stored: Option<u64>,
}

impl Bench {
    pub(crate) fn new(options: &Options) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("cannot tell where this binary is")?;
        let beside = own.parent().unwrap_or(Path::new(".")).to_owned();
        let server = options.server.clone().unwrap_or_else(|| beside.join("stormbell"));
        ensure!(server.is_file(), "{} is missing: build it or say --server", server.display());
        let scratch_root = options.scratch.clone().unwrap_or_else(|| beside.clone());
        let scratch = tempfile::Builder::new().prefix("bench-scratch-").tempdir_in(scratch_root)?;
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let raw = options.raw.clone().unwrap_or_else(|| beside.join(format!("bench-{stamp}")));
        std::fs::create_dir_all(&raw)?;
        Ok(Self {
            server,
            alertmanager: options.alertmanager.clone(),
            own,
            scratch,
            raw,
            runs: if options.quick { 3 } else { usize::from(options.runs) },
            quick: options.quick,
            records: options.records,
            stored: options.stored,
        })
    }

    /// How long one measurement takes, without its warm-up.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 4 })
    }

    /// How long load runs before it is measured.
    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { 1_000 })
    }

    /// Records in the journal for `restart`.
    pub(crate) fn records(&self) -> u64 {
        self.records.unwrap_or(if self.quick { 1_000_000 } else { 10_000_000 })
    }

    /// Records stored for `stored`.
    pub(crate) fn stored(&self) -> u64 {
        self.stored.unwrap_or(if self.quick { 3_000_000 } else { 20_000_000 })
    }

    /// A folder for data that is removed when dropped.
    pub(crate) fn data(&self) -> anyhow::Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("data-").tempdir_in(self.scratch.path())?)
    }

    /// A file of raw output.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.raw.join(format!("{name}.log"))
    }

    /// Keeps a line of raw output, and shows it to whoever waits.
    pub(crate) fn say(&self, row: &str, text: &str) {
        eprintln!("{row}: {text}");
        let file =
            File::options().create(true).append(true).open(self.raw.join(format!("{row}.txt")));
        // Raw output that cannot be kept has been shown at least.
        let _kept = file.and_then(|mut file| writeln!(file, "{text}"));
    }
}
