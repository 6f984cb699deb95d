//! A store of one project in memory, as small as the courier's tests allow: the outbox in full, and of the
//! directory what the courier reads.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::{
    Actor, Directive, DirectiveId, DirectiveKind, EndpointId, IncidentId, Notification,
    NotificationId, ProjectId, Receipt, Seq, Subject, SubscriberId, Target, Timestamp, Verdict,
};
use store::{
    DeliveryStatus, DirectivePage, Directory, DocumentKind, DocumentRow, DueTarget, EndpointRow,
    Error, ErrorKind, LeaseOf, Leased, LetterFilter, LetterPage, NotificationFilter,
    NotificationPage, NotificationView, Outbox, OutboxCounts, SubscriberRow,
};

use crate::courier::Incidents;

/// One delivery.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) notification: Notification,
    pub(super) status: DeliveryStatus,
    pub(super) attempts: u32,
    due_at: Timestamp,
    /// Whether it has taken its place in its line.
    in_line: bool,
    leased: Option<(u128, Timestamp)>,
}

/// In the order in which deliveries to one target are sent.
type Key = (Seq, NotificationId, Target);

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) rows: BTreeMap<Key, Row>,
    pub(super) receipts: Vec<Receipt>,
    pub(super) endpoints: HashMap<EndpointId, EndpointRow>,
    pub(super) subscribers: HashMap<SubscriberId, SubscriberRow>,
    /// Incidents that somebody has taken up.
    pub(super) taken: HashSet<IncidentId>,
    /// Whether the store does not answer.
    pub(super) is_down: bool,
    pub(super) row_reads: usize,
    pub(super) looks: usize,
}

#[derive(Debug, Default)]
pub(super) struct Book(Mutex<Tables>);

impl Book {
    pub(super) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, Tables>, Error> {
        let tables = self.tables();
        if tables.is_down { Err(elsewhere()) } else { Ok(tables) }
    }

    /// What the pipeline writes for a notification.
    pub(super) fn notify(&self, notification: &Notification) {
        let mut tables = self.tables();
        for target in &notification.targets {
            let row = Row {
                notification: notification.clone(),
                status: DeliveryStatus::Due,
                attempts: 0,
                due_at: notification.at,
                in_line: true,
                leased: None,
            };
            tables.rows.insert((notification.seq, notification.id, *target), row);
        }
    }

    /// What the pipeline writes for a receipt.
    pub(super) fn apply(&self, receipt: &Receipt) {
        let mut tables = self.tables();
        tables.receipts.push(receipt.clone());
        let row = tables
            .rows
            .iter_mut()
            .find(|((_, id, target), _)| (*id, *target) == (receipt.notification, receipt.target));
        let (_, row) = row.expect("a receipt is of a delivery");
        row.attempts = receipt.attempt;
        row.leased = None;
        row.status = match receipt.verdict {
            Verdict::Delivered => DeliveryStatus::Delivered,
            Verdict::Retry => DeliveryStatus::Due,
            Verdict::Dead => DeliveryStatus::Dead,
            Verdict::HeldBack => DeliveryStatus::Held,
            Verdict::Folded => DeliveryStatus::Folded,
        };
        row.due_at = receipt.next_at.unwrap_or(row.due_at);
    }

    pub(super) fn leases(&self) -> usize {
        self.tables().rows.values().filter(|row| row.leased.is_some()).count()
    }
}

impl Tables {
    /// What may be handed out at `now`: of each target and incident only the first that is not settled.
    fn due(&self, now: Timestamp) -> Vec<Key> {
        let mut first: HashMap<(Target, IncidentId), Key> = HashMap::new();
        let mut due = Vec::new();
        for (key, row) in self.rows.iter().filter(|(_, row)| row.status == DeliveryStatus::Due) {
            if let Subject::Incident(incident) = row.notification.subject
                && (row.in_line || row.due_at <= now)
                && *first.entry((key.2, incident)).or_insert(*key) != *key
            {
                continue;
            }
            if row.due_at <= now && row.leased.is_none_or(|(_, until)| until <= now) {
                due.push(*key);
            }
        }
        due
    }
}

