//! The directory in memory. Each change is durable at once, and with it every commit before it.

use async_trait::async_trait;
use model::{
    Actor, Directive, DirectiveId, DirectiveKind, EndpointId, ProjectId, SubscriberId, Timestamp,
};

use super::MemoryStore;
use crate::Error;
use crate::directory::{
    DirectivePage, Directory, DocumentKind, DocumentRow, ENDPOINTS, EndpointRow, SUBSCRIBERS,
    SubscriberRow, still_owns,
};
use crate::query::page_rows;

#[async_trait]
impl Directory for MemoryStore {
    async fn subscribers(&self, project: ProjectId) -> Result<Vec<SubscriberRow>, Error> {
        let state = self.lock();
        let rows = state.tables.subscribers.values().filter(|row| row.project == project);
        let mut rows: Vec<SubscriberRow> = rows.cloned().collect();
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rows)
    }

    async fn subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
    ) -> Result<Option<SubscriberRow>, Error> {
        Ok(self.lock().tables.subscribers.get(&(project, id)).cloned())
    }

    async fn put_subscriber(
        &self,
        row: &SubscriberRow,
        expected_version: Option<u64>,
        _actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut state = self.lock();
        let table = &mut state.tables.subscribers;
        let before = table.get(&(row.project, row.id));
        let version = SUBSCRIBERS.next_version(before.map(|row| row.version), expected_version)?;
        let others =
            || table.values().filter(|other| other.project == row.project && other.id != row.id);
        if others().any(|other| other.name == row.name) {
            return Err(SUBSCRIBERS.taken(&row.name));
        }
        if before.is_none() {
            SUBSCRIBERS.room(others().count())?;
        }
        let created_at = before.map_or(now, |before| before.created_at);
        let saved = SubscriberRow { version, created_at, ..row.clone() };
        table.insert((row.project, row.id), saved);
        state.at_risk.clear();
        Ok(version)
    }

    async fn delete_subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
        expected_version: Option<u64>,
        _actor: &Actor,
        _now: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let stands = state.tables.subscribers.get(&(project, id)).map(|row| row.version);
        SUBSCRIBERS.removable(stands, expected_version)?;
        let mut endpoints = state.tables.endpoints.values();
        if endpoints.any(|row| row.project == project && row.subscriber == id) {
            return Err(still_owns("endpoints"));
        }
        let mut directives = state.tables.directives_of(project, DirectiveKind::Rule);
        if directives.any(|directive| owner(directive) == Some(id)) {
            return Err(still_owns("rules"));
        }
        drop(directives);
        state.tables.subscribers.remove(&(project, id));
        state.at_risk.clear();
        Ok(())
    }

    async fn endpoints(&self, project: ProjectId) -> Result<Vec<EndpointRow>, Error> {
        let state = self.lock();
        let rows = state.tables.endpoints.values().filter(|row| row.project == project);
        let mut rows: Vec<EndpointRow> = rows.cloned().collect();
        rows.sort_by_key(|row| (row.created_at, row.id));
        Ok(rows)
    }

    async fn endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<EndpointRow>, Error> {
        Ok(self.lock().tables.endpoints.get(&(project, id)).cloned())
    }

    async fn put_endpoint(
        &self,
        row: &EndpointRow,
        expected_version: Option<u64>,
        _actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut state = self.lock();
        let table = &mut state.tables.endpoints;
        let before = table.get(&(row.project, row.id));
        let version = ENDPOINTS.next_version(before.map(|row| row.version), expected_version)?;
        if before.is_none() {
            ENDPOINTS.room(table.values().filter(|other| other.project == row.project).count())?;
        }
        let created_at = before.map_or(now, |before| before.created_at);
        let saved = EndpointRow { version, created_at, ..row.clone() };
        table.insert((row.project, row.id), saved);
        state.at_risk.clear();
        Ok(version)
    }

    async fn verify_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: u64,
        _actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut state = self.lock();
        let before = state.tables.endpoints.get(&(project, id)).cloned();
        let stands = before.as_ref().map(|row| row.version);
        let version = ENDPOINTS.next_version(stands, Some(expected_version))?;
        if let Some(before) = before {
            let verified_at = Some(now);
            let saved = EndpointRow { version, verified_at, owner_confirms: true, ..before };
            state.tables.endpoints.insert((project, id), saved);
        }
        state.at_risk.clear();
        Ok(version)
    }

    async fn delete_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: Option<u64>,
        _actor: &Actor,
        _now: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let stands = state.tables.endpoints.get(&(project, id)).map(|row| row.version);
        ENDPOINTS.removable(stands, expected_version)?;
        state.tables.endpoints.remove(&(project, id));
        state.at_risk.clear();
        Ok(())
    }

    async fn documents(
        &self,
        project: ProjectId,
        kind: DocumentKind,
    ) -> Result<Vec<DocumentRow>, Error> {
        let state = self.lock();
        let rows = state.tables.documents.values();
        let rows = rows.filter(|row| (row.project, row.kind) == (project, kind));
        let mut rows: Vec<DocumentRow> = rows.cloned().collect();
        rows.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(rows)
    }

    async fn document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
    ) -> Result<Option<DocumentRow>, Error> {
        Ok(self.lock().tables.documents.get(&(project, kind, id)).cloned())
    }

    async fn put_document(
        &self,
        row: &DocumentRow,
        expected_version: Option<u64>,
        _actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let mut state = self.lock();
        let table = &mut state.tables.documents;
        let (key, sort) = ((row.project, row.kind, row.id), row.kind.sort());
        let before = table.get(&key).map(|before| before.version);
        let version = sort.next_version(before, expected_version)?;
        let others = || {
            let others = table.values().filter(|other| other.id != row.id);
            others.filter(|other| (other.project, other.kind) == (row.project, row.kind))
        };
        if others().any(|other| other.name == row.name) {
            return Err(sort.taken(&row.name));
        }
        if before.is_none() {
            sort.room(others().count())?;
        }
        table.insert(key, DocumentRow { version, updated_at: now, ..row.clone() });
        state.at_risk.clear();
        Ok(version)
    }

    async fn delete_document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
        expected_version: Option<u64>,
        _actor: &Actor,
        _now: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let stands = state.tables.documents.get(&(project, kind, id)).map(|row| row.version);
        kind.sort().removable(stands, expected_version)?;
        state.tables.documents.remove(&(project, kind, id));
        state.at_risk.clear();
        Ok(())
    }

    async fn directives(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        subscriber: Option<SubscriberId>,
        after: Option<DirectiveId>,
        limit: usize,
    ) -> Result<DirectivePage, Error> {
        let state = self.lock();
        let of_kind = state.tables.directives_of(project, kind);
        let fits = |directive: &&Directive| {
            subscriber.is_none_or(|subscriber| owner(directive) == Some(subscriber))
        };
        let mut fitting: Vec<&Directive> = of_kind.filter(fits).collect();
        let total = fitting.len() as u64;
        fitting.retain(|directive| after.is_none_or(|after| directive.id > after));
        let limit = page_rows(limit);
        let more = fitting.len() > limit;
        fitting.truncate(limit);
        let next = fitting.last().filter(|_| more).map(|directive| directive.id);
        Ok(DirectivePage { items: fitting.into_iter().cloned().collect(), next, total })
    }

    async fn directive(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
    ) -> Result<Option<Directive>, Error> {
        let state = self.lock();
        let mut of_kind = state.tables.directives_of(project, kind);
        Ok(of_kind.find(|directive| directive.id == id).cloned())
    }
}

/// The subscriber of a rule or default route.
fn owner(directive: &Directive) -> Option<SubscriberId> {
    directive.body.as_rule().map(|rule| rule.subscriber)
}
