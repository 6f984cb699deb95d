//! Going on without the secrets of endpoints that `secret.key` does not open, because it was lost or is another one.
//!
//! Invariant: what the key opens stays as it is.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use delivery::Seal;
use model::Actor;
use serde::Serialize;
use store::{Directory, SqliteStore};

use super::held::Held;
use super::{copies, runtime};
use crate::config::Config;
use crate::serve::adapters::now;
use crate::serve::sealed::{self, KEY_FILE, Sealed};

/// What was given up.
#[derive(Debug, Serialize)]
pub(crate) struct SecretsForgotten {
    /// The key file.
    pub(crate) key: PathBuf,
    /// Whether it was made now.
    pub(crate) key_made: bool,
    /// The endpoints whose secrets have to be given again.
    pub(crate) endpoints: Vec<ForgottenEndpoint>,
}

/// An endpoint whose secrets have to be given again.
#[derive(Debug, Serialize)]
pub(crate) struct ForgottenEndpoint {
    /// Whose.
    pub(crate) project: u32,
    /// Which.
    pub(crate) id: String,
    /// Its channel.
    pub(crate) channel: String,
    /// Its name.
    pub(crate) name: String,
}

/// Takes the secrets that do not open out of the store, and makes a key where there is none.
pub(crate) fn forget_lost_secrets(config: &Config) -> anyhow::Result<SecretsForgotten> {
    let path = config.folder("store.sqlite");
    ensure!(copies::is_there(&path)?, "there is no store in {}", config.data_dir.display());
    let _held = Held::stopped(config, "forgetting secrets")?;
    runtime()?.block_on(async {
        let store = SqliteStore::open(store::Options::new(&path)).await;
        let store = store.context("cannot open the store")?;
        let forgotten = forget(&store, &config.folder(KEY_FILE)).await;
        store.close().await.context("cannot close the store")?;
        forgotten
    })
}

/// Root works on the folders of others, whose server has to read what root made.
fn give_to_owner(key: &Path) -> io::Result<()> {
    let folder = fs::metadata(key.parent().unwrap_or(Path::new(".")))?;
    if fs::metadata(key)?.uid() == folder.uid() {
        return Ok(());
    }
    chown(key, Some(folder.uid()), Some(folder.gid()))
}

async fn forget(store: &SqliteStore, key: &Path) -> anyhow::Result<SecretsForgotten> {
    let rows = sealed::sealed_endpoints(store).await?;
    let mut report =
        SecretsForgotten { key: key.to_owned(), key_made: false, endpoints: Vec::new() };
    if rows.is_empty() {
        return Ok(report);
    }
    let cannot = || format!("cannot use {}; if it is damaged, move it away first", key.display());
    let found = Seal::read_file(key).with_context(cannot)?;
    report.key_made = found.is_none();
    let seal = found.map_or_else(|| Seal::open_file(key), Ok).with_context(cannot)?;
    if report.key_made {
        give_to_owner(key).with_context(cannot)?;
    }
    for row in rows.into_iter().filter(|row| !Sealed::from(row).opens(&seal)) {
        report.endpoints.push(ForgottenEndpoint {
            project: row.project.0,
            id: row.id.to_string(),
            channel: row.channel.clone(),
            name: row.name.clone(),
        });
        let (version, bare) = (row.version, sealed::without_secrets(row));
        let put = store.put_endpoint(&bare, Some(version), &Actor::system(), now()).await;
        put.with_context(|| format!("cannot change the endpoint {}", bare.id))?;
    }
    Ok(report)
}
