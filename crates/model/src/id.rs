//! Identifiers and keys, each a type of its own so that none can stand in for another.
//!
//! Nothing here is random: ids that the engine mints are functions of what the journal stamped.

use std::fmt;

use uuid::Uuid;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::time::Timestamp;

/// Position of an entry in its partition's journal. The first is 1; 0 means "before everything".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// The position after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The unit of isolation. Minted by the store, 1 is the `default` project of the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectId(pub u32);

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// Reads the usual text forms of a UUID.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(|uuid| Self(uuid.as_u128()))
            }

            /// What `Display` writes, without the ceremony of formatting.
            #[must_use]
            pub fn text(self, buffer: &mut [u8; 36]) -> &str {
                Uuid::from_u128(self.0).hyphenated().encode_lower(buffer)
            }

            /// The sixteen bytes, most significant first.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Uuid::from_u128(self.0).hyphenated().fmt(f)
            }
        }
    };
}

uuid_newtype! {
    /// A signal. Given by the sender, where it doubles as the idempotency key, or minted at the door.
    SignalId
}
uuid_newtype! {
    /// An incident. Minted by the engine out of what opened it, so a replay mints the same.
    IncidentId
}
uuid_newtype! {
    /// A command that waits for its outcome. Minted by whoever appends it.
    CommandId
}
uuid_newtype! {
    /// A grouping policy. Minted by the API when it is created.
    PolicyId
}
uuid_newtype! {
    /// An API key (not its secret).
    KeyId
}
uuid_newtype! {
    /// Who owns rules: a team inside, or a customer. Minted by the API.
    SubscriberId
}
uuid_newtype! {
    /// Where notifications are sent. Minted by the API.
    EndpointId
}
uuid_newtype! {
    /// A rule, silence, inhibition or escalation policy. Minted by the API.
    DirectiveId
}
uuid_newtype! {
    /// An on-call schedule. Minted by the API.
    ScheduleId
}
uuid_newtype! {
    /// One message due to one subscriber. A function of what it is about and when, so a replay mints the same.
    NotificationId
}

impl IncidentId {
    /// The id of the incident that the entry at `seq` opened in `project`: a UUID of version 8 whose
    /// first 48 bits are `at` in milliseconds, so that ids sort by opening, and whose rest is a hash.
    #[must_use]
    pub fn mint(project: ProjectId, seq: Seq, at: Timestamp) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&project.0.to_le_bytes());
        hasher.update(&seq.0.to_le_bytes());
        Self(dated(at, hasher.digest128()))
    }
}

/// A UUID of version 8 whose first 48 bits are `at` in milliseconds, and whose rest is that of `hash`.
/// Ids that are minted together lie together in an index, however many it holds.
pub(crate) fn dated(at: Timestamp, hash: u128) -> u128 {
    let mut bytes = hash.to_be_bytes();
    let millis = (at.micros().max(0) / 1_000).to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().as_u128()
}

/// Which signals are the same thing again. Version 1 of the function is [`crate::signal::Signal::identity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityKey(pub u128);

impl IdentityKey {
    /// 32 hexadecimal digits in lower case, most significant first.
    #[must_use]
    pub fn text(self, buffer: &mut [u8; 32]) -> &str {
        Uuid::from_u128(self.0).simple().encode_lower(buffer)
    }
}

/// Which signals belong to the same incident: a hash of project, policy, mode, and the names and values
/// of the key's fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupingKey(pub u128);

/// Feeds length-prefixed parts to a stable 128-bit hash (XXH3), so that no two lists of parts collide by
/// concatenation. The function is part of durable formats: it never changes, a new one gets a new name.
pub struct KeyHasher {
    /// What was added so far, while it is short: hashing it in one go is several times faster.
    short: [u8; SHORT_BYTES],
    len: usize,
    /// Takes over when it is no longer short.
    long: Option<Box<Xxh3>>,
}

/// Bytes up to which parts are hashed in one go; the keys of nearly all signals are shorter.
const SHORT_BYTES: usize = 512;

