//! Properties over random entries. The seed is fixed, so that a failure is never by chance.

use std::collections::BTreeSet;

use engine::{Engine, Snapshot};
use expect_test::expect;
use model::{
    Duration, Effect, Effects, Entry, GroupingPolicy, Mode, Operation, Outcome, PolicyId,
    ProjectId, Reason, Seq, Signal, SignalId, Timestamp,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::invariants::Ledger;
use crate::timeline::{START, command};
use crate::workload::{self, Step};

/// A run of random steps: what was applied when, and what followed.
struct Played {
    entries: Vec<(Seq, Timestamp, Entry<'static>)>,
    effects: Vec<Effects>,
    engine: Engine,
    ledger: Ledger,
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(2_026),
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

/// Plays the steps, checking what must hold after each.
fn play(steps: &[Step]) -> Played {
    let mut played = Played {
        entries: Vec::new(),
        effects: Vec::new(),
        engine: Engine::new(),
        ledger: Ledger::default(),
    };
    let mut at = START;
    for step in steps {
        at = at + Duration::from_micros(step.gap_ms * 1_000);
        let seq = played.engine.seq().next();
        let entry = workload::entry(step, seq, at, &played.ledger);
        played.apply(seq, at, entry);
    }
    played
}

impl Played {
    fn apply(&mut self, seq: Seq, at: Timestamp, entry: Entry<'static>) {
        let mut effects = Effects::default();
        self.engine.apply(seq, at, &entry, &mut effects);
        self.ledger.apply(seq, &entry, &effects.0);
        assert_eq!(self.engine.active_incidents(), self.ledger.active());
        self.entries.push((seq, at, entry));
        self.effects.push(effects);
    }
}

/// Applies the rest of a run to an engine that has seen its beginning.
fn finish(mut engine: Engine, played: &Played) -> Snapshot {
    let seen = engine.seq().0 as usize;
    for ((seq, at, entry), expected) in played.entries.iter().zip(&played.effects).skip(seen) {
        let mut effects = Effects::default();
        engine.apply(*seq, *at, entry, &mut effects);
        assert_eq!(&effects, expected, "at {seq}");
    }
    engine.snapshot()
}

proptest! {
    #![proptest_config(config(700))]

    #[test]
    fn what_must_hold_holds_after_every_entry(steps in workload::steps(150)) {
        play(&steps);
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn time_always_comes_to_rest(steps in workload::steps(60)) {
        let mut played = play(&steps);
        let mut at = played.engine.at();
        let mut ticks_at_one_time = 0;
        for _ in 0..2_000 {
            let Some(due) = played.engine.next_deadline() else { return Ok(()) };
            ticks_at_one_time = if due <= at { ticks_at_one_time + 1 } else { 0 };
            prop_assert!(ticks_at_one_time < 5, "a deadline stays due");
            at = at.max(due);
            played.apply(played.engine.seq().next(), at, Entry::Tick);
        }
        prop_assert!(false, "deadlines never end");
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn the_same_entries_give_the_same_effects_from_any_snapshot_on(
        steps in workload::steps(60),
    ) {
        let played = play(&steps);
        let last = played.engine.snapshot();
        prop_assert_eq!(&finish(Engine::new(), &played), &last, "I8");
        let mut engine = Engine::new();
        for (seq, at, entry) in &played.entries {
            engine.apply(*seq, *at, entry, &mut Effects::default());
            let snapshot = engine.snapshot();
            let restored = Engine::restore(&snapshot).expect("its own snapshot");
            prop_assert_eq!(&restored.snapshot(), &snapshot);
            prop_assert_eq!(restored.next_deadline(), engine.next_deadline());
            prop_assert_eq!(restored.active_incidents(), engine.active_incidents());
            prop_assert_eq!(&finish(restored, &played), &last, "I2 at {}", seq);
        }
    }

    #[test]
    fn n_signals_in_a_window_are_n_over_cap_incidents_rounded_up(
        gaps_ms in proptest::collection::vec(0..20_u64, 1..400),
        cap in 1..120_u32,
    ) {
        // The gaps together are shorter than the window.
        let window = Duration::from_secs(8);
        let mut engine = window_engine(window, cap);
        let mut at = START;
        let apply = |engine: &mut Engine, at| {
            let seq = engine.seq().next();
            let signal = Signal::new(SignalId(u128::from(seq.0)), "db", "prod");
            let entry = Entry::Signal { project: ProjectId(1), signal };
            engine.apply(seq, at, &entry, &mut Effects::default());
        };
        let signals = gaps_ms.len() as u64;
        for gap_ms in gaps_ms {
            apply(&mut engine, at);
            at = at + Duration::from_micros(gap_ms * 1_000);
        }
        let first = signals.div_ceil(u64::from(cap)) as usize;
        prop_assert_eq!(engine.active_incidents(), first);
        apply(&mut engine, at + window);
        prop_assert_eq!(engine.active_incidents(), first + 1);
    }
}

/// What none of the steps can bring about: limits, all too high for them.
const OUT_OF_REACH: [Reason; 9] = [
    Reason::IncidentLimit,
    Reason::FiringLimit,
    Reason::AlertLimit,
    Reason::PendingLimit,
    Reason::DedupLimit,
    Reason::DirectiveLimit,
    Reason::InhibitionLimit,
    Reason::QuietLimit,
    Reason::EscalationLimit,
];

#[test]
fn the_steps_reach_every_reason_and_refusal() {
    let mut runner = TestRunner::new(config(1));
    let (mut reasons, mut outcomes) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..300 {
        let tree = workload::steps(150).new_tree(&mut runner).expect("nothing is filtered");
        for effect in play(&tree.current()).effects.iter().flat_map(|effects| &effects.0) {
            match effect {
                Effect::Filed { reason, .. } | Effect::Skipped { reason, .. } => {
                    reasons.insert(*reason);
                }
                Effect::Audited(row) => {
                    reasons.insert(row.reason);
                }
                Effect::Notified(notification) => {
                    reasons.extend(notification.held.map(|held| held.reason));
                }
                Effect::AlertResolved { reason, .. } => {
                    reasons.insert(*reason);
                }
                Effect::Replied { outcome: Outcome::Refused(refusal), .. } => {
                    let named = format!("{refusal:?}");
                    let end = named.find(['(', ' ']).unwrap_or(named.len());
                    outcomes.insert(named[..end].to_owned());
                }
                _ => {}
            }
        }
    }
    let missing = Reason::ALL.iter().filter(|reason| !reasons.contains(reason));
    let missing: Vec<&Reason> = missing.filter(|reason| !OUT_OF_REACH.contains(reason)).collect();
    assert_eq!(missing, Vec::<&Reason>::new());
    let outcomes: Vec<String> = outcomes.into_iter().collect();
    expect![[r#"
        FollowsParent
        IdempotencyMismatch
        IllegalTransition
        NotFound
        NotMergeable
        NotSplittable
        PersonRequired
        RcaInvalid
        RcaRequired
        ReasonRequired
        StaleVersion"#]]
    .assert_eq(&outcomes.join("\n"));
}

fn window_engine(window: Duration, cap: u32) -> Engine {
    let mut engine = Engine::new();
    let policy = GroupingPolicy {
        id: PolicyId(1),
        mode: Mode::Window,
        window,
        cap,
        ..GroupingPolicy::built_in(ProjectId(1))
    };
    let operation = Operation::PutPolicy { policy: Box::new(policy), expected_version: None };
    let entry = command(operation_of_a_person(operation));
    engine.apply(Seq(1), START, &entry, &mut Effects::default());
    engine
}

fn operation_of_a_person(operation: Operation) -> model::Command {
    model::Command {
        id: model::CommandId(1),
        project: ProjectId(1),
        actor: model::Actor { kind: model::ActorKind::Person, name: "alice".to_owned() },
        idempotency: None,
        operation,
    }
}
