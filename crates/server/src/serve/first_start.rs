//! The first start makes a key with every scope and writes it where only the owner can read it.
//!
//! The file is written before the key is stored: a crash in between leaves a file whose key the next
//! start stores, never a key that nobody has.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use model::{Actor, KeyId, ProjectId, Scopes};
use store::{KeyRow, Store, mint_secret};

use super::adapters::now;

/// Characters of a secret by which it is recognised.
const PREFIX_CHARS: usize = 9;

/// Makes the first key if there is none.
pub(super) async fn ensure_admin_key(store: &dyn Store, path: &Path) -> anyhow::Result<()> {
    if !store.keys(None).await.context("cannot read the keys")?.is_empty() {
        return Ok(());
    }
    let secret = match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
        Ok(_) | Err(_) => {
            let minted = mint_secret().context("cannot make a key")?;
            write_private(path, &minted.secret)
                .with_context(|| format!("cannot write the first key to {}", path.display()))?;
            minted.secret
        }
    };
    let key = KeyRow {
        id: KeyId(uuid::Uuid::now_v7().as_u128()),
        project: ProjectId(1),
        name: "admin".to_owned(),
        prefix: secret.chars().take(PREFIX_CHARS).collect(),
        digest: store::keys::digest(&secret),
        scopes: Scopes::all(),
        rate_per_second: None,
        created_at: now(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    store.create_key(&key, &Actor::system()).await.context("cannot store the first key")?;
    tracing::info!(path = %path.display(), "first start: the project `default` is made, and a key with all scopes is in this file");
    Ok(())
}

/// Writes a file that only the owner can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let _left_over = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
