//! What only a lake on a disk does: limits, failures of the disk, left-overs, merging, the background.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lake::conformance::{append, query, sample};
use lake::{
    Compaction, ErrorKind, Lake, LocalLake, MANIFEST_FILE, Options, Row, SignalQuery, salvage,
    verify,
};
use model::Seq;

use crate::places::LocalPlace;

fn total(lake: &LocalLake) -> u64 {
    lake.signals(&query(1, None)).unwrap().total
}

/// Appends rows one by one until the lake is full; answers the last that was taken.
fn fill(lake: &LocalLake, from: u64) -> u64 {
    for seq in from.. {
        let (project, row) = sample(1, seq, None);
        let refused = lake.append(&[Row {
            seq: row.seq,
            project,
            received_at: row.received_at,
            signal: &row.signal,
            identity: row.identity,
            incident: row.incident,
            reason: row.reason,
        }]);
        if let Err(error) = refused {
            assert_eq!(error.kind(), ErrorKind::Full);
            return seq - 1;
        }
    }
    unreachable!()
}

#[test]
fn a_full_buffer_refuses_and_loses_nothing_and_takes_again_after_a_flush() {
    let place = LocalPlace::new();
    let lake = LocalLake::open(Options { hot_limit_bytes: 64 << 10, ..place.options() }).unwrap();
    let last = fill(&lake, 1);
    assert!(last > 10);
    assert!(lake.status().hot_bytes < 66 << 10);
    assert_eq!(total(&lake), last);
    lake.flush().unwrap();
    assert!(fill(&lake, last + 1) > last);
}

#[test]
fn while_the_disk_refuses_rows_stay_readable_and_are_written_when_it_recovers() {
    let place = LocalPlace::new();
    let lake = place.lake();
    let obstacle = place.dir().join("signals");
    fs::write(&obstacle, "not a directory").unwrap();
    append(&lake, &[sample(1, 1, None), sample(1, 2, None)]);
    assert_eq!(lake.flush().unwrap_err().kind(), ErrorKind::Disk);
    assert!(lake.status().flush_error.is_some());
    assert_eq!((total(&lake), lake.durable()), (2, Seq(0)));
    fs::remove_file(&obstacle).unwrap();
    assert_eq!(lake.flush().unwrap(), Seq(2));
    assert_eq!(lake.status().flush_error, None);
    assert_eq!(total(&lake), 2);
}

#[test]
fn when_the_manifest_cannot_be_written_its_files_do_not_stay_behind() {
    let place = LocalPlace::new();
    let lake = place.lake();
    let obstacle = place.dir().join("manifest.tmp");
    fs::create_dir(&obstacle).unwrap();
    append(&lake, &[sample(1, 1, None)]);
    assert_eq!(lake.flush().unwrap_err().kind(), ErrorKind::Disk);
    assert_eq!(parquet_files(&place), Vec::<PathBuf>::new());
    fs::remove_dir(&obstacle).unwrap();
    lake.flush().unwrap();
    assert_eq!(parquet_files(&place).len(), 1);
}

#[test]
fn left_overs_of_a_crash_are_deleted_and_other_files_are_not() {
    let place = LocalPlace::new();
    let lake = place.lake();
    append(&lake, &[sample(1, 1, None)]);
    lake.flush().unwrap();
    drop(lake);
    let listed = parquet_files(&place).remove(0);
    let partition = listed.parent().unwrap();
    let unlisted = partition.join("00000000000000000002-00000000000000000003-9.parquet");
    let draft = partition.join("10.parquet.tmp");
    let note = partition.join("README.txt");
    fs::copy(&listed, &unlisted).unwrap();
    fs::write(&draft, "half").unwrap();
    fs::write(&note, "mine").unwrap();
    assert_eq!(total(&place.lake()), 1);
    assert!(listed.exists() && note.exists());
    assert!(!unlisted.exists() && !draft.exists());
}

#[test]
fn a_second_process_is_refused() {
    let place = LocalPlace::new();
    let first = place.lake();
    let second = LocalLake::open(place.options());
    assert_eq!(second.err().map(|error| error.kind()), Some(ErrorKind::Locked));
    drop(first);
    place.lake();
}

#[test]
fn options_without_meaning_are_refused_by_name() {
    let place = LocalPlace::new();
    let error = LocalLake::open(Options { flush_rows: 0, ..place.options() }).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Options);
    assert!(error.to_string().contains("flush_rows"));
}

#[test]
fn small_files_become_few_and_merged_ones_are_deleted_once_nobody_reads_them() {
    let place = LocalPlace::new();
    let lake = place.lake();
    for seq in 1..=60 {
        append(&lake, &[sample(1, seq, Some(1))]);
        lake.flush().unwrap();
    }
    let kept = lake.manifest();
    assert_eq!(kept.files.len(), 60);
    while lake.compact().unwrap().merges > 0 {}
    let status = lake.status();
    assert!(status.files <= 8, "{} files", status.files);
    assert_eq!((status.file_rows, total(&lake)), (60, 60));
    let merged = usize::try_from(status.files).unwrap();
    assert!(parquet_files(&place).len() >= 60, "a manifest that is kept keeps its files");
    drop(kept);
    assert_eq!(parquet_files(&place).len(), merged);
}

