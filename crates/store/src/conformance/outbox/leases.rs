//! Leases, order, and what was due to a person.

use std::sync::Arc;

use model::{Effect, EndpointId, Notification, Target, Timestamp, Verdict};

use super::{READS, WRITES, delivery, ids, lease, status, view};
use crate::conformance::fixtures::{HERE, Road, time};
use crate::conformance::notices::{
    about_incident, about_signal, attempted, endpoint, notified, on_call_person, receipt,
};
use crate::outbox::DUE_COUNTED;
use crate::{DeliveryStatus, DueTarget, LeaseOf, NotificationStatus, Store};

/// Notifications about different incidents to one target.
fn about_many(numbers: std::ops::RangeInclusive<u64>, target: Target) -> Vec<Notification> {
    numbers.map(|number| about_incident(HERE, number, number, &[target])).collect()
}

fn all_ids(notifications: &[Notification]) -> Vec<model::NotificationId> {
    notifications.iter().map(|notification| notification.id).collect()
}

async fn next_due(store: &Arc<dyn Store>, now: Timestamp) -> Option<Timestamp> {
    store.next_due(now).await.expect(READS)
}

async fn due_targets(store: &Arc<dyn Store>, now: Timestamp) -> Vec<DueTarget> {
    store.due_targets(now, 1_000).await.expect(READS)
}

pub(in crate::conformance) async fn what_is_leased_is_nobody_elses_until_the_lease_ends(
    store: Arc<dyn Store>,
) {
    let here = endpoint(1);
    let due = about_many(1..=5, here);
    Road::new(&store).commit(due.iter().map(notified).collect()).await;
    assert!(lease(&store, here, 9, (time(0), time(50))).await.is_empty(), "nothing is due yet");
    let first = lease(&store, here, 2, (time(4), time(20))).await;
    assert_eq!(ids(&first), all_ids(&due[..2]));
    assert_eq!(first[0].notification, due[0]);
    assert_eq!((first[0].target, first[0].attempt, first[0].deadline), (here, 1, due[0].deadline));
    let second = lease(&store, here, 9, (time(4), time(30))).await;
    assert_eq!(ids(&second), all_ids(&due[2..4]), "the fifth is due later");
    assert_eq!(next_due(&store, time(4)).await, Some(time(5)));
    assert_eq!(ids(&lease(&store, here, 9, (time(19), time(40))).await), all_ids(&due[4..]));
    assert_eq!(next_due(&store, time(19)).await, Some(time(20)));
    assert_eq!(next_due(&store, time(20)).await, Some(time(30)), "what is free now does not count");
    assert!(due_targets(&store, time(19)).await.is_empty());
    let target = DueTarget { project: HERE, target: here, since: time(1), count: 2 };
    assert_eq!(due_targets(&store, time(29)).await, [target]);
    let again = lease(&store, here, 9, (time(30), time(50))).await;
    assert_eq!(ids(&again), all_ids(&due[..4]));
    assert_eq!(status(&store, &due[0]).await, NotificationStatus::Pending);
}

pub(in crate::conformance) async fn leases_are_given_back(store: Arc<dyn Store>) {
    let (here, there) = (endpoint(1), endpoint(2));
    let (mine, theirs) = (about_many(1..=2, here), about_many(3..=4, there));
    Road::new(&store).commit(mine.iter().chain(&theirs).map(notified).collect()).await;
    let of = |target| [LeaseOf { project: HERE, target, most: 9 }];
    let now = time(9);
    let until = time(90_000);
    store.lease(u128::MAX, now, until, &of(here)).await.expect(WRITES);
    store.lease(7, now, until, &of(there)).await.expect(WRITES);
    assert!(due_targets(&store, now).await.is_empty());
    store.release(Some(8)).await.expect(WRITES);
    assert!(due_targets(&store, now).await.is_empty());
    store.release(Some(7)).await.expect(WRITES);
    assert_eq!(due_targets(&store, now).await.len(), 1);
    assert_eq!(next_due(&store, time(2)).await, Some(time(3)));
    store.release(None).await.expect(WRITES);
    let targets: Vec<_> = due_targets(&store, now).await.iter().map(|due| due.target).collect();
    assert_eq!(targets, [here, there]);
    let leased = store.lease(9, now, until, &[of(there)[0], of(here)[0]]).await.expect(WRITES);
    assert_eq!(ids(&leased), [all_ids(&theirs), all_ids(&mine)].concat());
    // One is given back, due later.
    store.give_back(HERE, mine[1].id, here, time(30)).await.expect(WRITES);
    assert_eq!(next_due(&store, now).await, Some(time(30)));
    assert!(lease(&store, here, 9, (time(29), until)).await.is_empty());
    // What nobody leases is not given back.
    store.give_back(HERE, mine[1].id, here, time(50)).await.expect(WRITES);
    store.give_back(HERE, mine[1].id, there, time(50)).await.expect(WRITES);
    let leased = lease(&store, here, 9, (time(30), until)).await;
    assert_eq!((ids(&leased), leased[0].attempt), (vec![mine[1].id], 1));
    // Some are given back unused, due as they were; what is not there is passed over.
    let unused =
        [(HERE, mine[1].id, here), (HERE, theirs[0].id, there), (HERE, theirs[0].id, here)];
    store.return_unused(&unused).await.expect(WRITES);
    assert_eq!(ids(&lease(&store, there, 9, (now, until)).await), [theirs[0].id]);
    assert!(lease(&store, here, 9, (time(29), until)).await.is_empty());
    assert_eq!(ids(&lease(&store, here, 9, (time(30), until)).await), [mine[1].id]);
}

