//! The crashes and failures that the store in memory plays for the simulator.

use std::sync::Arc;

use model::{Effect, Effects, Seq, Verdict};
use store::conformance::fixtures::{
    Chance, HERE, Road, audit, audited, bare_incident, filed, firing, incident_id, key, opened,
    person, policy, rca_accepted, time,
};
use store::conformance::notices::{
    about_incident, attempted, directed, endpoint, notified, receipt, replayed, rule, subscriber_id,
};
use store::memory::COMMITS_AT_RISK;
use store::{
    Admin, Commit, Directory, ErrorKind, IncidentFilter, LeaseOf, LetterFilter, MemoryStore,
    NotificationFilter, Outbox, PartitionId, Store,
};

const P0: PartitionId = PartitionId(0);

/// A batch that touches every table, anew or again.
fn batch(chance: &mut Chance) -> Vec<Effect> {
    let number = 1 + chance.below(5);
    let incident = bare_incident(HERE, number);
    let alert = store::conformance::fixtures::alert(HERE, number);
    let resolved = Effect::AlertResolved {
        project: HERE,
        identity: alert.identity,
        reason: model::Reason::AllResolved,
        at: time(1),
    };
    let removed = Effect::PolicyRemoved { project: HERE, id: model::PolicyId(1) };
    let saved = policy(HERE, 1, chance.below(9).cast_signed());
    let moved = Effect::Moved {
        signal_seq: Seq(chance.below(9)),
        project: HERE,
        from: Some(incident.id),
        to: incident_id(HERE, 1 + chance.below(5)),
    };
    let due = about_incident(HERE, number, 1 + chance.below(5), &[endpoint(1), endpoint(2)]);
    let to = endpoint(1 + chance.below(2));
    let attempt = 1 + u32::try_from(chance.below(4)).unwrap();
    let tried = receipt(&due, to, attempt, *chance.of(Verdict::ALL));
    let (kind, id) = (model::DirectiveKind::Rule, model::DirectiveId(1));
    let undirected = Effect::DirectiveRemoved { project: HERE, kind, id };
    let directive =
        model::Directive { version: chance.below(9), ..rule(HERE, 1, subscriber_id(1)) };
    vec![
        notified(&due),
        attempted(time(chance.below(99)), &tried),
        replayed(time(chance.below(99)), &[(&due, to)]),
        if chance.once_in(3) { undirected } else { directed(&directive) },
        opened(&incident),
        filed(chance.below(99), &incident, chance.below(99)),
        moved,
        audited(&audit(HERE, chance.below(30), 0, Some(incident.id))),
        rca_accepted(HERE, incident.id, &format!("cause {}", chance.below(99))),
        if chance.once_in(2) { removed } else { Effect::PolicySaved(Box::new(saved)) },
        if chance.once_in(2) { resolved } else { firing(&alert) },
        Effect::AlertJoined {
            project: HERE,
            identity: store::conformance::fixtures::alert(HERE, 1 + chance.below(5)).identity,
            incident: incident_id(HERE, 1 + chance.below(5)),
        },
    ]
}

async fn everything(store: &MemoryStore) -> String {
    let mut text = format!("{:?}\n", store.offset(P0).await.unwrap());
    let page = store.incidents(HERE, &IncidentFilter::default()).await.unwrap();
    text.push_str(&format!("{page:?}\n"));
    for number in 1..=5 {
        let id = incident_id(HERE, number);
        let view = store.incident(HERE, id).await.unwrap();
        let timeline = store.timeline(HERE, id, None, 100).await.unwrap();
        let moves = store.signal_moves(HERE, &[id]).await.unwrap();
        text.push_str(&format!("{view:?}\n{timeline:?}\n{moves:?}\n"));
    }
    let (policies, alerts) =
        (store.policies(HERE).await.unwrap(), store.firing_alerts().await.unwrap());
    text.push_str(&format!("{policies:?}\n{alerts:?}\n"));
    let told = store.notifications(HERE, &NotificationFilter::default()).await.unwrap();
    let letters = store.letters(HERE, &LetterFilter::default()).await.unwrap();
    let due = store.due_targets(time(1_000_000), 99).await.unwrap();
    let rules = store.directives(HERE, model::DirectiveKind::Rule, None, None, 0).await.unwrap();
    text.push_str(&format!("{told:?}\n{letters:?}\n{due:?}\n{rules:?}\n"));
    text
}

