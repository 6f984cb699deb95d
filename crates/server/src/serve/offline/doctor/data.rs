//! What holds data: snapshots, lake, store, journal; and whether a server could start from where they stand.

use std::path::Path;

use anyhow::Context;

use super::machine::size;
use super::{Finding, JournalFacts, Patient};
use crate::serve::offline::store_file::{self, StoreFile};
use crate::serve::offline::{copies, journal_files, lake_files, runtime, snapshot_files};

/// Damaged files that are named; of more only the number is said.
const NAMED: usize = 5;
/// How often the lake is read again because a running server may have merged files meanwhile.
const TRIES: usize = 3;

/// The way on without what is damaged.
const SALVAGE: &str = "stormbell doctor --salvage-lake";

/// Whether every engine snapshot can be restored.
pub(super) fn snapshots(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    if let Some(nothing) = patient.nothing_yet()? {
        return Ok(nothing);
    }
    let folder = patient.config.folder("snapshots");
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    for position in snapshot_files::positions(&folder)? {
        match snapshot_files::restore(&folder, position) {
            Ok(_) => whole.push(position),
            // A running server replaces old ones by new ones.
            Err(_) if !snapshot_files::positions(&folder)?.contains(&position) => {}
            Err(error) => damaged.push(format!("{error:#}: the next start passes it over")),
        }
    }
    let found = match whole.last() {
        Some(newest) => format!("{} readable, the newest at record {newest}", whole.len()),
        None => "none yet: the next start reads the whole journal".to_owned(),
    };
    patient.snapshots = Some(whole);
    Ok(Finding::of(damaged, Vec::new(), found + &patient.beside()))
}

/// Whether every byte of the lake is as it was written.
pub(super) fn lake(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    if let Some(nothing) = patient.nothing_yet()? {
        return Ok(nothing);
    }
    let folder = patient.config.folder("lake");
    let listing = lake_files::listing(&folder)?
        .with_context(|| format!("there is no lake in {}", folder.display()))?;
    let mut verified = lake::verify(&folder)?;
    for _ in 1..TRIES {
        if verified.damaged.is_empty() || patient.running().is_none() {
            break;
        }
        verified = lake::verify(&folder)?;
    }
    patient.lake_durable = Some(listing.durable);
    if verified.damaged.is_empty() {
        let lake::Verified { files, rows, bytes, .. } = verified;
        let found = format!("{files} files of {rows} rows and {} verified", size(bytes));
        return Ok(Finding::ok(found + &patient.beside()));
    }
    let count = verified.damaged.len();
    let named: Vec<_> = verified.damaged.into_iter().take(NAMED).map(|(_, what)| what).collect();
    let named = named.join("; ");
    // What is missing says by itself what to do.
    let advice = if named.contains(SALVAGE) {
        String::new()
    } else {
        format!("; restore them from a backup, or go on without their rows with `{SALVAGE}`")
    };
    Ok(Finding::fail(format!(
        "{count} of {} files damaged or missing: {named}{advice}",
        verified.files
    )))
}

/// Whether the store is sound, and of this program's schema.
pub(super) fn store(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    if let Some(nothing) = patient.nothing_yet()? {
        return Ok(nothing);
    }
    let path = patient.config.folder("store.sqlite");
    if !copies::is_there(&path)? {
        return Ok(Finding::fail(format!(
            "{} is missing, and with it keys, projects and incidents: restore it from a backup",
            path.display()
        )));
    }
    let held = patient.held()?;
    let (problems, applied, version, current, sealed) = runtime()?.block_on(async {
        let mut store = StoreFile::open(&path, held).await?;
        let problems = store.problems().await?;
        let (applied, version) = (store.applied().await?, store.schema_version().await?);
        let sealed = store.sealed().await;
        store.close().await?;
        let current = store_file::current_schema_version().await?;
        anyhow::Ok((problems, applied, version, current, sealed))
    })?;
    (patient.applied, patient.sealed) = (Some(applied), sealed.ok());
    if !problems.is_empty() {
        let problems = problems.join("; ");
        return Ok(Finding::fail(format!("damaged: {problems}; restore it from a backup")));
    }
    if version > current {
        return Ok(Finding::fail(format!(
            "schema version {version}, this program knows up to {current}: run the version that wrote it, \
             or a newer one"
        )));
    }
    let found = format!("sound, schema version {version}, applied up to record {applied}");
    if version < current {
        return Ok(Finding::warn(format!(
            "{found}; the next start migrates it to {current}: take a backup"
        )));
    }
    Ok(Finding::ok(found + &patient.beside()))
}

/// Whether every record of the journal is as it was written.
pub(super) fn journal(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    if let Some(nothing) = patient.nothing_yet()? {
        return Ok(nothing);
    }
    let folder = patient.config.folder("journal");
    let looked = journal_files::look(&folder, patient.held()?);
    let view = match looked {
        Ok(view) => view,
        Err(error) => return damaged_journal(patient, &folder, error),
    };
    let Some(view) = view else {
        return Ok(Finding::fail(format!(
            "{} holds no segment, and there is other data: restore it from a backup",
            folder.display()
        )));
    };
    let recovery = &view.recovery;
    let facts = JournalFacts { start: recovery.first_seq, end: recovery.end_seq, at: recovery.at };
    patient.journal = Some(facts);
    let segments = journal_files::segments(&folder)?.len();
    let bytes = size(copies::bytes_below(&folder));
    let records = facts.end - facts.start;
    let found = format!(
        "{records} records from {} on in {segments} segments ({bytes} on disk) verified{}",
        facts.start,
        patient.beside()
    );
    match &recovery.truncated {
        // While a server runs this is the batch that it was writing.
        Some(torn) if patient.running().is_none() => Ok(Finding::warn(format!(
            "{found}; {} ends in a torn batch of {} bytes at byte {}, which was not acknowledged and which \
             the next start cuts off",
            torn.segment, torn.bytes, torn.offset
        ))),
        _ => Ok(Finding::ok(found)),
    }
}

/// Damage that a start never meets is no reason to give up what comes after it.
fn damaged_journal(
    patient: &Patient<'_>,
    folder: &Path,
    error: anyhow::Error,
) -> anyhow::Result<Finding> {
    let newest = patient.snapshots.as_ref().and_then(|positions| positions.last()).copied();
    match journal_files::unneeded(folder, &error, newest)? {
        None => Err(error),
        Some(corruption) => Ok(Finding::fail(format!(
            "{}; a server starts in spite of it, because an engine snapshot comes after it: do not salvage, \
             but take a backup, which leaves it out",
            journal_files::describe(corruption)
        ))),
    }
}

/// Whether what was found fits together, so that a server starts from it.
pub(super) fn positions(patient: &mut Patient<'_>) -> anyhow::Result<Finding> {
    if let Some(nothing) = patient.nothing_yet()? {
        return Ok(nothing);
    }
    let Some(positions) = patient.all_positions() else {
        return Ok(Finding::fail("not known, because not everything above could be read"));
    };
    positions
        .check()
        .context("a server does not start from here: restore everything from one backup")?;
    let last = positions.journal_end - 1;
    Ok(Finding::ok(format!(
        "the store stands at record {} of {last}, the lake's files at {}; a start reads the journal from \
         record {} on",
        positions.store_applied,
        positions.lake_durable,
        positions.replayed_from()
    )))
}
