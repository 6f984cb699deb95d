//! The outbox's share of a batch: what is due anew, and what became of what was due.
//!
//! What moves a delivery depends on where it stands, so several moves of one delivery stay apart, in
//! rounds. Invariant: no round moves a delivery twice, and the rounds keep the order of the effects.

use std::collections::{BTreeMap, BTreeSet};

use model::{Notification, NotificationId, ProjectId, Receipt, Seq, Target, Timestamp};

/// Names a delivery.
pub(crate) type DeliveryKey = (ProjectId, NotificationId, Target);

/// Notifications, attempts and replays of a batch.
#[derive(Debug, Default)]
pub(crate) struct Outgoing<'a> {
    /// Notifications, each once, in order of `seq` and id.
    pub(crate) notifications: Vec<&'a Notification>,
    /// Receipts and when they were durable, as they came.
    pub(crate) receipts: Vec<(Timestamp, &'a Receipt)>,
    /// What moves deliveries.
    pub(crate) rounds: Vec<Round<'a>>,
    /// Every delivery that is moved, once.
    pub(crate) touched: Vec<DeliveryKey>,
}

/// Moves of different deliveries.
#[derive(Debug, Default)]
pub(crate) struct Round<'a> {
    /// Tries that ended.
    pub(crate) receipts: Vec<(Timestamp, &'a Receipt)>,
    /// Dead letters that are due again, by which entry and when.
    pub(crate) replays: Vec<(DeliveryKey, (Seq, Timestamp))>,
}

/// The outbox's share, so far.
#[derive(Default)]
pub(super) struct OutgoingFolding<'a> {
    notifications: BTreeMap<(ProjectId, NotificationId), &'a Notification>,
    receipts: Vec<(Timestamp, &'a Receipt)>,
    rounds: Vec<Round<'a>>,
    /// How often a delivery was moved.
    moved: BTreeMap<DeliveryKey, usize>,
}

impl<'a> OutgoingFolding<'a> {
    pub(super) fn notified(&mut self, notification: &'a Notification) {
        self.notifications.entry((notification.project, notification.id)).or_insert(notification);
    }

    pub(super) fn attempted(&mut self, at: Timestamp, receipt: &'a Receipt) {
        self.receipts.push((at, receipt));
        let key = (receipt.project, receipt.notification, receipt.target);
        self.round(key).receipts.push((at, receipt));
    }

    pub(super) fn replayed(
        &mut self,
        project: ProjectId,
        letters: &[(NotificationId, Target)],
        moment: (Seq, Timestamp),
    ) {
        for &(notification, target) in letters {
            let key = (project, notification, target);
            self.round(key).replays.push((key, moment));
        }
    }

    /// The next round of a delivery.
    fn round(&mut self, key: DeliveryKey) -> &mut Round<'a> {
        let moved = self.moved.entry(key).or_default();
        let index = *moved;
        *moved += 1;
        if self.rounds.len() == index {
            self.rounds.push(Round::default());
        }
        &mut self.rounds[index]
    }

    pub(super) fn finish(self) -> Outgoing<'a> {
        let mut notifications: Vec<&Notification> = self.notifications.into_values().collect();
        notifications.sort_by_key(|row| (row.project, row.seq, row.id));
        Outgoing {
            notifications,
            receipts: self.receipts,
            rounds: self.rounds,
            touched: self.moved.into_keys().collect(),
        }
    }
}

impl Outgoing<'_> {
    /// The notifications whose deliveries are moved, each once.
    pub(crate) fn moved_notifications(&self) -> Vec<(ProjectId, NotificationId)> {
        let keys = self.touched.iter().map(|&(project, notification, _)| (project, notification));
        keys.collect::<BTreeSet<_>>().into_iter().collect()
    }
}
