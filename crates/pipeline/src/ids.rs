//! The given ids that were applied, shared with the doors so that they can count duplicates without
//! asking the engine.

use std::sync::RwLock;

use engine::Dedup;
use model::{ProjectId, SignalId, Timestamp};

/// Given ids applied within the dedup horizon.
#[derive(Debug, Default)]
pub struct AppliedIds(RwLock<Dedup>);

impl AppliedIds {
    /// Whether the id was applied within the horizon.
    #[must_use]
    pub fn contains(&self, project: ProjectId, id: SignalId) -> bool {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).contains(project, id)
    }

    /// Notes ids that are applied now.
    pub(crate) fn note(&self, ids: &[(ProjectId, SignalId)], at: Timestamp) {
        if ids.is_empty() {
            return;
        }
        let mut dedup = self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for &(project, id) in ids {
            dedup.remember(project, id, at);
        }
    }
}
