//! `doctor`: looks at everything a server needs before it is needed: configuration, folder, disk, the
//! four things that hold data and how they fit together, clock and addresses.
//!
//! Beside the disk's speed, which takes a passing file, nothing is written. While a server runs on the
//! folder what it holds is read beside it, and said so.

mod addresses;
mod data;
mod machine;
mod secrets;

use std::time::{Duration, Instant};

use anyhow::Context;
use model::Seq;
use serde::Serialize;

use super::copies;
use super::held::Held;
use super::manifest::Positions;
use crate::config::Config;
use crate::serve::sealed::Sealed;

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: &'static str,
    /// How it is.
    pub(crate) status: Status,
    /// What was found, and what to do about it.
    pub(crate) detail: String,
    /// How long looking took.
    #[serde(serialize_with = "as_micros", rename = "took_us")]
    pub(crate) took: Duration,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// A server runs with it, and somebody should know.
    Warn,
    /// A server does not start with it, or data are damaged or at risk.
    Fail,
}

/// What a check found.
struct Finding(Status, String);

/// What is looked at, and what one check leaves for the next.
struct Patient<'c> {
    config: &'c Config,
    /// Who has the folder; `None` where that could not be found out.
    held: Option<Held>,
    snapshots: Option<Vec<Seq>>,
    lake_durable: Option<u64>,
    applied: Option<u64>,
    sealed: Option<Vec<Sealed>>,
    journal: Option<JournalFacts>,
}

/// Where a journal begins and ends.
#[derive(Debug, Clone, Copy)]
struct JournalFacts {
    start: u64,
    end: u64,
    /// When the last record was written, in microseconds since 1970.
    at: i64,
}

type Look = fn(&mut Patient<'_>) -> anyhow::Result<Finding>;

/// The checks in order. What builds on something is looked at before it, as in a backup, so that a server
/// that goes on meanwhile makes nothing look as if it did not fit.
const CHECKS: [(&str, Look); 13] = [
    ("configuration", machine::configuration),
    ("data folder", machine::data_folder),
    ("disk space", machine::disk_space),
    ("disk speed", machine::disk_speed),
    ("snapshots", data::snapshots),
    ("lake", data::lake),
    ("store", data::store),
    ("secrets", secrets::secrets),
    ("journal", data::journal),
    ("positions", data::positions),
    ("clock", machine::clock),
    ("http address", addresses::http),
    ("grpc address", addresses::grpc),
];

/// Looks at everything, and never stops at the first thing that is wrong.
pub(crate) fn doctor(config: &Config) -> Vec<Check> {
    let held = Held::look(config).ok();
    let mut patient = Patient {
        config,
        held,
        snapshots: None,
        lake_durable: None,
        applied: None,
        sealed: None,
        journal: None,
    };
    let check = |(name, look): (&'static str, Look)| {
        let began = Instant::now();
        let finding = look(&mut patient);
        let Finding(status, detail) =
            finding.unwrap_or_else(|error| Finding(Status::Fail, format!("{error:#}")));
        Check { name, status, detail, took: began.elapsed() }
    };
    CHECKS.into_iter().map(check).collect()
}

impl Finding {
    fn ok(detail: impl Into<String>) -> Self {
        Self(Status::Ok, detail.into())
    }

    fn warn(detail: impl Into<String>) -> Self {
        Self(Status::Warn, detail.into())
    }

    fn fail(detail: impl Into<String>) -> Self {
        Self(Status::Fail, detail.into())
    }

    /// The worst of what was found, or that all is well.
    fn of(warnings: Vec<String>, failures: Vec<String>, otherwise: impl Into<String>) -> Self {
        if !failures.is_empty() {
            return Self::fail(failures.into_iter().chain(warnings).collect::<Vec<_>>().join("; "));
        }
        if !warnings.is_empty() {
            return Self::warn(warnings.join("; "));
        }
        Self::ok(otherwise)
    }
}

impl Patient<'_> {
    /// What is said of every part where no server has ever started.
    fn nothing_yet(&self) -> anyhow::Result<Option<Finding>> {
        for part in ["journal", "store.sqlite", "lake", "snapshots"] {
            if copies::is_there(&self.config.folder(part)).context("not looked at")? {
                return Ok(None);
            }
        }
        Ok(Some(Finding::ok("nothing there yet: no server has started here")))
    }

    /// Who has the folder.
    fn held(&self) -> anyhow::Result<&Held> {
        let what = "it cannot be told whether a server runs here, because the journal's lock cannot be read";
        self.held.as_ref().ok_or_else(|| anyhow::anyhow!(what))
    }

    /// The process of the server that runs on the folder.
    fn running(&self) -> Option<&str> {
        self.held.as_ref().and_then(Held::running)
    }

    /// What is added to a detail while a server runs.
    fn beside(&self) -> String {
        let process = self.running();
        process.map_or_else(String::new, |process| {
            format!(", read beside the running server (process {process})")
        })
    }

    /// Where everything stands, if everything could be read.
    fn all_positions(&self) -> Option<Positions> {
        let journal = self.journal?;
        Some(Positions {
            journal_start: journal.start,
            journal_end: journal.end,
            store_applied: self.applied?,
            lake_durable: self.lake_durable?,
            snapshots: self.snapshots.as_ref()?.iter().map(|position| position.0).collect(),
        })
    }
}

fn as_micros<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}
