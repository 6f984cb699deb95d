//! What effects make of notifications and deliveries.

use std::sync::Arc;

use model::{Duration, Effect, Notification, Seq, Subject, Timestamp, Transition, Verdict, limits};

use super::{READS, WRITES, delivery, everything, ids, lease, status, view};
use crate::conformance::fixtures::{HERE, Road, time};
use crate::conformance::notices::{
    about_incident, about_signal, attempted, endpoint, held, notified, on_call_person, receipt,
    replayed, replayed_by, told_to,
};
use crate::{
    DeliveryRow, DeliveryStatus, LetterFilter, NotificationStatus, NotificationView, OutboxCounts,
    Store,
};

pub(in crate::conformance) async fn every_field_of_a_notification_reads_back(
    store: Arc<dyn Store>,
) {
    let targets = [endpoint(2), endpoint(1), on_call_person(1)];
    let step = Transition::Step { policy: model::DirectiveId(8), step: 1, round: 2 };
    let plain = about_incident(HERE, 1, 3, &targets);
    let stepped = Notification { transition: step, ..told_to(2, &plain) };
    let signal = about_signal(HERE, 4, None, 4, &[endpoint(1)]);
    let of_incident = about_signal(HERE, 5, Some(1), 4, &[endpoint(1)]);
    let silenced = held(&about_incident(HERE, 2, 5, &[]));
    let all = [plain, stepped, signal, of_incident, silenced];
    Road::new(&store).commit(all.iter().map(notified).collect()).await;
    for notification in &all {
        let due = |&target| DeliveryRow {
            target,
            status: DeliveryStatus::Due,
            attempts: 0,
            due_at: notification.at,
            delivered_at: None,
            last_answer: String::new(),
        };
        let is_held = notification.held.is_some();
        let expected = NotificationView {
            status: if is_held { NotificationStatus::Held } else { NotificationStatus::Pending },
            delivered_at: None,
            deliveries: notification.targets.iter().map(due).collect(),
            attempts: Vec::new(),
            notification: notification.clone(),
        };
        assert_eq!(view(&store, notification).await, expected);
    }
    assert_eq!(store.notification(HERE, model::NotificationId(1)).await.expect(READS), None);
}

pub(in crate::conformance) async fn a_notification_is_due_once(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let first = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let again = about_incident(HERE, 1, 3, &[endpoint(1), endpoint(2)]);
    road.commit(vec![notified(&first), notified(&again)]).await;
    let stands = view(&store, &first).await;
    assert_eq!(stands.notification, first);
    assert_eq!(stands.deliveries.len(), 1);
    let delivered = receipt(&first, endpoint(1), 1, Verdict::Delivered);
    road.commit(vec![attempted(time(5), &delivered)]).await;
    let before = everything(&store).await;
    road.commit(vec![notified(&again)]).await;
    road.commit(vec![notified(&first)]).await;
    assert_eq!(everything(&store).await, before);
    // The same can happen to the incident again.
    road.commit(vec![notified(&about_incident(HERE, 1, 4, &[endpoint(1)]))]).await;
    let page = store.notifications(HERE, &crate::NotificationFilter::default()).await;
    assert_eq!(page.expect(READS).total, 2);
}

pub(in crate::conformance) async fn a_held_notification_goes_nowhere(store: Arc<dyn Store>) {
    let silenced = held(&about_incident(HERE, 1, 3, &[]));
    let with_targets =
        Notification { targets: vec![endpoint(1)], ..held(&about_incident(HERE, 2, 4, &[])) };
    Road::new(&store).commit(vec![notified(&silenced), notified(&with_targets)]).await;
    for notification in [&silenced, &with_targets] {
        let stands = view(&store, notification).await;
        assert_eq!(stands.status, NotificationStatus::Held);
        assert_eq!(stands.deliveries, []);
        assert_eq!(stands.notification.held, silenced.held);
    }
    assert_eq!(store.next_due(time(0)).await.expect(READS), None);
    assert_eq!(store.outbox_counts().await.expect(READS), OutboxCounts::default());
}

