//! What a crash or a bad disk leaves in the journal: a torn tail is cut and said, a damaged middle
//! is refused with file, offset and what to do.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Client, Options, Server, only_incident, signal_ids, text, uuid};

/// Where the first batch of a segment begins, and how long a batch's header is (`docs/formats/journal.md`).
const FIRST_BATCH: u64 = 64;
const BATCH_HEADER: u64 = 40;
const BATCH_MAGIC: [u8; 4] = [0xb1, 0x53, 0x4a, 0x42];

/// One commit in the segment.
#[derive(Debug, Clone, Copy)]
struct Batch {
    begin: u64,
    end: u64,
}

/// Signals, each acknowledged before the next one is sent, so that each is a commit of its own.
fn send_one_by_one(client: &mut Client, from: u64, until: u64) {
    for number in from..until {
        let signal = json!({ "id": uuid(9, number), "component": "db", "severity": "P1" });
        client.post("/v1/signals", &signal).expect_status(202);
    }
}

fn newest_segment(server: &Server) -> PathBuf {
    let entries = fs::read_dir(server.data().join("journal")).expect("there is a journal");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    let segments =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "seg"));
    segments.max().expect("there is a segment")
}

/// The batches of a segment, as the page about the format says to find them.
fn batches(segment: &PathBuf) -> Vec<Batch> {
    let mut file = File::open(segment).expect("it is there");
    let mut found = Vec::new();
    let mut begin = FIRST_BATCH;
    loop {
        let mut header = [0; BATCH_HEADER as usize];
        file.seek(SeekFrom::Start(begin)).expect("it is a file");
        file.read_exact(&mut header).expect("a segment is longer than its batches");
        if header[..4] != BATCH_MAGIC {
            return found;
        }
        let body_bytes = u32::from_le_bytes(header[8..12].try_into().expect("four bytes"));
        let end = begin + BATCH_HEADER + u64::from(body_bytes);
        found.push(Batch { begin, end });
        begin = end;
    }
}

fn overwrite(segment: &PathBuf, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(segment).expect("it is there");
    file.seek(SeekFrom::Start(at)).expect("it is a file");
    file.write_all(bytes).expect("it can be written");
}

/// What the journal can rebuild goes, as if it had never reached the disk.
fn forget_all_but_the_journal(server: &Server) {
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        // The side files are there only sometimes.
        let _absent = fs::remove_file(server.data().join(name));
    }
    for name in ["lake", "snapshots"] {
        fs::remove_dir_all(server.data().join(name)).expect("it is a folder");
    }
}

fn listed(server: &Server) -> Vec<String> {
    let mut client = server.client();
    let incident = only_incident(&mut client, "component=db");
    let ids = signal_ids(&mut client, &text(&incident["id"]));
    assert_eq!(incident["signal_count"], ids.len());
    ids
}

/// The ids of the first so many signals, newest first.
fn newest_first(count: u64) -> Vec<String> {
    (0..count).rev().map(|number| uuid(9, number)).collect()
}

#[test]
fn garbage_behind_the_last_commit_is_cut_and_said_and_nothing_acknowledged_is_missing() {
    let mut server = Server::start(Options::default());
    send_one_by_one(&mut server.client(), 0, 50);
    server.kill9();
    let segment = newest_segment(&server);
    let last = *batches(&segment).last().expect("there are batches");
    overwrite(&segment, last.end, &[0xa5; 777]);
    server.restart();
    assert!(server.log().contains("torn tail was cut"), "{}", server.log());
    assert_eq!(listed(&server), newest_first(50));
    // And it goes on from there.
    send_one_by_one(&mut server.client(), 50, 60);
    server.kill9();
    server.restart();
    assert!(!server.log().contains("torn tail"), "it was cut for good");
    assert_eq!(listed(&server), newest_first(60));
}

#[test]
fn a_commit_half_written_is_cut_and_all_before_it_is_rebuilt() {
    let mut server = Server::start(Options::default());
    send_one_by_one(&mut server.client(), 0, 50);
    server.kill9();
    let segment = newest_segment(&server);
    let last = *batches(&segment).last().expect("there are batches");
    let torn_from = last.begin + BATCH_HEADER + 10;
    overwrite(&segment, torn_from, &vec![0; (last.end - torn_from) as usize]);
    // After a power cut nothing later has seen what the journal does not hold.
    forget_all_but_the_journal(&server);
    server.restart();
    assert!(server.log().contains("torn tail was cut"), "{}", server.log());
    assert_eq!(listed(&server), newest_first(49));
}

#[test]
fn a_journal_that_is_shorter_than_what_was_applied_is_refused() {
    let mut server = Server::start(Options::default());
    let mut client = server.client();
    send_one_by_one(&mut client, 0, 50);
    // A read waits until all of it is applied.
    assert_eq!(listed(&server).len(), 50);
    server.kill9();
    let segment = newest_segment(&server);
    let last = *batches(&segment).last().expect("there are batches");
    overwrite(&segment, last.begin, &vec![0; (last.end - last.begin) as usize]);
    let refused = server.try_restart().expect_err("it must not start shorter");
    assert!(!refused.status.success());
    assert!(refused.log.contains("the journal ends before record"), "{}", refused.log);
    assert!(refused.log.contains("restore all three from one backup"), "{}", refused.log);
}

#[test]
fn a_flipped_byte_in_the_middle_is_refused_with_file_offset_and_what_to_do() {
    let mut server = Server::start(Options::default());
    send_one_by_one(&mut server.client(), 0, 50);
    server.kill9();
    let segment = newest_segment(&server);
    let batch = batches(&segment)[20];
    let at = batch.begin + BATCH_HEADER + 20;
    let mut byte = [0];
    let mut file = File::open(&segment).expect("it is there");
    file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut byte)).expect("it is there");
    overwrite(&segment, at, &[byte[0] ^ 0x10]);
    for _ in 0..2 {
        let refused = server.try_restart().expect_err("it must not start");
        assert!(!refused.status.success());
        let file = segment.file_name().expect("it has one").to_string_lossy().into_owned();
        for said in [&*file, &format!("at byte {}", batch.begin), "backup", "--salvage-journal"] {
            assert!(refused.log.contains(said), "{said} is said: {}", refused.log);
        }
    }
    // Nothing was changed by refusing: with the byte back, everything is there.
    overwrite(&segment, at, &byte);
    server.restart();
    assert_eq!(listed(&server), newest_first(50));
}
