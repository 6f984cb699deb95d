//! Random histories: whatever the effects, a backend reads as the store in memory does, which
//! applies them one by one.

use std::sync::Arc;

use model::{Effect, Effects, Incident, IncidentId, Reason, Seq};

use super::fixtures::{
    Chance, HERE, Road, alert, audit, audited, bare_incident, filed, firing, incident_id, opened,
    policy, rca_accepted, time,
};
use super::incidents::{everything, random_filter, random_incident};
use crate::{MemoryStore, Store};

const READS: &str = "the store can be read";

pub(super) async fn a_random_history_reads_as_it_does_in_memory(store: Arc<dyn Store>) {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut chance = Chance::new(23);
    let (mut here, mut there) = (Road::new(&store), Road::new(&memory));
    for step in 0..60 {
        let effects = Effects((0..chance.below(80)).map(|_| effect(&mut chance)).collect());
        here.try_commit(&effects).await.expect("the store takes the commit");
        there.try_commit(&effects).await.expect("memory takes the commit");
        if step % 10 == 9 {
            assert_eq!(everything(&store).await, everything(&memory).await, "after step {step}");
        }
        let filter = random_filter(&mut chance);
        let (page, expected) =
            (store.incidents(HERE, &filter).await, memory.incidents(HERE, &filter).await);
        assert_eq!(page.expect(READS), expected.expect(READS), "{filter:?}");
        let ids = [any_id(&mut chance), any_id(&mut chance), any_id(&mut chance)];
        let (moves, expected) =
            (store.signal_moves(HERE, &ids).await, memory.signal_moves(HERE, &ids).await);
        assert_eq!(moves.expect(READS), expected.expect(READS));
    }
}

/// Any effect about a few incidents, policies and alerts, so that they meet often.
fn effect(chance: &mut Chance) -> Effect {
    match chance.below(13) {
        0..=2 => {
            let number = 1 + chance.below(40);
            let merged_into = chance.once_in(4).then(|| any_id(chance));
            opened(&Incident { merged_into, ..random_incident(chance, number) })
        }
        3..=5 => {
            let number = 1 + chance.below(40);
            filed(chance.below(1_000), &bare_incident(HERE, number), 1 + chance.below(1_000))
        }
        6 => Effect::Moved {
            signal_seq: Seq(chance.below(50)),
            project: HERE,
            from: chance.once_in(2).then(|| any_id(chance)),
            to: any_id(chance),
        },
        7 => {
            let (seq, index) = (chance.below(100), u32::from(chance.once_in(2)));
            audited(&audit(HERE, seq, index, chance.once_in(3).then(|| any_id(chance))))
        }
        8 => rca_accepted(HERE, any_id(chance), &format!("cause {}", chance.below(9))),
        9 if chance.once_in(3) => Effect::PolicyRemoved { project: HERE, id: any_policy(chance) },
        9 => {
            let id = any_policy(chance).0;
            Effect::PolicySaved(Box::new(policy(HERE, id, chance.below(3).cast_signed())))
        }
        10 => firing(&alert(HERE, chance.below(6))),
        11 => Effect::AlertJoined {
            project: HERE,
            identity: alert(HERE, chance.below(6)).identity,
            incident: any_id(chance),
        },
        _ => Effect::AlertResolved {
            project: HERE,
            identity: alert(HERE, chance.below(6)).identity,
            reason: Reason::AllResolved,
            at: time(1),
        },
    }
}

fn any_id(chance: &mut Chance) -> IncidentId {
    incident_id(HERE, 1 + chance.below(40))
}

fn any_policy(chance: &mut Chance) -> model::PolicyId {
    model::PolicyId(u128::from(chance.below(5)))
}
