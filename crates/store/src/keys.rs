//! API keys in memory: the port through which a presented secret becomes a grant.
//!
//! It stands on the road of every request, so it hashes, looks up once and copies one reference.
//! Refuses to know: HTTP, how a secret is presented. Invariant: a secret is never kept, logged or
//! compared; only its SHA-256 is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model::{Access, Denied, Grant, KeyId, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::{Error, ErrorKind, KeyRow, ProjectRow, Store};

/// Every key of the store, by the SHA-256 of its secret.
#[derive(Debug, Default)]
pub struct Keys {
    table: RwLock<HashMap<[u8; 32], Arc<Entry>>>,
    /// One reads and replaces at a time: rows that were read earlier are never put in place later.
    reloading: Mutex<()>,
}

/// A new secret and what the store keeps of it. It is shown once and not printed by `Debug`.
pub struct MintedSecret {
    /// What the owner of the key presents: `sb_` and 43 letters and digits, 256 bits of chance.
    pub secret: String,
    /// Its first characters, to recognise it by.
    pub prefix: String,
    /// Its SHA-256.
    pub digest: [u8; 32],
}

impl Keys {
    /// Reads all keys of all projects.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: &dyn Store) -> Result<Self, Error> {
        let keys = Self::default();
        keys.reload(store).await?;
        Ok(keys)
    }

    /// Reads them again, after one was created or revoked.
    ///
    /// # Errors
    /// The store cannot be read; the keys stay as they were.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), Error> {
        self.replace(async { Ok((store.projects().await?, store.keys(None).await?)) }).await
    }

    /// Reads and puts in place what was read, before anybody else begins to read.
    async fn replace(
        &self,
        read: impl Future<Output = Result<(Vec<ProjectRow>, Vec<KeyRow>), Error>>,
    ) -> Result<(), Error> {
        let _one_at_a_time = self.reloading.lock().await;
        let (projects, rows) = read.await?;
        self.refresh(&projects, &rows);
        Ok(())
    }

    /// Takes these keys in place of all before. Uses not yet drained are kept.
    fn refresh(&self, projects: &[ProjectRow], rows: &[KeyRow]) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = rows.iter().filter_map(|row| {
            let project = projects.iter().find(|project| project.id == row.project)?;
            Some((row.digest, Arc::new(Entry::new(row, project, table.get(&row.digest)))))
        });
        *table = fresh.collect();
    }

    /// Keys used since the last call and when, to the minute: for [`crate::Admin::touch_keys`].
    /// Never more than there are keys.
    #[must_use]
    pub fn used(&self) -> Vec<(KeyId, Timestamp)> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.values().filter_map(|entry| entry.drain()).collect()
    }
}

impl Access for Keys {
    fn grant(&self, secret: &str, now: Timestamp) -> Result<Arc<Grant>, Denied> {
        let digest = digest(secret);
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.get(&digest).ok_or(Denied::Unknown)?.grant(now)
    }
}

/// Mints a secret from the operating system's randomness.
///
/// # Errors
/// The operating system has none to give.
pub fn mint_secret() -> Result<MintedSecret, Error> {
    let mut secret = String::with_capacity(SECRET_PREFIX.len() + SECRET_CHARS);
    secret.push_str(SECRET_PREFIX);
    while secret.len() < SECRET_PREFIX.len() + SECRET_CHARS {
        let mut chance = [0_u8; 32];
        getrandom::fill(&mut chance).map_err(|error| {
            let what = format!("the operating system gave no randomness: {error}");
            Error::new(ErrorKind::Database, what)
        })?;
        let room = SECRET_PREFIX.len() + SECRET_CHARS - secret.len();
        // Bytes past the last multiple of 62 are thrown away, so that every character is as likely.
        let characters = chance.iter().filter(|&&byte| byte < 248);
        let characters = characters.map(|&byte| char::from(ALPHABET[usize::from(byte % 62)]));
        secret.extend(characters.take(room));
    }
    let prefix = secret[..PREFIX_CHARS].to_owned();
    let digest = digest(&secret);
    Ok(MintedSecret { secret, prefix, digest })
}

/// SHA-256 of a secret, as the store keeps it.
#[must_use]
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

const SECRET_PREFIX: &str = "sb_";
/// 43 characters out of 62 carry 256 bits.
const SECRET_CHARS: usize = 43;
/// Characters of a secret that are kept in the clear: the 6 after `sb_` leave 220 bits.
const PREFIX_CHARS: usize = 9;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const MINUTE_MICROS: i64 = 60_000_000;
const NEVER: i64 = i64::MIN;

/// One key, and when it was last used.
#[derive(Debug)]
struct Entry {
    grant: Arc<Grant>,
    revoked: bool,
    expires_at: Option<Timestamp>,
    /// Minute of the last use; [`NEVER`] before the first.
    used_minute: AtomicI64,
    /// The minute that was drained last.
    drained_minute: AtomicI64,
}

impl Entry {
    fn new(row: &KeyRow, project: &ProjectRow, before: Option<&Arc<Self>>) -> Self {
        let stored = row.last_used_at.map_or(NEVER, |at| at.micros().div_euclid(MINUTE_MICROS));
        let used = before.map_or(NEVER, |entry| entry.used_minute.load(Ordering::Relaxed));
        let drained = before.map_or(NEVER, |entry| entry.drained_minute.load(Ordering::Relaxed));
        Self {
            grant: Arc::new(Grant {
                key: row.id,
                project: row.project,
                project_name: project.name.clone(),
                organization_name: project.organization.clone(),
                name: row.name.clone(),
                scopes: row.scopes,
                rate_per_second: row.rate_per_second,
            }),
            revoked: row.revoked_at.is_some(),
            expires_at: row.expires_at,
            used_minute: AtomicI64::new(used.max(stored)),
            drained_minute: AtomicI64::new(drained.max(stored)),
        }
    }