/// What delivery writes after a commit is lost with it, and not without it.
async fn deliver(chance: &mut Chance, store: &MemoryStore) {
    let of = LeaseOf { project: HERE, target: endpoint(1 + chance.below(2)), most: 2 };
    let (now, until) = (time(chance.below(3_000)), time(chance.below(9_000)));
    for leased in store.lease(1, now, until, &[of]).await.unwrap() {
        let (id, target) = (leased.notification.id, leased.target);
        match chance.below(3) {
            0 => store.give_back(HERE, id, target, until).await.unwrap(),
            1 => store.spread(HERE, id, target, &[(model::EndpointId(9), now)], now).await.unwrap(),
            _ => {}
        }
    }
}

async fn commit(store: &MemoryStore, expected: u64, effects: Vec<Effect>) -> Result<(), ErrorKind> {
    let effects = Effects(effects);
    let (expected, through) = (Seq(expected), Seq(expected + 1));
    let commit = Commit { partition: P0, expected, through, at: time(1), effects: &effects };
    store.commit(commit).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_crash_leaves_what_stood_that_many_commits_ago() {
    let mut chance = Chance::new(5);
    for lose in [0, 1, 2, 7, COMMITS_AT_RISK] {
        let store = MemoryStore::new();
        let mut states = vec![everything(&store).await];
        for expected in 0..50 {
            commit(&store, expected, batch(&mut chance)).await.unwrap();
            deliver(&mut chance, &store).await;
            states.push(everything(&store).await);
        }
        assert_eq!(store.crash(lose), lose);
        assert_eq!(everything(&store).await, states[50 - lose]);
        let stands = store.offset(P0).await.unwrap().0;
        assert_eq!(commit(&store, stands + 1, Vec::new()).await, Err(ErrorKind::Fenced));
        commit(&store, stands, Vec::new()).await.unwrap();
    }
}

#[tokio::test]
async fn a_crash_takes_back_no_more_than_is_at_risk() {
    let store = MemoryStore::new();
    for expected in 0..40 {
        commit(&store, expected, Vec::new()).await.unwrap();
    }
    assert_eq!(store.crash(usize::MAX), COMMITS_AT_RISK);
    assert_eq!(store.crash(1), 0, "what a crash has left is on the disk");
    assert_eq!(store.offset(P0).await.unwrap(), Seq(8));
}

#[tokio::test]
async fn what_was_synced_outlives_a_crash() {
    let store = MemoryStore::new();
    commit(&store, 0, Vec::new()).await.unwrap();
    store.sync().await.unwrap();
    commit(&store, 1, Vec::new()).await.unwrap();
    assert_eq!(store.crash(9), 1);
    commit(&store, 1, Vec::new()).await.unwrap();
    store.create_key(&key(HERE, 1), &person("root")).await.unwrap();
    assert_eq!(store.crash(9), 0);
    assert_eq!(store.keys(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn commits_fail_as_often_as_told_and_change_nothing() {
    let store = MemoryStore::new();
    store.fail_next(2, ErrorKind::Disk);
    let effects = vec![opened(&bare_incident(HERE, 1))];
    assert_eq!(commit(&store, 0, effects.clone()).await, Err(ErrorKind::Disk));
    assert_eq!(commit(&store, 9, effects.clone()).await, Err(ErrorKind::Fenced));
    assert_eq!(commit(&store, 0, effects.clone()).await, Err(ErrorKind::Disk));
    assert_eq!(store.offset(P0).await.unwrap(), Seq(0));
    assert!(store.incident(HERE, incident_id(HERE, 1)).await.unwrap().is_none());
    commit(&store, 0, effects).await.unwrap();
}

#[tokio::test]
async fn the_store_in_memory_says_that_it_has_no_backup() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    Road::new(&store).commit(Vec::new()).await;
    assert!(store.backup(std::path::Path::new("nowhere")).await.is_err());
}
