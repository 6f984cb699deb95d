//! Known vulnerabilities, by `cargo deny check advisories`, where it and its database can be had.
//!
//! The database lies on the network. Where it is out of reach the check is skipped and says so:
//! silence would read as an answer.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};

use crate::metadata::cargo;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Clean,
    /// Nothing was checked, for this reason.
    Skipped(String),
    /// What cargo deny printed.
    Found(String),
}

/// Fetches the database and checks the lock file against it.
pub(crate) fn check(root: &Path) -> Result<Outcome> {
    let deny = |arguments: &[&str]| -> Result<Output> {
        let mut command = Command::new(cargo());
        command.arg("deny").args(arguments).current_dir(root);
        command.output().context("running cargo deny")
    };
    if !deny(&["--version"])?.status.success() {
        return Ok(Outcome::Skipped("cargo-deny is not installed".to_owned()));
    }
    let fetched = deny(&["fetch", "db"])?;
    if !fetched.status.success() {
        let why = format!("the advisory database is out of reach ({})", last_line(&fetched));
        return Ok(Outcome::Skipped(why));
    }
    let checked = deny(&["--offline", "check", "advisories"])?;
    if checked.status.success() {
        return Ok(Outcome::Clean);
    }
    Ok(Outcome::Found(String::from_utf8_lossy(&checked.stderr).trim().to_owned()))
}

fn last_line(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    said.trim().lines().next_back().unwrap_or("it did not say why").trim().to_owned()
}