pub(in crate::conformance) async fn a_notification_stands_where_its_deliveries_stand(
    store: Arc<dyn Store>,
) {
    use NotificationStatus::{Dead, Delivered, Held, Pending};
    let mut road = Road::new(&store);
    let cases: [(&[Verdict], NotificationStatus); 9] = [
        (&[Verdict::Delivered], Pending),
        (&[Verdict::Delivered, Verdict::Retry], Pending),
        (&[Verdict::Dead, Verdict::Retry], Pending),
        (&[Verdict::Delivered, Verdict::Delivered], Delivered),
        (&[Verdict::Delivered, Verdict::Folded], Delivered),
        (&[Verdict::Delivered, Verdict::HeldBack], Delivered),
        (&[Verdict::Delivered, Verdict::Dead], Dead),
        (&[Verdict::HeldBack, Verdict::Dead], Dead),
        (&[Verdict::HeldBack, Verdict::HeldBack], Held),
    ];
    for (number, (verdicts, expected)) in cases.into_iter().enumerate() {
        let number = number as u64 + 1;
        let due = about_incident(HERE, number, number, &[endpoint(1), endpoint(2)]);
        road.commit(vec![notified(&due)]).await;
        for (index, &verdict) in verdicts.iter().enumerate() {
            let index = index as u64;
            let tried = receipt(&due, endpoint(index + 1), 1, verdict);
            road.commit(vec![attempted(time(50 + index), &tried)]).await;
        }
        let stands = view(&store, &due).await;
        assert_eq!(stands.status, expected, "{verdicts:?}");
        let last_told = verdicts
            .iter()
            .rposition(|verdict| matches!(verdict, Verdict::Delivered | Verdict::Folded));
        let since = last_told.map(|index| time(50 + index as u64));
        assert_eq!(stands.delivered_at, since.filter(|_| expected == Delivered), "{verdicts:?}");
    }
}

pub(in crate::conformance) async fn every_try_is_kept_and_moves_its_delivery(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let due = about_incident(HERE, 1, 3, &[endpoint(1), endpoint(2)]);
    road.commit(vec![notified(&due)]).await;
    let one = receipt(&due, endpoint(1), 1, Verdict::Retry);
    let two = receipt(&due, endpoint(1), 2, Verdict::Delivered);
    let other = receipt(&due, endpoint(2), 1, Verdict::Dead);
    let leased = lease(&store, endpoint(1), 9, (time(3), time(90_000))).await;
    assert_eq!((ids(&leased), leased[0].attempt), (vec![due.id], 1));
    road.commit(vec![attempted(time(6), &one)]).await;
    let row = delivery(&store, &due, endpoint(1)).await;
    let next_at = one.next_at.expect("it is tried again");
    let retried = DeliveryRow {
        target: endpoint(1),
        status: DeliveryStatus::Due,
        attempts: 1,
        due_at: next_at,
        delivered_at: None,
        last_answer: one.answer.clone(),
    };
    assert_eq!(row, retried);
    // The lease went with the try.
    assert!(lease(&store, endpoint(1), 9, (time(7), time(90_000))).await.is_empty());
    let leased = lease(&store, endpoint(1), 9, (next_at, time(90_000))).await;
    assert_eq!((ids(&leased), leased[0].attempt), (vec![due.id], 2));
    road.commit(vec![attempted(time(9), &two), attempted(time(9), &other)]).await;
    let stands = view(&store, &due).await;
    let told = DeliveryRow {
        status: DeliveryStatus::Delivered,
        attempts: 2,
        delivered_at: Some(time(9)),
        last_answer: two.answer.clone(),
        ..retried
    };
    assert_eq!(stands.deliveries[0], told);
    assert_eq!(stands.deliveries[1].status, DeliveryStatus::Dead);
    assert_eq!(stands.attempts, [one, other, two]);
    assert_eq!(store.next_due(time(0)).await.expect(READS), None);
}

