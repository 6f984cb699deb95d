//! The store's file read as it is, beside a server or without one: neither migrated nor written to.
//!
//! Invariant: a folder without a server is left without new files, so that one looked at by another
//! user can still be opened by its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use model::{EndpointId, ProjectId};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::held::Held;
use crate::serve::sealed::Sealed;

/// How long a statement waits for a lock that a server holds.
const BUSY: Duration = Duration::from_secs(10);

/// The schema version with which there came to be endpoints.
const ENDPOINTS_SINCE: i64 = 2;

/// The store, opened for reading.
pub(super) struct StoreFile {
    connection: SqliteConnection,
    /// Where a copy lies that is read in place of the store.
    _copy: Option<TempDir>,
}

impl StoreFile {
    /// Opens the store at `path`, which must exist.
    pub(super) async fn open(path: &Path, held: &Held) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().busy_timeout(BUSY).disable_statement_logging();
        let (options, copy) = match held {
            Held::Running(_) => (options.filename(path).read_only(true), None),
            Held::Free(_) if has_log(path) => {
                let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
                let copied = copy_with_log(path, folder.path())?;
                (options.filename(copied), Some(folder))
            }
            Held::Free(_) => (options.filename(path).read_only(true).immutable(true), None),
        };
        let connection = options.connect().await;
        let connection =
            connection.with_context(|| format!("cannot open the store {}", path.display()))?;
        Ok(Self { connection, _copy: copy })
    }

    /// The position up to which the journal is applied; 0 for not at all.
    pub(super) async fn applied(&mut self) -> anyhow::Result<u64> {
        const SQL: &str = "SELECT applied_seq FROM offsets WHERE partition = 0";
        let applied: Option<i64> = sqlx::query_scalar(SQL)
            .fetch_optional(&mut self.connection)
            .await
            .context("cannot read the store's position")?;
        Ok(applied.unwrap_or(0).cast_unsigned())
    }

    /// The last step of its schema.
    pub(super) async fn schema_version(&mut self) -> anyhow::Result<i64> {
        const SQL: &str = "SELECT max(version) FROM schema_versions";
        let version: Option<i64> = sqlx::query_scalar(SQL)
            .fetch_one(&mut self.connection)
            .await
            .context("cannot read the store's schema version")?;
        Ok(version.unwrap_or(0))
    }

    /// What is sealed of endpoints.
    pub(super) async fn sealed(&mut self) -> anyhow::Result<Vec<Sealed>> {
        const SQL: &str = "SELECT project, id, secrets FROM endpoints WHERE length(secrets) > 0";
        if self.schema_version().await? < ENDPOINTS_SINCE {
            return Ok(Vec::new());
        }
        let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(SQL)
            .fetch_all(&mut self.connection)
            .await
            .context("cannot read the store's endpoints")?;
        rows.into_iter().map(sealed).collect()
    }

    /// What SQLite finds wrong with it; empty when it is sound.
    pub(super) async fn problems(&mut self) -> anyhow::Result<Vec<String>> {
        const SQL: &str = "PRAGMA quick_check(10)";
        let lines: Vec<String> = sqlx::query_scalar(SQL)
            .fetch_all(&mut self.connection)
            .await
            .context("cannot check the store")?;
        Ok(lines.into_iter().filter(|line| line != "ok").collect())
    }

    /// Writes a copy that stands for one moment, and syncs it.
    pub(super) async fn copy_to(&mut self, path: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot copy the store to {}", path.display());
        let name = path.to_str().context("its path is not UTF-8").with_context(cannot)?;
        let copied = sqlx::query("VACUUM INTO ?").bind(name).execute(&mut self.connection).await;
        copied.with_context(cannot)?;
        fs::File::open(path).and_then(|file| file.sync_all()).with_context(cannot)
    }

    /// Closes it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.connection.close().await.context("cannot close the store")
    }
}

fn sealed((project, id, secrets): (i64, Vec<u8>, Vec<u8>)) -> anyhow::Result<Sealed> {
    let project = u32::try_from(project).context("a project of an endpoint is out of range")?;
    let id = <[u8; 16]>::try_from(id);
    let id = id.map_err(|_| anyhow::anyhow!("the id of an endpoint has not 16 bytes"))?;
    let endpoint = EndpointId(u128::from_be_bytes(id));
    Ok(Sealed { project: ProjectId(project), endpoint, secrets })
}

/// Copies a store that nobody writes to into a folder, its log with it. Answers the path of the copy.
pub(super) fn copy_with_log(path: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let to = folder.join("store.sqlite");
    let copied = fs::copy(path, &to).and_then(|_| {
        if has_log(path) { fs::copy(log_path(path), log_path(&to)).map(|_| ()) } else { Ok(()) }
    });
    copied
        .with_context(|| format!("cannot copy the store {} to {}", path.display(), to.display()))?;
    Ok(to)
}

/// The schema version that this program writes.
pub(super) async fn current_schema_version() -> anyhow::Result<i64> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("store.sqlite");
    let store = store::SqliteStore::open(store::Options::new(&path)).await?;
    store.close().await?;
    let mut file = StoreFile::open(&path, &Held::Free(None)).await?;
    let version = file.schema_version().await?;
    file.close().await?;
    Ok(version)
}

fn has_log(path: &Path) -> bool {
    fs::metadata(log_path(path)).is_ok_and(|log| log.len() > 0)
}

fn log_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}
