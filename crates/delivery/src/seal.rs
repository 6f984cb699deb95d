//! Secrets at rest: XChaCha20-Poly1305 under a key that lies in a file beside the data.
//!
//! A sealed secret is one byte of version (1), 24 of nonce, then the cipher text with its tag. It is bound to
//! the place it was sealed for, so that one endpoint's secret cannot be moved to another.
//! Refuses to know: what is sealed. Invariant: the key is written once, readable by its owner only.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Seal {
    cipher: XChaCha20Poly1305,
}

/// Why nothing was sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key file cannot be read or written.
    #[error("cannot use the key file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key file does not hold 32 bytes.
    #[error("the key file {0} does not hold 32 bytes")]
    Key(PathBuf),
    /// Others than its owner may read the key file.
    #[error(
        "the key file {0} may be read by others; make it readable by its owner only (mode 0600)"
    )]
    Mode(PathBuf),
    /// The machine gives no randomness.
    #[error("the machine gives no randomness")]
    Randomness,
    /// It was sealed under another key, for another place, by a later version, or was changed.
    #[error("a sealed secret does not open: another key, another endpoint, or damaged")]
    Broken,
}

impl Seal {
    /// Opens the key file at `path`; makes one of 32 random bytes, mode 0600, where there is none.
    ///
    /// # Errors
    /// It cannot be read or written, holds something else, or others may read it.
    pub fn open_file(path: &Path) -> Result<Self, SealError> {
        if let Some(seal) = Self::read_file(path)? {
            return Ok(seal);
        }
        make_key(path)?;
        let failed = |source| SealError::File { path: path.to_owned(), source };
        read_key(File::open(path).map_err(failed)?, path)
    }

    /// Opens the key file at `path`; `None` where there is none.
    ///
    /// # Errors
    /// As [`Seal::open_file`].
    pub fn read_file(path: &Path) -> Result<Option<Self>, SealError> {
        match File::open(path) {
            Ok(file) => read_key(file, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SealError::File { path: path.to_owned(), source }),
        }
    }

    /// A seal with this key.
    #[must_use]
    pub fn with_key(key: [u8; KEY_BYTES]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(key)) }
    }

    /// Seals `plain` for `place`; what is empty stays empty.
    ///
    /// # Errors
    /// The machine gives no randomness.
    pub fn seal(&self, plain: &[u8], place: &[u8]) -> Result<Vec<u8>, SealError> {
        if plain.is_empty() {
            return Ok(Vec::new());
        }
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Randomness)?;
        let payload = Payload { msg: plain, aad: place };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        let mut whole = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        whole.push(VERSION);
        whole.extend_from_slice(&nonce);
        whole.extend_from_slice(&sealed);
        Ok(whole)
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// It was sealed under another key or for another place, or was changed.
    pub fn open(&self, sealed: &[u8], place: &[u8]) -> Result<Vec<u8>, SealError> {
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        let (&version, rest) = sealed.split_first().ok_or(SealError::Broken)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Broken)?;
        if version != VERSION {
            return Err(SealError::Broken);
        }
        let payload = Payload { msg: text, aad: place };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)
    }
}

/// Says nothing of the key.
impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

fn read_key(mut file: File, path: &Path) -> Result<Seal, SealError> {
    let failed = |source| SealError::File { path: path.to_owned(), source };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(SealError::Mode(path.to_owned()));
    }
    if metadata.len() != KEY_BYTES as u64 {
        return Err(SealError::Key(path.to_owned()));
    }
    let mut key = [0; KEY_BYTES];
    file.read_exact(&mut key).map_err(failed)?;
    Ok(Seal::with_key(key))
}

/// Writes the key under another name first, so that a crash leaves a whole key or none; whoever links it
/// first wins.
fn make_key(path: &Path) -> Result<(), SealError> {
    let failed = |source| SealError::File { path: path.to_owned(), source };
    let mut key = [0; KEY_BYTES];
    let mut suffix = [0; 8];
    getrandom::fill(&mut key).map_err(|_| SealError::Randomness)?;
    getrandom::fill(&mut suffix).map_err(|_| SealError::Randomness)?;
    let new = path.with_extension(format!("new-{:016x}", u64::from_le_bytes(suffix)));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
    let written = file.write_all(&key).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&new, path));
    let removed = std::fs::remove_file(&new);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    removed.map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_place_and_nowhere_else() {
        let seal = Seal::with_key([7; 32]);
        let sealed = seal.seal(b"hunter2", b"1/a").unwrap();
        assert_eq!(sealed[0], 1);
        assert_eq!(sealed.len(), 1 + 24 + 7 + 16);
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(seal.open(&sealed, b"1/a").unwrap(), b"hunter2");
        assert!(seal.open(&sealed, b"1/b").is_err());
        assert!(Seal::with_key([8; 32]).open(&sealed, b"1/a").is_err());
        assert_ne!(seal.seal(b"hunter2", b"1/a").unwrap(), sealed, "a nonce is never used twice");
    }

    #[test]
    fn no_changed_or_shortened_byte_passes() {
        let seal = Seal::with_key([7; 32]);
        let sealed = seal.seal(b"hunter2", b"x").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(seal.open(&changed, b"x").is_err(), "byte {place}");
        }
        for length in 1..sealed.len() {
            assert!(seal.open(&sealed[..length], b"x").is_err(), "length {length}");
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        let seal = Seal::with_key([7; 32]);
        assert!(seal.seal(b"", b"x").unwrap().is_empty());
        assert!(seal.open(b"", b"x").unwrap().is_empty());
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        assert!(Seal::read_file(&path).unwrap().is_none());
        let sealed = Seal::open_file(&path).unwrap().seal(b"a", b"x").unwrap();
        assert_eq!(Seal::open_file(&path).unwrap().open(&sealed, b"x").unwrap(), b"a");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_may_read_or_of_another_length_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.key");
        std::fs::write(&path, [1; 32]).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Seal::open_file(&path), Err(SealError::Mode(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, [1; 31]).unwrap();
        assert!(matches!(Seal::open_file(&path), Err(SealError::Key(_))));
    }
}
