//! `MANIFEST.json`: what a backup holds. It is written last, so a folder without one is no backup;
//! `docs/operations.md` describes it.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

/// Its name in the folder of a backup.
pub(super) const NAME: &str = "MANIFEST.json";

const FORMAT: &str = "stormbell-backup";
const VERSION: u32 = 1;

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    version: u32,
    /// The version of stormbell that wrote it.
    stormbell: String,
    /// When it was finished, UTC.
    created_at: String,
    /// Where its parts stand.
    pub(super) positions: Positions,
    /// Every file but this one.
    pub(super) files: Vec<FileEntry>,
}

/// What it is, and of which version.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Where the parts of a backup stand in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Positions {
    /// The first record of the journal.
    pub(crate) journal_start: u64,
    /// The number after the journal's last record.
    pub(crate) journal_end: u64,
    /// The last record whose effects are in the store.
    pub(crate) store_applied: u64,
    /// The lake has everything up to here in files.
    pub(crate) lake_durable: u64,
    /// The engine snapshots.
    pub(crate) snapshots: Vec<u64>,
}

/// One file of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    /// Relative to the backup's folder.
    pub(super) path: PathBuf,
    /// Its length.
    pub(super) bytes: u64,
    /// In hexadecimal digits.
    pub(super) sha256: String,
}

impl Positions {
    /// Whether a server could start from parts that stand like this.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let applied = self.store_applied.max(self.lake_durable);
        ensure!(
            applied < self.journal_end,
            "the store or the lake stands at record {applied}, and the journal ends before {}",
            self.journal_end
        );
        let from = self.replayed_from();
        ensure!(
            self.journal_start <= from,
            "the journal begins with record {}, and record {from} is needed",
            self.journal_start
        );
        Ok(())
    }

    /// The first record that a start from here would read.
    pub(super) fn replayed_from(&self) -> u64 {
        let reachable = self.store_applied.min(self.lake_durable);
        let usable = self.snapshots.iter().filter(|position| **position <= reachable);
        usable.max().map_or(1, |position| position + 1)
    }
}

impl Manifest {
    /// A manifest of now.
    pub(super) fn new(positions: Positions, files: Vec<FileEntry>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            stormbell: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: jiff::Timestamp::now().to_string(),
            positions,
            files,
        }
    }

    /// Writes it into the folder, whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        let partial = folder.join("MANIFEST.partial");
        let text = serde_json::to_string_pretty(self).context("cannot write JSON")?;
        let written = fs::write(&partial, text + "\n")
            .and_then(|()| File::open(&partial)?.sync_all())
            .and_then(|()| fs::rename(&partial, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Reads the one in the folder.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let text = fs::read_to_string(&path).with_context(|| {
            format!("cannot read {}: without it this is no finished backup", path.display())
        })?;
        Self::parse(&text).with_context(|| format!("{} cannot be used", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        // What it is comes first: a newer version may hold what this one does not know.
        let Head { format, version } = serde_json::from_str(text).context("it is damaged")?;
        ensure!(format == FORMAT, "its format is `{format}` and not `{FORMAT}`");
        ensure!(version <= VERSION, "it has version {version}, this program reads up to {VERSION}");
        let manifest: Self = serde_json::from_str(text).context("it is damaged")?;
        for FileEntry { path, .. } in &manifest.files {
            let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(inside && path.is_relative(), "{} leaves the backup", path.display());
        }
        manifest.positions.check()?;
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions() -> Positions {
        Positions {
            journal_start: 5,
            journal_end: 20,
            store_applied: 15,
            lake_durable: 12,
            snapshots: vec![9, 14],
        }
    }

    #[test]
    fn a_start_needs_the_journal_from_the_newest_snapshot_that_store_and_lake_have_reached() {
        assert_eq!(positions().replayed_from(), 10);
        positions().check().expect("it can be started from");
        let late = Positions { journal_start: 11, ..positions() };
        assert!(format!("{:#}", late.check().expect_err("a gap")).contains("record 10 is needed"));
        let short = Positions { journal_end: 15, ..positions() };
        assert!(short.check().is_err(), "the store is ahead of the journal");
        let lake_ahead = Positions { lake_durable: 20, ..positions() };
        assert!(lake_ahead.check().is_err(), "the lake is ahead of the journal");
        let bare = Positions { snapshots: Vec::new(), ..positions() };
        assert!(bare.check().is_err(), "without snapshot the journal is needed from its beginning");
    }

    #[test]
    fn a_manifest_reads_back_and_a_path_out_of_the_backup_is_refused() {
        let file = |path: &str| FileEntry { path: path.into(), bytes: 1, sha256: "00".to_owned() };
        let text = |path: &str| {
            let manifest = Manifest::new(positions(), vec![file(path)]);
            serde_json::to_string(&manifest).expect("it can be written")
        };
        let read = Manifest::parse(&text("journal/a.seg")).expect("it can be read");
        assert_eq!(read.positions, positions());
        assert!(Manifest::parse(&text("../a")).is_err());
        assert!(Manifest::parse(&text("/etc/a")).is_err());
        let newer = text("a").replace("\"version\":1", "\"version\":2");
        let error = Manifest::parse(&newer).expect_err("it is newer");
        assert!(format!("{error:#}").contains("reads up to 1"));
    }
}
