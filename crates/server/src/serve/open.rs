//! Opening: disk, journal, store, lake, pipeline.
//!
//! Every resource registers how it is closed when it is opened; closing runs last in, first out.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use delivery::Courier;
use journal::{Durability, RealDisk, SegmentJournal, SystemClock};
use lake::{Lake, LocalLake};
use pipeline::{DirSnapshots, Observer, Pipeline, Running, Snapshots};
use rustix::fs::Mode;
use store::sqlite::SqliteStore;
use store::{Keys, PartitionId};
use tokio::runtime;

use super::build::{Built, Rooms};
use super::courtesy::behind_the_doors;
use super::deliver;
use super::first_start;
use super::histogram::Histogram;
use super::metered_disk::MeteredDisk;
use super::sealed;
use crate::config::Config;

/// The partition of a server that stands alone.
pub(super) const PARTITION: PartitionId = PartitionId(0);
/// How often the pipeline's thread is looked after.
const LOOK: Duration = Duration::from_millis(100);

/// Everything that is open, and what answers.
pub(super) struct Parts {
    pub(super) rooms: Rooms,
    pub(super) built: Built,
    /// Until it is started.
    pub(super) courier: Option<Courier>,
    pipeline: Option<Running>,
    closing: Closing,
}

/// How each resource is closed, in the order they were opened.
#[derive(Default)]
struct Closing(Vec<(&'static str, Close)>);

type Close = Box<dyn FnOnce() -> anyhow::Result<()> + Send>;

/// The three things that hold data, before anything runs on them.
pub(super) struct Storage {
    pub(super) journal: Arc<SegmentJournal>,
    pub(super) store: Arc<SqliteStore>,
    pub(super) lake: Arc<LocalLake>,
    pub(super) snapshots: Arc<DirSnapshots>,
    pub(super) syncs: Arc<Histogram>,
}

/// Every file that the process makes is its user's alone: what it stores tells of everybody, and part of it opens
/// secrets.
pub(super) fn private_from_now_on() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

impl Storage {
    /// Opens journal, store, lake and snapshots of a data directory, recovering what a crash left.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        let data = &config.data_dir;
        private_from_now_on();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .with_context(|| format!("cannot create the data folder {}", data.display()))?;
        let cannot = |part: &str| format!("cannot open {}", config.folder(part).display());
        let snapshots =
            DirSnapshots::open(&config.folder("snapshots")).with_context(|| cannot("snapshots"))?;
        let syncs = Arc::new(Histogram::default());
        let journal = open_journal(config, &snapshots, &syncs)?;
        let store = SqliteStore::open(store::sqlite::Options::new(config.folder("store.sqlite")))
            .await
            .with_context(|| cannot("store.sqlite"))?;
        let lake = behind_the_doors(|| LocalLake::open(lake_options(config)))
            .with_context(|| cannot("lake"))?;
        Ok(Self {
            journal: Arc::new(journal),
            store: Arc::new(store),
            lake: Arc::new(lake),
            snapshots: Arc::new(snapshots),
            syncs,
        })
    }

    /// What a pipeline over this storage stands between.
    pub(super) fn ports(&self) -> pipeline::Ports {
        pipeline::Ports {
            journal: self.journal.clone(),
            store: self.store.clone(),
            lake: self.lake.clone(),
            snapshots: self.snapshots.clone(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Parts {
    /// Opens everything for a server that answers at `own_address`, catches up with the journal and starts the pipeline.
    pub(super) async fn open(
        config: &Config,
        own_address: String,
        runtime: &runtime::Handle,
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        // Whatever else can be wrong with the configuration is said before a data folder is made.
        let roots = deliver::roots(config)?;
        let storage = Storage::open(config).await?;
        let mut closing = Closing::default();
        closing.register("store", close_store(Arc::clone(&storage.store), runtime.clone()));
        closing.register("lake", close_lake(Arc::clone(&storage.lake)));
        let seal = sealed::unlock(config, &*storage.store).await?;
        first_start::ensure_admin_key(&*storage.store, &config.admin_key_path()).await?;
        let keys = Arc::new(Keys::load(&*storage.store).await.context("cannot read the keys")?);
        let (pipeline, opened) = Pipeline::open(storage.ports(), PARTITION)
            .await
            .context("cannot bring the engine up to the journal")?;
        tracing::info!(
            snapshot = opened.snapshot.0,
            replayed = opened.replayed,
            caught_up = opened.caught_up,
            millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "opened"
        );
        let handle = pipeline.handle();
        let channels = deliver::channels(config, seal, own_address, roots)?;
        let courier = deliver::courier(&storage, &handle, &channels);
        let batches = Arc::new(Histogram::default());
        let observed = Arc::clone(&batches);
        let observer = Observer::new(move |took| observed.observe(took));
        let options = pipeline::Options { observer, ..config.pipeline.clone() };
        let running = behind_the_doors(|| pipeline.run(options, runtime.clone()))
            .context("cannot start the pipeline's thread")?;
        let rooms = Rooms {
            journal: storage.journal.clone(),
            store: storage.store.clone(),
            lake: storage.lake.clone(),
            keys,
            handle,
            channels,
            courier: courier.handle(),
            syncs: storage.syncs.clone(),
            batches,
            stopping: Arc::default(),
        };
        let built = rooms.build(config);
        Ok(Self { rooms, built, courier: Some(courier), pipeline: Some(running), closing })
    }

    /// From here on doors answer 503: what is on its way is still finished.
    pub(super) fn refuse_from_now_on(&self) {
        self.rooms.stopping.store(true, Ordering::Relaxed);
    }

    /// Resolves with the reason when the pipeline has ended by itself.
    pub(super) async fn pipeline_death(&mut self) -> anyhow::Error {
        while !self.pipeline.as_ref().is_none_or(Running::is_finished) {
            tokio::time::sleep(LOOK).await;
        }
        match self.pipeline.take().map(Running::stop) {
            Some(Err(error)) => anyhow::Error::new(error).context("the pipeline cannot go on"),
            Some(Ok(())) | None => anyhow::anyhow!("the pipeline ended without being asked to"),
        }
    }

    /// Drains the journal to durable, applies what is durable, and closes the rest, last in, first out.
    pub(super) fn close(mut self, runtime: &runtime::Runtime) -> anyhow::Result<()> {
        self.rooms.journal.close();
        let mut first_error = None;
        if let Some(pipeline) = self.pipeline.take()
            && let Err(error) = pipeline.stop()
        {
            first_error = Some(anyhow::Error::new(error).context("the pipeline did not end well"));
        }
        let used = self.rooms.keys.used();
        if let Err(error) = runtime.block_on(self.rooms.store.touch_keys(&used)) {
            tracing::warn!(%error, "the last uses of keys were not noted");
        }
        for (name, close) in self.closing.0.into_iter().rev() {
            if let Err(error) = close() {
                first_error.get_or_insert(error.context(format!("{name} did not close well")));
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

impl Closing {
    fn register(
        &mut self,
        name: &'static str,
        close: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) {
        self.0.push((name, Box::new(close)));
    }
}

fn close_store(
    store: Arc<SqliteStore>,
    runtime: runtime::Handle,
) -> impl FnOnce() -> anyhow::Result<()> + Send {
    move || runtime.block_on(store.close()).context("cannot close the store")
}

fn close_lake(lake: Arc<LocalLake>) -> impl FnOnce() -> anyhow::Result<()> + Send {
    move || lake.close().context("cannot close the lake")
}

fn open_journal(
    config: &Config,
    snapshots: &DirSnapshots,
    syncs: &Arc<Histogram>,
) -> anyhow::Result<SegmentJournal> {
    if config.durability == Durability::Os {
        tracing::warn!(
            "durability is `os`: acknowledged records survive a crash of the process, not of the machine"
        );
    }
    let folder = config.folder("journal");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let disk =
        RealDisk::new(&folder).with_context(|| format!("cannot open {}", folder.display()))?;
    let newest = snapshots.newest(model::Seq(u64::MAX)).context("cannot read the snapshots")?;
    // What a snapshot stands for has been read, applied and kept: only what comes after must be whole to go on.
    let verify_from = newest.map_or(0, |(seq, _)| seq.next().0);
    let options = journal::Options { verify_from, ..config.journal.clone() };
    let disk = Arc::new(MeteredDisk::new(disk, Arc::clone(syncs)));
    let (journal, recovery) = SegmentJournal::open(options, disk, Arc::new(SystemClock))
        .context("cannot open the journal")?;
    if let Some(truncated) = &recovery.truncated {
        tracing::warn!(
            ?truncated,
            "the journal's torn tail was cut: what was in it had not been acknowledged"
        );
    }
    Ok(journal)
}

fn lake_options(config: &Config) -> lake::Options {
    lake::Options {
        flush_rows: config.lake_flush_rows,
        flush_age: config.lake_flush_age,
        ..lake::Options::new(lake_folder(&config.data_dir))
    }
}

fn lake_folder(data: &Path) -> std::path::PathBuf {
    data.join("lake")
}
