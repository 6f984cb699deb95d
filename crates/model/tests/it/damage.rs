//! Bytes that are no record: refused or understood, never a panic, and never memory for what a
//! damaged length claims. What is understood is written again byte for byte.

use model::codec::{self, Error};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::round_trip::{config, entry};
use crate::samples;

#[test]
fn random_bytes_are_refused_or_understood() {
    let mut chance = Chance(1);
    for _ in 0..100_000 {
        let len = chance.below(60);
        let record: Vec<u8> = (0..len).map(|_| chance.byte()).collect();
        check(&record);
    }
}

#[test]
fn random_bytes_behind_a_known_kind_are_refused_or_understood() {
    let mut chance = Chance(2);
    for _ in 0..200_000 {
        let mut record = vec![1 + chance.below(4) as u8, 1];
        // Small bytes are often lengths, counts and codes that can be.
        let small = chance.below(3) > 0;
        let len = chance.below(250);
        record.extend((0..len).map(|_| if small { chance.byte() % 12 } else { chance.byte() }));
        check(&record);
    }
}

#[test]
fn records_with_bytes_changed_taken_or_added_are_refused_or_understood() {
    let mut runner = TestRunner::new(config(1));
    let random = (0..500).map(|_| entry().new_tree(&mut runner).expect("any").current());
    let entries: Vec<_> =
        samples::all().into_iter().map(|(_, entry)| entry).chain(random).collect();
    let mut chance = Chance(3);
    for entry in &entries {
        let mut whole = Vec::new();
        codec::encode(entry, &mut whole);
        for _ in 0..300 {
            let mut record = whole.clone();
            for _ in 0..=chance.below(3) {
                let at = chance.below(record.len().max(1)).min(record.len());
                match chance.below(4) {
                    0 => record.insert(at, chance.byte()),
                    1 => record.truncate(at),
                    _ if at < record.len() => record[at] = chance.byte(),
                    _ => {}
                }
            }
            check(&record);
        }
    }
}

/// Reads; what is understood has this one form.
fn check(record: &[u8]) {
    if let Ok(entry) = codec::decode(record) {
        let mut written = Vec::new();
        codec::encode(&entry, &mut written);
        assert_eq!(written, record);
    }
}

/// Chance by a seed (xorshift), the same in every run.
struct Chance(u64);

impl Chance {
    fn byte(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }

    fn below(&mut self, bound: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bound
    }
}

#[test]
fn a_length_that_claims_more_than_there_is_is_refused() {
    let mut record = Vec::new();
    let (_, signal) = samples::all().swap_remove(1);
    codec::encode(&signal, &mut record);
    // The last bytes of a bare signal are its counts of labels, links and payload.
    for back in 1..=3 {
        let mut claims = record[..record.len() - back].to_vec();
        claims.extend([0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(codec::decode(&claims).is_err());
    }
}

#[test]
fn an_unknown_kind_or_version_is_named() {
    for (kind, version) in [(0, 1), (6, 1), (1, 0), (1, 2), (255, 255)] {
        assert_eq!(codec::decode(&[kind, version]), Err(Error::Unknown { kind, version }));
    }
    assert_eq!(codec::decode(&[]), Err(Error::Truncated { at: 0, what: "kind" }));
    assert_eq!(codec::decode(&[4]), Err(Error::Truncated { at: 1, what: "version" }));
}

#[test]
fn what_could_be_said_shorter_or_otherwise_is_refused() {
    let mut record = Vec::new();
    let (_, tick) = samples::all().swap_remove(3);
    codec::encode(&tick, &mut record);
    assert_eq!(record, [4, 1]);
    let mut longer = codec::wire::Reader::new(&[0x80, 0x00]);
    assert!(longer.count("count").is_err());
    let mut longest = codec::wire::Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert_eq!(longest.count("count"), Ok((1 << 35) - 1));
    let mut too_long = codec::wire::Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
    assert!(too_long.count("count").is_err());
    let mut alias = codec::wire::Reader::new(&[7, b's', b'e', b'r', b'v', b'i', b'c', b'e']);
    assert!(alias.text("field").is_ok_and(|text| text == "service"));
}
