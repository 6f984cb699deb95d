//! Ids of items that came without one: random, or derived so that a repeat derives the same.

use model::id::KeyHasher;
use model::{ProjectId, SignalId, Timestamp};

/// Mints ids for one request. Ids of one request ascend, so that they sort as the items did.
#[derive(Debug, Clone, Copy)]
pub struct Mint {
    millis: u64,
    seed: u128,
}

/// The 74 random bits of a version 7 UUID, less the highest, so that counting on never overflows.
const SEED_BITS: u32 = 73;

impl Mint {
    /// Mints version 7 UUIDs of the time `now` out of `seed`, of which 73 bits should be random.
    #[must_use]
    pub fn new(now: Timestamp, seed: u128) -> Self {
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        Self { millis, seed: seed & ((1 << SEED_BITS) - 1) }
    }

    /// Mints random ids of the time `now`.
    pub(crate) fn random(now: Timestamp) -> Self {
        Self::new(now, uuid::Uuid::new_v4().as_u128())
    }

    /// The next id.
    pub(crate) fn next(&mut self) -> SignalId {
        self.seed += 1;
        let (high, low) = ((self.seed >> 62) as u16, self.seed as u64 & ((1 << 62) - 1));
        let mut random = [0; 10];
        random[..2].copy_from_slice(&high.to_be_bytes());
        random[2..].copy_from_slice(&low.to_be_bytes());
        let uuid = uuid::Builder::from_unix_timestamp_millis(self.millis, &random).into_uuid();
        SignalId(uuid.as_u128())
    }
}

/// The id of the item at `index` of a request with this `Idempotency-Key`.
pub(crate) fn derived_from_key(project: ProjectId, key: &str, index: u32) -> SignalId {
    let mut hasher = KeyHasher::for_project(project);
    hasher.part(b"Idempotency-Key").part(key.as_bytes()).part(&index.to_le_bytes());
    version_8(hasher.finish())
}

/// The id of an alert in one of its states: the same from every replica and at every repeat.
pub(crate) fn derived_from_alert(
    project: ProjectId,
    fingerprint: u64,
    starts_at: Timestamp,
    resolved: bool,
) -> SignalId {
    let mut hasher = KeyHasher::for_project(project);
    hasher
        .part(b"alert")
        .part(&fingerprint.to_le_bytes())
        .part(&starts_at.micros().to_le_bytes())
        .part(&[u8::from(resolved)]);
    version_8(hasher.finish())
}

fn version_8(hash: u128) -> SignalId {
    SignalId(uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid().as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_ids_ascend_and_are_of_version_7() {
        let mut mint = Mint::new(Timestamp::from_micros(1_795_179_600_000_000), u128::MAX);
        let ids: Vec<SignalId> = (0..1_000).map(|_| mint.next()).collect();
        assert!(ids.is_sorted_by(|left, right| left < right));
        assert!(ids.iter().all(|id| uuid::Uuid::from_u128(id.0).get_version_num() == 7));
    }

    #[test]
    fn derived_ids_differ_by_project_key_and_index() {
        let id = derived_from_key(ProjectId(1), "k", 0);
        assert_eq!(id, derived_from_key(ProjectId(1), "k", 0));
        assert_ne!(id, derived_from_key(ProjectId(2), "k", 0));
        assert_ne!(id, derived_from_key(ProjectId(1), "l", 0));
        assert_ne!(id, derived_from_key(ProjectId(1), "k", 1));
        assert_eq!(uuid::Uuid::from_u128(id.0).get_version_num(), 8);
    }
}