pub(in crate::conformance) async fn a_try_already_known_moves_nothing(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    let due = about_incident(HERE, 1, 3, &[endpoint(1)]);
    let tried =
        |attempt, verdict| attempted(time(9), &receipt(&due, endpoint(1), attempt, verdict));
    road.commit(vec![notified(&due), tried(2, Verdict::Delivered)]).await;
    let before = everything(&store).await;
    road.commit(vec![tried(2, Verdict::Dead)]).await;
    road.commit(vec![tried(2, Verdict::Retry), tried(2, Verdict::Delivered)]).await;
    assert_eq!(everything(&store).await, before);
    // A late receipt of an earlier try is kept, and moves nothing back either.
    road.commit(vec![tried(1, Verdict::Retry)]).await;
    let stands = view(&store, &due).await;
    assert_eq!((stands.status, stands.attempts.len()), (NotificationStatus::Delivered, 2));
    assert_eq!((stands.deliveries[0].attempts, stands.deliveries[0].due_at), (2, due.at));
}

pub(in crate::conformance) async fn a_receipt_makes_the_delivery_that_was_lost(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let due = about_incident(HERE, 1, 3, &[on_call_person(1)]);
    let later = about_incident(HERE, 1, 4, &[endpoint(5)]);
    road.commit(vec![notified(&due), notified(&later)]).await;
    let lost = receipt(&due, endpoint(5), 2, Verdict::Retry);
    road.commit(vec![attempted(time(9), &lost)]).await;
    let row = delivery(&store, &due, endpoint(5)).await;
    assert_eq!((row.status, row.attempts), (DeliveryStatus::Due, 2));
    // It takes its place in the line: what came later waits for it.
    let until = time(90_000);
    assert!(lease(&store, endpoint(5), 9, (time(10), until)).await.is_empty());
    let leased = lease(&store, endpoint(5), 9, (row.due_at, until)).await;
    assert_eq!(ids(&leased), [due.id]);
    assert_eq!(leased[0].deadline, due.deadline);
    // A receipt of what nobody knows is of no use.
    let unknown = receipt(&about_incident(HERE, 9, 9, &[]), endpoint(5), 1, Verdict::Dead);
    let before = everything(&store).await;
    road.commit(vec![attempted(time(9), &unknown)]).await;
    assert_eq!(everything(&store).await, before);
}

/// A long story of one incident at two endpoints: everything that can follow from effects.
fn story() -> Vec<Effect> {
    let first = about_incident(HERE, 1, 3, &[endpoint(1), endpoint(2)]);
    let second = about_incident(HERE, 1, 5, &[endpoint(1)]);
    let signal = about_signal(HERE, 1, Some(1), 6, &[endpoint(1)]);
    let tried = |at, of: &Notification, to, attempt, verdict| {
        attempted(time(at), &receipt(of, endpoint(to), attempt, verdict))
    };
    vec![
        notified(&first),
        tried(7, &first, 1, 1, Verdict::Retry),
        notified(&second),
        notified(&signal),
        notified(&first),
        tried(8, &first, 1, 2, Verdict::Dead),
        tried(8, &first, 2, 1, Verdict::Delivered),
        replayed(time(8), &[(&first, endpoint(1)), (&first, endpoint(2))]),
        tried(8, &first, 1, 3, Verdict::Dead),
        replayed(time(9), &[(&first, endpoint(1)), (&second, endpoint(1))]),
        tried(9, &second, 1, 1, Verdict::Folded),
        tried(9, &first, 1, 4, Verdict::Dead),
        tried(9, &signal, 1, 1, Verdict::Retry),
        notified(&held(&about_incident(HERE, 2, 10, &[]))),
    ]
}

pub(in crate::conformance) async fn a_batch_applied_twice_changes_nothing(store: Arc<dyn Store>) {
    let mut road = Road::new(&store);
    road.commit(story()).await;
    let before = everything(&store).await;
    road.commit(story()).await;
    assert_eq!(everything(&store).await, before);
    for effect in story() {
        road.commit(vec![effect]).await;
        assert_eq!(everything(&store).await, before);
    }
}

pub(in crate::conformance) async fn effects_in_one_batch_do_what_they_do_in_many(
    store: Arc<dyn Store>,
) {
    let memory: Arc<dyn Store> = Arc::new(crate::MemoryStore::new());
    let mut many = Road::new(&memory);
    for effect in story() {
        many.commit(vec![effect]).await;
    }
    Road::new(&store).commit(story()).await;
    assert_eq!(everything(&store).await, everything(&memory).await);
}

