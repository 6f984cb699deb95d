//! The store in memory, with a record of every commit it took.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::{
    Actor, Effect, Effects, GroupingPolicy, IncidentId, KeyId, ProjectId, Seq, Status, Timestamp,
};
use store::{
    Admin, Commit, Error, ErrorKind, IncidentCounts, IncidentFilter, IncidentPage, IncidentView,
    KeyRow, MemoryStore, PageCursor, PartitionId, ProjectRow, RcaDraft, SignalMoves, Store,
    TimelinePage,
};

use super::Planted;

/// A commit that the store took: what the pipeline handed over.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Where the store stood.
    pub expected: Seq,
    /// Where it stands.
    pub through: Seq,
    /// The journal's time of the last entry.
    pub at: Timestamp,
    /// The effects.
    pub effects: Effects,
}

/// The store of the simulated world. Its rows survive a killed process; a power cut may take the latest.
#[derive(Debug, Default)]
pub struct SimStore {
    inner: MemoryStore,
    committed: Mutex<Vec<Committed>>,
    refused: AtomicU64,
    planted: Option<Planted>,
}

impl SimStore {
    /// An empty store, with a planted mistake if there is one.
    #[must_use]
    pub fn new(planted: Option<Planted>) -> Self {
        Self { planted, ..Self::default() }
    }

    /// The store itself.
    #[must_use]
    pub fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    /// The commits since this was last asked, in order.
    #[must_use]
    pub fn take_committed(&self) -> Vec<Committed> {
        std::mem::take(&mut self.record())
    }

    /// How many commits were refused as told since this was last asked.
    #[must_use]
    pub fn take_refused(&self) -> u64 {
        self.refused.swap(0, Ordering::SeqCst)
    }

    fn record(&self) -> MutexGuard<'_, Vec<Committed>> {
        self.committed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is written instead of `effects`.
    fn corrupted(&self, effects: &Effects) -> Effects {
        let mut changed = effects.clone();
        let list = &mut changed.0;
        match self.planted {
            Some(Planted::StoreDropsFiled) => {
                let last = list.iter().rposition(is_joined);
                last.map(|index| list.remove(index));
            }
            Some(Planted::StoreCountsTwice) => {
                for effect in list.iter_mut() {
                    if let Effect::Filed { signal_count, incident: Some(_), .. } = effect {
                        *signal_count += 1;
                    }
                }
            }
            Some(Planted::StoreDropsMove) => {
                for effect in list.iter_mut() {
                    if let Effect::Incident(incident) = effect
                        && incident.status == Status::Resolved
                    {
                        incident.status = Status::Open;
                    }
                }
            }
            Some(Planted::StoreOpensTwice) => {
                let mut twins: Vec<Effect> = list.iter().filter_map(twin).collect();
                list.append(&mut twins);
            }
            Some(Planted::StoreDropsRca) => {
                list.retain(|effect| !matches!(effect, Effect::RcaAccepted { .. }));
            }
            Some(Planted::StoreDropsNotification) => {
                let is_lost = |id: model::NotificationId| id.0.is_multiple_of(2);
                list.retain(|effect| !matches!(effect, Effect::Notified(one) if is_lost(one.id)));
            }
            Some(Planted::StoreDropsReceipt) => {
                let told = model::Verdict::Delivered;
                list.retain(|effect| {
                    !matches!(effect, Effect::Attempted { receipt, .. } if receipt.verdict == told)
                });
            }
            Some(Planted::StoreCrossesTenant) => {
                for effect in list.iter_mut() {
                    if let Effect::Incident(incident) = effect {
                        incident.project = ProjectId(incident.project.0 % 3 + 1);
                    }
                }
            }
            Some(
                Planted::StoreIgnoresFencing
                | Planted::LakeLosesRow
                | Planted::LakeCrossesTenant
                | Planted::JournalAcknowledgesEarly
                | Planted::JournalQueueUnbounded
                | Planted::SnapshotIsStale
                | Planted::EffectsDiffer,
            )
            | None => {}
        }
        changed
    }
}

fn is_joined(effect: &Effect) -> bool {
    matches!(effect, Effect::Filed { incident: Some(_), signal_count, .. } if *signal_count > 1)
}

