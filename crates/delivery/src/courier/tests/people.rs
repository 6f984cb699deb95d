//! What is due to a person or to whoever is on call.

use expect_test::expect;
use model::{Duration, IncidentId, ScheduleId, Target};

use super::world::{Act, World, pass_ms, to};

const ROTA: ScheduleId = ScheduleId(5);

#[tokio::test(start_paused = true)]
async fn a_person_is_told_by_each_contact_method_in_its_time() {
    let mut world = World::new();
    let (chat, phone) = (world.endpoint(1), world.endpoint(2));
    let person = world.person(1, &[(chat, 0), (phone, 300)]);
    world.tell(9, &[Target::Person(person)]);
    let _running = world.run();
    pass_ms(400_000).await;
    expect![[r#"
        0.00 to 1: 1
        300.00 to 2: 1
    "#]]
    .assert_eq(&world.sent());
}

/// Nobody acknowledges: the phone is told of what came later when that is due, and of the first thing in its time.
#[tokio::test(start_paused = true)]
async fn a_later_contact_method_holds_up_nothing_that_goes_to_the_same_endpoint() {
    let mut world = World::new();
    let (mail, phone) = (world.endpoint(1), world.endpoint(2));
    let person = world.person(1, &[(mail, 0), (phone, 1_800)]);
    world.tell(9, &[Target::Person(person)]);
    let _running = world.run();
    pass_ms(300_000).await;
    world.tell(9, &[to(phone)]);
    pass_ms(1_700_000).await;
    expect![[r#"
        0.00 to 1: 1
        300.00 to 2: 2
        1800.00 to 2: 1
    "#]]
    .assert_eq(&world.sent());
}

#[tokio::test(start_paused = true)]
async fn a_later_contact_method_is_skipped_once_somebody_has_it() {
    let mut world = World::new();
    let (chat, phone, shared) = (world.endpoint(1), world.endpoint(2), world.endpoint(3));
    let person = world.person(1, &[(chat, 0), (phone, 300), (shared, 300)]);
    // What the notification names itself is told in any case.
    world.tell(9, &[to(shared), Target::Person(person)]);
    let _running = world.run();
    pass_ms(100_000).await;
    world.book.tables().taken.insert(IncidentId(9));
    pass_ms(300_000).await;
    expect![[r"
        1 to endpoint 3, try 1: delivered, 200
        1 to endpoint 1, try 1: delivered, 200
        1 to endpoint 2, try 1: held_back, acknowledged meanwhile
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn a_later_contact_method_of_whoever_is_on_call_is_skipped_whoever_owns_it() {
    let mut world = World::new();
    // All of them belong to subscriber 1, for whom the phone is the first to be told.
    let [chat, phone, shared] = [1, 2, 3].map(|id| world.endpoint(id));
    world.person(1, &[(phone, 0)]);
    let first = world.person(2, &[(chat, 0), (phone, 300), (shared, 300)]);
    let second = world.person(3, &[(shared, 0)]);
    world.calendar.on_call.lock().expect("nobody panics").insert(ROTA, vec![first, second]);
    // Told without delay to one of them: in any case, even if that takes long.
    world.acts(shared, &[Act::TooMany(200)]);
    world.tell(9, &[Target::OnCall(ROTA)]);
    let _running = world.run();
    pass_ms(100_000).await;
    world.book.tables().taken.insert(IncidentId(9));
    pass_ms(300_000).await;
    let mut lines: Vec<String> = world.receipts().lines().map(str::to_owned).collect();
    lines.sort();
    expect![[r"
        1 to endpoint 1, try 1: delivered, 200
        1 to endpoint 2, try 1: held_back, acknowledged meanwhile
        1 to endpoint 3, try 1: retry, 429
        1 to endpoint 3, try 2: delivered, 200"]]
    .assert_eq(&lines.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_first_contact_method_is_told_although_its_person_is_no_longer_on_call() {
    let mut world = World::new();
    let (chat, phone) = (world.endpoint(1), world.endpoint(2));
    world.person(1, &[(chat, 600), (phone, 0)]);
    let (first, second) = (world.person(2, &[(chat, 0), (phone, 300)]), world.person(3, &[]));
    let change_at = world.now() + Duration::from_secs(50);
    let on_call =
        |people| world.calendar.on_call.lock().expect("nobody panics").insert(ROTA, people);
    on_call(vec![first]);
    *world.calendar.then.lock().expect("nobody panics") = Some((change_at, vec![second]));
    world.acts(chat, &[Act::TooMany(200)]);
    world.tell(9, &[Target::OnCall(ROTA)]);
    let _running = world.run();
    pass_ms(100_000).await;
    world.book.tables().taken.insert(IncidentId(9));
    pass_ms(300_000).await;
    expect![[r"
        1 to endpoint 1, try 1: retry, 429
        1 to endpoint 1, try 2: delivered, 200
        1 to endpoint 2, try 1: held_back, acknowledged meanwhile
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_on_call_when_it_is_delivered_is_told() {
    let mut world = World::new();
    let (chat, phone) = (world.endpoint(1), world.endpoint(2));
    let (first, second) = (world.person(1, &[(chat, 0)]), world.person(2, &[(phone, 0)]));
    world.calendar.on_call.lock().expect("nobody panics").insert(ROTA, vec![first]);
    world.tell(9, &[Target::OnCall(ROTA)]);
    let _running = world.run();
    pass_ms(10_000).await;
    world.calendar.on_call.lock().expect("nobody panics").insert(ROTA, vec![second]);
    world.tell(9, &[Target::OnCall(ROTA)]);
    pass_ms(10_000).await;
    expect![[r"
        1 to endpoint 1, try 1: delivered, 200
        2 to endpoint 2, try 1: delivered, 200
    "]]
    .assert_eq(&world.receipts());
}

#[tokio::test(start_paused = true)]
async fn nobody_to_be_told_goes_on_record() {
    let mut world = World::new();
    let silent = world.person(1, &[]);
    let gone = model::SubscriberId(99);
    let (empty, mute) = (ScheduleId(6), ScheduleId(7));
    {
        let mut on_call = world.calendar.on_call.lock().expect("nobody panics");
        on_call.insert(empty, Vec::new());
        on_call.insert(mute, vec![silent]);
    }
    for target in [
        Target::Person(silent),
        Target::Person(gone),
        Target::OnCall(ROTA),
        Target::OnCall(empty),
        Target::OnCall(mute),
    ] {
        world.tell(9, &[target]);
    }
    let _running = world.run();
    pass_ms(10_000).await;
    let mut lines: Vec<String> = world.receipts().lines().map(str::to_owned).collect();
    lines.sort();
    expect![[r"
        1 to person 1, try 1: held_back, person 1 has no contact method
        2 to person 99, try 1: dead, the person is gone
        3 to schedule 5, try 1: dead, the schedule is gone
        4 to schedule 6, try 1: held_back, nobody is on call
        5 to schedule 7, try 1: held_back, nobody who is on call has a contact method"]]
    .assert_eq(&lines.join("\n"));
}