#[async_trait]
impl Outbox for Book {
    async fn notifications(
        &self,
        _: ProjectId,
        _: &NotificationFilter,
    ) -> Result<NotificationPage, Error> {
        Err(elsewhere())
    }

    async fn notification(
        &self,
        _: ProjectId,
        _: NotificationId,
    ) -> Result<Option<NotificationView>, Error> {
        Err(elsewhere())
    }

    async fn letters(&self, _: ProjectId, _: &LetterFilter) -> Result<LetterPage, Error> {
        Err(elsewhere())
    }

    async fn due_targets(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTarget>, Error> {
        let mut tables = self.up()?;
        tables.looks += 1;
        let mut targets: Vec<DueTarget> = Vec::new();
        for key in tables.due(now) {
            let row = &tables.rows[&key];
            let project = row.notification.project;
            match targets.iter_mut().find(|one| (one.project, one.target) == (project, key.2)) {
                Some(one) => {
                    one.count += 1;
                    one.since = one.since.min(row.due_at);
                }
                None => {
                    targets.push(DueTarget { project, target: key.2, since: row.due_at, count: 1 });
                }
            }
        }
        targets.sort_by_key(|one| (one.since, one.target));
        targets.truncate(limit);
        Ok(targets)
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let tables = self.up()?;
        let due = tables.rows.values().filter(|row| row.status == DeliveryStatus::Due);
        let moments = due.map(|row| row.leased.map_or(row.due_at, |(_, until)| until));
        Ok(moments.filter(|moment| *moment > now).min())
    }

    async fn lease(
        &self,
        owner: u128,
        now: Timestamp,
        until: Timestamp,
        wanted: &[LeaseOf],
    ) -> Result<Vec<Leased>, Error> {
        let mut tables = self.up()?;
        let due = tables.due(now);
        let mut leased = Vec::new();
        for one in wanted {
            let keys = due.iter().filter(|(_, _, target)| *target == one.target);
            for key in keys.take(one.most as usize) {
                let row = tables.rows.get_mut(key).expect("what is due is there");
                (row.leased, row.in_line) = (Some((owner, until)), true);
                leased.push(Leased {
                    notification: row.notification.clone(),
                    target: key.2,
                    attempt: row.attempts + 1,
                    deadline: row.notification.deadline,
                    thread: String::new(),
                });
            }
        }
        // Over all targets together, which is as good an order as any.
        leased.sort_by_key(|one| (one.notification.seq, one.notification.id, one.target));
        Ok(leased)
    }

    async fn release(&self, owner: Option<u128>) -> Result<(), Error> {
        for row in self.up()?.rows.values_mut() {
            row.leased = row.leased.filter(|(by, _)| owner.is_some_and(|owner| owner != *by));
        }
        Ok(())
    }

    async fn return_unused(
        &self,
        deliveries: &[(ProjectId, NotificationId, Target)],
    ) -> Result<(), Error> {
        let mut tables = self.up()?;
        for (key, row) in &mut tables.rows {
            if deliveries.iter().any(|one| (one.1, one.2) == (key.1, key.2)) {
                row.leased = None;
            }
        }
        Ok(())
    }

    async fn give_back(
        &self,
        _: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error> {
        for (key, row) in &mut self.up()?.rows {
            if (key.1, key.2) == (notification, target) {
                row.leased = None;
                row.due_at = due_at;
            }
        }
        Ok(())
    }

    async fn spread(
        &self,
        _: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut tables = self.up()?;
        let key = tables.rows.keys().find(|key| (key.1, key.2) == (notification, target)).copied();
        let Some(key) = key else { return Err(elsewhere()) };
        let row = tables.rows.get_mut(&key).expect("it was found");
        row.leased = None;
        row.status = DeliveryStatus::Spread;
        let row = row.clone();
        for (endpoint, due_at) in over {
            let key = (key.0, key.1, Target::Endpoint(*endpoint));
            let (status, in_line) = (DeliveryStatus::Due, *due_at <= now);
            let fresh = Row { status, due_at: *due_at, in_line, ..row.clone() };
            tables.rows.entry(key).or_insert(fresh);
        }
        Ok(())
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, Error> {
        Err(elsewhere())
    }
}

#[async_trait]
impl Incidents for Book {
    async fn is_taken(&self, _: ProjectId, incident: IncidentId) -> Result<bool, Error> {
        Ok(self.up()?.taken.contains(&incident))
    }
}

#[async_trait]
impl Directory for Book {
    async fn subscribers(&self, _: ProjectId) -> Result<Vec<SubscriberRow>, Error> {
        Err(elsewhere())
    }

    async fn subscriber(
        &self,
        _: ProjectId,
        id: SubscriberId,
    ) -> Result<Option<SubscriberRow>, Error> {
        Ok(self.up()?.subscribers.get(&id).cloned())
    }

    async fn put_subscriber(
        &self,
        _: &SubscriberRow,
        _: Option<u64>,
        _: &Actor,
        _: Timestamp,
    ) -> Result<u64, Error> {
        Err(elsewhere())
    }

    async fn delete_subscriber(
        &self,
        _: ProjectId,
        _: SubscriberId,
        _: Option<u64>,
        _: &Actor,
        _: Timestamp,
    ) -> Result<(), Error> {
        Err(elsewhere())
    }

    async fn endpoints(&self, _: ProjectId) -> Result<Vec<EndpointRow>, Error> {
        Err(elsewhere())
    }

    async fn endpoint(&self, _: ProjectId, id: EndpointId) -> Result<Option<EndpointRow>, Error> {
        let mut tables = self.up()?;
        tables.row_reads += 1;
        Ok(tables.endpoints.get(&id).cloned())
    }

    async fn put_endpoint(
        &self,
        _: &EndpointRow,
        _: Option<u64>,
        _: &Actor,
        _: Timestamp,
    ) -> Result<u64, Error> {
        Err(elsewhere())
    }

    async fn verify_endpoint(
        &self,
        _: ProjectId,
        _: EndpointId,
        _: u64,
        _: &Actor,
        _: Timestamp,
    ) -> Result<u64, Error> {
        Err(elsewhere())
    }

    async fn delete_endpoint(
        &self,
        _: ProjectId,
        _: EndpointId,
        _: Option<u64>,
        _: &Actor,
        _: Timestamp,
    ) -> Result<(), Error> {
        Err(elsewhere())
    }

    async fn documents(&self, _: ProjectId, _: DocumentKind) -> Result<Vec<DocumentRow>, Error> {
        Err(elsewhere())
    }

    async fn document(
        &self,
        _: ProjectId,
        _: DocumentKind,
        _: u128,
    ) -> Result<Option<DocumentRow>, Error> {
        Err(elsewhere())
    }

    async fn put_document(
        &self,
        _: &DocumentRow,
        _: Option<u64>,
        _: &Actor,
        _: Timestamp,
    ) -> Result<u64, Error> {
        Err(elsewhere())
    }

    async fn delete_document(
        &self,
        _: ProjectId,
        _: DocumentKind,
        _: u128,
        _: Option<u64>,
        _: &Actor,
        _: Timestamp,
    ) -> Result<(), Error> {
        Err(elsewhere())
    }

    async fn directives(
        &self,
        _: ProjectId,
        _: DirectiveKind,
        _: Option<SubscriberId>,
        _: Option<DirectiveId>,
        _: usize,
    ) -> Result<DirectivePage, Error> {
        Err(elsewhere())
    }

    async fn directive(
        &self,
        _: ProjectId,
        _: DirectiveKind,
        _: DirectiveId,
    ) -> Result<Option<Directive>, Error> {
        Err(elsewhere())
    }
}

fn elsewhere() -> Error {
    Error::new(ErrorKind::Database, "the book does not answer that")
}
