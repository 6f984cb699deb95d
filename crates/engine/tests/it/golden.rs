//! A snapshot as version 3 writes it, in hexadecimal: restored, and written again byte for byte; and those
//! of versions 1 and 2, which are still read.

use engine::{Engine, Snapshot};
use expect_test::expect_file;

use crate::timeline::Run;

/// A state with something in every part: both modes, a family, a split, pins, a held incident, a
/// deadline, a window, signals that wait, alerts that fire and are remembered, ids, answers, and a
/// closed incident; directives of every kind, and what telling remembers.
const TIMELINE: &str = "
    at 0s policy alice w window=20s cap=3 window match.component=web,web-* position=2
    at 0s policy alice q auto_lifecycle quiet=30s match.component=queue
    at 0s escalation alice chain steps=1m:first,5m:second repeat=1
    at 0s rule alice all on=opened,closed,unacknowledged_for(5m) to=page escalation=chain at_most=9/1h
    at 0s rule alice sig of=boss on=signal to=mail if.severity=>=P0
    at 0s silence alice gone if.component=none until=1s
    at 0s silence alice quiet if.component=db|flappy until=1h
    at 0s inhibition alice down source.component=host target.component=web|cache equal=environment
    at 0s policy alice m open_when=3/10m match.component=flappy by=labels.team,component key=k
    at 1s signal db prod P2 id=a labels.team=core
    at 2s signal db prod P1 code=TIMEOUT
    at 3s signal api prod P3
    at 4s merge alice 1 2
    at 5s split alice 1 4 title=aside
    at 6s severity alice 1 P0
    at 7s signal web prod P2 times=4
    at 8s signal queue prod P2
    at 9s alert host prod P1 fp=1 ends=1h
    at 9s alert host prod P1 fp=2 ends=1h
    at 10s alert host prod P1 fp=2 resolved
    at 11s signal flappy prod P2
    at 12s alert flappy prod P0 fp=3 ends=2h
    at 13s signal cache prod P2
    at 14s ack alice 8
    at 15s resolve alice 8
    at 16s link alice 8 runbook
    at 17s rca alice 8
    at 18s in 2 signal db prod P2 id=a
    at 19s in 2 ack @bot 1 key=k
    at 20s in 2 resolve bob 1
    at 21s in 2 reopen bob 1 \"not over\"";

#[test]
fn the_golden_snapshot_is_restored_and_written_again_byte_for_byte() {
    let mut run = Run::new();
    for line in TIMELINE.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run.line(line);
    }
    let snapshot = run.engine().snapshot();
    expect_file!["../golden/v3/snapshot.hex"].assert_eq(&hexadecimal(&snapshot.0));
    let golden = Snapshot(bytes(include_str!("../golden/v3/snapshot.hex")));
    let restored = Engine::restore(&golden).expect("version 3 stays readable");
    assert_eq!(restored.snapshot(), golden);
    assert_eq!(restored.seq(), run.engine().seq());
    assert_eq!(restored.active_incidents(), 8);
}

#[test]
fn snapshots_of_earlier_versions_are_restored() {
    for old in
        [include_str!("../golden/v1/snapshot.hex"), include_str!("../golden/v2/snapshot.hex")]
    {
        let restored = Engine::restore(&Snapshot(bytes(old))).expect("it stays readable");
        assert_eq!(restored.active_incidents(), 8);
        let again = Engine::restore(&restored.snapshot()).expect("its own snapshot");
        assert_eq!(again.snapshot(), restored.snapshot());
        assert_eq!(again.next_deadline(), restored.next_deadline());
    }
}

#[test]
fn a_snapshot_of_another_version_or_damaged_is_refused_and_never_panics() {
    let golden = bytes(include_str!("../golden/v3/snapshot.hex"));
    let other = Snapshot([&[4], &golden[1..]].concat());
    let error = Engine::restore(&other).expect_err("it is of version 4");
    assert_eq!(
        error.to_string(),
        "snapshot of version 4 is not known to this version of stormbell"
    );
    for len in 0..golden.len() {
        assert!(Engine::restore(&Snapshot(golden[..len].to_vec())).is_err());
    }
    for at in 1..golden.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = golden.clone();
            damaged[at] ^= change;
            // Its file has a checksum; what restores without is still an engine that can be saved.
            if let Ok(engine) = Engine::restore(&Snapshot(damaged)) {
                assert!(!engine.snapshot().0.is_empty());
            }
        }
    }
}

/// Thirty-two bytes a line.
fn hexadecimal(bytes: &[u8]) -> String {
    let line = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(32).map(|bytes| line(bytes) + "\n").collect()
}

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
    let nibble = |digit: char| digit.to_digit(16).expect("a hexadecimal digit") as u8;
    digits.chunks(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}
