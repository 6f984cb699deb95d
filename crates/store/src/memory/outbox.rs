//! The outbox in memory. What delivery writes is as much at risk as the commit before it: a loss of
//! power that takes the commit takes it too.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{EndpointId, Notification, NotificationId, ProjectId, Target, Timestamp};

use super::MemoryStore;
use super::deliveries::{Deliveries, Delivery};
use crate::Error;
use crate::batch::DeliveryKey;
use crate::outbox::{
    DUE_COUNTED, DeliveryRow, DeliveryStatus, DueTarget, LeaseOf, Leased, Letter, LetterFilter,
    LetterPage, NotificationFilter, NotificationPage, NotificationStatus, NotificationView, Outbox,
    OutboxCounts, incident_of, letter_rows, thread_of, whole_notifications,
};
use crate::query::{PageCursor, page_rows};

#[async_trait]
impl Outbox for MemoryStore {
    async fn notifications(
        &self,
        project: ProjectId,
        filter: &NotificationFilter,
    ) -> Result<NotificationPage, Error> {
        let state = self.lock();
        let rows = &state.tables.outbox;
        let mut fitting: Vec<&Notification> = rows
            .notifications
            .values()
            .filter(|notification| notification.project == project)
            .filter(|notification| fits(rows, notification, filter))
            .collect();
        fitting.sort_by_key(|notification| Reverse((notification.seq, notification.id)));
        let total = fitting.len() as u64;
        fitting.retain(|notification| is_after(notification, filter.after));
        let limit = page_rows(filter.limit);
        let more = fitting.len() > limit;
        fitting.truncate(limit);
        let next = fitting.last().filter(|_| more).map(|notification| place(notification));
        let items = fitting.into_iter().map(|notification| view(rows, notification)).collect();
        Ok(NotificationPage { items, next, total })
    }

    async fn notification(
        &self,
        project: ProjectId,
        id: NotificationId,
    ) -> Result<Option<NotificationView>, Error> {
        let state = self.lock();
        let rows = &state.tables.outbox;
        Ok(rows.notifications.get(&(project, id)).map(|notification| view(rows, notification)))
    }

    async fn letters(
        &self,
        project: ProjectId,
        filter: &LetterFilter,
    ) -> Result<LetterPage, Error> {
        let state = self.lock();
        let rows = &state.tables.outbox;
        let dead = rows
            .deliveries
            .iter()
            .filter(|(key, delivery)| key.0 == project && delivery.status == DeliveryStatus::Dead);
        let letters = dead.filter_map(|(&key, delivery)| letter(rows, key, delivery));
        let mut fitting: Vec<Letter> =
            letters.filter(|letter| letter_fits(letter, filter)).collect();
        fitting.sort_by_key(|letter| {
            (Reverse((letter.notification.seq, letter.notification.id)), letter.target)
        });
        let total = fitting.len() as u64;
        fitting.retain(|letter| is_after(&letter.notification, filter.after));
        let ids: Vec<_> = fitting.iter().map(|letter| letter.notification.id).collect();
        let page = whole_notifications(&ids, letter_rows(filter.limit));
        let more = page < fitting.len();
        fitting.truncate(page);
        let next = fitting.last().filter(|_| more).map(|letter| place(&letter.notification));
        Ok(LetterPage { items: fitting, next, total })
    }

    async fn due_targets(&self, now: Timestamp, limit: usize) -> Result<Vec<DueTarget>, Error> {
        let state = self.lock();
        let rows = &state.tables.outbox;
        let mut due = rows.firsts();
        due.retain(|&(due_at, ..)| due_at <= now);
        due.sort_unstable_by_key(|&(due_at, _, key)| (key.0, key.2, due_at));
        let mut targets: Vec<DueTarget> = Vec::new();
        for (since, _, key) in due {
            let (project, _, target) = key;
            let count = u32::from(!rows.deliveries[&key].is_leased(now));
            match targets.last_mut() {
                Some(last) if (last.project, last.target) == (project, target) => {
                    last.count = (last.count + count).min(DUE_COUNTED);
                }
                Some(_) | None => targets.push(DueTarget { project, target, since, count }),
            }
        }
        targets.retain(|due| due.count > 0);
        targets.sort_by_key(|due| (due.since, due.project, due.target));
        targets.truncate(limit);
        Ok(targets)
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let state = self.lock();
        let rows = &state.tables.outbox;
        let due = rows.firsts().into_iter().map(|(due_at, ..)| due_at);
        let leases = rows.deliveries.values().filter_map(|row| Some(row.lease?.1));
        Ok(due.chain(leases).filter(|moment| *moment > now).min())
    }

    async fn lease(
        &self,
        owner: u128,
        now: Timestamp,
        until: Timestamp,
        wanted: &[LeaseOf],
    ) -> Result<Vec<Leased>, Error> {
        let mut state = self.lock();
        loop {
            let rows = &mut state.tables.outbox;
            let picks = picks(rows, now, wanted);
            let joining: Vec<DeliveryKey> =
                picks.iter().copied().filter(|&key| rows.has_to_join(key)).collect();
            if joining.is_empty() {
                let lease = |&key: &DeliveryKey| rows.lease(key, Some((owner, until)));
                let changes: Vec<_> = picks.iter().map(lease).collect();
                state.also(changes);
                let rows = &state.tables.outbox;
                return Ok(picks.into_iter().map(|key| handed_out(rows, key)).collect());
            }
            let changes: Vec<_> = joining.into_iter().map(|key| rows.join(key)).collect();
            state.also(changes);
        }
    }