pub(in crate::conformance) async fn replayed_letters_are_due_at_once_with_a_new_deadline(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let first = about_incident(HERE, 1, 3, &[endpoint(1), endpoint(2)]);
    let later = about_incident(HERE, 1, 4, &[endpoint(1)]);
    let dead = receipt(&first, endpoint(1), 1, Verdict::Dead);
    let told = receipt(&first, endpoint(2), 1, Verdict::Delivered);
    road.commit(vec![
        notified(&first),
        notified(&later),
        attempted(time(9), &dead),
        attempted(time(9), &told),
    ])
    .await;
    assert_eq!(status(&store, &first).await, NotificationStatus::Dead);
    assert_eq!(store.letters(HERE, &LetterFilter::default()).await.expect(READS).total, 1);
    let at = time(50);
    road.commit(vec![replayed(at, &[(&first, endpoint(1)), (&first, endpoint(2))])]).await;
    assert_eq!(status(&store, &first).await, NotificationStatus::Pending);
    let row = delivery(&store, &first, endpoint(1)).await;
    assert_eq!((row.status, row.attempts, row.due_at), (DeliveryStatus::Due, 1, at));
    let row = delivery(&store, &first, endpoint(2)).await;
    assert_eq!(row.status, DeliveryStatus::Delivered, "what was told is not told again");
    assert_eq!(store.letters(HERE, &LetterFilter::default()).await.expect(READS).total, 0);
    // It is the first of its incident again.
    let leased = lease(&store, endpoint(1), 9, (at, time(90_000))).await;
    assert_eq!(ids(&leased), [first.id]);
    assert_eq!((leased[0].attempt, leased[0].deadline), (2, at + limits::DELIVERY_DEADLINE));
    let told = receipt(&first, endpoint(1), 2, Verdict::Delivered);
    road.commit(vec![attempted(time(60), &told)]).await;
    assert_eq!(status(&store, &first).await, NotificationStatus::Delivered);
    assert_eq!(ids(&lease(&store, endpoint(1), 9, (at, time(90_000))).await), [later.id]);
}

pub(in crate::conformance) async fn a_letter_is_replayed_as_often_as_it_is_asked_for_in_one_instant(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let due = about_signal(HERE, 1, None, 3, &[endpoint(1)]);
    let dead = |attempt| attempted(time(9), &receipt(&due, endpoint(1), attempt, Verdict::Dead));
    let again = |seq| replayed_by(Seq(seq), time(9), &[(&due, endpoint(1))]);
    road.commit(vec![notified(&due), dead(1), again(11)]).await;
    assert_eq!(delivery(&store, &due, endpoint(1)).await.status, DeliveryStatus::Due);
    // The journal gives the same time to entries that come together.
    road.commit(vec![dead(2)]).await;
    road.commit(vec![again(13)]).await;
    let row = delivery(&store, &due, endpoint(1)).await;
    assert_eq!((row.status, row.attempts, row.due_at), (DeliveryStatus::Due, 2, time(9)));
    road.commit(vec![dead(3), again(15), dead(4)]).await;
    let before = everything(&store).await;
    // What is applied again replays nothing.
    road.commit(vec![again(11), again(13), dead(3), again(15)]).await;
    assert_eq!(everything(&store).await, before);
    let counts = store.outbox_counts().await.expect(READS);
    assert_eq!((counts.due, counts.dead), (0, 1));
}