pub(in crate::conformance) async fn what_is_about_one_incident_goes_to_a_target_in_order(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let (here, there, until) = (endpoint(1), endpoint(2), time(90_000));
    let line: Vec<_> = (3..=6).map(|seq| about_incident(HERE, 1, seq, &[here, there])).collect();
    let other = about_incident(HERE, 2, 6, &[here]);
    road.commit(line[..3].iter().map(notified).collect()).await;
    road.commit(vec![notified(&line[3]), notified(&other)]).await;
    let leased = lease(&store, here, 9, (time(9), until)).await;
    assert_eq!(ids(&leased), [line[0].id, other.id], "one of each incident");
    assert!(lease(&store, here, 9, (time(9), until)).await.is_empty());
    assert_eq!(ids(&lease(&store, there, 9, (time(9), until)).await), [line[0].id]);
    // While the first is tried again, those behind it wait, and the target is not due.
    let retry = receipt(&line[0], here, 1, Verdict::Retry);
    road.commit(vec![attempted(time(9), &retry)]).await;
    let next_at = retry.next_at.expect("it is tried again");
    assert!(due_targets(&store, time(99)).await.is_empty());
    assert_eq!(next_due(&store, time(99)).await, Some(next_at));
    assert_eq!(ids(&lease(&store, here, 9, (next_at, until)).await), [line[0].id]);
    // However it ends, the next one's turn has come.
    for (index, verdict) in
        [Verdict::Dead, Verdict::HeldBack, Verdict::Folded].into_iter().enumerate()
    {
        let attempt = if index == 0 { 2 } else { 1 };
        let ended = receipt(&line[index], here, attempt, verdict);
        road.commit(vec![attempted(time(9), &ended)]).await;
        let leased = lease(&store, here, 9, (time(9), until)).await;
        assert_eq!(ids(&leased), [line[index + 1].id], "after {verdict}");
    }
    let last = receipt(&line[3], here, 1, Verdict::Delivered);
    road.commit(vec![attempted(time(9), &last)]).await;
    assert!(
        lease(&store, here, 9, (until, until))
            .await
            .iter()
            .all(|due| due.notification.id == other.id)
    );
}

pub(in crate::conformance) async fn signals_go_in_parallel(store: Arc<dyn Store>) {
    let (here, until) = (endpoint(1), time(90_000));
    let signals: Vec<_> =
        (1..=4).map(|n| about_signal(HERE, n, (n > 2).then_some(1), n, &[here])).collect();
    let mut effects: Vec<Effect> = signals.iter().map(notified).collect();
    let incident = about_incident(HERE, 1, 5, &[here]);
    effects.push(notified(&incident));
    Road::new(&store).commit(effects).await;
    let leased = lease(&store, here, 9, (time(9), until)).await;
    assert_eq!(ids(&leased), [all_ids(&signals), vec![incident.id]].concat());
}

