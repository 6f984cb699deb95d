//! The store on SQLite: one file in WAL mode, one connection that writes, a few that only read.
//! `docs/formats/store.md` is the page of its tables and of what survives a crash.
//!
//! Readers see the last commit and never wait for the writer, nor it for them. A commit is not
//! synced: a power cut may take the latest ones, always from the end, and the journal applies them
//! again. What people were told is saved (keys, projects, drafts) is synced before they are told.
//!
//! Refuses to know: what an effect means. Invariant: after a failed write the connection is thrown
//! away, and with it whatever the write had begun.

mod administration;
mod bulk;
mod checkpoint;
mod columns;
mod directory;
mod failure;
mod list;
mod migrate;
mod outbox;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use model::{GroupingPolicy, IncidentId, ProjectId, Seq};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::Mutex;

use self::checkpoint::Checkpoints;
use self::failure::failed;
use crate::batch::Batch;
use crate::commit::{Commit, PartitionId};
use crate::query::{
    IncidentCounts, IncidentFilter, IncidentPage, IncidentView, PageCursor, SignalMoves,
    TimelinePage,
};
use crate::{Error, ErrorKind, Store};

/// Where the store is and how it is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file; it and its `-wal` and `-shm` are created where missing, its folder is not.
    pub path: PathBuf,
    /// Connections that read, each a thread.
    pub readers: u32,
    /// How long a statement waits for a lock that another process holds.
    pub busy_timeout: Duration,
    /// Bytes the write-ahead log may hold before it is copied into the file, in the background.
    pub wal_bytes: u64,
}

impl Options {
    /// The store in the file `path`, otherwise as is good for one machine: four readers, 5 s, 8 MiB: copying
    /// more at once holds up the syncs of the journal on the same disk for as long as that takes to write.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            wal_bytes: 8 << 20,
        }
    }

    fn connection(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(self.busy_timeout)
            .statement_cache_capacity(128)
            .row_buffer_size(512)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("temp_store", "memory")
            .disable_statement_logging()
    }

    /// A connection that may write. It never copies the log itself: [`checkpoint`] does.
    async fn connect_writer(&self) -> Result<SqliteConnection, sqlx::Error> {
        let options =
            self.connection().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        // The log is cut back when it starts over, so that its length says how much it holds.
        let options = options.pragma("journal_size_limit", (self.wal_bytes / 4).to_string());
        // KiB of pages: a batch over many incidents should not fall out of memory while it is written.
        let options = options.pragma("cache_size", "-65536");
        options.pragma("wal_autocheckpoint", "0").connect().await
    }

    async fn connect_reader(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.connection().read_only(true).connect().await
    }
}

/// The store on SQLite.
pub struct SqliteStore {
    shared: Arc<Shared>,
}

/// What the store and its background copying share.
struct Shared {
    options: Options,
    readers: SqlitePool,
    /// `None` after a write failed or was abandoned; the next write opens another.
    writer: Mutex<Option<SqliteConnection>>,
    /// Taken after `writer` where both are held.
    leases: Mutex<outbox::Leases>,
    checkpoints: Checkpoints,
}

impl SqliteStore {
    /// Opens the store, migrates it, and on first start creates organization and project `default`.
    ///
    /// # Errors
    /// `Disk` when the file cannot be opened or written, `Corrupt` when it is no store of ours or a
    /// newer version of stormbell has migrated it.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let doing = format!("open the store {}", options.path.display());
        let mut writer = options.connect_writer().await.map_err(failed(&doing))?;
        migrate::run(&mut writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .min_connections(1)
            .acquire_timeout(options.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.connection().read_only(true))
            .await
            .map_err(failed(&doing))?;
        let checkpoints = Checkpoints::new(&options);
        let writer = Mutex::new(Some(writer));
        let leases = Mutex::default();
        Ok(Self { shared: Arc::new(Shared { options, readers, writer, leases, checkpoints }) })
    }

    /// Closes every connection; the last one copies the log into the file and removes it. Nothing is
    /// lost without it, but the next start has the log to read.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.readers.close().await;
        let writer = self.shared.writer.lock().await.take();
        match writer {
            Some(writer) => writer.close().await.map_err(failed("close the store")),
            None => Ok(()),
        }
    }

    /// Begins a write; nobody else writes until it ends.
    async fn begin(&self) -> Result<Write<'_>, Error> {
        let mut slot = self.shared.writer.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.shared.options.connect_writer().await.map_err(failed("open the store"))?,
        };
        let mut write = Write { slot, connection };
        write.say("BEGIN IMMEDIATE").await.map_err(failed("begin a write"))?;
        Ok(write)
    }
}

