//! Moving bytes about, off the road of commits: copying the write-ahead log into the file, making
//! the log durable, and online copies of the whole store.
//!
//! Invariant: nothing here changes what a reader sees.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::{Connection, Row};

use super::failure::failed;
use super::{Options, Shared};
use crate::{Error, ErrorKind};

/// When the log is copied next.
pub(super) struct Checkpoints {
    log: PathBuf,
    step_bytes: u64,
    /// Length of the log at which the next copy begins.
    due_bytes: AtomicU64,
    running: AtomicBool,
}

impl Checkpoints {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            log: log_path(&options.path),
            step_bytes: options.wal_bytes,
            due_bytes: AtomicU64::new(options.wal_bytes),
            running: AtomicBool::new(false),
        }
    }

    /// Starts a copy in the background where the log has grown enough. One runs at a time.
    pub(super) fn after_commit(shared: &Arc<Shared>) {
        let this = &shared.checkpoints;
        let length = std::fs::metadata(&this.log).map_or(0, |log| log.len());
        if length < this.due_bytes.load(Ordering::Relaxed)
            || this.running.swap(true, Ordering::Acquire)
        {
            return;
        }
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let copied = copy(&shared).await.unwrap_or_else(|error| {
                tracing::warn!(cause = %error, "the store's log could not be copied; it grows until it can");
                false
            });
            shared.checkpoints.ended(length, copied);
        });
    }

    fn ended(&self, length: u64, copied: bool) {
        let due = if copied { self.step_bytes } else { length + self.step_bytes };
        self.due_bytes.store(due, Ordering::Relaxed);
        self.running.store(false, Ordering::Release);
    }
}

/// Copies the log into the file. The long part runs beside commits; only for what they added
/// meanwhile does the writer wait, so that the log can start over. Answers whether it can.
pub(super) async fn copy(shared: &Shared) -> Result<bool, sqlx::Error> {
    const SQL: &str = "PRAGMA wal_checkpoint(PASSIVE)";
    let mut connection = shared.options.connect_writer().await?;
    sqlx::query(SQL).fetch_one(&mut connection).await?;
    let writer = shared.writer.lock().await;
    let row = sqlx::query(SQL).fetch_one(&mut connection).await?;
    drop(writer);
    let (in_log, copied): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    connection.close().await?;
    Ok(in_log == copied)
}

/// Makes every commit so far durable: syncs the log, and the folder in case the log is new.
pub(super) async fn sync(path: &Path) -> Result<(), Error> {
    let path = path.to_owned();
    run(move || {
        match std::fs::File::open(log_path(&path)) {
            Ok(log) => log.sync_data()?,
            // Without a log everything is in the file, which was synced when it went there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        sync_folder(&path)
    })
    .await
    .map_err(|error| Error::caused(ErrorKind::Disk, "cannot make the store durable", error))
}

/// Writes a copy that stands for one moment, under another name until it is whole and durable.
pub(super) async fn backup(options: &Options, path: &Path) -> Result<(), Error> {
    let what = format!("cannot write the backup {}", path.display());
    if path.exists() {
        return Err(Error::new(ErrorKind::Conflict, format!("{what}: it exists already")));
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let name = partial
        .to_str()
        .ok_or_else(|| Error::new(ErrorKind::Database, format!("{what}: its path is not UTF-8")))?;
    let disk = |error| Error::caused(ErrorKind::Disk, what.clone(), error);
    remove_if_there(&partial).map_err(disk)?;
    let mut connection = options.connect_reader().await.map_err(failed("open the store"))?;
    let copied = sqlx::query("VACUUM INTO ?").bind(name).execute(&mut connection).await;
    copied.map_err(failed(&format!("write the backup {}", path.display())))?;
    connection.close().await.map_err(failed("close the store"))?;
    let path = path.to_owned();
    run(move || {
        std::fs::File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, &path)?;
        sync_folder(&path)
    })
    .await
    .map_err(disk)
}

fn log_path(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

async fn run(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