/// A second incident with the same key.
fn twin(effect: &Effect) -> Option<Effect> {
    let Effect::Incident(incident) = effect else { return None };
    let mut twin = incident.clone();
    twin.id = IncidentId(twin.id.0 ^ 1);
    (incident.signal_count == 1).then_some(Effect::Incident(twin))
}

#[async_trait]
impl Store for SimStore {
    async fn offset(&self, partition: PartitionId) -> Result<Seq, Error> {
        self.inner.offset(partition).await
    }

    async fn commit(&self, commit: Commit<'_>) -> Result<(), Error> {
        let (partition, through, at) = (commit.partition, commit.through, commit.at);
        let mut effects = commit.effects.clone();
        if self.planted == Some(Planted::EffectsDiffer) {
            effects.0.retain(|effect| !matches!(effect, Effect::AlertResolved { .. }));
        }
        let mut expected = commit.expected;
        if self.planted == Some(Planted::StoreIgnoresFencing) {
            expected = self.inner.offset(partition).await?;
        }
        let written = self.corrupted(&effects);
        let commit = Commit { partition, expected, through, at, effects: &written };
        match self.inner.commit(commit).await {
            Ok(()) => self.record().push(Committed { expected, through, at, effects }),
            Err(error) if error.kind() == ErrorKind::Fenced => return Err(error),
            Err(error) => {
                self.refused.fetch_add(1, Ordering::SeqCst);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn incidents(
        &self,
        project: ProjectId,
        filter: &IncidentFilter,
    ) -> Result<IncidentPage, Error> {
        self.inner.incidents(project, filter).await
    }

    async fn incident(
        &self,
        project: ProjectId,
        id: IncidentId,
    ) -> Result<Option<IncidentView>, Error> {
        self.inner.incident(project, id).await
    }

    async fn incident_id(
        &self,
        project: ProjectId,
        number: u64,
    ) -> Result<Option<IncidentId>, Error> {
        self.inner.incident_id(project, number).await
    }

    async fn timeline(
        &self,
        project: ProjectId,
        id: IncidentId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<TimelinePage, Error> {
        self.inner.timeline(project, id, after, limit).await
    }

    async fn signal_moves(
        &self,
        project: ProjectId,
        incidents: &[IncidentId],
    ) -> Result<SignalMoves, Error> {
        self.inner.signal_moves(project, incidents).await
    }

    async fn policies(&self, project: ProjectId) -> Result<Vec<GroupingPolicy>, Error> {
        self.inner.policies(project).await
    }

    async fn counts(&self) -> Result<IncidentCounts, Error> {
        self.inner.counts().await
    }

    async fn firing_alerts(&self) -> Result<Vec<model::Alert>, Error> {
        self.inner.firing_alerts().await
    }

    async fn ping(&self) -> Result<u64, Error> {
        self.inner.ping().await
    }

    async fn sync(&self) -> Result<(), Error> {
        self.inner.sync().await
    }

    async fn backup(&self, path: &Path) -> Result<(), Error> {
        self.inner.backup(path).await
    }
}

#[async_trait]
impl Admin for SimStore {
    async fn create_project(
        &self,
        organization: &str,
        name: &str,
        now: Timestamp,
        by: &Actor,
    ) -> Result<ProjectRow, Error> {
        self.inner.create_project(organization, name, now, by).await
    }

    async fn projects(&self) -> Result<Vec<ProjectRow>, Error> {
        self.inner.projects().await
    }

    async fn create_key(&self, key: &KeyRow, by: &Actor) -> Result<(), Error> {
        self.inner.create_key(key, by).await
    }

    async fn keys(&self, project: Option<ProjectId>) -> Result<Vec<KeyRow>, Error> {
        self.inner.keys(project).await
    }

    async fn revoke_key(
        &self,
        project: ProjectId,
        id: KeyId,
        now: Timestamp,
        by: &Actor,
    ) -> Result<(), Error> {
        self.inner.revoke_key(project, id, now, by).await
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), Error> {
        self.inner.touch_keys(used).await
    }

    async fn draft(
        &self,
        project: ProjectId,
        incident: IncidentId,
    ) -> Result<Option<RcaDraft>, Error> {
        self.inner.draft(project, incident).await
    }

    async fn save_draft(
        &self,
        project: ProjectId,
        draft: &RcaDraft,
        expected_version: Option<u64>,
    ) -> Result<RcaDraft, Error> {
        self.inner.save_draft(project, draft, expected_version).await
    }
}
