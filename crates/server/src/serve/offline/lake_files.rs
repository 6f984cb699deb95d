//! The files of a lake that a server may be working on: what its manifest lists, and a copy of it.
//!
//! The format is that of `docs/formats/lake.md`; whether a copy is a lake, the lake itself is asked.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::copies::{Meter, copy, files_below, make_folder};

/// How often the files are listed anew because some of them were merged meanwhile.
const TRIES: usize = 20;

/// What a lake's manifest says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listing {
    /// The manifest, to be copied as it is.
    text: String,
    /// Everything at or below this position is in the files.
    pub(super) durable: u64,
    /// The files, relative to the lake's folder.
    pub(super) files: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct LakeLine {
    durable: u64,
}

#[derive(Deserialize)]
struct FileLine {
    path: PathBuf,
}

/// What the lake in `folder` holds at this moment; `None` where there is none.
pub(super) fn listing(folder: &Path) -> anyhow::Result<Option<Listing>> {
    let path = folder.join(lake::MANIFEST_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => read(text).map(Some).with_context(|| format!("cannot read {}", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Copies a lake, and verifies the copy. Answers up to where it is durable, and what is damaged in it
/// because it is damaged where it came from.
pub(super) fn copy_lake(
    from: &Path,
    to: &Path,
    meter: &mut Meter<'_>,
) -> anyhow::Result<(u64, Vec<String>)> {
    make_folder(to)?;
    let mut before = None;
    for _ in 0..TRIES {
        let listing =
            listing(from)?.with_context(|| format!("there is no lake in {}", from.display()))?;
        match copy_files(from, to, &listing, meter)? {
            None => return finish(to, &listing),
            Some(missing) => {
                // The same list still names it, so it was not merged away.
                ensure!(
                    before.as_ref() != Some(&listing),
                    "lake file {} is missing; `stormbell doctor --salvage-lake` goes on without its rows",
                    from.join(missing).display()
                );
                before = Some(listing);
            }
        }
    }
    bail!("the lake's files are merged faster than they can be copied")
}

/// Copies what is listed and not there yet: a file of a lake never changes. Answers the first that is gone.
fn copy_files(
    from: &Path,
    to: &Path,
    listing: &Listing,
    meter: &mut Meter<'_>,
) -> anyhow::Result<Option<PathBuf>> {
    for file in &listing.files {
        let target = to.join(file);
        if target.exists() {
            continue;
        }
        if let Some(folder) = target.parent() {
            make_folder(folder)?;
        }
        if copy(&from.join(file), &target, meter)?.is_none() {
            return Ok(Some(file.clone()));
        }
    }
    Ok(None)
}

fn finish(to: &Path, listing: &Listing) -> anyhow::Result<(u64, Vec<String>)> {
    let listed: BTreeSet<&PathBuf> = listing.files.iter().collect();
    for file in files_below(to)? {
        if !listed.contains(&file) {
            let path = to.join(&file);
            fs::remove_file(&path).with_context(|| format!("cannot delete {}", path.display()))?;
        }
    }
    let path = to.join(lake::MANIFEST_FILE);
    let written = fs::write(&path, &listing.text)
        .and_then(|()| fs::File::open(&path))
        .and_then(|file| file.sync_all());
    written.with_context(|| format!("cannot write {}", path.display()))?;
    let verified = lake::verify(to).context("the copy of the lake cannot be verified")?;
    Ok((listing.durable, verified.damaged.into_iter().map(|(_, what)| what).collect()))
}

fn read(text: String) -> anyhow::Result<Listing> {
    let mut lines = text.lines().skip(1);
    let lake: LakeLine =
        serde_json::from_str(lines.next().unwrap_or_default()).context("line 2")?;
    let mut files = Vec::new();
    for (index, line) in lines.enumerate() {
        let FileLine { path } =
            serde_json::from_str(line).with_context(|| format!("line {}", index + 3))?;
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        ensure!(inside, "line {}: the path leaves the lake", index + 3);
        files.push(path);
    }
    Ok(Listing { durable: lake.durable, files, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_lake_is_refused() {
        let lines = |path: &str| format!("{{}}\n{{\"durable\":7}}\n{{\"path\":\"{path}\"}}\n");
        let listing = read(lines("signals/a.parquet")).expect("it can be read");
        assert_eq!((listing.durable, listing.files), (7, vec!["signals/a.parquet".into()]));
        assert!(read(lines("../a.parquet")).is_err());
        assert!(read("{}\n".to_owned()).is_err());
    }
}