    async fn release(&self, owner: Option<u128>) -> Result<(), Error> {
        let mut state = self.lock();
        let leased = state.tables.outbox.deliveries.iter().filter(|(_, delivery)| {
            delivery.lease.is_some_and(|(by, _)| owner.is_none_or(|owner| owner == by))
        });
        let keys: Vec<DeliveryKey> = leased.map(|(&key, _)| key).collect();
        for key in keys {
            let change = state.tables.outbox.lease(key, None);
            state.also([change]);
        }
        Ok(())
    }

    async fn return_unused(
        &self,
        deliveries: &[(ProjectId, NotificationId, Target)],
    ) -> Result<(), Error> {
        let mut state = self.lock();
        for &key in deliveries {
            if state.tables.outbox.deliveries.contains_key(&key) {
                let change = state.tables.outbox.lease(key, None);
                state.also([change]);
            }
        }
        Ok(())
    }

    async fn give_back(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        due_at: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let change = state.tables.outbox.give_back((project, notification, target), due_at);
        state.also(change);
        Ok(())
    }

    async fn spread(
        &self,
        project: ProjectId,
        notification: NotificationId,
        target: Target,
        over: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let changes = state.tables.outbox.spread((project, notification, target), over, now);
        state.also(changes);
        Ok(())
    }

    async fn outbox_counts(&self) -> Result<OutboxCounts, Error> {
        let state = self.lock();
        let rows = &state.tables.outbox;
        let count = |status| {
            rows.deliveries.values().filter(|delivery| delivery.status == status).count() as u64
        };
        Ok(OutboxCounts {
            due: count(DeliveryStatus::Due),
            oldest_due_at: rows.firsts().into_iter().map(|(due_at, ..)| due_at).min(),
            dead: count(DeliveryStatus::Dead),
        })
    }
}

/// What is handed out for each of `wanted`, in order.
fn picks(rows: &Deliveries, now: Timestamp, wanted: &[LeaseOf]) -> Vec<DeliveryKey> {
    let mut picked = BTreeSet::new();
    let mut picks = Vec::new();
    for of in wanted {
        let mut ready = rows.firsts();
        ready.retain(|&(due_at, _, key)| {
            due_at <= now
                && (key.0, key.2) == (of.project, of.target)
                && !rows.deliveries[&key].is_leased(now)
                && !picked.contains(&key)
        });
        ready.sort_unstable_by_key(|&(due_at, seq, key)| (due_at, seq, key.1));
        ready.truncate(usize::try_from(of.most).unwrap_or(usize::MAX));
        ready.sort_unstable_by_key(|&(_, seq, key)| (seq, key.1));
        for (_, _, key) in ready {
            picked.insert(key);
            picks.push(key);
        }
    }
    picks
}

fn fits(rows: &Deliveries, notification: &Notification, filter: &NotificationFilter) -> bool {
    let (status, _) = rows.status((notification.project, notification.id));
    let is_signal = |id| notification.subject == model::Subject::Signal(id);
    filter.subscriber.is_none_or(|id| notification.subscriber == id)
        && filter.incident.is_none_or(|id| incident_of(notification) == Some(id))
        && filter.signal.is_none_or(is_signal)
        && filter.status.is_none_or(|wanted: NotificationStatus| wanted == status)
}

fn letter_fits(letter: &Letter, filter: &LetterFilter) -> bool {
    let notification = &letter.notification;
    filter.notification.is_none_or(|id| notification.id == id)
        && filter.subscriber.is_none_or(|id| notification.subscriber == id)
        && filter.endpoint.is_none_or(|id| letter.target == Target::Endpoint(id))
        && filter.incident.is_none_or(|id| incident_of(notification) == Some(id))
        && filter.since.is_none_or(|since| letter.dead_at >= since)
        && filter.until.is_none_or(|until| letter.dead_at < until)
}

fn place(notification: &Notification) -> PageCursor {
    PageCursor::of_notification(notification.seq, notification.id)
}

/// Whether it comes on a page after the one that ended at `after`.
fn is_after(notification: &Notification, after: Option<PageCursor>) -> bool {
    after.is_none_or(|after| (notification.seq, notification.id) < after.notification())
}

fn view(rows: &Deliveries, notification: &Notification) -> NotificationView {
    let key = (notification.project, notification.id);
    let (status, delivered_at) = rows.status(key);
    let delivery = |(target, delivery): (Target, &Delivery)| DeliveryRow {
        target,
        status: delivery.status,
        attempts: delivery.attempts,
        due_at: delivery.due_at,
        delivered_at: delivery.delivered_at,
        last_answer: delivery.last_answer.clone(),
    };
    let attempts = rows.attempts.values();
    let mut attempts: Vec<_> = attempts
        .filter(|receipt| (receipt.project, receipt.notification) == key)
        .cloned()
        .collect();
    attempts.sort_by_key(|receipt| (receipt.began_at, receipt.target, receipt.attempt));
    NotificationView {
        notification: notification.clone(),
        status,
        delivered_at,
        deliveries: rows.of(key).map(delivery).collect(),
        attempts,
    }
}

fn letter(rows: &Deliveries, key: DeliveryKey, delivery: &Delivery) -> Option<Letter> {
    Some(Letter {
        notification: rows.notifications.get(&(key.0, key.1))?.clone(),
        target: key.2,
        last: rows.attempts.get(&(key, delivery.attempts))?.clone(),
        dead_at: delivery.dead_at?,
    })
}

fn handed_out(rows: &Deliveries, key: DeliveryKey) -> Leased {
    let delivery = &rows.deliveries[&key];
    let notification = rows.notifications[&(key.0, key.1)].clone();
    let thread = thread_of(&notification).map(|incident| (key.0, key.2, incident));
    Leased {
        target: key.2,
        attempt: delivery.attempts.saturating_add(1),
        deadline: delivery.deadline,
        thread: thread.and_then(|thread| rows.threads.get(&thread).cloned()).unwrap_or_default(),
        notification,
    }
}
