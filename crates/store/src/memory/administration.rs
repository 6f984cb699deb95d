//! Administration in memory. Each change is durable at once, and with it every commit before it,
//! as a sync of one log makes it.

use async_trait::async_trait;
use model::{Actor, IncidentId, KeyId, ProjectId, Timestamp};

use super::MemoryStore;
use crate::admin::{Admin, KeyRow, ProjectRow, RcaDraft};
use crate::{Error, ErrorKind};

#[async_trait]
impl Admin for MemoryStore {
    async fn create_project(
        &self,
        organization: &str,
        name: &str,
        now: Timestamp,
        _by: &Actor,
    ) -> Result<ProjectRow, Error> {
        let mut state = self.lock();
        let projects = &mut state.tables.projects;
        if projects.iter().any(|row| row.organization == organization && row.name == name) {
            let what = format!("{organization} has a project {name} already");
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        let last = projects.iter().map(|row| row.id.0).max().unwrap_or(0);
        let (id, organization) = (ProjectId(last + 1), organization.to_owned());
        let row = ProjectRow { id, organization, name: name.to_owned(), created_at: now };
        projects.push(row.clone());
        state.at_risk.clear();
        Ok(row)
    }

    async fn projects(&self) -> Result<Vec<ProjectRow>, Error> {
        Ok(self.lock().tables.projects.clone())
    }

    async fn create_key(&self, key: &KeyRow, _by: &Actor) -> Result<(), Error> {
        let mut state = self.lock();
        if !state.tables.projects.iter().any(|row| row.id == key.project) {
            let what = format!("there is no project {}", key.project);
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        if state.tables.keys.iter().any(|row| row.id == key.id || row.digest == key.digest) {
            let what = format!("a key {} or with its secret exists already", key.id);
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        state.tables.keys.push(key.clone());
        state.tables.keys.sort_by_key(|row| (row.created_at, row.id));
        state.at_risk.clear();
        Ok(())
    }

    async fn keys(&self, project: Option<ProjectId>) -> Result<Vec<KeyRow>, Error> {
        let state = self.lock();
        let wanted = |row: &&KeyRow| project.is_none_or(|project| row.project == project);
        Ok(state.tables.keys.iter().filter(wanted).cloned().collect())
    }

    async fn revoke_key(
        &self,
        project: ProjectId,
        id: KeyId,
        now: Timestamp,
        _by: &Actor,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let mut keys = state.tables.keys.iter_mut();
        let Some(key) = keys.find(|row| row.project == project && row.id == id) else {
            let what = format!("there is no key {id} in this project");
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        key.revoked_at.get_or_insert(now);
        state.at_risk.clear();
        Ok(())
    }

    async fn touch_keys(&self, used: &[(KeyId, Timestamp)]) -> Result<(), Error> {
        let mut state = self.lock();
        for &(id, at) in used {
            if let Some(key) = state.tables.keys.iter_mut().find(|row| row.id == id) {
                key.last_used_at = key.last_used_at.max(Some(at));
            }
        }
        Ok(())
    }

    async fn draft(
        &self,
        project: ProjectId,
        incident: IncidentId,
    ) -> Result<Option<RcaDraft>, Error> {
        Ok(self.lock().tables.drafts.get(&(project, incident)).cloned())
    }

    async fn save_draft(
        &self,
        project: ProjectId,
        draft: &RcaDraft,
        expected_version: Option<u64>,
    ) -> Result<RcaDraft, Error> {
        let mut state = self.lock();
        if state.tables.incident(project, draft.incident).is_none() {
            let what = format!("there is no incident {} in this project", draft.incident);
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        let before = state.tables.drafts.get(&(project, draft.incident));
        let version = before.map_or(0, |before| before.version);
        if expected_version.is_some_and(|expected| expected != version) {
            let what = format!("the draft has version {version} by now; read it again");
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        let saved = RcaDraft { version: version + 1, ..draft.clone() };
        state.tables.drafts.insert((project, draft.incident), saved.clone());
        state.at_risk.clear();
        Ok(saved)
    }
}
