//! The key that secrets of endpoints are sealed with, and whether it opens what is sealed.
//!
//! Refuses to know: what a secret is. Invariant: no server goes on with a key that opens nothing of what its store
//! holds, and none makes a new one while the store holds anything.

use anyhow::{Context, bail};
use delivery::{Seal, SealError};
use model::{EndpointId, ProjectId};
use serde_json::{Value, json};
use store::{EndpointRow, Store};

use crate::config::Config;

/// The file with the key, in the data folder.
pub(super) const KEY_FILE: &str = "secret.key";

/// What is sealed of one endpoint.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) project: ProjectId,
    pub(super) endpoint: EndpointId,
    pub(super) secrets: Vec<u8>,
}

/// The key of a server whose store is open; made where there is none and nothing is sealed.
pub(super) async fn unlock(config: &Config, store: &dyn Store) -> anyhow::Result<Seal> {
    let rows = sealed_endpoints(store).await?;
    let sealed: Vec<_> = rows.iter().map(Sealed::from).collect();
    if sealed.is_empty() {
        let opened = Seal::open_file(&config.folder(KEY_FILE));
        return opened.context("cannot open the key that secrets are sealed with");
    }
    let (seal, closed) = try_key(config, &sealed)?;
    if closed == sealed.len() {
        bail!(other_key(config, closed));
    }
    if closed > 0 {
        tracing::error!(
            endpoints = closed,
            "the secrets of endpoints do not open with secret.key: what is due there waits until they are given again"
        );
    }
    Ok(seal)
}

/// The key of a folder where something is sealed, and of how many endpoints it does not open the secrets.
pub(super) fn try_key(config: &Config, sealed: &[Sealed]) -> anyhow::Result<(Seal, usize)> {
    let path = config.folder(KEY_FILE);
    let seal = match Seal::read_file(&path) {
        Ok(Some(seal)) => seal,
        Ok(None) => bail!(
            "{} is missing, and only it opens {}: {}",
            path.display(),
            secrets_of(sealed.len()),
            ways_out(config)
        ),
        Err(error @ SealError::Key(_)) => {
            return Err(error).context(format!(
                "{} cannot be opened: {}",
                secrets_of(sealed.len()),
                ways_out(config)
            ));
        }
        Err(error) => {
            return Err(error).context("cannot open the key that secrets are sealed with");
        }
    };
    let closed = sealed.iter().filter(|sealed| !sealed.opens(&seal)).count();
    Ok((seal, closed))
}

/// What is said of a key that opens nothing.
pub(super) fn other_key(config: &Config, closed: usize) -> String {
    let path = config.folder(KEY_FILE);
    let (secrets, ways) = (secrets_of(closed), ways_out(config));
    format!("{} is another key than {secrets} were sealed with: {ways}", path.display())
}

/// Every endpoint of every project that has secrets, as the store has it.
pub(super) async fn sealed_endpoints(store: &dyn Store) -> anyhow::Result<Vec<EndpointRow>> {
    let mut rows = Vec::new();
    for project in store.projects().await.context("cannot read the projects")? {
        let all = store.endpoints(project.id).await.context("cannot read the endpoints")?;
        rows.extend(all.into_iter().filter(|row| !row.secrets.is_empty()));
    }
    Ok(rows)
}

/// The endpoint without its secrets, whose configuration says that they are lost.
pub(super) fn without_secrets(row: EndpointRow) -> EndpointRow {
    let mut config = serde_json::from_str(&row.config).unwrap_or(Value::Null);
    for value in config.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        if is_mark(value) {
            *value = json!({ "set": false });
        }
    }
    EndpointRow { config: config.to_string(), secrets: Vec::new(), ..row }
}

/// Whether a value only says that a secret is set, or was.
pub(super) fn is_mark(value: &Value) -> bool {
    *value == json!({ "set": true }) || *value == json!({ "set": false })
}

impl Sealed {
    /// Whether this key opens it.
    pub(super) fn opens(&self, seal: &Seal) -> bool {
        delivery::opens(seal, self.project, self.endpoint, &self.secrets)
    }
}

impl From<&EndpointRow> for Sealed {
    fn from(row: &EndpointRow) -> Self {
        Self { project: row.project, endpoint: row.id, secrets: row.secrets.clone() }
    }
}

/// The secrets of so many endpoints, in words.
pub(super) fn secrets_of(endpoints: usize) -> String {
    match endpoints {
        1 => "the secrets of 1 endpoint".to_owned(),
        many => format!("the secrets of {many} endpoints"),
    }
}

/// What an operator can do whose key is lost.
fn ways_out(config: &Config) -> String {
    format!(
        "put the file back from a backup (32 bytes, mode 0600), or go on without them with `stormbell doctor \
         --forget-lost-secrets --data {}` and give each of them again",
        config.data_dir.display()
    )
}
