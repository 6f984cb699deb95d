//! Short stories of what random runs found, told by hand so that no change of the workload loses them.

use std::time::Duration;

use journal::ErrorKind as Journal;
use model::{Entry, ProjectId, Signal, SignalId};

use super::*;
use crate::swarm::Mode;

fn world(mode: Mode, seed: u64) -> World {
    let mut random = Random::new(seed);
    let mut swarm = Swarm::pick(&mut random, None);
    swarm.mode = mode;
    swarm.journal.segment_bytes = 16 << 10;
    swarm.journal.max_bytes = Some(32 << 10);
    swarm.journal.max_age = Some(Duration::from_secs(600));
    World::new(swarm, random, None, Trace::new(None))
}

/// Sends `count` signals, each in an append of its own, and makes them durable.
fn send(world: &mut World, count: u128) {
    for _ in 0..count {
        let id = SignalId(u128::from(world.random.bits()));
        let mut signal = Signal::new(id, "p1-db", "prod");
        signal.summary = "it fails ".repeat(60).into();
        assert!(world.append(&[Entry::Signal { project: ProjectId(1), signal }]).unwrap());
        world.drive().unwrap();
    }
}

#[test]
fn a_snapshot_is_never_ahead_of_the_store_so_that_retention_leaves_what_the_store_lacks() {
    let mut world = world(Mode::Sound, 1);
    assert!(matches!(world.start(), Ok(Start::Up)));
    send(&mut world, 100);
    world.store.inner().fail_next(100, store::ErrorKind::Disk);
    assert_eq!(world.apply(), Ok(Attempt::Refused));
    world.snapshot().unwrap();
    send(&mut world, 100);
    world.die(Death::PowerCut).unwrap();
    assert!(matches!(world.start(), Ok(Start::Up)));
    assert_eq!(world.pipeline().handle().applied(), world.ledger.end());
}

#[test]
fn a_journal_that_ends_before_what_the_lake_has_is_refused() {
    let mut refused = 0;
    for seed in 0..40 {
        let mut world = world(Mode::Sound, seed);
        assert!(matches!(world.start(), Ok(Start::Up)));
        world.swarm.mode = Mode::Lying;
        world.disk.inject(|faults| faults.sync_lies = true);
        send(&mut world, 10);
        assert_eq!(world.apply(), Ok(Attempt::Done));
        lake::Lake::flush(&*world.lake).unwrap();
        world.die(Death::PowerCut).unwrap();
        match world.start().unwrap() {
            Start::Up => {}
            Start::Refused(Refusal::Journal(error)) => assert_eq!(error.kind(), Journal::Corrupt),
            Start::Refused(Refusal::Pipeline(pipeline::Error::JournalShorter { .. })) => {
                refused += 1
            }
            start => panic!("seed {seed}: {start:?}"),
        }
    }
    assert!(refused > 5, "only {refused} of 40 runs lost anything");
}

/// Sends a signal with a given id and applies it.
fn give(world: &mut World, id: u128) {
    let mut signal = Signal::new(SignalId(id), "p1-db", "prod");
    signal.id_given = true;
    assert!(world.append(&[Entry::Signal { project: ProjectId(1), signal }]).unwrap());
    world.drive().unwrap();
    assert_eq!(world.apply(), Ok(Attempt::Done));
}

#[test]
fn doors_know_an_id_as_long_after_a_restart_as_without_one() {
    const HOUR: i64 = 3_600_000_000;
    let mut world = world(Mode::Sound, 1);
    assert!(matches!(world.start(), Ok(Start::Up)));
    give(&mut world, 1);
    lake::Lake::flush(&*world.lake).unwrap();
    world.snapshot().unwrap();
    world.move_clock(23 * HOUR);
    give(&mut world, 2);
    world.die(Death::Kill).unwrap();
    assert!(matches!(world.start(), Ok(Start::Up)));
    let known = |world: &World| {
        let ids = &world.pipeline().handle().ids;
        [1, 2, 3, 4].map(|id| ids.contains(ProjectId(1), SignalId(id)))
    };
    assert_eq!(known(&world), [true, true, false, false]);
    world.move_clock(2 * HOUR);
    give(&mut world, 3);
    assert_eq!(known(&world), [false, true, true, false], "a day after the first");
    world.move_clock(23 * HOUR);
    give(&mut world, 4);
    assert_eq!(known(&world), [false, false, true, true], "a day after the second");
}
