//! Random deliveries: whatever is notified, leased, tried, spread and replayed, a backend reads as
//! the store in memory does, which works everything out anew each time.

use std::sync::Arc;

use model::{Effect, EndpointId, Notification, SignalStatus, Target, Timestamp, Verdict};

use super::{READS, WRITES, everything};
use crate::conformance::fixtures::{Chance, HERE, Road, time};
use crate::conformance::notices::{
    about_alert, about_incident, about_signal, attempted, endpoint, held, notified, on_call_person,
    receipt, replayed, told_to,
};
use crate::{LeaseOf, MemoryStore, Store};

const MOMENTS: u64 = 4_000;

pub(in crate::conformance) async fn random_deliveries_read_as_they_do_in_memory(
    store: Arc<dyn Store>,
) {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut chance = Chance::new(41);
    let (mut here, mut there) = (Road::new(&store), Road::new(&memory));
    let mut known: Vec<Notification> = Vec::new();
    for step in 1..=120 {
        let effects: Vec<Effect> =
            (0..chance.below(12)).map(|_| effect(&mut chance, step, &mut known)).collect();
        here.commit(effects.clone()).await;
        there.commit(effects).await;
        for _ in 0..chance.below(4) {
            write_directly(&mut chance, &known, [&store, &memory]).await;
        }
        let now = time(chance.below(MOMENTS));
        let due = [store.due_targets(now, 5).await, memory.due_targets(now, 5).await];
        let [due, expected] = due.map(|due| due.expect(READS));
        assert_eq!(due, expected, "after step {step}");
        if step % 8 == 0 {
            assert_eq!(everything(&store).await, everything(&memory).await, "after step {step}");
        }
    }
}

fn any_target(chance: &mut Chance) -> Target {
    match chance.below(4) {
        0 => on_call_person(1 + chance.below(2)),
        _ => endpoint(1 + chance.below(3)),
    }
}

fn any_moment(chance: &mut Chance) -> Timestamp {
    time(chance.below(MOMENTS))
}

/// Any effect; receipts and replays are about what is known.
fn effect(chance: &mut Chance, step: u64, known: &mut Vec<Notification>) -> Effect {
    if known.is_empty() || chance.once_in(3) {
        let mut targets: Vec<Target> = (0..chance.below(4)).map(|_| any_target(chance)).collect();
        targets.sort_unstable();
        targets.dedup();
        let number = 1 + chance.below(4);
        let seq = step * 10 + chance.below(3);
        let due = match chance.below(3) {
            0 if chance.once_in(2) => {
                about_alert(HERE, (number, *chance.of(SignalStatus::ALL)), seq, &targets)
            }
            0 => about_signal(HERE, number, chance.once_in(2).then_some(1), seq, &targets),
            _ => about_incident(HERE, number, seq, &targets),
        };
        let due = if chance.once_in(2) { told_to(2, &due) } else { due };
        let due = if chance.once_in(9) { held(&due) } else { due };
        known.push(due.clone());
        return notified(&due);
    }
    let of = chance.of(known).clone();
    let target = of.targets.get(usize::try_from(chance.below(3)).unwrap_or(0)).copied();
    let target = target.unwrap_or_else(|| endpoint(1 + chance.below(3)));
    if chance.once_in(5) {
        let other = chance.of(known).clone();
        let letters = [(&of, target), (&other, endpoint(1)), (&of, target)];
        return replayed(any_moment(chance), &letters);
    }
    let attempt = 1 + u32::try_from(chance.below(4)).unwrap_or(0);
    let tried = receipt(&of, target, attempt, *chance.of(Verdict::ALL));
    attempted(any_moment(chance), &tried)
}

/// What delivery does beside the commits, to both stores.
async fn write_directly(chance: &mut Chance, known: &[Notification], stores: [&Arc<dyn Store>; 2]) {
    let (now, target, owner) =
        (any_moment(chance), any_target(chance), u128::from(chance.below(2)));
    let until = any_moment(chance);
    if known.is_empty() || chance.once_in(2) {
        let most = u32::try_from(chance.below(4)).unwrap_or(0);
        let wanted =
            [target, any_target(chance)].map(|target| LeaseOf { project: HERE, target, most });
        let [leased, expected] = stores.map(|store| store.lease(owner, now, until, &wanted));
        assert_eq!(leased.await.expect(WRITES), expected.await.expect(WRITES));
        return;
    }
    let of = chance.of(known);
    let (kind, target) = (chance.below(4), of.targets.first().copied().unwrap_or(target));
    let any_endpoint = |chance: &mut Chance| EndpointId(u128::from(1 + chance.below(4)) << 64 | 1);
    let over = [(EndpointId(1 << 64 | 1), until), (any_endpoint(chance), any_moment(chance))];
    let released = chance.once_in(2).then_some(owner);
    for store in stores {
        match kind {
            0 => store.release(released).await.expect(WRITES),
            1 => store.give_back(HERE, of.id, target, until).await.expect(WRITES),
            _ => store.spread(HERE, of.id, target, &over, now).await.expect(WRITES),
        }
    }
}
