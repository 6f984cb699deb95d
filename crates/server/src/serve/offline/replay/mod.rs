//! `replay`: the journal applied again by a fresh engine into a fresh store, and held against the store
//! there is: what is in the one must be in the other (I2).
//!
//! Everything is read as it is and written elsewhere: the data folder is left as it was found, but no
//! server can start on it meanwhile.

mod compare;
mod fields;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use engine::Engine;
use journal::{Journal, SegmentJournal};
use model::{Effects, Seq, Timestamp, codec, limits};
use serde::Serialize;
use store::{Commit, SqliteStore, Store};

use super::held::Held;
use super::{Progress, copies, journal_files, runtime, snapshot_files, store_file};
use crate::config::Config;
use crate::serve::open::PARTITION;
use compare::{Comparison, Touched};

/// What a replay found.
#[derive(Debug, Serialize)]
pub(crate) struct ReplayReport {
    /// The first record that was applied.
    pub(crate) from: u64,
    /// The last one.
    pub(crate) until: u64,
    /// The engine snapshot it began with; 0 for none, and then everything was compared.
    pub(crate) snapshot: u64,
    /// Records applied.
    pub(crate) entries: u64,
    /// Records applied in a second, comparing not counted.
    pub(crate) entries_per_second: u64,
    /// Incidents compared.
    pub(crate) incidents: u64,
    /// Incidents that changed after the last record that was applied, so that they could not be compared.
    pub(crate) left_out: u64,
    /// Audit rows compared.
    pub(crate) audit_rows: u64,
    /// Grouping policies compared.
    pub(crate) policies: u64,
    /// Firing alerts compared.
    pub(crate) alerts: u64,
    /// Differences, the first [`compare::LISTED`] of them.
    pub(crate) differences: Vec<Difference>,
    /// How many differences there are in all.
    pub(crate) differences_total: u64,
    /// How long it took.
    #[serde(skip)]
    pub(crate) took: Duration,
}

/// One thing that is not as the journal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    /// What differs: `incident #3 (0190…)`.
    pub(crate) subject: String,
    /// In what: `status: OPEN in the store, RESOLVED in the replay`.
    pub(crate) what: String,
}

/// Which records are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// The position of the snapshot it begins with.
    start: Seq,
    /// The last record.
    until: Seq,
    /// The position of the store there is.
    applied: Seq,
}

/// A store and its temporary folder.
struct Scratch {
    real: SqliteStore,
    fresh: SqliteStore,
    _folder: tempfile::TempDir,
}

/// Applies the records from `from` (or the first that can be) to `until` (or the last that the store has)
/// and compares. An earlier record than `from` may be the first, because a replay begins at a snapshot.
pub(crate) fn replay(
    config: &Config,
    from: Option<u64>,
    until: Option<u64>,
    progress: Progress<'_>,
) -> anyhow::Result<ReplayReport> {
    let began = Instant::now();
    let held = Held::stopped(config, "replay")?;
    let mut report = runtime()?.block_on(async {
        let scratch = Scratch::open(&config.folder("store.sqlite")).await?;
        let report = run(config, &held, &scratch, (from, until), progress).await;
        scratch.close().await?;
        report
    })?;
    report.took = began.elapsed();
    Ok(report)
}

impl Scratch {
    async fn open(store: &Path) -> anyhow::Result<Self> {
        ensure!(copies::is_there(store)?, "there is no store at {}", store.display());
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let copy = store_file::copy_with_log(store, folder.path())?;
        let real = SqliteStore::open(store::Options::new(copy)).await;
        let real = real.with_context(|| format!("cannot open a copy of {}", store.display()))?;
        let fresh = store::Options::new(folder.path().join("replayed.sqlite"));
        let fresh = SqliteStore::open(fresh).await.context("cannot make a fresh store")?;
        Ok(Self { real, fresh, _folder: folder })
    }

    async fn close(self) -> anyhow::Result<()> {
        self.real.close().await.context("cannot close the copy of the store")?;
        self.fresh.close().await.context("cannot close the fresh store")
    }
}

