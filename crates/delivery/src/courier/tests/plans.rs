//! What may be leased: limits that no plan breaks, and who gets slots when there are few.

use model::{Duration, EndpointId, ProjectId, Target, Timestamp};
use proptest::prelude::*;
use store::DueTarget;

use crate::courier::lanes::{Ending, Lanes, Place};
use crate::courier::options::{Options, Settings};
use crate::courier::plan::Plan;
use crate::courier::waiting::Waiting;

const HERE: ProjectId = ProjectId(1);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(0) + Duration::from_secs(seconds)
}

fn place(id: u128) -> Place {
    (HERE, Target::Endpoint(EndpointId(id)))
}

fn due(id: u128, count: u32) -> DueTarget {
    DueTarget { project: HERE, target: place(id).1, since: at(0), count }
}

fn options(total: u32) -> Options {
    Options { concurrency_total: total, ..Options::default() }
}

fn begin(lanes: &mut Lanes, plan: &Plan, now: Timestamp) -> u32 {
    for (place, slots) in &plan.granted {
        let lane = lanes.open(*place, None, now);
        (0..*slots).for_each(|_| lane.began(1, now));
    }
    plan.granted.iter().map(|(_, slots)| slots).sum()
}

fn plan(lanes: &mut Lanes, due: &[DueTarget], now: Timestamp) -> Plan {
    lanes.plan(due, now, &Waiting::default())
}

/// An endpoint that answered so often.
fn prove(lanes: &mut Lanes, id: u128, answers: u32) {
    for _ in 0..answers {
        let lane = lanes.open(place(id), None, at(0));
        lane.began(1, at(0));
        lane.ended(at(0), Ending::Answered, Duration::from_secs(5), at(0));
    }
}

#[test]
fn everybody_gets_one_before_anybody_gets_a_second() {
    let mut lanes = Lanes::new(&options(6));
    for id in 1..=4 {
        prove(&mut lanes, id, 20);
    }
    let plan = plan(&mut lanes, &[due(1, 50), due(2, 1), due(3, 50), due(4, 50)], at(1));
    let slots: Vec<u32> = plan.granted.iter().map(|one| one.1).collect();
    assert_eq!(slots, [3, 1, 1, 1]);
    assert!(!plan.has_room && !plan.is_scarce);
}

#[test]
fn endpoints_that_hang_and_new_ones_leave_a_quarter_to_those_that_answer() {
    let mut lanes = Lanes::new(&options(40));
    for id in 1..=50 {
        let lane = lanes.open(place(id), None, at(0));
        lane.began(1, at(0));
        lane.ended(at(0), Ending::Failed, Duration::from_secs(5), at(30));
    }
    for id in 201..=210 {
        prove(&mut lanes, id, 20);
    }
    let everybody: Vec<DueTarget> = (1..=210).map(|id| due(id, 100)).collect();
    let plan = plan(&mut lanes, &everybody, at(31));
    let taken = |from: u128, to: u128| -> u32 {
        let inside = plan.granted.iter().filter(|one| match one.0.1 {
            Target::Endpoint(id) => (from..=to).contains(&id.0),
            Target::OnCall(_) | Target::Person(_) => false,
        });
        inside.map(|one| one.1).sum()
    };
    assert_eq!((taken(1, 50), taken(51, 200), taken(201, 210)), (10, 20, 10));
}

#[test]
fn an_endpoint_earns_its_slots_by_answering_and_loses_them_by_taking_too_long() {
    let mut lanes = Lanes::new(&options(256));
    let slots = |lanes: &mut Lanes, now| {
        plan(lanes, &[due(1, 100)], now).granted.first().map_or(0, |one| one.1)
    };
    assert_eq!(slots(&mut lanes, at(0)), 2);
    prove(&mut lanes, 1, 3);
    assert_eq!(slots(&mut lanes, at(0)), 5);
    prove(&mut lanes, 1, 100);
    assert_eq!(slots(&mut lanes, at(0)), 8);
    let lane = lanes.open(place(1), None, at(0));
    lane.began(1, at(0));
    assert_eq!(slots(&mut lanes, at(4)), 7);
    assert_eq!(slots(&mut lanes, at(5)), 0, "one under way has taken too long");
    lanes.open(place(1), None, at(6)).ended(at(0), Ending::Answered, Duration::from_secs(5), at(6));
    assert_eq!(slots(&mut lanes, at(6)), 1);
}

#[test]
fn an_endpoint_is_leased_ahead_what_it_takes_between_two_looks_twice_over() {
    let mut lanes = Lanes::new(&options(256));
    let wanted = |lanes: &mut Lanes, now| plan(lanes, &[due(1, 9_000)], now).wanted[0].most;
    assert_eq!(wanted(&mut lanes, at(0)), 2, "nothing is known of it");
    prove(&mut lanes, 1, 40);
    assert_eq!(wanted(&mut lanes, at(1)), 8 + 80);
    assert_eq!(wanted(&mut lanes, at(2)), 8 + 40, "it took nothing meanwhile");
    prove(&mut lanes, 1, 1_000);
    assert_eq!(wanted(&mut lanes, at(3)), 8 + 256);
    // While its slots are full, what is leased waits.
    let lane = lanes.open(place(1), None, at(3));
    (0..8).for_each(|_| lane.began(1, at(3)));
    let full = plan(&mut lanes, &[due(1, 100)], at(3));
    assert_eq!((full.wanted[0].most, full.granted.len()), (100, 0));
    lanes.open(place(1), None, at(4)).ended(at(3), Ending::Failed, Duration::from_secs(5), at(9));
    assert!(plan(&mut lanes, &[due(1, 100)], at(9)).wanted.is_empty(), "it hangs");
}