    fn grant(&self, now: Timestamp) -> Result<Arc<Grant>, Denied> {
        if self.revoked {
            return Err(Denied::Revoked);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Denied::Expired);
        }
        let minute = now.micros().div_euclid(MINUTE_MICROS);
        // Read first: a store by every request would move the cache line between threads.
        if self.used_minute.load(Ordering::Relaxed) < minute {
            self.used_minute.fetch_max(minute, Ordering::Relaxed);
        }
        Ok(Arc::clone(&self.grant))
    }

    fn drain(&self) -> Option<(KeyId, Timestamp)> {
        let used = self.used_minute.load(Ordering::Relaxed);
        let drained = self.drained_minute.swap(used, Ordering::Relaxed);
        (used > drained)
            .then(|| (self.grant.key, Timestamp::from_micros(used.saturating_mul(MINUTE_MICROS))))
    }
}

#[cfg(test)]
mod tests {
    use model::{ProjectId, Scope};

    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn project() -> ProjectRow {
        ProjectRow {
            id: ProjectId(1),
            organization: "acme".to_owned(),
            name: "shop".to_owned(),
            created_at: Timestamp::default(),
        }
    }

    fn row(id: u128, secret: &str) -> KeyRow {
        KeyRow {
            id: KeyId(id),
            project: ProjectId(1),
            name: "ci".to_owned(),
            prefix: "sb_".to_owned(),
            digest: digest(secret),
            scopes: [Scope::Ingest].into_iter().collect(),
            rate_per_second: Some(5),
            created_at: Timestamp::default(),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn a_secret_grants_what_its_key_says_until_it_expires_or_is_revoked() {
        let keys = Keys::default();
        let expiring = KeyRow { expires_at: Some(at(DAY)), ..row(2, "expiring") };
        let revoked = KeyRow { revoked_at: Some(at(1)), ..row(3, "revoked") };
        keys.refresh(&[project()], &[row(1, "good"), expiring, revoked]);
        let grant = keys.grant("good", at(DAY)).expect("the key is good");
        assert_eq!(grant.project_name, "shop");
        assert_eq!(grant.organization_name, "acme");
        assert_eq!(grant.rate_per_second, Some(5));
        assert!(grant.scopes.has(Scope::Ingest) && !grant.scopes.has(Scope::Read));
        assert!(keys.grant("expiring", at(DAY - 1)).is_ok());
        assert_eq!(keys.grant("expiring", at(DAY)), Err(Denied::Expired));
        assert_eq!(keys.grant("revoked", at(DAY)), Err(Denied::Revoked));
        assert_eq!(keys.grant("", at(DAY)), Err(Denied::Unknown));
        assert_eq!(keys.grant("Good", at(DAY)), Err(Denied::Unknown));
    }

    #[test]
    fn uses_are_drained_once_and_outlive_a_refresh() {
        let keys = Keys::default();
        keys.refresh(&[project()], &[row(1, "good"), row(2, "idle")]);
        assert_eq!(keys.used(), []);
        for micros in [DAY, DAY + 1, DAY + 59_999_999] {
            assert!(keys.grant("good", at(micros)).is_ok());
        }
        keys.refresh(&[project()], &[row(1, "good"), row(2, "idle")]);
        assert_eq!(keys.used(), [(KeyId(1), at(DAY))]);
        assert_eq!(keys.used(), []);
        assert!(keys.grant("good", at(DAY + 60_000_000)).is_ok());
        assert_eq!(keys.used(), [(KeyId(1), at(DAY + 60_000_000))]);
    }

    #[tokio::test]
    async fn what_was_read_earlier_is_never_put_in_place_later() {
        let keys = Keys::default();
        let (go_on, may_go_on) = tokio::sync::oneshot::channel::<()>();
        let slow = keys.replace(async {
            may_go_on.await.expect("it is told to go on");
            Ok((vec![project()], vec![row(1, "good")]))
        });
        let revoked = KeyRow { revoked_at: Some(at(1)), ..row(1, "good") };
        let quick = async {
            let read = async { Ok((vec![project()], vec![revoked])) };
            tokio::select! {
                biased;
                replaced = keys.replace(read) => replaced.expect("it was read"),
                // It has to wait for the slow one, which is let go on.
                () = async { go_on.send(()).expect("somebody waits"); std::future::pending().await } => {}
            }
        };
        let (slow, ()) = tokio::join!(slow, quick);
        slow.expect("it was read");
        assert_eq!(keys.grant("good", at(DAY)), Err(Denied::Revoked));
    }

    #[test]
    fn a_key_without_its_project_grants_nothing() {
        let keys = Keys::default();
        keys.refresh(&[], &[row(1, "good")]);
        assert_eq!(keys.grant("good", at(0)), Err(Denied::Unknown));
    }

    #[test]
    fn minted_secrets_differ_and_match_what_is_kept_of_them() {
        let first = mint_secret().expect("there is randomness");
        let second = mint_secret().expect("there is randomness");
        assert_ne!(first.secret, second.secret);
        assert_eq!(first.secret.len(), 46);
        assert!(first.secret[3..].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(first.secret.starts_with(&first.prefix) && first.prefix.starts_with("sb_"));
        assert_eq!(first.digest, digest(&first.secret));
    }
}
