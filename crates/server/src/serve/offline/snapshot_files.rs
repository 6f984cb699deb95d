//! The engine snapshots of a data folder: which there are, and which of them are whole.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, ensure};
use engine::Engine;
use model::Seq;
use pipeline::{DirSnapshots, Snapshots};

use super::copies::{Meter, copy, is_there, make_folder};

/// The positions of all snapshots, ascending; none where there is no folder.
pub(super) fn positions(folder: &Path) -> anyhow::Result<Vec<Seq>> {
    let listed = || -> io::Result<Vec<Seq>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".snapshot"));
            found.extend(stem.and_then(|stem| stem.parse().ok()).map(Seq));
        }
        found.sort_unstable();
        Ok(found)
    };
    if !is_there(folder)? {
        return Ok(Vec::new());
    }
    listed().with_context(|| format!("cannot list {}", folder.display()))
}

/// The position of the newest snapshot that is whole.
pub(super) fn newest(folder: &Path) -> anyhow::Result<Option<Seq>> {
    let positions = positions(folder)?;
    Ok(positions.into_iter().rev().find(|position| restore(folder, *position).is_ok()))
}

/// The engine of the snapshot at a position, which must be there.
pub(super) fn restore(folder: &Path, position: Seq) -> anyhow::Result<Engine> {
    let cannot = || format!("cannot read the engine snapshot at {position}");
    let snapshots = DirSnapshots::open(folder).with_context(cannot)?;
    let newest = snapshots.newest(position).with_context(cannot)?;
    let (found, snapshot) = newest.with_context(|| damaged(position))?;
    ensure!(found == position, damaged(position));
    Engine::restore(&snapshot).with_context(cannot)
}

/// Copies the snapshots that are whole. Answers their positions, and what is wrong with the others.
pub(super) fn copy_snapshots(
    from: &Path,
    to: &Path,
    meter: &mut Meter<'_>,
) -> anyhow::Result<(Vec<Seq>, Vec<String>)> {
    make_folder(to)?;
    let (mut copied, mut warnings) = (Vec::new(), Vec::new());
    for position in positions(from)? {
        let name = format!("{:020}.snapshot", position.0);
        // One that is gone was replaced by a newer one; whoever reads the copy finds another or none.
        if copy(&from.join(&name), &to.join(&name), meter)?.is_none() {
            continue;
        }
        match restore(to, position) {
            Ok(_) => copied.push(position),
            Err(error) => {
                warnings.push(format!("{error:#}; it is left out"));
                let path = to.join(&name);
                fs::remove_file(&path)
                    .with_context(|| format!("cannot delete {}", path.display()))?;
            }
        }
    }
    Ok((copied, warnings))
}

fn damaged(position: Seq) -> String {
    format!("the engine snapshot at {position} is damaged")
}