#[test]
fn nothing_is_leased_ahead_where_that_would_decide_too_early() {
    for config in
        [r#"{"digest": {"more_than": 200, "within": "1s"}}"#, r#"{"rate_per_second": 1000}"#]
    {
        let options = options(256);
        let mut lanes = Lanes::new(&options);
        prove(&mut lanes, 1, 100);
        lanes.open(place(1), Some(Settings::read(config, &options)), at(1));
        let plan = plan(&mut lanes, &[due(1, 100)], at(1));
        assert_eq!(plan.wanted[0].most, 8, "{config}");
    }
}

#[test]
fn a_digest_is_leased_no_more_than_its_channel_shows() {
    let options = options(256);
    let read = Settings::read(r#"{"digest": {"more_than": 2, "within": "1m"}}"#, &options);
    for (told_at_once, wanted) in [(250, 250), (1_000, 250), (21, 21), (2, 2), (1, 8), (0, 8)] {
        let mut lanes = Lanes::new(&options);
        prove(&mut lanes, 1, 10);
        lanes.open(place(1), Some(read.for_channel(told_at_once)), at(1));
        let plan = plan(&mut lanes, &[due(1, 8)], at(1));
        let folds = !plan.folding.is_empty();
        assert_eq!((plan.wanted[0].most, folds), (wanted, told_at_once > 1), "{told_at_once}");
    }
}

#[test]
fn nothing_is_leased_ahead_while_somebody_gets_no_slot() {
    let mut lanes = Lanes::new(&options(2));
    for id in 1..=3 {
        prove(&mut lanes, id, 50);
    }
    let plan = plan(&mut lanes, &[due(1, 50), due(2, 50), due(3, 50)], at(1));
    let most: Vec<u32> = plan.wanted.iter().map(|one| one.most).collect();
    assert_eq!((most, plan.is_scarce), (vec![1, 1], true));
}

#[test]
fn persons_and_schedules_need_no_slot() {
    let mut lanes = Lanes::new(&options(1));
    let person = Target::Person(model::SubscriberId(1));
    let one = DueTarget { project: HERE, target: person, since: at(0), count: 900 };
    let plan = plan(&mut lanes, &[one], at(0));
    assert_eq!(plan.wanted[0].most, 64);
}

#[test]
fn a_lane_that_nobody_uses_is_forgotten_unless_it_has_to_be_left_alone() {
    let mut lanes = Lanes::new(&options(10));
    let lane = lanes.open(place(1), None, at(0));
    lane.began(1, at(0));
    lane.ended(at(0), Ending::Paused(Duration::from_secs(1_000)), Duration::from_secs(5), at(0));
    prove(&mut lanes, 2, 1);
    lanes.open(place(3), None, at(1)).began(1, at(1));
    let known = |lanes: &mut Lanes, now| {
        lanes.open(place(9), None, now);
        [1, 2, 3].map(|id| lanes.get_mut(place(id)).is_some())
    };
    assert_eq!(known(&mut lanes, at(200)), [true, true, true]);
    assert_eq!(known(&mut lanes, at(400)), [true, false, true]);
    assert_eq!(known(&mut lanes, at(1_100)), [false, false, true]);
}

proptest! {
    #[test]
    fn no_plan_exceeds_what_is_due_what_a_lane_may_or_what_there_is_in_all(
        total in 1_u32..64,
        steps in prop::collection::vec((0_u64..20, 1_u128..12, 0_u32..30, 0_u8..4), 1..120),
    ) {
        let mut lanes = Lanes::new(&options(total));
        let mut under_way: Vec<(u128, Timestamp)> = Vec::new();
        let mut now = at(0);
        for (pause, id, count, ending) in steps {
            now = now + Duration::from_secs(pause);
            let wanted = [due(id, count.max(1)), due(id + 1, 3)];
            let plan = plan(&mut lanes, &wanted, now);
            for one in &plan.wanted {
                let asked = wanted.iter().find(|due| due.target == one.target);
                prop_assert!(one.most >= 1 && asked.is_some_and(|due| one.most <= due.count));
            }
            prop_assert!(plan.next.is_none_or(|next| next > now));
            begin(&mut lanes, &plan, now);
            for ((_, target), slots) in &plan.granted {
                if let Target::Endpoint(id) = target {
                    under_way.extend((0..*slots).map(|_| (id.0, now)));
                }
            }
            prop_assert!(under_way.len() <= total as usize);
            for id in 1..=12 {
                let own = under_way.iter().filter(|one| one.0 == id).count();
                prop_assert!(own <= 8, "{own} under way to {id}");
            }
            if ending > 0 && !under_way.is_empty() {
                let (id, begun) = under_way.swap_remove(count as usize % under_way.len());
                let how = match ending {
                    1 => Ending::Answered,
                    2 => Ending::Failed,
                    _ => Ending::Paused(Duration::from_secs(7)),
                };
                let lane = lanes.open(place(id), None, now);
                lane.ended(begun, how, Duration::from_secs(5), now);
            }
        }
    }
}
