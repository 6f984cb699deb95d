//! Notifications, deliveries, attempts and threads in memory: what effects and delivery change, and
//! how that is taken back.
//!
//! Nothing is kept that follows from something else: where a notification stands, and what may be
//! handed out, is worked out from its deliveries each time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use model::{
    EndpointId, IncidentId, Notification, NotificationId, ProjectId, Receipt, Seq, Target,
    Timestamp, Verdict, limits,
};

use crate::batch::DeliveryKey;
use crate::outbox::{DeliveryStatus, Line, NotificationStatus, line_of, thread_of};

type NotificationKey = (ProjectId, NotificationId);
type LineKey = (ProjectId, Target, Line);
type ThreadKey = (ProjectId, Target, IncidentId);

/// Every row of the outbox.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub(super) notifications: BTreeMap<NotificationKey, Notification>,
    pub(super) deliveries: BTreeMap<DeliveryKey, Delivery>,
    pub(super) attempts: BTreeMap<(DeliveryKey, u32), Receipt>,
    pub(super) threads: BTreeMap<ThreadKey, String>,
}

/// A delivery.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) status: DeliveryStatus,
    pub(super) attempts: u32,
    pub(super) due_at: Timestamp,
    pub(super) deadline: Timestamp,
    /// Whether it has taken its place in its line, where it has one.
    in_line: bool,
    /// By whom, and until when.
    pub(super) lease: Option<(u128, Timestamp)>,
    pub(super) delivered_at: Option<Timestamp>,
    pub(super) dead_at: Option<Timestamp>,
    /// The position of the latest replay.
    replayed_seq: Option<Seq>,
    pub(super) last_answer: String,
}

/// A row as it was before it was changed; `None` where there was none.
#[derive(Debug)]
pub(super) enum Change {
    Notification(NotificationKey),
    Delivery(DeliveryKey, Option<Box<Delivery>>),
    Attempt(DeliveryKey, u32),
    Thread(ThreadKey),
}

impl Delivery {
    fn due(at: Timestamp, deadline: Timestamp) -> Self {
        Self {
            status: DeliveryStatus::Due,
            attempts: 0,
            due_at: at,
            deadline,
            in_line: true,
            lease: None,
            delivered_at: None,
            dead_at: None,
            replayed_seq: None,
            last_answer: String::new(),
        }
    }

    /// Whether somebody leases it until after `now`.
    pub(super) fn is_leased(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|(_, until)| until > now)
    }
}

impl Deliveries {
    /// A notification is due, or was held back; one that is there stays as it is.
    pub(super) fn notified(&mut self, notification: &Notification) -> Vec<Change> {
        let key = (notification.project, notification.id);
        if self.notifications.contains_key(&key) {
            return Vec::new();
        }
        self.notifications.insert(key, notification.clone());
        let mut changes = vec![Change::Notification(key)];
        let targets = notification.targets.iter().filter(|_| notification.held.is_none());
        for &target in targets {
            let delivery = Delivery::due(notification.at, notification.deadline);
            changes.push(self.set((key.0, key.1, target), delivery));
        }
        changes
    }

    /// A try ended. Its delivery moves if it is the latest try, and is made where it is missing.
    pub(super) fn attempted(&mut self, at: Timestamp, receipt: &Receipt) -> Vec<Change> {
        let key = (receipt.project, receipt.notification, receipt.target);
        let Some(notification) = self.notifications.get(&(key.0, key.1)) else {
            return Vec::new();
        };
        let thread = thread_of(notification);
        let in_line = self.of((key.0, key.1)).any(|(_, known)| known.in_line);
        let fresh = Delivery { in_line, ..Delivery::due(notification.at, notification.deadline) };
        let mut changes = Vec::new();
        if let Entry::Vacant(place) = self.attempts.entry((key, receipt.attempt)) {
            place.insert(receipt.clone());
            changes.push(Change::Attempt(key, receipt.attempt));
        }
        if let Some(incident) = thread
            && receipt.verdict == Verdict::Delivered
            && !receipt.reference.is_empty()
        {
            let thread = (key.0, key.2, incident);
            if let Entry::Vacant(place) = self.threads.entry(thread) {
                place.insert(receipt.reference.clone());
                changes.push(Change::Thread(thread));
            }
        }
        let before = self.deliveries.get(&key).cloned().unwrap_or(fresh);
        let after =
            if receipt.attempt > before.attempts { tried(before, at, receipt) } else { before };
        changes.push(self.set(key, after));
        changes
    }

    /// Dead letters are due again.
    pub(super) fn replayed(
        &mut self,
        project: ProjectId,
        letters: &[(NotificationId, Target)],
        (seq, at): (Seq, Timestamp),
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for &(notification, target) in letters {
            let key = (project, notification, target);
            let Some(before) = self.deliveries.get(&key) else { continue };
            let is_new = before.replayed_seq.is_none_or(|last| last < seq);
            if before.status != DeliveryStatus::Dead || !is_new {
                continue;
            }
            let after = Delivery {
                status: DeliveryStatus::Due,
                due_at: at,
                deadline: at + limits::DELIVERY_DEADLINE,
                dead_at: None,
                replayed_seq: Some(seq),
                ..before.clone()
            };
            changes.push(self.set(key, after));
        }
        changes
    }

    /// Leases a delivery, or gives it back where `lease` is `None`.
    pub(super) fn lease(&mut self, key: DeliveryKey, lease: Option<(u128, Timestamp)>) -> Change {
        let before = self.deliveries[&key].clone();
        self.set(key, Delivery { lease, ..before })
    }