impl Default for KeyHasher {
    fn default() -> Self {
        Self { short: [0; SHORT_BYTES], len: 0, long: None }
    }
}

impl KeyHasher {
    /// A hasher that starts with the project, so that no key is ever shared across tenants.
    #[must_use]
    pub fn for_project(project: ProjectId) -> Self {
        let mut hasher = Self::default();
        let prefix = project.0.to_le_bytes();
        hasher.short[..prefix.len()].copy_from_slice(&prefix);
        hasher.len = prefix.len();
        hasher
    }

    /// Adds one part.
    #[inline]
    pub fn part(&mut self, bytes: &[u8]) -> &mut Self {
        let prefix = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        if self.long.is_none()
            && let Some((first, rest)) = self.short[self.len..].split_at_mut_checked(prefix.len())
            && let Some(room) = rest.get_mut(..bytes.len())
        {
            first.copy_from_slice(&prefix);
            room.copy_from_slice(bytes);
            self.len += prefix.len() + bytes.len();
        } else {
            self.spill(&prefix).update(bytes);
        }
        self
    }

    /// The hash of everything added so far.
    #[must_use]
    pub fn finish(&self) -> u128 {
        match &self.long {
            Some(long) => long.digest128(),
            None => xxh3_128(&self.short[..self.len]),
        }
    }

    /// Hands what was added so far, and `bytes`, to the hasher of what is long.
    #[cold]
    fn spill(&mut self, bytes: &[u8]) -> &mut Xxh3 {
        let long = self.long.get_or_insert_with(|| {
            let mut long = Box::new(Xxh3::new());
            long.update(&self.short[..self.len]);
            long
        });
        long.update(bytes);
        long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_incident_ids_are_stable_sort_by_time_and_differ_by_project() {
        let first =
            IncidentId::mint(ProjectId(1), Seq(7), Timestamp::from_micros(1_700_000_000_000_000));
        let again =
            IncidentId::mint(ProjectId(1), Seq(7), Timestamp::from_micros(1_700_000_000_000_000));
        let later =
            IncidentId::mint(ProjectId(1), Seq(8), Timestamp::from_micros(1_700_000_000_001_000));
        let other =
            IncidentId::mint(ProjectId(2), Seq(7), Timestamp::from_micros(1_700_000_000_000_000));
        assert_eq!(first, again);
        assert!(first < later);
        assert_ne!(first, other);
        expect_test::expect!["018bcfe5-6800-8df6-b193-09fb6d4caacb"].assert_eq(&first.to_string());
    }

    #[test]
    fn parts_do_not_collide_by_concatenation() {
        let mut left = KeyHasher::for_project(ProjectId(1));
        left.part(b"ab").part(b"c");
        let mut right = KeyHasher::for_project(ProjectId(1));
        right.part(b"a").part(b"bc");
        assert_ne!(left.finish(), right.finish());
    }

    #[test]
    fn a_key_is_the_same_hash_however_long_it_is() {
        for len in [0, 1, 16, 17, 128, 129, 240, 241, 503, 504, 505, 512, 2_000] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let mut key = KeyHasher::for_project(ProjectId(7));
            key.part(&bytes).part(b"end");
            let mut streamed = Xxh3::new();
            streamed.update(&7_u32.to_le_bytes());
            streamed.update(&u32::try_from(len).unwrap_or(0).to_le_bytes());
            streamed.update(&bytes);
            streamed.update(&3_u32.to_le_bytes());
            streamed.update(b"end");
            assert_eq!(key.finish(), streamed.digest128(), "{len}");
        }
    }

    #[test]
    fn the_hash_of_a_key_never_changes() {
        let mut key = KeyHasher::for_project(ProjectId(1));
        key.part(b"prod").part(b"db");
        expect_test::expect!["c729ef9b70d68841fc8d8e978b0f209f"]
            .assert_eq(&format!("{:032x}", key.finish()));
    }
}