async fn run(
    config: &Config,
    held: &Held,
    scratch: &Scratch,
    (from, until): (Option<u64>, Option<u64>),
    progress: Progress<'_>,
) -> anyhow::Result<ReplayReport> {
    let view = journal_files::look(&config.folder("journal"), held)?
        .context("there is no journal to replay")?;
    let applied = scratch.real.offset(PARTITION).await.context("cannot read the store")?;
    ensure!(
        applied.0 < view.journal.durable_end(),
        "the store stands at record {applied}, and the journal ends before {}",
        view.journal.durable_end()
    );
    let until = Seq(until.unwrap_or(applied.0).min(applied.0));
    let engine = begin(&config.folder("snapshots"), view.journal.start(), from, until)?;
    let span = Span { start: engine.seq(), until, applied };
    let began = Instant::now();
    let (touched, at) = apply(&view.journal, engine, &scratch.fresh, span, progress).await?;
    let entries = until.0.saturating_sub(span.start.0);
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    let comparison = Comparison::new(&scratch.real, &scratch.fresh, span, at);
    let findings = comparison.run(&touched).await?;
    Ok(ReplayReport {
        from: span.start.next().0,
        until: until.0,
        snapshot: span.start.0,
        entries,
        entries_per_second: entries.saturating_mul(1_000) / millis,
        incidents: findings.incidents,
        left_out: findings.left_out,
        audit_rows: findings.audit_rows,
        policies: findings.policies,
        alerts: findings.alerts,
        differences: findings.differences,
        differences_total: findings.total,
        took: Duration::ZERO,
    })
}

/// The engine to begin with. Without `from`: empty where the journal has its first record, and otherwise
/// of the oldest snapshot that can be used, so that as much as possible is replayed.
fn begin(
    folder: &Path,
    journal_start: u64,
    from: Option<u64>,
    until: Seq,
) -> anyhow::Result<Engine> {
    ensure!(from != Some(0), "the first record of a journal is number 1");
    if let Some(from) = from {
        ensure!(from <= until.0, "record {from} comes after {until}, the last one to be applied");
    }
    let mut positions = snapshot_files::positions(folder)?;
    positions.retain(|position| position.next().0 >= journal_start && *position <= until);
    match from {
        Some(from) => {
            positions.retain(|position| position.0 < from);
            positions.reverse();
        }
        None if journal_start == 1 => return Ok(Engine::new()),
        None => {}
    }
    for position in positions {
        match snapshot_files::restore(folder, position) {
            Ok(engine) => return Ok(engine),
            Err(error) => tracing::warn!(error = format!("{error:#}"), "passed over"),
        }
    }
    if journal_start == 1 {
        return Ok(Engine::new());
    }
    match from {
        Some(from) => bail!(
            "the journal begins with record {journal_start}, and no engine snapshot reaches from \
             there to record {from}"
        ),
        None => bail!(
            "the journal begins with record {journal_start}, and there is no engine snapshot to \
             begin with"
        ),
    }
}

/// Applies the records and commits their effects to the fresh store. Answers what they touched, and the
/// time of the last one.
async fn apply(
    journal: &SegmentJournal,
    mut engine: Engine,
    fresh: &SqliteStore,
    span: Span,
    progress: Progress<'_>,
) -> anyhow::Result<(Touched, Timestamp)> {
    let total = span.until.0.saturating_sub(span.start.0);
    let mut touched = Touched::default();
    let mut effects = Effects::default();
    commit(fresh, Seq(0), &engine, &effects).await?;
    let mut reader = journal.reader(span.start.next().0).context("cannot read the journal")?;
    while engine.seq() < span.until {
        let expected = engine.seq();
        effects.0.clear();
        while engine.seq() < span.until
            && engine.seq().0 - expected.0 < limits::PIPELINE_BATCH as u64
        {
            let batch = reader.next().context("cannot read the journal")?;
            let batch = batch.with_context(|| {
                format!("the journal ends before record {}", engine.seq().next())
            })?;
            let at = Timestamp::from_micros(batch.at());
            for (seq, record) in batch.records().take_while(|(seq, _)| *seq <= span.until.0) {
                let entry = codec::decode(record)
                    .with_context(|| format!("record {seq} of the journal cannot be understood"))?;
                engine.apply(Seq(seq), at, &entry, &mut effects);
            }
        }
        touched.note(&effects);
        commit(fresh, expected, &engine, &effects).await?;
        progress(engine.seq().0 - span.start.0, total);
    }
    Ok((touched, engine.at()))
}

async fn commit(
    fresh: &SqliteStore,
    expected: Seq,
    engine: &Engine,
    effects: &Effects,
) -> anyhow::Result<()> {
    let commit =
        Commit { partition: PARTITION, expected, through: engine.seq(), at: engine.at(), effects };
    fresh.commit(commit).await.context("cannot write to the fresh store")
}
