//! Endpoints that are well, slow, dead, or want to be left alone; and what is told to them.

use expect_test::expect;
use model::{DirectiveId, Duration, NotificationId, ScheduleId, Target, Verdict};
use store::DeliveryStatus;

use super::world::{Act, World, pass_ms, to};
use crate::courier::Options;

#[tokio::test(start_paused = true)]
async fn what_is_due_is_sent_once_and_goes_on_record() {
    let mut world = World::new();
    let here = world.endpoint(1);
    let running = world.run();
    pass_ms(3_500).await;
    world.tell(1, &[to(here)]);
    pass_ms(120_000).await;
    expect!["3.50 to 1: 1\n"].assert_eq(&world.sent());
    expect!["1 to endpoint 1, try 1: delivered, 200\n"].assert_eq(&world.receipts());
    assert_eq!(world.book.leases(), 0);
    let tries: Vec<_> = running.handle.meters.tries().map(|(c, v, n)| (c.as_str(), v, n)).collect();
    assert_eq!(tries, [("webhook", Verdict::Delivered, 1)]);
    assert_eq!(running.handle.standing().unsettled, 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_courier_looks_once_a_second() {
    let world = World::new();
    let _running = world.run();
    pass_ms(100_500).await;
    let looks = world.book.tables().looks;
    assert!((95..=105).contains(&looks), "{looks} looks in 100 s");
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_hang_do_not_delay_those_that_answer() {
    let mut world = World::new();
    let here = world.endpoint(1);
    let options = Options { concurrency_total: 32, owner: 1, ..Options::default() };
    let running = world.run_with(options);
    world.tell(0, &[to(here)]);
    pass_ms(100).await;
    let hanging: Vec<_> = (2..62).map(|id| world.endpoint(id)).collect();
    for endpoint in &hanging {
        world.always(*endpoint, Act::Hang);
        (0..4).for_each(|incident| {
            world.tell(incident, &[to(*endpoint)]);
        });
    }
    for round in 1_u32..=400 {
        world.tell(u128::from(round), &[to(here)]);
        pass_ms(250).await;
        assert_eq!(world.sent_to(here), round as usize + 1);
        assert!(running.handle.standing().in_flight <= 32);
    }
    assert!(hanging.iter().all(|endpoint| world.most_under_way(*endpoint) <= 2));
    assert!(hanging.iter().all(|endpoint| world.sent_to(*endpoint) >= 1), "everybody had a turn");
}

#[tokio::test(start_paused = true)]
async fn a_new_endpoint_waits_for_new_ones_that_hang_only_until_they_are_known_to() {
    let mut world = World::new();
    for id in 2..82 {
        let hanging = world.endpoint(id);
        world.always(hanging, Act::Hang);
        (0..4).for_each(|incident| {
            world.tell(incident, &[to(hanging)]);
        });
    }
    let options = Options { concurrency_total: 128, owner: 1, ..Options::default() };
    let _running = world.run_with(options);
    pass_ms(1_000).await;
    let here = world.endpoint(1);
    world.tell(9, &[to(here)]);
    pass_ms(5_100).await;
    assert_eq!(world.sent_to(here), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_is_given_one_slot_then_none() {
    let mut world = World::new();
    let hanging = world.endpoint(1);
    world.always(hanging, Act::Hang);
    for incident in 0..100 {
        world.tell(incident, &[to(hanging)]);
    }
    let running = world.run();
    pass_ms(29_000).await;
    assert_eq!(world.sent_to(hanging), 2);
    assert_eq!(running.handle.standing().hanging, 1);
    pass_ms(2_000).await;
    assert_eq!(world.sent_to(hanging), 3);
    pass_ms(90_000).await;
    assert_eq!(running.handle.standing().breakers, [0, 1, 0]);
    assert_eq!(world.sent_to(hanging), 5);
}

#[tokio::test(start_paused = true)]
async fn a_dead_endpoint_is_probed_ever_more_rarely_and_loses_nothing() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.always(here, Act::Fail);
    for incident in 0..20 {
        world.tell(incident, &[to(here)]);
    }
    let running = world.run();
    pass_ms(600_000).await;
    let sent = world.sent_to(here);
    assert!((12..=25).contains(&sent), "{sent} sends in 10 minutes: {}", world.sent());
    world.always(here, Act::Take);
    pass_ms(700_000).await;
    let delivered = |status| status == DeliveryStatus::Delivered;
    assert!(world.book.tables().rows.values().all(|row| delivered(row.status)));
    assert_eq!(running.handle.standing().breakers, [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn retry_after_leaves_the_whole_endpoint_alone() {
    let mut world = World::new();
    let here = world.endpoint_with(1, r#"{"concurrency": 1}"#);
    world.acts(here, &[Act::TooMany(20)]);
    world.tell(1, &[to(here)]);
    world.tell(2, &[to(here)]);
    let _running = world.run();
    pass_ms(60_000).await;
    expect![[r#"
        0.00 to 1: 1
        20.00 to 1: 1
        20.00 to 1: 2
    "#]]
    .assert_eq(&world.sent());
}

#[tokio::test(start_paused = true)]
async fn messages_about_one_incident_keep_their_order_and_others_do_not_wait() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.acts(here, &[Act::Fail]);
    let first = world.tell(1, &[to(here)]);
    let second = world.tell(1, &[to(here)]);
    let third = world.tell(1, &[to(here)]);
    let other = world.tell(2, &[to(here)]);
    let _running = world.run();
    pass_ms(60_000).await;
    let sent: Vec<u64> =
        world.sent().lines().filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect();
    assert_eq!(
        sent.iter().filter(|one| **one != other).copied().collect::<Vec<_>>(),
        [first, first, second, third]
    );
    assert_eq!(sent[1], other);
}

#[tokio::test(start_paused = true)]
async fn what_an_endpoint_refuses_is_dead_at_once() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.always(here, Act::Refuse);
    world.tell(1, &[to(here)]);
    let running = world.run();
    pass_ms(60_000).await;
    expect!["1 to endpoint 1, try 1: dead, 404\n"].assert_eq(&world.receipts());
    assert_eq!(running.handle.standing().breakers, [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn tries_end_at_the_deadline() {
    let mut world = World::new();
    let (here, late) = (world.endpoint(1), world.endpoint(2));
    world.always(here, Act::Fail);
    let now = world.now();
    world.tell_with(1, &[to(here)], |one| one.deadline = now + Duration::from_secs(3));
    pass_ms(2_000).await;
    world.tell_with(2, &[to(late)], |one| one.deadline = now + Duration::from_secs(1));
    let _running = world.run();
    pass_ms(60_000).await;
    let receipts = world.receipts();
    let lines: Vec<&str> = receipts.lines().filter(|line| line.contains("dead")).collect();
    assert_eq!(lines.len(), 2, "{receipts}");
    assert!(receipts.contains("2 to endpoint 2, try 1: dead, its deadline has passed"));
    assert!(
        receipts.lines().last().is_some_and(|line| line.ends_with(": dead, 503")),
        "{receipts}"
    );
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_are_gone_or_not_verified_get_nothing() {
    let mut world = World::new();
    let (gone, unverified) = (world.endpoint(1), world.endpoint(2));
    world.book.tables().endpoints.remove(&gone);
    if let Some(row) = world.book.tables().endpoints.get_mut(&unverified) {
        row.verified_at = None;
    }
    world.tell(1, &[to(gone), to(unverified)]);
    let _running = world.run();
    pass_ms(5_000).await;
    expect![""].assert_eq(&world.sent());
    expect![[r"
        1 to endpoint 1, try 1: dead, the endpoint is gone
        1 to endpoint 2, try 1: held_back, the endpoint is not verified
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn what_every_rule_mutes_is_held_back() {
    let mut world = World::new();
    let here = world.endpoint(1);
    let (nights, lunch) = (ScheduleId(7), ScheduleId(8));
    world.calendar.mute.lock().expect("nobody panics").insert(nights, world.now());
    let two_rules = |muted_by: Vec<Vec<ScheduleId>>| {
        move |one: &mut model::Notification| {
            one.rules = vec![DirectiveId(1), DirectiveId(2)];
            one.muted_by = muted_by;
        }
    };
    world.tell_with(1, &[to(here)], two_rules(vec![vec![nights], vec![lunch, nights]]));
    world.tell_with(2, &[to(here)], two_rules(vec![vec![nights], vec![lunch]]));
    world.tell_with(3, &[to(here)], two_rules(vec![vec![nights], Vec::new()]));
    let _running = world.run();
    pass_ms(5_000).await;
    expect![[r"
        1 to endpoint 1, try 1: held_back, muted by calendar 7
        2 to endpoint 1, try 1: delivered, 200
        3 to endpoint 1, try 1: delivered, 200
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn what_became_due_before_a_calendar_mutes_is_told_however_often_it_is_tried() {
    let mut world = World::new();
    let (here, phone) = (world.endpoint(1), world.endpoint(2));
    let person = world.person(1, &[(phone, 300)]);
    let nights = ScheduleId(7);
    let begins_at = world.now() + Duration::from_secs(60);
    world.calendar.mute.lock().expect("nobody panics").insert(nights, begins_at);
    world.acts(here, &[Act::TooMany(90)]);
    let muted = |one: &mut model::Notification| one.muted_by = vec![vec![nights]];
    world.tell_with(1, &[to(here), Target::Person(person)], muted);
    let _running = world.run();
    pass_ms(70_000).await;
    world.tell_with(2, &[to(here)], muted);
    pass_ms(300_000).await;
    expect![[r"
        1 to endpoint 1, try 1: retry, 429
        2 to endpoint 1, try 1: held_back, muted by calendar 7
        1 to endpoint 1, try 2: delivered, 200
        1 to endpoint 2, try 1: delivered, 200
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn more_than_so_many_become_one_message() {
    let mut world = World::new();
    let config = r#"{"digest": {"more_than": 2, "within": "1m"}}"#;
    let here = world.endpoint_with(1, config);
    for incident in 0..5 {
        world.tell(incident, &[to(here)]);
    }
    let running = world.run();
    pass_ms(10_000).await;
    world.tell(10, &[to(here)]);
    world.tell(11, &[to(here)]);
    pass_ms(20_000).await;
    world.tell(12, &[to(here)]);
    pass_ms(60_000).await;
    world.tell(13, &[to(here)]);
    pass_ms(60_000).await;
    expect![[r"
        0.00 to 1: 1 2 3 4 5
        60.00 to 1: 6 7 8
        120.00 to 1: 9
    "]]
    .assert_eq(&world.sent());
    assert_eq!(running.handle.meters.digests(), 2);
    let receipts = world.receipts();
    assert!(
        receipts
            .starts_with("1 to endpoint 1, try 1: delivered, 200\n2 to endpoint 1, try 1: folded")
    );
    let tables = world.book.tables();
    let references: Vec<&str> = tables.receipts.iter().map(|one| one.reference.as_str()).collect();
    assert!(references[..8].iter().all(|one| one.is_empty()), "a digest is no incident's thread");
    assert_eq!(references[8], "reference");
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_fails_is_tried_again_as_a_digest() {
    let mut world = World::new();
    let here = world.endpoint_with(1, r#"{"digest": {"more_than": 1, "within": "10s"}}"#);
    world.acts(here, &[Act::Fail]);
    world.tell(1, &[to(here)]);
    world.tell(2, &[to(here)]);
    let _running = world.run();
    pass_ms(30_000).await;
    expect![[r"
        0.00 to 1: 1 2
        10.00 to 1: 1 2
    "]]
    .assert_eq(&world.sent());
    expect![[r"
        1 to endpoint 1, try 1: retry, 503
        2 to endpoint 1, try 1: retry, 503
        1 to endpoint 1, try 2: delivered, 200
        2 to endpoint 1, try 2: folded, 200
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn a_digest_holds_no_more_than_its_channel_shows() {
    let mut world = World::new();
    let config = r#"{"digest": {"more_than": 1, "within": "1m"}}"#;
    let here = world.endpoint_of(1, "slack", config);
    for incident in 0..8 {
        world.tell(incident, &[to(here)]);
    }
    let _running = world.run();
    pass_ms(10_000).await;
    let sent = world.sent();
    let sent: Vec<_> = sent.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(sent, ["1 2 3", "4 5 6", "7 8"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_channel_tells_alone_is_never_part_of_a_digest() {
    let mut world = World::new();
    let config = r#"{"digest": {"more_than": 1, "within": "1m"}}"#;
    let here = world.endpoint_of(1, "pagerduty", config);
    world.acts(here, &[Act::Take, Act::Refuse, Act::Take]);
    for incident in 0..3 {
        world.tell(incident, &[to(here)]);
    }
    let running = world.run();
    pass_ms(10_000).await;
    expect![[r"
        1 to endpoint 1, try 1: delivered, 200
        2 to endpoint 1, try 1: dead, 404
        3 to endpoint 1, try 1: delivered, 200
    "]]
    .assert_eq(&world.receipts());
    assert_eq!(running.handle.meters.digests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_has_grown_between_two_tries_is_another_message() {
    let mut world = World::new();
    let here = world.endpoint_with(1, r#"{"digest": {"more_than": 1, "within": "10s"}}"#);
    // The other side may have taken the first: its answer came too late.
    world.acts(here, &[Act::Fail, Act::Fail]);
    world.tell(1, &[to(here)]);
    world.tell(2, &[to(here)]);
    let _running = world.run();
    pass_ms(15_000).await;
    world.tell(3, &[to(here)]);
    pass_ms(30_000).await;
    expect![[r"
        0.00 to 1: 1 2
        10.00 to 1: 1 2
        20.00 to 1: 1 2 3
    "]]
    .assert_eq(&world.sent());
    let keys = world.keys();
    assert_eq!(keys[0], keys[1], "who knows the first knows all of the second");
    assert_ne!(keys[1], keys[2], "who knows the second does not know all of the third");
    assert!(world.receipts().ends_with("3 to endpoint 1, try 1: folded, 200\n"));
}

#[tokio::test(start_paused = true)]
async fn configured_concurrency_and_rate_are_kept() {
    let mut world = World::new();
    let narrow = world.endpoint_with(1, r#"{"concurrency": 2}"#);
    let wide = world.endpoint_with(2, r#"{"concurrency": 20}"#);
    let slow = world.endpoint_with(3, r#"{"rate_per_second": 2}"#);
    for endpoint in [narrow, wide, slow] {
        world.always(endpoint, Act::TakeAfter(100));
    }
    for incident in 0..200 {
        world.tell(incident, &[to(narrow), to(wide), to(slow)]);
    }
    let _running = world.run();
    pass_ms(10_050).await;
    assert_eq!(world.most_under_way(narrow), 2);
    assert_eq!(world.most_under_way(wide), 20);
    assert!((20..=22).contains(&world.sent_to(slow)), "{}", world.sent_to(slow));
    assert_eq!(world.sent_to(wide), 200);
}

#[tokio::test(start_paused = true)]
async fn rows_of_the_directory_are_read_once_a_second_not_once_a_message() {
    let mut world = World::new();
    let here = world.endpoint_with(1, r#"{"concurrency": 64}"#);
    world.always(here, Act::TakeAfter(20));
    for incident in 0..5_000 {
        world.tell(incident, &[to(here)]);
    }
    let _running = world.run();
    pass_ms(9_500).await;
    assert_eq!(world.sent_to(here), 5_000);
    let reads = world.book.tables().row_reads;
    assert!(reads <= 11, "{reads}");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_panics_is_a_failed_try() {
    let mut world = World::new();
    let here = world.endpoint(1);
    world.acts(here, &[Act::Panic]);
    world.tell(1, &[to(here)]);
    let _running = world.run();
    pass_ms(60_000).await;
    expect![[r"
        1 to endpoint 1, try 1: retry, the channel failed; the log says how
        1 to endpoint 1, try 2: delivered, 200
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn many_endpoints_that_cannot_be_sent_to_hide_nobody() {
    let mut world = World::new();
    for id in 10..2_010 {
        let dead = world.endpoint(id);
        world.always(dead, Act::TooMany(3_600));
        world.tell(1, &[to(dead)]);
        world.tell(2, &[to(dead)]);
    }
    let running = world.run_with(Options { owner: 1, alone: true, ..Options::default() });
    pass_ms(30_000).await;
    let here = world.endpoint(1);
    let number = world.tell(3, &[to(here)]);
    pass_ms(100).await;
    assert_eq!(world.sent_to(here), 1);
    let key = (NotificationId(u128::from(number)), Target::Endpoint(here));
    let tables = world.book.tables();
    assert!(tables.receipts.iter().any(|one| (one.notification, one.target) == key));
    assert!(running.handle.meters.looks() < 4_000);
}
