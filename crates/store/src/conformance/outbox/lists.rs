//! Notifications and dead letters, listed under every filter and page.

use std::sync::Arc;

use model::{
    EndpointId, Notification, NotificationId, ProjectId, Subject, Target, Timestamp, Verdict,
};

use super::READS;
use crate::conformance::fixtures::{HERE, Road, incident_id, time};
use crate::conformance::notices::{
    about_incident, about_signal, attempted, endpoint, held, notified, receipt, subscriber_id,
    told_to,
};
use crate::{
    Letter, LetterFilter, NotificationFilter, NotificationStatus, NotificationView, Store,
};

const THERE: ProjectId = ProjectId(2);
const TARGETS: u64 = 3;

/// Three dozen notifications, some about signals, some held, and what became of each.
async fn fill(store: &Arc<dyn Store>) -> Vec<Notification> {
    let mut road = Road::new(store);
    let all_targets: Vec<Target> = (1..=TARGETS).map(endpoint).collect();
    let mut all = Vec::new();
    let mut effects = Vec::new();
    for seq in 1..=18 {
        let targets = &all_targets[..1 + (seq % TARGETS) as usize];
        let (number, signal) = (1 + seq % 4, 1 + seq % 5);
        let about = [
            about_incident(HERE, number, seq, targets),
            told_to(2, &about_signal(HERE, signal, (seq % 2 == 0).then_some(number), seq, targets)),
        ];
        for (index, notification) in about.into_iter().enumerate() {
            let notification = if seq % 7 == 6 { held(&notification) } else { notification };
            effects.push(notified(&notification));
            let verdict =
                [Verdict::Dead, Verdict::Delivered, Verdict::Retry][(seq as usize + index) % 3];
            for &target in &notification.targets {
                effects
                    .push(attempted(time(100 + seq), &receipt(&notification, target, 1, verdict)));
            }
            all.push(notification);
        }
    }
    effects.push(notified(&about_incident(THERE, 1, 1, &all_targets)));
    road.commit(effects).await;
    all.sort_by_key(|notification| std::cmp::Reverse((notification.seq, notification.id)));
    all
}

pub(in crate::conformance) async fn notifications_are_listed_under_every_filter_and_page(
    store: Arc<dyn Store>,
) {
    let all = fill(&store).await;
    let mut stands = Vec::new();
    for notification in &all {
        stands.push(super::view(&store, notification).await);
    }
    let some =
        |status| NotificationFilter { status: Some(status), ..NotificationFilter::default() };
    let mut filters: Vec<NotificationFilter> =
        NotificationStatus::ALL.iter().map(|&status| some(status)).collect();
    filters.push(NotificationFilter::default());
    for base in filters.clone() {
        for number in [1, 2, 3] {
            let (subscriber, incident) =
                (Some(subscriber_id(number)), Some(incident_id(HERE, number)));
            let signal = Some(model::SignalId(u128::from(number)));
            filters.push(NotificationFilter { subscriber, ..base.clone() });
            filters.push(NotificationFilter { incident, ..base.clone() });
            filters.push(NotificationFilter { signal, ..base.clone() });
            filters.push(NotificationFilter { signal, incident, subscriber, ..base.clone() });
            filters.push(NotificationFilter { incident, subscriber, ..base.clone() });
        }
    }
    for filter in filters {
        let expected: Vec<&NotificationView> =
            stands.iter().filter(|view| fits(view, &filter)).collect();
        for limit in [1, 5, 36, 0] {
            let filter = NotificationFilter { limit, ..filter.clone() };
            let pages = every_notification(&store, filter.clone()).await;
            assert!(pages.iter().eq(expected.iter().copied()), "{filter:?}");
        }
    }
    let there = store.notifications(THERE, &NotificationFilter::default()).await.expect(READS);
    assert_eq!((there.total, there.items.len()), (1, 1));
}

fn fits(view: &NotificationView, filter: &NotificationFilter) -> bool {
    let notification = &view.notification;
    let about = match notification.subject {
        Subject::Incident(id) => Some(id),
        Subject::Signal(_) => notification.notice.incident.as_ref().map(|incident| incident.id),
    };
    filter.subscriber.is_none_or(|id| id == notification.subscriber)
        && filter.incident.is_none_or(|id| about == Some(id))
        && filter.signal.is_none_or(|id| notification.subject == Subject::Signal(id))
        && filter.status.is_none_or(|status| status == view.status)
}