/// A write that has begun. Dropped unfinished, it closes its connection, and SQLite undoes it.
struct Write<'s> {
    slot: tokio::sync::MutexGuard<'s, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl Write<'_> {
    async fn commit(mut self) -> Result<(), Error> {
        self.say("COMMIT").await.map_err(failed("commit"))?;
        *self.slot = Some(self.connection);
        Ok(())
    }

    /// Undoes the write because what was asked cannot be: the connection stays.
    async fn refuse<T>(mut self, error: Error) -> Result<T, Error> {
        if self.say("ROLLBACK").await.is_ok() {
            *self.slot = Some(self.connection);
        }
        Err(error)
    }

    async fn say(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(sql).execute(&mut self.connection).await.map(|_| ())
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn offset(&self, partition: PartitionId) -> Result<Seq, Error> {
        let mut connection = self.shared.reader().await?;
        write::read_offset(&mut connection, partition).await
    }

    async fn commit(&self, commit: Commit<'_>) -> Result<(), Error> {
        let batch = Batch::fold(commit.effects);
        let mut write = self.begin().await?;
        let stands = write::read_offset(&mut write.connection, commit.partition).await?;
        if stands != commit.expected {
            let what = format!(
                "the store stands at {stands} of partition {}, not at {}: another owner wrote",
                commit.partition.0, commit.expected
            );
            return write.refuse(Error::new(ErrorKind::Fenced, what)).await;
        }
        let changes = write::write_batch(&mut write.connection, &batch).await?;
        write::write_offset(&mut write.connection, &commit).await?;
        write.commit().await?;
        if !changes.is_empty() {
            self.shared.leases.lock().await.follow(&changes);
        }
        Checkpoints::after_commit(&self.shared);
        Ok(())
    }

    async fn incidents(
        &self,
        project: ProjectId,
        filter: &IncidentFilter,
    ) -> Result<IncidentPage, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        list::incidents(&mut snapshot, project, filter).await
    }

    async fn incident(
        &self,
        project: ProjectId,
        id: IncidentId,
    ) -> Result<Option<IncidentView>, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        read::incident(&mut snapshot, project, id).await
    }

    async fn incident_id(
        &self,
        project: ProjectId,
        number: u64,
    ) -> Result<Option<IncidentId>, Error> {
        let mut connection = self.shared.reader().await?;
        read::incident_id(&mut connection, project, number).await
    }

    async fn timeline(
        &self,
        project: ProjectId,
        id: IncidentId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<TimelinePage, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        read::timeline(&mut snapshot, project, id, after, limit).await
    }

    async fn signal_moves(
        &self,
        project: ProjectId,
        incidents: &[IncidentId],
    ) -> Result<SignalMoves, Error> {
        let mut snapshot = self.shared.snapshot().await?;
        read::signal_moves(&mut snapshot, project, incidents).await
    }

    async fn policies(&self, project: ProjectId) -> Result<Vec<GroupingPolicy>, Error> {
        let mut connection = self.shared.reader().await?;
        read::policies(&mut connection, project).await
    }

    async fn counts(&self) -> Result<IncidentCounts, Error> {
        let mut connection = self.shared.reader().await?;
        read::counts(&mut connection).await
    }

    async fn firing_alerts(&self) -> Result<Vec<model::Alert>, Error> {
        let mut connection = self.shared.reader().await?;
        read::firing_alerts(&mut connection).await
    }

    async fn ping(&self) -> Result<u64, Error> {
        let started = Instant::now();
        self.offset(PartitionId(0)).await?;
        Ok(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    async fn sync(&self) -> Result<(), Error> {
        checkpoint::sync(&self.shared.options.path).await
    }

    async fn backup(&self, path: &Path) -> Result<(), Error> {
        checkpoint::backup(&self.shared.options, path).await
    }
}

impl Shared {
    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, Error> {
        self.readers.acquire().await.map_err(failed("reach the store"))
    }

    /// A view of the store that stands still over several statements.
    async fn snapshot(&self) -> Result<sqlx::SqliteTransaction<'static>, Error> {
        self.readers.begin().await.map_err(failed("reach the store"))
    }
}
