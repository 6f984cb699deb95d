//! What is leased ahead: how much sooner it goes, and that nothing else is different for it.

use model::Duration;
use store::DeliveryStatus;

use super::world::{Act, World, pass_ms, to};
use crate::courier::Options;

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_is_not_kept_waiting_for_a_look() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.always(here, Act::TakeAfter(1));
    for incident in 0..4_000 {
        world.tell(incident, &[to(here)]);
    }
    let options = Options { look_apart: Duration::from_micros(20_000), ..Options::default() };
    let running = world.run_with(options);
    // Eight at a look would take ten seconds.
    pass_ms(2_000).await;
    assert_eq!(world.sent_to(here), 4_000);
    assert_eq!(world.most_under_way(here), 8);
    pass_ms(1_000).await;
    assert_eq!((world.book.leases(), running.handle.standing().unsettled), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_endpoint_that_stops_answering_is_given_back() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.acts(here, &[Act::TakeAfter(1); 200]);
    world.always(here, Act::Hang);
    for incident in 0..1_000 {
        world.tell(incident, &[to(here)]);
    }
    let running = world.run();
    pass_ms(500).await;
    assert!(running.handle.standing().unsettled > 8, "some wait");
    pass_ms(1_500).await;
    let standing = running.handle.standing();
    assert_eq!((standing.in_flight, standing.unsettled, world.book.leases()), (8, 8, 8));
    world.always(here, Act::Take);
    pass_ms(60_000).await;
    let delivered = |status| status == DeliveryStatus::Delivered;
    assert!(world.book.tables().rows.values().all(|row| delivered(row.status)));
    assert_eq!(world.sent_to(here), 1_008, "only what hung was tried twice");
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_waits() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.acts(here, &[Act::TakeAfter(1); 200]);
    world.always(here, Act::TakeAfter(800));
    for incident in 0..1_000 {
        world.tell(incident, &[to(here)]);
    }
    let running = world.run();
    pass_ms(500).await;
    assert!(running.handle.standing().unsettled > 8, "some wait");
    running.stop.send_replace(true);
    assert!(running.task.await.expect("it does not panic").is_ok());
    assert_eq!((world.sent_to(here), world.book.leases()), (208, 0));
    assert_eq!(world.book.tables().receipts.len(), 208);
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_nowhere_while_the_journal_refuses() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.always(here, Act::TakeAfter(5));
    for incident in 0..1_000 {
        world.tell(incident, &[to(here)]);
    }
    let running = world.run();
    pass_ms(100).await;
    world.road.refuse(true);
    pass_ms(20).await;
    let sent = world.sent_to(here);
    pass_ms(10_000).await;
    assert_eq!(world.sent_to(here), sent);
    let standing = running.handle.standing();
    assert_eq!(standing.unsettled, standing.receipts_waiting, "nothing waits");
    world.road.refuse(false);
    pass_ms(2_000).await;
    assert_eq!(world.sent_to(here), 1_000);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_left_without_a_slot_by_those_that_are_fast() {
    let mut world = World::new();
    let fast: Vec<_> = (1..=4).map(|id| world.endpoint(id)).collect();
    for endpoint in &fast {
        world.always(*endpoint, Act::TakeAfter(10));
        for incident in 0..2_000 {
            world.tell(incident, &[to(*endpoint)]);
        }
    }
    let options = Options { concurrency_total: 16, ..Options::default() };
    let running = world.run_with(options);
    pass_ms(500).await;
    let late = world.endpoint(9);
    world.tell(1, &[to(late)]);
    pass_ms(50).await;
    assert_eq!(world.sent_to(late), 1);
    assert!(running.handle.standing().in_flight <= 16);
    pass_ms(20_000).await;
    assert!(fast.iter().all(|endpoint| world.sent_to(*endpoint) == 2_000));
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_lags_holds_leasing_up_until_it_has_caught_up() {
    let mut world = World::new();
    let here = world.endpoint(1);
    for incident in 0..1_000 {
        world.tell(incident, &[to(here)]);
    }
    world.road.lag(true);
    let running = world.run_with(Options { held: 100, ..Options::default() });
    pass_ms(60_000).await;
    let sent = world.sent_to(here);
    assert!((100..400).contains(&sent), "{sent} are sent before any receipt is applied");
    world.road.lag(false);
    pass_ms(60_000).await;
    assert_eq!((world.sent_to(here), running.handle.standing().unsettled), (1_000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_while_it_waits_is_kept() {
    let mut world = World::new();
    let here = world.endpoint_with(1, r#"{"concurrency": 1}"#);
    world.always(here, Act::TakeAfter(10));
    for incident in 0..20 {
        world.tell(incident, &[to(here)]);
    }
    let late = world.now() + Duration::from_micros(600_000);
    for incident in 20..100 {
        world.tell_with(incident, &[to(here)], |one| one.deadline = late);
    }
    let _running = world.run();
    pass_ms(5_000).await;
    let dead = world.receipts().lines().filter(|line| line.contains("deadline")).count();
    assert_eq!((world.sent_to(here) + dead, dead > 20), (100, true), "{}", world.receipts());
}