async fn every_notification(
    store: &Arc<dyn Store>,
    mut filter: NotificationFilter,
) -> Vec<NotificationView> {
    let mut all = Vec::new();
    loop {
        let page = store.notifications(HERE, &filter).await.expect(READS);
        assert!(filter.limit == 0 || page.items.len() <= filter.limit);
        let total = page.total;
        all.extend(page.items);
        filter.after = page.next;
        if filter.after.is_none() {
            assert_eq!(total, all.len() as u64);
            return all;
        }
    }
}

pub(in crate::conformance) async fn letters_are_listed_under_every_filter_and_page(
    store: Arc<dyn Store>,
) {
    let all = fill(&store).await;
    let dead: Vec<Letter> = all.iter().flat_map(letters_of).collect();
    assert!(dead.len() > 15, "there is something to list");
    let times = [None, Some(time(104)), Some(time(112))];
    let mut filters = Vec::new();
    for (since, until) in times.into_iter().flat_map(|since| times.map(|until| (since, until))) {
        let base = LetterFilter { since, until, ..LetterFilter::default() };
        for number in [1, 2, 3] {
            let (incident, subscriber) =
                (Some(incident_id(HERE, number)), Some(subscriber_id(number)));
            let to = Some(endpoint_id(number));
            let notification = Some(dead[number as usize].notification.id);
            filters.push(LetterFilter { incident, ..base.clone() });
            filters.push(LetterFilter { subscriber, ..base.clone() });
            filters.push(LetterFilter { endpoint: to, ..base.clone() });
            filters.push(LetterFilter { notification, ..base.clone() });
            filters.push(LetterFilter { incident, endpoint: to, ..base.clone() });
            filters.push(LetterFilter { incident, subscriber, ..base.clone() });
            filters.push(LetterFilter { notification, incident, subscriber, ..base.clone() });
        }
        filters.push(base);
    }
    for filter in filters {
        let expected: Vec<&Letter> =
            dead.iter().filter(|letter| letter_fits(letter, &filter)).collect();
        for limit in [1, 4, 100, 0] {
            let filter = LetterFilter { limit, ..filter.clone() };
            let pages = every_letter(&store, filter.clone()).await;
            assert!(pages.iter().eq(expected.iter().copied()), "{filter:?}");
        }
    }
    assert_eq!(store.letters(THERE, &LetterFilter::default()).await.expect(READS).total, 0);
}

/// The letters that a notification must have, by what [`fill`] made of it.
fn letters_of(notification: &Notification) -> Vec<Letter> {
    let index = usize::from(matches!(notification.subject, Subject::Signal(_)));
    let is_dead = (notification.seq.0 as usize + index).is_multiple_of(3);
    let letter = |&target| Letter {
        notification: notification.clone(),
        target,
        last: receipt(notification, target, 1, Verdict::Dead),
        dead_at: time(100 + notification.seq.0),
    };
    notification.targets.iter().filter(|_| is_dead).map(letter).collect()
}

fn letter_fits(letter: &Letter, filter: &LetterFilter) -> bool {
    let notification = &letter.notification;
    let about = match notification.subject {
        Subject::Incident(id) => Some(id),
        Subject::Signal(_) => notification.notice.incident.as_ref().map(|incident| incident.id),
    };
    let is = |wanted: Option<NotificationId>| wanted.is_none_or(|id| id == notification.id);
    let after = |since: Option<Timestamp>| since.is_none_or(|since| since <= letter.dead_at);
    is(filter.notification)
        && after(filter.since)
        && filter.until.is_none_or(|until| letter.dead_at < until)
        && filter.subscriber.is_none_or(|id| id == notification.subscriber)
        && filter.endpoint.is_none_or(|id| letter.target == Target::Endpoint(id))
        && filter.incident.is_none_or(|id| about == Some(id))
}

/// Every letter, page by page; no page parts the letters of a notification.
async fn every_letter(store: &Arc<dyn Store>, mut filter: LetterFilter) -> Vec<Letter> {
    let mut all: Vec<Letter> = Vec::new();
    loop {
        let page = store.letters(HERE, &filter).await.expect(READS);
        let total = page.total;
        let last = all.last().map(|letter| letter.notification.id);
        assert!(page.items.iter().all(|letter| Some(letter.notification.id) != last));
        let ids: std::collections::BTreeSet<_> =
            page.items.iter().map(|letter| letter.notification.id).collect();
        assert!(filter.limit == 0 || page.items.len() <= filter.limit || ids.len() == 1);
        all.extend(page.items);
        filter.after = page.next;
        if filter.after.is_none() {
            assert_eq!(total, all.len() as u64);
            return all;
        }
    }
}

fn endpoint_id(number: u64) -> EndpointId {
    match endpoint(number) {
        Target::Endpoint(id) => id,
        Target::OnCall(_) | Target::Person(_) => panic!("it is an endpoint"),
    }
}