pub(in crate::conformance) async fn a_thread_is_what_the_first_message_was_called(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let (here, until) = (endpoint(1), time(90_000));
    let about = |seq| about_incident(HERE, 1, seq, &[here]);
    let signal = about_signal(HERE, 1, Some(1), 2, &[here]);
    let named = |of: &Notification, reference: &str, verdict| {
        let told = receipt(of, here, 1, verdict);
        attempted(time(9), &model::Receipt { reference: reference.to_owned(), ..told })
    };
    road.commit(vec![notified(&signal), named(&signal, "signal", Verdict::Delivered)]).await;
    for (seq, reference, verdict, thread) in [
        (3, "", Verdict::Delivered, ""),
        (4, "dead", Verdict::Dead, ""),
        (5, "first", Verdict::Delivered, ""),
        (6, "second", Verdict::Delivered, "first"),
        (7, "third", Verdict::Delivered, "first"),
    ] {
        let due = about(seq);
        road.commit(vec![notified(&due)]).await;
        let leased = lease(&store, here, 1, (time(seq), until)).await;
        assert_eq!((leased[0].notification.id, leased[0].thread.as_str()), (due.id, thread));
        road.commit(vec![named(&due, reference, verdict)]).await;
    }
    let others = [about_incident(HERE, 2, 8, &[here]), about_incident(HERE, 1, 8, &[endpoint(2)])];
    let signal = about_signal(HERE, 2, Some(1), 8, &[here]);
    road.commit(others.iter().chain([&signal]).map(notified).collect()).await;
    let mut leased = lease(&store, here, 9, (time(9), until)).await;
    leased.extend(lease(&store, endpoint(2), 9, (time(9), until)).await);
    assert_eq!(leased.len(), 3);
    assert!(leased.iter().all(|leased| leased.thread.is_empty()), "{leased:?}");
}

pub(in crate::conformance) async fn figures_count_what_is_due_and_what_is_dead(
    store: Arc<dyn Store>,
) {
    let mut road = Road::new(&store);
    let first = about_incident(HERE, 1, 3, &[endpoint(1), endpoint(2)]);
    let second = about_incident(HERE, 1, 5, &[endpoint(1)]);
    let counts =
        |due, oldest: Option<Timestamp>, dead| OutboxCounts { due, oldest_due_at: oldest, dead };
    road.commit(vec![notified(&first), notified(&second)]).await;
    assert_eq!(store.outbox_counts().await.expect(READS), counts(3, Some(time(3)), 0));
    let dead = receipt(&first, endpoint(1), 1, Verdict::Dead);
    let retry = receipt(&first, endpoint(2), 1, Verdict::Retry);
    road.commit(vec![attempted(time(9), &dead), attempted(time(9), &retry)]).await;
    assert_eq!(store.outbox_counts().await.expect(READS), counts(2, Some(time(5)), 1));
    lease(&store, endpoint(1), 9, (time(9), time(90_000))).await;
    assert_eq!(store.outbox_counts().await.expect(READS), counts(2, Some(time(5)), 1));
    road.commit(vec![replayed(time(9), &[(&first, endpoint(1))])]).await;
    // What waits behind it counts, but not since when.
    assert_eq!(store.outbox_counts().await.expect(READS), counts(3, Some(time(9)), 0));
}

pub(in crate::conformance) async fn ten_thousand_notifications_fit_one_commit(
    store: Arc<dyn Store>,
) {
    let shared = about_incident(HERE, 1, 3, &[endpoint(1), endpoint(2)]);
    let mut road = Road::new(&store);
    let all: Vec<Notification> = (1..=10_000).map(|number| told_to(number, &shared)).collect();
    road.commit(all.iter().map(notified).collect()).await;
    let counts = store.outbox_counts().await.expect(READS);
    assert_eq!((counts.due, counts.dead), (20_000, 0));
    let mut first: Vec<&Notification> = all.iter().collect();
    first.sort_by_key(|notification| notification.id);
    let until = time(3) + Duration::from_secs(60);
    assert_eq!(ids(&lease(&store, endpoint(2), 9, (time(3), until)).await), [first[0].id]);
    let tried =
        all.iter().map(|due| attempted(time(9), &receipt(due, endpoint(1), 1, Verdict::Dead)));
    road.commit(tried.collect()).await;
    let counts = store.outbox_counts().await.expect(READS);
    assert_eq!((counts.due, counts.dead), (10_000, 10_000));
    let letters: Vec<_> = all.iter().map(|due| (due, endpoint(1))).collect();
    road.commit(vec![replayed(time(10), &letters)]).await;
    assert_eq!(store.outbox_counts().await.expect(READS).due, 20_000);
    assert_eq!(ids(&lease(&store, endpoint(1), 9, (time(10), until)).await), [first[0].id]);
    assert_eq!(
        all[0].subject,
        Subject::Incident(crate::conformance::fixtures::incident_id(HERE, 1))
    );
    assert_eq!(all[0].seq, Seq(3));
    store.release(None).await.expect(WRITES);
}
