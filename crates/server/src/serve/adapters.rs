//! What the rooms ask of each other as ports, answered by what the server holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::{KeysChanged, Patience, Road, RoadError};
use async_trait::async_trait;
use ingest::{Applied, Pressure, Refusal};
use journal::{ErrorKind, Journal, Records, State};
use model::{Command, Entry, Outcome, ProjectId, Seq, SignalId, Timestamp, codec, limits};
use pipeline::Handle;
use store::{Keys, Store};

/// How long a command's outcome, or a read's catching up, is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way of commands: appended to the journal, awaited at the pipeline.
pub(super) struct JournalRoad {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) handle: Arc<Handle>,
}

/// The ids the pipeline has seen applied.
pub(super) struct SharedIds(pub(super) Arc<Handle>);

/// Whether anything can be taken now, from memory.
pub(super) struct Load {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) handle: Arc<Handle>,
    pub(super) stopping: Arc<AtomicBool>,
}

/// The keys, read anew when they change.
pub(super) struct KeyReload {
    pub(super) keys: Arc<Keys>,
    pub(super) store: Arc<dyn Store>,
}

/// The clock of the operating system, for the API.
pub(super) struct WallClock;

#[async_trait]
impl Road for JournalRoad {
    async fn submit(&self, command: Command) -> Result<Outcome, RoadError> {
        let waiting = self.handle.expect(command.id).ok_or(RoadError::Full)?;
        let mut records = Records::new();
        records.push_with(|buffer| codec::encode(&Entry::Command(Box::new(command)), buffer));
        let append = self.journal.append(records).map_err(|error| refused(&error))?;
        append.await.map_err(|error| refused(&error))?;
        match tokio::time::timeout(PATIENCE, waiting.outcome()).await {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) | Err(_) => Err(RoadError::TimedOut),
        }
    }

    async fn caught_up(&self, patience: Patience) -> Result<(), RoadError> {
        if patience == Patience::ShortInStorms
            && records_behind(&*self.journal, &self.handle) > limits::STORM_RECORDS
        {
            return Err(RoadError::TimedOut);
        }
        let last = Seq(self.journal.durable_end().saturating_sub(1));
        let waited = tokio::time::timeout(PATIENCE, self.handle.wait_applied(last)).await;
        waited.map_err(|_late| RoadError::TimedOut)
    }
}

impl Applied for SharedIds {
    fn contains(&self, project: ProjectId, signal: SignalId) -> bool {
        self.0.ids.contains(project, signal)
    }
}

impl Pressure for Load {
    fn refuse(&self) -> Option<Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Some(Refusal::ShuttingDown);
        }
        let behind = records_behind(&*self.journal, &self.handle);
        (behind > limits::LAG_RECORDS).then_some(Refusal::EngineLag)
    }
}

#[async_trait]
impl KeysChanged for KeyReload {
    async fn keys_changed(&self) -> Result<(), store::Error> {
        self.keys.reload(&*self.store).await
    }
}

impl api::Clock for WallClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Durable records that the engine has not decided on.
fn records_behind(journal: &dyn Journal, handle: &Handle) -> u64 {
    journal.durable_end().saturating_sub(1).saturating_sub(handle.decided().0)
}

/// Now, by the clock of the operating system.
pub(super) fn now() -> Timestamp {
    ingest::Clock::now(&ingest::SystemClock)
}

/// Whether the journal acknowledges, and why not.
pub(super) fn journal_trouble(journal: &dyn Journal) -> Option<String> {
    match journal.status().state {
        State::Ok => None,
        State::Full { what, .. } => Some(format!("the disk of the journal is full: {what}")),
        State::Failed { what, .. } => {
            Some(format!("the disk of the journal failed: {what}; restart to recover"))
        }
        State::Closed => Some("the journal is closed".to_owned()),
    }
}

fn refused(error: &journal::Error) -> RoadError {
    match error.kind() {
        ErrorKind::Full => RoadError::Full,
        ErrorKind::Disk | ErrorKind::Io => RoadError::Disk,
        ErrorKind::Closed
        | ErrorKind::TooLarge
        | ErrorKind::Empty
        | ErrorKind::Gone
        | ErrorKind::Ahead
        | ErrorKind::Corrupt
        | ErrorKind::Version
        | ErrorKind::Locked
        | ErrorKind::Options => RoadError::Closed,
    }
}