#[test]
fn a_copy_of_manifest_and_files_is_a_lake() {
    let (place, copy) = (LocalPlace::new(), LocalPlace::new());
    let lake = place.lake();
    append(&lake, &(1..=9).map(|seq| sample(1, seq, Some(2))).collect::<Vec<_>>());
    lake.flush().unwrap();
    append(&lake, &[sample(1, 10, None)]);
    let manifest = lake.manifest();
    for file in &manifest.files {
        let to = copy.dir().join(&file.path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(place.dir().join(&file.path), to).unwrap();
    }
    fs::write(copy.dir().join(MANIFEST_FILE), manifest.to_text()).unwrap();
    let copied = copy.lake();
    assert_eq!((copied.durable(), total(&copied)), (Seq(9), 9));
    let verified = verify(copy.dir()).unwrap();
    assert_eq!((verified.files, verified.rows, verified.damaged), (1, 9, vec![]));
}

#[test]
fn salvaging_goes_on_without_a_missing_file_and_says_what_was_lost() {
    let place = LocalPlace::new();
    let lake = place.lake();
    for seq in 1..=3 {
        append(&lake, &[sample(1, seq, None)]);
        lake.flush().unwrap();
    }
    drop(lake);
    let lost = parquet_files(&place).remove(1);
    fs::remove_file(&lost).unwrap();
    let error = LocalLake::open(place.options()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("salvage-lake"), "{error}");
    assert!(error.to_string().contains(lost.to_str().unwrap()), "{error}");
    assert_eq!(salvage(place.dir()).unwrap().rows, 1);
    let lake = place.lake();
    assert_eq!((total(&lake), lake.durable()), (2, Seq(3)));
}

#[test]
fn rows_without_manifest_are_somebodys_data_and_not_deleted() {
    let place = LocalPlace::new();
    let lake = place.lake();
    append(&lake, &[sample(1, 1, None)]);
    lake.close().unwrap();
    drop(lake);
    fs::remove_file(place.dir().join(MANIFEST_FILE)).unwrap();
    let error = LocalLake::open(place.options()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert_eq!(parquet_files(&place).len(), 1);
}

#[test]
fn the_background_writes_and_merges_by_itself_while_others_read() {
    let place = LocalPlace::new();
    let options = Options {
        background: true,
        flush_rows: 1_000,
        // Settled at once, so that any two files are merged.
        compaction: Compaction { settle: model::Duration::ZERO, ..Compaction::default() },
        flush_age: Duration::from_millis(20),
        ..place.options()
    };
    let lake = Arc::new(LocalLake::open(options).unwrap());
    let reader = {
        let lake = Arc::clone(&lake);
        std::thread::spawn(move || {
            let mut seen = 0;
            while seen < 20_000 {
                let asked = SignalQuery { limit: 5, ..query(1, Some(&[1])) };
                let page = lake.signals(&asked).unwrap();
                assert!(page.total >= seen, "{} after {seen}", page.total);
                let newest = page.items.first().map_or(0, |row| row.seq.0);
                assert_eq!(page.total, newest);
                seen = page.total;
            }
        })
    };
    for start in (1..=20_000).step_by(500) {
        let rows: Vec<_> = (start..start + 500).map(|seq| sample(1, seq, Some(1))).collect();
        append(&*lake, &rows);
    }
    reader.join().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while lake.durable() < Seq(20_000) || lake.status().compactions == 0 {
        assert!(Instant::now() < deadline, "{:?}", lake.status());
        std::thread::yield_now();
    }
    lake.close().unwrap();
    assert_eq!(total(&lake), 20_000);
}

#[test]
fn a_page_ends_early_when_its_rows_are_big() {
    let place = LocalPlace::new();
    let lake = place.lake();
    let rows: Vec<_> = (1..=300)
        .map(|seq| {
            let mut row = sample(1, seq, None);
            row.1.signal.payload = vec![b'x'; 256 << 10].into();
            row
        })
        .collect();
    append(&lake, &rows);
    for _ in 0..2 {
        let page = lake.signals(&query(1, None)).unwrap();
        assert_eq!((page.items.len(), page.total), (128, 300));
        assert_eq!(page.next, Some(Seq(173)));
        lake.flush().unwrap();
    }
}

#[test]
fn files_with_too_many_incidents_to_count_are_still_counted_exactly() {
    let place = LocalPlace::new();
    let lake = place.lake();
    let rows: Vec<_> =
        (1..=10_000).map(|seq| sample(1, seq, Some(u128::from(seq % 5_000) << 64))).collect();
    append(&lake, &rows);
    lake.flush().unwrap();
    for _ in 0..2 {
        let page = lake.signals(&query(1, Some(&[7 << 64, 4_999 << 64]))).unwrap();
        let seqs: Vec<_> = page.items.iter().map(|row| row.seq.0).collect();
        assert_eq!((seqs, page.total), (vec![9_999, 5_007, 4_999, 7], 4));
    }
}

/// Every Parquet file of the lake, in order.
pub(crate) fn parquet_files(place: &LocalPlace) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![place.dir().to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