    /// Gives a lease back, due at `due_at`.
    pub(super) fn give_back(&mut self, key: DeliveryKey, due_at: Timestamp) -> Option<Change> {
        let before = self.deliveries.get(&key)?.clone();
        before.lease?;
        Some(self.set(key, Delivery { lease: None, due_at, ..before }))
    }

    /// Spreads a delivery out over endpoints.
    pub(super) fn spread(
        &mut self,
        key: DeliveryKey,
        over: &[(EndpointId, Timestamp)],
        now: Timestamp,
    ) -> Vec<Change> {
        let Some(before) = self.deliveries.get(&key).cloned() else { return Vec::new() };
        if before.status != DeliveryStatus::Due {
            return Vec::new();
        }
        let (deadline, in_line) = (before.deadline, before.in_line);
        let after = Delivery { status: DeliveryStatus::Spread, lease: None, ..before };
        let mut changes = vec![self.set(key, after)];
        for &(endpoint, due_at) in over {
            let to = (key.0, key.1, Target::Endpoint(endpoint));
            if !self.deliveries.contains_key(&to) {
                // Until its time comes it stands in no line, so that it holds nothing up.
                let in_line = in_line && due_at <= now;
                changes.push(self.set(to, Delivery { in_line, ..Delivery::due(due_at, deadline) }));
            }
        }
        changes
    }

    /// Whether a delivery has to take its place in its line before it is handed out.
    pub(super) fn has_to_join(&self, key: DeliveryKey) -> bool {
        !self.deliveries[&key].in_line && line_of(&self.notifications[&(key.0, key.1)]).is_some()
    }

    /// A delivery takes its place in its line.
    pub(super) fn join(&mut self, key: DeliveryKey) -> Change {
        let before = self.deliveries[&key].clone();
        self.set(key, Delivery { in_line: true, ..before })
    }

    /// What is the first of its line and due, now or later, with when; leased or not.
    pub(super) fn firsts(&self) -> Vec<(Timestamp, Seq, DeliveryKey)> {
        let mut firsts: BTreeMap<LineKey, (Seq, NotificationId)> = BTreeMap::new();
        for (place, line) in self.due().filter_map(|(_, _, place, line)| Some((place, line?))) {
            let first = firsts.entry(line).or_insert(place);
            *first = place.min(*first);
        }
        let is_first =
            |place, line: Option<LineKey>| line.is_none_or(|line| firsts[&line] == place);
        self.due()
            .filter(|&(_, _, place, line)| is_first(place, line))
            .map(|(key, delivery, place, _)| (delivery.due_at, place.0, key))
            .collect()
    }

    /// What is due, with its place in its line.
    fn due(
        &self,
    ) -> impl Iterator<Item = (DeliveryKey, &Delivery, (Seq, NotificationId), Option<LineKey>)>
    {
        let due = self.deliveries.iter().filter(|(_, row)| row.status == DeliveryStatus::Due);
        due.map(|(&key, delivery)| {
            let notification = &self.notifications[&(key.0, key.1)];
            let line = line_of(notification).filter(|_| delivery.in_line);
            let line = line.map(|line| (key.0, key.2, line));
            (key, delivery, (notification.seq, notification.id), line)
        })
    }

    /// The deliveries of a notification, in order of target.
    pub(super) fn of(
        &self,
        (project, id): NotificationKey,
    ) -> impl Iterator<Item = (Target, &Delivery)> {
        let rows = self.deliveries.range((project, id, FIRST_TARGET)..);
        rows.take_while(move |(key, _)| (key.0, key.1) == (project, id))
            .map(|(key, delivery)| (key.2, delivery))
    }

    /// Where a notification stands, and since when if everybody was told.
    pub(super) fn status(&self, key: NotificationKey) -> (NotificationStatus, Option<Timestamp>) {
        let status = NotificationStatus::of(self.of(key).map(|(_, delivery)| delivery.status));
        let last = self.of(key).filter_map(|(_, delivery)| delivery.delivered_at).max();
        (status, last.filter(|_| status == NotificationStatus::Delivered))
    }

    /// Takes a change back.
    pub(super) fn take_back(&mut self, change: Change) {
        match change {
            Change::Notification(key) => drop(self.notifications.remove(&key)),
            Change::Delivery(key, Some(before)) => drop(self.deliveries.insert(key, *before)),
            Change::Delivery(key, None) => drop(self.deliveries.remove(&key)),
            Change::Attempt(key, attempt) => drop(self.attempts.remove(&(key, attempt))),
            Change::Thread(key) => drop(self.threads.remove(&key)),
        }
    }

    fn set(&mut self, key: DeliveryKey, delivery: Delivery) -> Change {
        Change::Delivery(key, self.deliveries.insert(key, delivery).map(Box::new))
    }
}

const FIRST_TARGET: Target = Target::Endpoint(EndpointId(0));

/// The delivery after its latest try.
fn tried(before: Delivery, at: Timestamp, receipt: &Receipt) -> Delivery {
    let status = DeliveryStatus::after(receipt.verdict);
    let due_at = match receipt.verdict {
        Verdict::Retry => receipt.next_at.unwrap_or(at),
        Verdict::Delivered | Verdict::Dead | Verdict::HeldBack | Verdict::Folded => before.due_at,
    };
    Delivery {
        status,
        attempts: receipt.attempt,
        due_at,
        deadline: before.deadline,
        in_line: before.in_line,
        lease: None,
        delivered_at: status.is_told().then_some(at),
        dead_at: (status == DeliveryStatus::Dead).then_some(at),
        replayed_seq: before.replayed_seq,
        last_answer: receipt.answer.clone(),
    }
}
