//! No flipped bit goes unnoticed where it matters, and none is a panic.

use std::fs;

use lake::conformance::{append, query, sample};
use lake::{ErrorKind, Lake, verify};
use proptest::prelude::*;

use crate::local::parquet_files;
use crate::places::LocalPlace;

/// A lake with two files: rows 1 to 300 of incident 1, and rows 301 to 310 of incident 2.
fn two_files() -> LocalPlace {
    let place = LocalPlace::new();
    let lake = place.lake();
    append(&lake, &(1..=300).map(|seq| sample(1, seq, Some(1))).collect::<Vec<_>>());
    lake.flush().unwrap();
    append(&lake, &(301..=310).map(|seq| sample(1, seq, Some(2))).collect::<Vec<_>>());
    lake.close().unwrap();
    place
}

#[test]
fn a_flipped_bit_is_an_error_with_the_path_or_changes_nothing_that_is_read() {
    let place = two_files();
    let first = parquet_files(&place).remove(0);
    let sound = fs::read(&first).unwrap();
    let expected = place.lake().signals(&query(1, Some(&[1]))).unwrap();
    let damage = (0..sound.len(), 0..8_u32);
    proptest!(ProptestConfig::with_cases(200), |((at, bit) in damage)| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << bit;
        fs::write(&first, &bytes).unwrap();
        let lake = place.lake();
        match lake.signals(&query(1, Some(&[1]))) {
            Ok(page) => prop_assert_eq!(&page, &expected),
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
                prop_assert!(error.chain().contains(first.to_str().unwrap()), "{}", error.chain());
            }
        }
        let other = lake.signals(&query(1, Some(&[2]))).unwrap();
        prop_assert_eq!(other.total, 10);
        let verified = verify(place.dir()).unwrap();
        prop_assert_eq!(verified.damaged.len(), 1);
    });
    fs::write(&first, &sound).unwrap();
    assert_eq!(place.lake().signals(&query(1, Some(&[1]))).unwrap(), expected);
}

#[test]
fn a_short_file_is_refused_when_the_lake_is_opened() {
    let place = two_files();
    let first = parquet_files(&place).remove(0);
    let sound = fs::read(&first).unwrap();
    fs::write(&first, &sound[..sound.len() - 1]).unwrap();
    let error = lake::LocalLake::open(place.options()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(first.exists());
}

#[test]
fn a_damaged_file_is_not_merged_away() {
    let place = two_files();
    let first = parquet_files(&place).remove(0);
    let mut bytes = fs::read(&first).unwrap();
    bytes[100] ^= 4;
    fs::write(&first, &bytes).unwrap();
    let mut options = place.options();
    options.compaction = lake::Compaction {
        fan_in: 2,
        settle: model::Duration::ZERO,
        ..lake::Compaction::default()
    };
    let lake = lake::LocalLake::open(options).unwrap();
    assert_eq!(lake.compact().unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(lake.status().compaction_error.is_some());
    assert_eq!(lake.status().files, 2);
    assert_eq!(parquet_files(&place).len(), 2);
}
