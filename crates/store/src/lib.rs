//! The store remembers: SQL rows of incidents, audit, policies, alerts, keys, projects and drafts, of
//! who is told what and what became of it, and the position up to which they are applied.
//!
//! Refuses to know: HTTP, the engine, the journal. It is told effects and asked for rows.
//!
//! Invariant: the effects of a batch and the position they bring the store to are written in one
//! transaction, and only if the store stood where the writer thinks it stood.

pub mod admin;
pub mod alerts;
mod batch;
pub mod commit;
pub mod conformance;
pub mod directory;
mod error;
pub mod keys;
pub mod memory;
pub mod outbox;
pub mod query;
pub mod sqlite;

use async_trait::async_trait;
use model::{GroupingPolicy, IncidentId, ProjectId, Seq};

pub use admin::{Admin, KeyRow, ProjectRow, RcaDraft};
pub use alerts::{ActiveAlert, ActiveAlerts, AlertBody, AlertList, AlertRoll, AlertTerm};
pub use commit::{Commit, PartitionId};
pub use directory::{
    Contact, DirectivePage, Directory, DocumentKind, DocumentRow, EndpointRow, SubscriberRow,
};
pub use error::{Error, ErrorKind};
pub use keys::{Keys, MintedSecret, mint_secret};
pub use memory::MemoryStore;
pub use outbox::{
    DeliveryRow, DeliveryStatus, DueTarget, LeaseOf, Leased, Letter, LetterFilter, LetterPage,
    NotificationFilter, NotificationPage, NotificationStatus, NotificationView, Outbox,
    OutboxCounts,
};
pub use query::{
    IncidentCounts, IncidentFilter, IncidentPage, IncidentView, PageCursor, RcaView, SignalMoves,
    TimelinePage,
};
pub use sqlite::{Options, SqliteStore};

/// What every backend of the store does. One conformance suite, [`conformance`], holds them all to it.
#[async_trait]
pub trait Store: Admin + Directory + Outbox + Send + Sync + 'static {
    /// The last applied position of a partition; `Seq(0)` where nothing was applied.
    async fn offset(&self, partition: PartitionId) -> Result<Seq, Error>;

    /// Writes a batch of effects and the position after it, together or not at all. After an error
    /// the store stands where it stood.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] when the store does not stand at `commit.expected`: somebody else owns the partition.
    async fn commit(&self, commit: Commit<'_>) -> Result<(), Error>;

    /// Incidents of a project, by severity and then by last signal, newest first.
    async fn incidents(
        &self,
        project: ProjectId,
        filter: &IncidentFilter,
    ) -> Result<IncidentPage, Error>;

    /// One incident, merged children and accepted RCA with it.
    async fn incident(
        &self,
        project: ProjectId,
        id: IncidentId,
    ) -> Result<Option<IncidentView>, Error>;

    /// The id behind a number.
    async fn incident_id(
        &self,
        project: ProjectId,
        number: u64,
    ) -> Result<Option<IncidentId>, Error>;

    /// Audit rows of an incident, oldest first.
    async fn timeline(
        &self,
        project: ProjectId,
        id: IncidentId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<TimelinePage, Error>;

    /// Signals whose incident changed after they were filed, for the given incidents.
    async fn signal_moves(
        &self,
        project: ProjectId,
        incidents: &[IncidentId],
    ) -> Result<SignalMoves, Error>;

    /// The grouping policies of a project in order of position.
    async fn policies(&self, project: ProjectId) -> Result<Vec<GroupingPolicy>, Error>;

    /// How many incidents there are by status and severity, over all projects: for metrics.
    async fn counts(&self) -> Result<IncidentCounts, Error>;

    /// The alerts that fire, as stored, in order of project and identity: what [`ActiveAlerts`] starts from.
    async fn firing_alerts(&self) -> Result<Vec<model::Alert>, Error>;

    /// Whether it answers, and how long that took in microseconds: for `/healthz`.
    async fn ping(&self) -> Result<u64, Error>;

    /// Makes every commit so far survive a power cut. Commits themselves need not: the journal re-applies
    /// what was lost, so whoever removes or passes over entries of the journal calls this first.
    /// A backend whose commits are durable at once has nothing to do.
    ///
    /// # Errors
    /// [`ErrorKind::Disk`] when the disk refuses.
    async fn sync(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Writes a consistent copy of the whole store to `path`, online.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when `path` exists, [`ErrorKind::Disk`] when it cannot be written.
    async fn backup(&self, path: &std::path::Path) -> Result<(), Error>;
}
