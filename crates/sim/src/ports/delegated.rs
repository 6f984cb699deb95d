//! What the simulated store passes on as it is: the directory and the outbox.

use async_trait::async_trait;
use model::{
    Actor, Directive, DirectiveId, DirectiveKind, EndpointId, NotificationId, ProjectId,
    SubscriberId, Target, Timestamp,
};
use store::{
    DirectivePage, Directory, DocumentKind, DocumentRow, DueTarget, EndpointRow, Error, LeaseOf,
    Leased, LetterFilter, LetterPage, NotificationFilter, NotificationPage, NotificationView,
    Outbox, OutboxCounts, SubscriberRow,
};

use super::SimStore;

#[async_trait]
impl Directory for SimStore {
    async fn subscribers(&self, project: ProjectId) -> Result<Vec<SubscriberRow>, Error> {
        self.inner().subscribers(project).await
    }

    async fn subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
    ) -> Result<Option<SubscriberRow>, Error> {
        self.inner().subscriber(project, id).await
    }

    async fn put_subscriber(
        &self,
        row: &SubscriberRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        self.inner().put_subscriber(row, expected_version, actor, now).await
    }

    async fn delete_subscriber(
        &self,
        project: ProjectId,
        id: SubscriberId,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.inner().delete_subscriber(project, id, expected_version, actor, now).await
    }

    async fn endpoints(&self, project: ProjectId) -> Result<Vec<EndpointRow>, Error> {
        self.inner().endpoints(project).await
    }

    async fn endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
    ) -> Result<Option<EndpointRow>, Error> {
        self.inner().endpoint(project, id).await
    }

    async fn put_endpoint(
        &self,
        row: &EndpointRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        self.inner().put_endpoint(row, expected_version, actor, now).await
    }

    async fn verify_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: u64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        self.inner().verify_endpoint(project, id, expected_version, actor, now).await
    }

    async fn delete_endpoint(
        &self,
        project: ProjectId,
        id: EndpointId,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.inner().delete_endpoint(project, id, expected_version, actor, now).await
    }

    async fn documents(
        &self,
        project: ProjectId,
        kind: DocumentKind,
    ) -> Result<Vec<DocumentRow>, Error> {
        self.inner().documents(project, kind).await
    }

    async fn document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
    ) -> Result<Option<DocumentRow>, Error> {
        self.inner().document(project, kind, id).await
    }

    async fn put_document(
        &self,
        row: &DocumentRow,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<u64, Error> {
        self.inner().put_document(row, expected_version, actor, now).await
    }

    async fn delete_document(
        &self,
        project: ProjectId,
        kind: DocumentKind,
        id: u128,
        expected_version: Option<u64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.inner().delete_document(project, kind, id, expected_version, actor, now).await
    }

    async fn directives(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        subscriber: Option<SubscriberId>,
        after: Option<DirectiveId>,
        limit: usize,
    ) -> Result<DirectivePage, Error> {
        self.inner().directives(project, kind, subscriber, after, limit).await
    }

    async fn directive(
        &self,
        project: ProjectId,
        kind: DirectiveKind,
        id: DirectiveId,
    ) -> Result<Option<Directive>, Error> {
        self.inner().directive(project, kind, id).await
    }
}

#[async_trait]
impl Outbox for SimStore {
    async fn notifications(
        &self,
        project: ProjectId,
        filter: &NotificationFilter,
    ) -> Result<NotificationPage, Error> {
        self.inner().notifications(project, filter).await
    }

    async fn notification(
        &self,
        project: ProjectId,
        id: NotificationId,
    ) -> Result<Option<NotificationView>, Error> {
        self.inner().notification(project, id).await
    }

    async fn letters(
        &self,
        project: ProjectId,
        filter: &LetterFilter,
    ) -> Result<LetterPage, Error> {
        self.inner().letters(project, filter).await
    }

    async fn due_targets(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTarget>, Error> {
        self.inner().due_targets(now, limit).await
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        self.inner().next_due(now).await
    }

    async fn lease(
        &self,
        owner: u128,
        now: Timestamp,
        until: Timestamp,
        wanted: &[LeaseOf],
    ) -> Result<Vec<Leased>, Error> {
        self.inner().lease(owner, now, until, wanted).await
    }

    async fn release(&self, owner: Option<u128>) -> Result<(), Error> {
        self.inner().release(owner).await
    }

    async fn return_unused(
        &self,
        deliveries: &[(ProjectId, NotificationId, Target)],
    ) -> Result<(), Error> {
        self.inner().return_unused(deliveries).await
    }

    async fn give_back(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error> {
        self.inner().give_back(project, notification, target, due_at).await
    }

    async fn spread(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Result<(), Error> {
        self.inner().spread(project, notification, target, over, now).await
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, Error> {
        self.inner().outbox_counts().await
    }
}
