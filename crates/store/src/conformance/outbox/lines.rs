//! Lines: what is about one alert is told in order, and what is due to somebody later holds nothing up until
//! its time comes.

use std::sync::Arc;

use model::SignalStatus::{Firing, Resolved};
use model::{EndpointId, Notification, NotificationId, Target, Timestamp, Verdict};

use super::{READS, WRITES, delivery, ids, lease, status};
use crate::conformance::fixtures::{HERE, Road, time};
use crate::conformance::notices::{
    about_alert, about_incident, about_signal, attempted, endpoint, notified, on_call_person,
    receipt, replayed,
};
use crate::{DeliveryStatus, NotificationStatus, Store};

/// What is handed out for a target at `now`, and leased for longer than a case takes.
async fn handed_out(store: &Arc<dyn Store>, target: Target, now: Timestamp) -> Vec<NotificationId> {
    ids(&lease(store, target, 9, (now, time(90_000_000))).await)
}

/// Whether anything could be handed out for a target at `now`.
async fn is_due(store: &Arc<dyn Store>, target: Target, now: Timestamp) -> bool {
    let due = store.due_targets(now, 1_000).await.expect(READS);
    due.iter().any(|due| due.target == target)
}

/// Spreads what is due to a person out over endpoints, each with when it is due there.
async fn spread(
    store: &Arc<dyn Store>,
    due: &Notification,
    over: &[(Target, Timestamp)],
    now: Timestamp,
) {
    let person = due.targets[0];
    assert_eq!(handed_out(store, person, now).await, [due.id]);
    let endpoint = |target| match target {
        Target::Endpoint(id) => id,
        Target::OnCall(_) | Target::Person(_) => EndpointId(0),
    };
    let over: Vec<_> = over.iter().map(|&(target, at)| (endpoint(target), at)).collect();
    store.spread(HERE, due.id, person, &over, now).await.expect(WRITES);
}

/// A try at `target` ended.
async fn tried(
    road: &mut Road,
    due: &Notification,
    target: Target,
    (attempt, verdict): (u32, Verdict),
) -> Option<Timestamp> {
    let receipt = receipt(due, target, attempt, verdict);
    road.commit(vec![attempted(receipt.began_at, &receipt)]).await;
    receipt.next_at
}

pub(in crate::conformance) async fn what_is_about_one_alert_goes_to_a_target_in_order(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let (here, there) = (endpoint(1), endpoint(2));
    let fires = about_alert(HERE, (1, Firing), 3, &[here, there]);
    let over = about_alert(HERE, (1, Resolved), 4, &[here, there]);
    let again = about_alert(HERE, (1, Firing), 5, &[here]);
    let other = about_alert(HERE, (2, Resolved), 5, &[here]);
    let plain: Vec<_> = (6..=7).map(|seq| about_signal(HERE, seq, None, seq, &[here])).collect();
    road.commit([&fires, &over].map(notified).to_vec()).await;
    road.commit([&again, &other, &plain[0], &plain[1]].map(notified).to_vec()).await;
    let side_by_side = [fires.id, other.id, plain[0].id, plain[1].id];
    assert_eq!(handed_out(&store, here, time(9)).await, side_by_side);
    assert_eq!(handed_out(&store, there, time(9)).await, [fires.id], "each target has its own");
    // While it is tried again that the alert fires, nobody is told that it is over.
    let next_at = tried(&mut road, &fires, here, (1, Verdict::Retry)).await;
    let next_at = next_at.expect("it is tried again");
    assert!(!is_due(&store, here, time(99)).await);
    assert_eq!(store.next_due(time(99)).await.expect(READS), Some(next_at));
    assert_eq!(handed_out(&store, here, next_at).await, [fires.id]);
    tried(&mut road, &fires, here, (2, Verdict::Delivered)).await;
    let leased = lease(&store, here, 9, (next_at, time(90_000_000))).await;
    assert_eq!((ids(&leased), leased[0].thread.as_str()), (vec![over.id], ""));
    // A letter that is sent again comes before what came after it.
    tried(&mut road, &over, here, (1, Verdict::Dead)).await;
    road.commit(vec![replayed(next_at, &[(&over, here)])]).await;
    assert_eq!(handed_out(&store, here, next_at).await, [over.id]);
    tried(&mut road, &over, here, (2, Verdict::Folded)).await;
    assert_eq!(handed_out(&store, here, next_at).await, [again.id]);
}

pub(in crate::conformance) async fn a_later_contact_method_holds_nothing_up(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let (mail, phone) = (endpoint(1), endpoint(2));
    let first = about_incident(HERE, 1, 3, &[on_call_person(1)]);
    let step = about_incident(HERE, 1, 300, &[phone]);
    let resolved = about_incident(HERE, 1, 600, &[phone]);
    road.commit(vec![notified(&first)]).await;
    spread(&store, &first, &[(mail, time(4)), (phone, time(1_800))], time(4)).await;
    assert_eq!(handed_out(&store, mail, time(4)).await, [first.id]);
    road.commit(vec![notified(&step)]).await;
    assert!(is_due(&store, phone, time(300)).await);
    assert_eq!(handed_out(&store, phone, time(300)).await, [step.id], "it waits for nothing");
    road.commit(vec![notified(&resolved)]).await;
    assert_eq!(handed_out(&store, phone, time(600)).await, [], "it waits for the step");
    tried(&mut road, &step, phone, (1, Verdict::Delivered)).await;
    assert_eq!(handed_out(&store, phone, time(600)).await, [resolved.id]);
    tried(&mut road, &resolved, phone, (1, Verdict::Delivered)).await;
    assert_eq!(store.next_due(time(600)).await.expect(READS), Some(time(1_800)));
    assert_eq!(handed_out(&store, phone, time(1_799)).await, []);
    let leased = lease(&store, phone, 9, (time(1_800), time(90_000_000))).await;
    assert_eq!((ids(&leased), leased[0].thread.as_str()), (vec![first.id], "ts-1"));
    for target in [mail, phone] {
        tried(&mut road, &first, target, (1, Verdict::Delivered)).await;
    }
    assert_eq!(status(&store, &first).await, NotificationStatus::Delivered);
}

