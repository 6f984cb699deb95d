//! Power cuts at every moment: what was acknowledged is there, in order, unaltered.

use journal::{Append, Appended, Journal, SegmentJournal};

use crate::support::{Machine, batches, one};

/// What the senders know, and what they do not.
#[derive(Default)]
struct Ledger {
    acknowledged: Vec<(Vec<u8>, i64)>,
    /// Sent after the last acknowledged one and never answered with success.
    unsure: Vec<Vec<u8>>,
    sent: u32,
}

/// Small deterministic random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

impl Ledger {
    fn payload(&mut self, dice: &mut Dice) -> Vec<u8> {
        self.sent += 1;
        let bytes = [0, 1, 30, 200, 511, 1200][dice.below(6) as usize];
        let mut payload = format!("record {} ", self.sent).into_bytes();
        let fill = u8::try_from(dice.below(256)).unwrap();
        payload.resize(payload.len() + bytes, fill);
        payload
    }

    fn answered(&mut self, payload: Vec<u8>, answer: Result<Appended, journal::Error>) {
        match answer {
            Ok(appended) => {
                self.unsure.clear();
                self.acknowledged.push((payload, appended.at));
                assert_eq!(appended.first_seq, self.acknowledged.len() as u64);
            }
            Err(_) => self.unsure.push(payload),
        }
    }

    /// Everything acknowledged must be there; behind it at most what was written and not answered.
    fn compare(&mut self, journal: &SegmentJournal, context: &str) {
        let mut found = Vec::new();
        for batch in batches(journal) {
            found.extend(batch.records().map(|(_, payload)| (payload.to_vec(), batch.at())));
        }
        let known = self.acknowledged.len();
        assert!(found.len() >= known, "{context}: {} of {known} are there", found.len());
        assert_eq!(found[..known], self.acknowledged, "{context}");
        let extra: Vec<&Vec<u8>> = found[known..].iter().map(|(payload, _)| payload).collect();
        let unsure: Vec<&Vec<u8>> = self.unsure.iter().collect();
        let written = unsure.windows(extra.len().max(1)).any(|window| window == extra);
        assert!(extra.is_empty() || written, "{context}: records nobody sent in this order");
        self.acknowledged = found;
        self.unsure.clear();
    }
}

fn append_some(journal: &SegmentJournal, ledger: &mut Ledger, dice: &mut Dice) {
    let mut waiting: Vec<(Vec<u8>, Result<Append, journal::Error>)> = Vec::new();
    for _ in 0..=dice.below(4) {
        let payload = ledger.payload(dice);
        let append = journal.append(one(&payload));
        waiting.push((payload, append));
    }
    while journal.step() {}
    for (payload, append) in waiting {
        ledger.answered(payload, append.and_then(Append::wait));
    }
}

/// One life of a machine with a random choice of troubles.
fn live(seed: u64) {
    let mut machine = Machine::new();
    machine.options.batch_bytes = 2000;
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut ledger = Ledger::default();
    for round in 0..8 {
        let context = format!("seed {seed}, round {round}");
        if dice.below(3) == 0 {
            // The power may also go while the journal opens.
            machine.disk.inject(|faults| faults.cut_after = Some(dice.below(12)));
            drop(machine.try_open());
            machine.disk.crash(dice.below(u64::MAX));
        }
        let (journal, _) = machine.try_open().unwrap_or_else(|error| panic!("{context}: {error}"));
        ledger.compare(&journal, &context);
        let trouble = dice.below(5);
        let when = dice.below(12);
        for turn in 0..12 {
            machine.clock.set(i64::try_from(dice.below(100_000)).unwrap());
            if turn == when {
                machine.disk.inject(|faults| match trouble {
                    0 => faults.cut_after = Some(dice.below(10)),
                    1 => faults.write_error = Some(std::io::ErrorKind::StorageFull),
                    2 => faults.sync_error = true,
                    3 => faults.short_writes = true,
                    _ => {}
                });
            }
            if trouble == 1 && turn == when + 2 {
                machine.disk.inject(|faults| faults.write_error = None);
            }
            append_some(&journal, &mut ledger, &mut dice);
        }
        if dice.below(4) > 0 {
            machine.disk.crash(dice.below(u64::MAX));
        }
        drop(journal);
        machine.disk.inject(|faults| *faults = journal::fault::Faults::default());
    }
}

#[test]
fn acknowledged_records_survive_any_mix_of_troubles() {
    for seed in 0..300 {
        live(seed);
    }
}

#[test]
fn acknowledged_records_survive_a_power_cut_after_every_operation() {
    for cut_after in 0..80 {
        for seed in 0..6 {
            let machine = Machine::new();
            let mut dice = Dice(77);
            let mut ledger = Ledger::default();
            machine.disk.inject(|faults| faults.cut_after = Some(cut_after));
            if let Ok((journal, _)) = machine.try_open() {
                for _ in 0..12 {
                    append_some(&journal, &mut ledger, &mut dice);
                }
                machine.disk.crash(seed);
            } else {
                machine.disk.crash(seed);
            }
            let (journal, _) = machine.open();
            ledger.compare(&journal, &format!("cut after {cut_after}, seed {seed}"));
            append_some(&journal, &mut ledger, &mut dice);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_disk() {
    let run = || {
        let machine = Machine::new();
        let (journal, _) = machine.open();
        let (mut dice, mut ledger) = (Dice(5), Ledger::default());
        machine.disk.inject(|faults| faults.cut_after = Some(40));
        for _ in 0..12 {
            append_some(&journal, &mut ledger, &mut dice);
        }
        machine.disk.crash(9);
        drop(journal);
        drop(machine.open());
        (machine.files(), machine.disk.counters())
    };
    assert_eq!(run(), run());
}
