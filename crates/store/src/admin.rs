//! Plain administration: organizations, projects, keys and RCA drafts. The engine never reads these,
//! so they are written straight to the store, and audited there.

use async_trait::async_trait;
use model::{Actor, IncidentId, KeyId, ProjectId, Rca, Scopes, Timestamp};

use crate::Error;

/// A project and its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its organization's name.
    pub organization: String,
    /// Its name, unique within the organization.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// An API key as stored: never its secret, only the SHA-256 of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub project: ProjectId,
    /// A name for people.
    pub name: String,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// Records per second it may send.
    pub rate_per_second: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A draft of a root cause analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RcaDraft {
    /// For which incident.
    pub incident: IncidentId,
    /// What stands in it.
    pub rca: Rca,
    /// Who edited it last.
    pub edited_by: Actor,
    /// When.
    pub edited_at: Timestamp,
    /// 1 when first saved, one more with each save.
    pub version: u64,
}

/// Administration that every backend offers.
#[async_trait]
pub trait Admin {
    /// Creates a project (and its organization where new); it gets the next free id.
    ///
    /// # Errors
    /// `Conflict` when the name is taken.
    async fn create_project(
        &self,
        organization: &str,
        name: &str,
        now: Timestamp,
        by: &Actor,
    ) -> Result<ProjectRow, Error>;

    /// All projects, by id.
    async fn projects(&self) -> Result<Vec<ProjectRow>, Error>;

    /// Stores a key.
    ///
    /// # Errors
    /// `NotFound` when there is no such project, `Conflict` when its id or digest exists.
    async fn create_key(&self, key: &KeyRow, by: &Actor) -> Result<(), Error>;

    /// All keys, revoked ones too, by creation. `None` means of every project (for the access cache).
    async fn keys(&self, project: Option<ProjectId>) -> Result<Vec<KeyRow>, Error>;

    /// Revokes a key.
    ///
    /// # Errors
    /// `NotFound` when the project has no such key.
    async fn revoke_key(
        &self,
        project: ProjectId,
        id: KeyId,
        now: Timestamp,
        by: &Actor,
    ) -> Result<(), Error>;

    /// Notes that keys were used; a use earlier than the last one known changes nothing.
    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), Error>;

    /// The draft of an incident.
    async fn draft(
        &self,
        project: ProjectId,
        incident: IncidentId,
    ) -> Result<Option<RcaDraft>, Error>;

    /// Saves a draft and answers it with its new version; that of `draft` is ignored.
    /// `expected_version` guards against overwriting somebody else's edit: 0 means that there is none
    /// yet, `None` saves over whatever stands there.
    ///
    /// # Errors
    /// `Conflict` when the draft has another version, `NotFound` when the project has no such incident.
    async fn save_draft(
        &self,
        project: ProjectId,
        draft: &RcaDraft,
        expected_version: Option<u64>,
    ) -> Result<RcaDraft, Error>;
}
