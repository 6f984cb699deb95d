//! What a crash, a stop, a full disk or a store that does not answer cost: time, and where nothing else is
//! possible one message that goes out twice.

use expect_test::expect;
use model::Seq;
use store::DeliveryStatus;

use super::world::{Act, World, pass_ms, to};
use crate::courier::Error;

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_receipt_is_durable_sends_once_more() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.road.refuse(true);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(10_000).await;
    assert_eq!(world.sent_to(here), 1);
    running.task.abort();
    pass_ms(10).await;
    world.road.refuse(false);
    let _second = world.run();
    pass_ms(200_000).await;
    assert_eq!(world.sent_to(here), 2);
    expect!["1 to endpoint 1, try 1: delivered, 200\n"].assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_it_is_sent_sends_once_more() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.acts(here, &[Act::TakeAfter(1_000)]);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(500).await;
    running.task.abort();
    pass_ms(10).await;
    let _second = world.run();
    pass_ms(200_000).await;
    assert_eq!(world.sent_to(here), 2);
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_receipt_is_durable_sends_nothing_again() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.road.lag(true);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(10_000).await;
    assert_eq!((world.sent_to(here), world.road.appends()), (1, 1));
    running.task.abort();
    pass_ms(10).await;
    let _second = world.run();
    // The receipt lies in the journal, and the store does not know of it yet.
    pass_ms(120_000).await;
    assert_eq!(world.sent_to(here), 1);
    world.road.lag(false);
    world.tell(2, &[to(here)]);
    pass_ms(120_000).await;
    expect![[r"
        0.00 to 1: 1
        130.01 to 1: 2
    "]]
    .assert_eq(&world.sent());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_lags_longer_than_a_lease_makes_nothing_go_out_twice() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.road.lag(true);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(400_000).await;
    assert_eq!(world.sent_to(here), 1);
    assert!(running.handle.meters.looks() < 500, "{}", running.handle.meters.looks());
    world.road.lag(false);
    pass_ms(100_000).await;
    assert_eq!(world.sent_to(here), 1);
    assert_eq!(running.handle.standing().unsettled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_refuses_stops_leasing_and_loses_nothing() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.tell(1, &[to(here)]);
    world.road.refuse(true);
    let running = world.run();
    pass_ms(1_000).await;
    world.tell(2, &[to(here)]);
    pass_ms(200_000).await;
    expect!["0.00 to 1: 1\n"].assert_eq(&world.sent());
    let standing = running.handle.standing();
    assert_eq!(standing.receipts_waiting, 1);
    expect!["the journal does not acknowledge: the disk is full"]
        .assert_eq(standing.trouble.as_deref().unwrap_or(""));
    let refusals = running.handle.meters.journal_refusals();
    assert!((395..=405).contains(&refusals), "twice a second: {refusals}");
    world.road.refuse(false);
    pass_ms(1_000).await;
    expect![[r"
        1 to endpoint 1, try 1: delivered, 200
        2 to endpoint 1, try 1: delivered, 200
    "]]
    .assert_eq(&world.receipts());
    assert_eq!(running.handle.standing().trouble, None);
}

#[tokio::test(start_paused = true)]
async fn receipts_of_what_ends_together_are_one_append() {
    let mut world = World::new();
    for id in 1..=50 {
        let endpoint = world.endpoint(id);
        world.always(endpoint, Act::TakeAfter(1_000));
        world.tell(1, &[to(endpoint)]);
    }
    let _running = world.run();
    pass_ms(5_000).await;
    assert_eq!(world.book.tables().receipts.len(), 50);
    assert!(world.road.appends() <= 5, "{}", world.road.appends());
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_sends_end_writes_their_receipts_and_leaves_no_lease() {
    let mut world = World::new();
    let (quick, hanging) = (world.endpoint(1), world.endpoint(2));
    world.always(quick, Act::TakeAfter(3_000));
    world.acts(hanging, &[Act::Hang]);
    for incident in 0..6 {
        world.tell(incident, &[to(quick)]);
    }
    world.tell(9, &[to(hanging)]);
    let running = world.run();
    pass_ms(1_000).await;
    running.stop.send_replace(true);
    let ended = running.task.await.expect("it does not panic");
    assert!(ended.is_ok());
    assert_eq!(world.book.leases(), 0);
    let receipts = world.receipts();
    expect![[r"
        1 to endpoint 1, try 1: delivered, 200
        2 to endpoint 1, try 1: delivered, 200
        7 to endpoint 2, try 1: retry, the server stopped before an answer came
    "]]
    .assert_eq(&receipts);

    let _second = world.run();
    pass_ms(100_000).await;
    assert_eq!((world.sent_to(quick), world.sent_to(hanging)), (6, 2));
    let delivered = |status| status == DeliveryStatus::Delivered;
    assert!(world.book.tables().rows.values().all(|row| delivered(row.status)));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_in_bounded_time_even_if_the_journal_refuses() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.road.refuse(true);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(1_000).await;
    running.stop.send_replace(true);
    pass_ms(16_000).await;
    assert!(running.task.is_finished());
    assert_eq!(world.book.leases(), 1, "nobody else is to send it before the lease ends");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_asked_again() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.tell(1, &[to(here)]);
    world.book.tables().is_down = true;
    let running = world.run();
    pass_ms(10_500).await;
    assert!(running.handle.standing().trouble.is_some());
    let errors = running.handle.meters.store_errors();
    assert!((10..=14).contains(&errors), "once a second: {errors}");
    world.book.tables().is_down = false;
    pass_ms(2_000).await;
    assert_eq!(world.sent_to(here), 1);
    assert_eq!(running.handle.standing().trouble, None);
}

#[tokio::test(start_paused = true)]
async fn it_leases_nothing_before_the_pipeline_has_caught_up() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.road.behind_by(1);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(10_000).await;
    assert_eq!((world.sent_to(here), running.handle.meters.looks()), (0, 0));
    world.road.applied.send_replace(Seq(1));
    pass_ms(100).await;
    assert_eq!(world.sent_to(here), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_has_ended_ends_the_courier() {
    let mut world = World::new();
    let here = world.endpoint(1);
    let (applied, running) = world.run_beside_a_pipeline();
    world.tell(1, &[to(here)]);
    pass_ms(100).await;
    drop(applied);
    pass_ms(20_000).await;
    assert!(running.task.is_finished());
    let ended = running.task.await.expect("it does not panic");
    assert!(matches!(ended, Err(Error::PipelineEnded)));
}