pub(in crate::conformance) async fn a_later_contact_method_takes_its_place_when_its_time_comes(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let phone = endpoint(2);
    let before = about_incident(HERE, 1, 2, &[phone]);
    let due = about_incident(HERE, 1, 3, &[on_call_person(1)]);
    let after = about_incident(HERE, 1, 300, &[phone]);
    road.commit([&before, &due].map(notified).to_vec()).await;
    spread(&store, &due, &[(phone, time(1_800))], time(4)).await;
    let next_at = tried(&mut road, &before, phone, (1, Verdict::Retry)).await;
    let next_at = next_at.expect("it is tried again");
    assert!(next_at > time(1_900));
    road.commit(vec![notified(&after)]).await;
    // Behind what came before it, which is tried again.
    assert_eq!(handed_out(&store, phone, time(1_900)).await, []);
    assert!(!is_due(&store, phone, time(1_900)).await);
    assert_eq!(store.next_due(time(1_900)).await.expect(READS), Some(next_at));
    let rest = [(&before, 2), (&due, 1), (&after, 1)];
    for (one, attempt) in rest {
        assert_eq!(handed_out(&store, phone, next_at).await, [one.id]);
        tried(&mut road, one, phone, (attempt, Verdict::Delivered)).await;
    }
    assert_eq!(store.next_due(time(0)).await.expect(READS), None);
}

pub(in crate::conformance) async fn a_later_contact_method_that_is_tried_again_holds_up_what_came_after_it(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let phone = endpoint(2);
    let due = about_incident(HERE, 1, 3, &[on_call_person(1)]);
    let step = about_incident(HERE, 1, 50, &[phone]);
    let resolved = about_incident(HERE, 1, 1_500, &[phone]);
    road.commit(vec![notified(&due)]).await;
    spread(&store, &due, &[(phone, time(100))], time(4)).await;
    road.commit(vec![notified(&step)]).await;
    assert_eq!(handed_out(&store, phone, time(50)).await, [step.id]);
    let step_at = tried(&mut road, &step, phone, (1, Verdict::Retry)).await;
    let step_at = step_at.expect("it is tried again");
    // It was made before the step, which waits from now on.
    assert_eq!(handed_out(&store, phone, time(100)).await, [due.id]);
    let next_at = tried(&mut road, &due, phone, (1, Verdict::Retry)).await;
    let next_at = next_at.expect("it is tried again");
    road.commit(vec![notified(&resolved)]).await;
    assert!(!is_due(&store, phone, time(1_600)).await && next_at > time(1_600));
    assert_eq!(handed_out(&store, phone, next_at.max(step_at)).await, [due.id]);
    tried(&mut road, &due, phone, (2, Verdict::Dead)).await;
    assert_eq!(delivery(&store, &due, phone).await.status, DeliveryStatus::Dead);
    assert_eq!(handed_out(&store, phone, step_at).await, [step.id]);
    // Sent again, it is in order with what is left.
    road.commit(vec![replayed(step_at, &[(&due, phone)])]).await;
    tried(&mut road, &step, phone, (2, Verdict::Delivered)).await;
    assert_eq!(handed_out(&store, phone, step_at).await, [due.id]);
    tried(&mut road, &due, phone, (3, Verdict::Delivered)).await;
    assert_eq!(handed_out(&store, phone, step_at).await, [resolved.id]);
}

pub(in crate::conformance) async fn an_alert_told_to_a_person_is_in_order_too(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let (person, mail, phone) = (on_call_person(1), endpoint(1), endpoint(2));
    let fires = about_alert(HERE, (1, Firing), 3, &[person]);
    let over = about_alert(HERE, (1, Resolved), 20, &[person]);
    road.commit([&fires, &over].map(notified).to_vec()).await;
    spread(&store, &fires, &[(mail, time(20)), (phone, time(120))], time(20)).await;
    spread(&store, &over, &[(mail, time(21)), (phone, time(121))], time(21)).await;
    for one in [&fires, &over] {
        assert_eq!(handed_out(&store, mail, time(21)).await, [one.id]);
        tried(&mut road, one, mail, (1, Verdict::Delivered)).await;
    }
    // Both are due by phone at the same look.
    assert_eq!(handed_out(&store, phone, time(130)).await, [fires.id]);
    let next_at = tried(&mut road, &fires, phone, (1, Verdict::Retry)).await;
    let next_at = next_at.expect("it is tried again");
    assert_eq!(handed_out(&store, phone, time(140)).await, []);
    for (one, attempt) in [(&fires, 2), (&over, 1)] {
        assert_eq!(handed_out(&store, phone, next_at).await, [one.id]);
        tried(&mut road, one, phone, (attempt, Verdict::Delivered)).await;
    }
    // What was lost of it comes back into its line.
    let (pager, last) = (endpoint(5), about_alert(HERE, (1, Resolved), 30, &[endpoint(5)]));
    tried(&mut road, &fires, pager, (1, Verdict::Retry)).await;
    road.commit(vec![notified(&last)]).await;
    assert_eq!(handed_out(&store, pager, time(40)).await, []);
    assert_eq!(handed_out(&store, pager, next_at).await, [fires.id]);
}
