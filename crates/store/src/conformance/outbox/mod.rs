//! The outbox: what is due, what becomes of it, whose it is meanwhile, and how it is listed.

pub(super) mod effects;
pub(super) mod leases;
pub(super) mod lines;
pub(super) mod lists;
pub(super) mod random;

use std::sync::Arc;

use model::{Notification, NotificationId, Target, Timestamp};

use super::fixtures::{HERE, time};
use crate::{
    DeliveryRow, LeaseOf, Leased, LetterFilter, NotificationFilter, NotificationStatus,
    NotificationView, Store,
};

const READS: &str = "the store can be read";
const WRITES: &str = "the store takes it";

/// The notification as it stands.
async fn view(store: &Arc<dyn Store>, notification: &Notification) -> NotificationView {
    let view = store.notification(notification.project, notification.id).await.expect(READS);
    view.expect("it was notified")
}

async fn status(store: &Arc<dyn Store>, notification: &Notification) -> NotificationStatus {
    view(store, notification).await.status
}

async fn delivery(
    store: &Arc<dyn Store>,
    notification: &Notification,
    target: Target,
) -> DeliveryRow {
    let rows = view(store, notification).await.deliveries;
    rows.into_iter().find(|row| row.target == target).expect("it goes there")
}

/// Leases for one target.
async fn lease(
    store: &Arc<dyn Store>,
    target: Target,
    most: u32,
    (now, until): (Timestamp, Timestamp),
) -> Vec<Leased> {
    let wanted = [LeaseOf { project: HERE, target, most }];
    store.lease(1, now, until, &wanted).await.expect(WRITES)
}

fn ids(leased: &[Leased]) -> Vec<NotificationId> {
    leased.iter().map(|leased| leased.notification.id).collect()
}

/// Everything that can be read of the outbox, as text.
async fn everything(store: &Arc<dyn Store>) -> String {
    let all = NotificationFilter { limit: 1_000, ..NotificationFilter::default() };
    let page = store.notifications(HERE, &all).await.expect(READS);
    let dead = LetterFilter { limit: 10_000, ..LetterFilter::default() };
    let letters = store.letters(HERE, &dead).await.expect(READS);
    let due = store.due_targets(Timestamp::from_micros(i64::MAX), 1_000).await.expect(READS);
    let (next, counts) = (store.next_due(time(0)).await, store.outbox_counts().await);
    let (next, counts) = (next.expect(READS), counts.expect(READS));
    format!("{page:#?}\n{letters:#?}\n{due:#?}\n{next:?}\n{counts:?}")
}
