//! Whether a server works on a data folder, found out without leaving a trace in it.
//!
//! Invariant: while a [`Held::Free`] is kept, no server can start on the folder, and others that only
//! look can.

use std::fs::{File, TryLockError};
use std::io::{self, Read};

use anyhow::{Context, bail};

use crate::config::Config;

/// The file that a server's journal locks.
const LOCK: &str = "lock";

/// Who has a data folder.
#[derive(Debug)]
pub(super) enum Held {
    /// No server, and none can start while this is kept. Without a file no server ever ran there.
    Free(#[allow(dead_code, reason = "the lock lasts as long as the file is open")] Option<File>),
    /// A server: the number of its process, as far as it can be told.
    Running(String),
}

impl Held {
    /// Looks, and keeps servers out if there is none.
    pub(super) fn look(config: &Config) -> anyhow::Result<Self> {
        let path = config.folder("journal").join(LOCK);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Free(None)),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot open {}", path.display()));
            }
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Self::Free(Some(file))),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = (&mut file).take(32).read_to_string(&mut holder);
                let known = read.is_ok() && !holder.trim().is_empty();
                Ok(Self::Running(if known {
                    holder.trim().to_owned()
                } else {
                    "unknown".to_owned()
                }))
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Looks, and refuses if a server runs.
    pub(super) fn stopped(config: &Config, what: &str) -> anyhow::Result<Self> {
        match Self::look(config)? {
            Self::Running(process) => bail!(
                "a server (process {process}) runs on {}; {what} needs it stopped",
                config.data_dir.display()
            ),
            free @ Self::Free(_) => Ok(free),
        }
    }

    /// The process of the server that runs.
    pub(super) fn running(&self) -> Option<&str> {
        match self {
            Self::Running(process) => Some(process),
            Self::Free(_) => None,
        }
    }
}