pub(in crate::conformance) async fn one_stuck_target_hides_no_other(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let stuck = about_many(1..=1_500, endpoint(500));
    road.commit(stuck.iter().map(notified).collect()).await;
    let others: Vec<Notification> = (1..=100)
        .map(|number| about_signal(HERE, number, None, 2_000 + number, &[endpoint(number)]))
        .collect();
    road.commit(others.iter().map(notified).collect()).await;
    let now = time(5_000);
    let due = due_targets(&store, now).await;
    assert_eq!(due.len(), 101);
    let first =
        DueTarget { project: HERE, target: endpoint(500), since: time(1), count: DUE_COUNTED };
    assert_eq!(due[0], first);
    for (due, other) in due[1..].iter().zip(&others) {
        let expected =
            DueTarget { project: HERE, target: other.targets[0], since: other.at, count: 1 };
        assert_eq!(*due, expected);
    }
    assert_eq!(store.due_targets(now, 2).await.expect(READS), due[..2]);
    let until = time(90_000);
    for other in &others {
        assert_eq!(ids(&lease(&store, other.targets[0], 9, (now, until)).await), [other.id]);
    }
    // The stuck one is tried again and again; what is new to it still goes out.
    let tried =
        stuck.iter().map(|due| attempted(now, &receipt(due, endpoint(500), 1, Verdict::Retry)));
    road.commit(tried.collect()).await;
    let fresh = about_signal(HERE, 900, None, 5_000, &[endpoint(500)]);
    road.commit(vec![notified(&fresh)]).await;
    let leased = lease(&store, endpoint(500), 1, (time(7_000), until)).await;
    assert_eq!(ids(&leased), [stuck[0].id], "what was due first");
    let target = DueTarget { project: HERE, target: endpoint(500), since: time(2_001), count: 1 };
    assert_eq!(due_targets(&store, time(2_002)).await, [target]);
}

pub(in crate::conformance) async fn what_is_due_to_a_person_is_spread_over_endpoints(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let (person, until) = (on_call_person(1), time(90_000));
    let later = about_incident(HERE, 1, 5, &[endpoint(1), endpoint(3)]);
    road.commit(vec![notified(&later)]).await;
    let due = about_incident(HERE, 1, 3, &[endpoint(1), person]);
    road.commit(vec![notified(&due)]).await;
    let told = receipt(&due, endpoint(1), 1, Verdict::Delivered);
    road.commit(vec![attempted(time(4), &told)]).await;
    assert_eq!(ids(&lease(&store, person, 9, (time(5), until)).await), [due.id]);
    let [Target::Endpoint(one), Target::Endpoint(two), Target::Endpoint(three)] =
        [endpoint(1), endpoint(2), endpoint(3)]
    else {
        panic!("they are endpoints")
    };
    let over = [(one, time(6)), (two, time(60)), (three, time(7))];
    store.spread(HERE, due.id, person, &over, time(7)).await.expect(WRITES);
    let rows = view(&store, &due).await.deliveries;
    let stands: Vec<_> = rows.iter().map(|row| (row.target, row.status, row.due_at)).collect();
    let expected = [
        (endpoint(1), DeliveryStatus::Delivered, due.at),
        (endpoint(2), DeliveryStatus::Due, time(60)),
        (endpoint(3), DeliveryStatus::Due, time(7)),
        (person, DeliveryStatus::Spread, due.at),
    ];
    assert_eq!(stands, expected);
    assert_eq!(status(&store, &due).await, NotificationStatus::Pending);
    // It comes before what was made later, at the same endpoint.
    assert!(lease(&store, endpoint(3), 9, (time(6), until)).await.is_empty());
    let leased = lease(&store, endpoint(3), 9, (time(7), until)).await;
    assert_eq!((ids(&leased), leased[0].deadline), (vec![due.id], due.deadline));
    assert!(lease(&store, endpoint(2), 9, (time(59), until)).await.is_empty());
    // What is spread already is not spread again, nor is what is not there.
    for (target, over) in [(person, EndpointId(9)), (on_call_person(2), EndpointId(9))] {
        store.spread(HERE, due.id, target, &[(over, time(1))], time(1)).await.expect(WRITES);
    }
    assert_eq!(view(&store, &due).await.deliveries, rows);
    for number in [2, 3] {
        let told = receipt(&due, endpoint(number), 1, Verdict::Delivered);
        road.commit(vec![attempted(time(8), &told)]).await;
    }
    assert_eq!(status(&store, &due).await, NotificationStatus::Delivered);
    assert_eq!(ids(&lease(&store, endpoint(3), 9, (time(8), until)).await), [later.id]);
}

pub(in crate::conformance) async fn what_nobody_can_be_told_is_held(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let (person, until) = (on_call_person(1), time(90_000));
    let line = [about_incident(HERE, 1, 3, &[person]), about_incident(HERE, 1, 4, &[person])];
    road.commit(line.iter().map(notified).collect()).await;
    store.spread(HERE, line[0].id, person, &[], time(9)).await.expect(WRITES);
    assert_eq!(status(&store, &line[0]).await, NotificationStatus::Held);
    assert_eq!(ids(&lease(&store, person, 9, (time(9), until)).await), [line[1].id]);
    let nobody = receipt(&line[1], person, 1, Verdict::HeldBack);
    road.commit(vec![attempted(time(9), &nobody)]).await;
    assert_eq!(status(&store, &line[1]).await, NotificationStatus::Held);
    assert_eq!(delivery(&store, &line[1], person).await.last_answer, nobody.answer);
    assert_eq!(next_due(&store, time(9)).await, None);
}
