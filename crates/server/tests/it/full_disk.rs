//! A disk that is full: no acknowledgement, a reason in `/readyz`, recovery when space returns, and
//! nothing lost.
//!
//! The disk is a small tmpfs in a mount namespace of its own, held by a process of the test. It needs
//! user namespaces or root; where there is neither, the test fails and says so.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{
    Client, Options, Server, eventually, incidents, never_for, only_incident, signal_ids, text,
    uuid,
};

const PATIENCE: Duration = Duration::from_secs(30);
const DISK_MIB: usize = 64;
const BALLAST_MIB: usize = 24;
/// Small segments, so that the journal asks for space often.
const CONFIG: &str = "journal = { segment_bytes = 4194304 }";
/// The same, and everything else asks for space often too.
const BUSY: &str = r#"
journal = { segment_bytes = 4194304 }
lake = { flush_rows = 100, flush_age = "200ms" }
pipeline = { snapshot_entries = 100, snapshot_age = "200ms" }
"#;

/// A small disk, for as long as this lives.
struct SmallDisk {
    holder: Child,
    mounted_at: TempDir,
    as_root: bool,
}

impl SmallDisk {
    fn new() -> Self {
        let unprivileged = Self::hold(false);
        unprivileged.or_else(|_| Self::hold(true)).unwrap_or_else(|why| {
            panic!(
                "this test mounts a small tmpfs in a namespace of its own and cannot: {why}; allow \
                 unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1) or run it as root"
            )
        })
    }

    fn hold(as_root: bool) -> Result<Self, String> {
        let mounted_at = TempDir::with_prefix("stormbell-disk-").map_err(|why| why.to_string())?;
        let script = format!(
            "mount -t tmpfs -o size={DISK_MIB}m stormbell \"$1\" && echo mounted && exec cat"
        );
        let mut command = Command::new("unshare");
        if !as_root {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", &script, "sh"]).arg(mounted_at.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let holder = command.spawn().map_err(|why| format!("unshare: {why}"))?;
        let mut disk = Self { holder, mounted_at, as_root };
        let mut said = String::new();
        let stdout = disk.holder.stdout.as_mut().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut said);
        if read.is_ok() && said == "mounted\n" {
            return Ok(disk);
        }
        let stderr = disk.holder.stderr.take().expect("it is piped");
        let why = BufReader::new(stderr).lines().map_while(Result::ok).collect::<Vec<_>>();
        Err(format!("unshare: {}", why.join("; ")))
    }

    /// What turns a program into one that sees the disk.
    fn through(&self) -> Vec<OsString> {
        let mut words = vec!["nsenter".to_owned(), format!("--target={}", self.holder.id())];
        if !self.as_root {
            words.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        words.extend(["--mount".to_owned(), "--".to_owned()]);
        words.into_iter().map(OsString::from).collect()
    }

    /// The disk as the test sees it, from outside.
    fn seen(&self) -> PathBuf {
        let inside = self.mounted_at.path().strip_prefix("/").expect("it is absolute");
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The mount goes with the last process that sees it.
        let _gone = self.holder.kill();
        let _waited = self.holder.wait();
    }
}

/// Sends until the server says that it cannot; returns how many it has acknowledged by then.
fn fill(client: &mut Client) -> u64 {
    let weight = "x".repeat(48 << 10);
    for number in 0..10_000 {
        let signal =
            json!({ "id": uuid(5, number), "component": "db", "payload": { "weight": weight } });
        let answer = client.post("/v1/signals", &signal);
        if answer.status == 202 {
            continue;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["code"], "disk_full");
        assert!(answer.header("retry-after").is_some());
        return number;
    }
    panic!("the disk never filled");
}

/// A server on a small disk with ballast, and where the ballast lies.
fn on_small_disk(config: &str) -> (SmallDisk, Server, PathBuf) {
    let disk = SmallDisk::new();
    let ballast = disk.seen().join("ballast");
    fs::write(&ballast, vec![1; BALLAST_MIB << 20]).expect("there is room for the ballast");
    let server = Server::start(Options {
        config: Some(config.to_owned()),
        through: disk.through(),
        data: Some(disk.mounted_at.path().join("data")),
        data_seen: Some(disk.seen().join("data")),
        ..Options::default()
    });
    (disk, server, ballast)
}

/// Signals 0 to `count` are there, each once, in the order they came.
fn check(server: &Server, count: u64) {
    let mut client = server.client();
    let incident = only_incident(&mut client, "component=db");
    assert_eq!(incident["signal_count"], count);
    let ids = signal_ids(&mut client, &text(&incident["id"]));
    let expected: Vec<_> = (0..count).rev().map(|number| uuid(5, number)).collect();
    assert!(ids == expected, "{} listed of {}", ids.len(), expected.len());
}

fn take_again(client: &mut Client, number: u64) {
    eventually("it takes signals again", PATIENCE, || {
        let signal = json!({ "id": uuid(5, number), "component": "db" });
        (client.post("/v1/signals", &signal).status == 202).then_some(())
    });
}

#[test]
fn a_full_disk_is_said_and_survived_and_nothing_acknowledged_is_lost() {
    let (_disk, mut server, ballast) = on_small_disk(CONFIG);
    let mut client = server.client();
    client.get("/readyz").expect_status(200);
    let acknowledged = fill(&mut client);
    assert!(acknowledged > 50, "it took {acknowledged} only");

    let answer = client.get("/readyz").expect_status(503).json();
    assert!(text(&answer["reason"]).contains("full"), "{answer}");
    client.get("/livez").expect_status(200);

    fs::remove_file(&ballast).expect("the ballast is there");
    take_again(&mut client, acknowledged);
    client.get("/readyz").expect_status(200);
    check(&server, acknowledged + 1);
    server.kill9();
    server.restart();
    check(&server, acknowledged + 1);
}

#[test]
fn files_and_snapshots_that_find_no_space_are_written_when_it_returns() {
    let (_disk, mut server, ballast) = on_small_disk(BUSY);
    let mut client = server.client();
    let acknowledged = fill(&mut client);
    never_for("a full disk ends the server", Duration::from_secs(3), || {
        (!server.is_running()).then_some(())
    });
    client.get("/readyz").expect_status(503);
    fs::remove_file(&ballast).expect("the ballast is there");
    take_again(&mut client, acknowledged);
    check(&server, acknowledged + 1);
    server.terminate();
    server.restart();
    check(&server, acknowledged + 1);
}

#[test]
fn a_server_that_is_stopped_on_a_full_disk_has_everything_when_there_is_space() {
    let (_disk, mut server, ballast) = on_small_disk(BUSY);
    let acknowledged = fill(&mut server.client());
    let log = server.terminate();
    assert!(log.contains("everything acknowledged is durable"), "{log}");
    // On the full disk it starts again or says why not; either way nothing is spoilt by trying.
    if server.try_restart().is_ok() {
        server.kill9();
    }
    fs::remove_file(&ballast).expect("the ballast is there");
    server.restart();
    check(&server, acknowledged);
    take_again(&mut server.client(), acknowledged);
    check(&server, acknowledged + 1);
}

/// Takes every byte that is left; returns the file that has them.
fn take_the_rest(disk: &SmallDisk) -> PathBuf {
    let path = disk.seen().join("rest");
    let mut file = File::create(&path).expect("the disk can be written");
    for size in [1 << 20, 1 << 12] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    path
}

#[test]
fn what_the_journal_has_room_for_and_the_store_has_not_is_applied_when_there_is_space() {
    let (disk, mut server, _ballast) = on_small_disk(BUSY);
    let mut client = server.client();
    take_again(&mut client, 0);
    let rest = take_the_rest(&disk);
    let acknowledged = send_components(&mut client);
    never_for("a full disk ends the server", Duration::from_secs(3), || {
        (!server.is_running()).then_some(())
    });
    assert!(server.log().contains("the pipeline waits"), "{}", server.log());
    fs::remove_file(&rest).expect("it is there");
    eventually("what was acknowledged is applied", PATIENCE, || {
        let page = client.get("/v1/incidents?q=part&limit=1").expect_status(200);
        (page.header("stormbell-behind").is_none()).then_some(())
    });
    for _ in 0..2 {
        let found = incidents(&mut server.client(), "q=part");
        let counts = found.iter().map(|incident| incident["signal_count"].as_u64());
        assert_eq!(counts.sum::<Option<u64>>(), Some(acknowledged));
        server.terminate();
        server.restart();
    }
}

/// Signals about many components, so that the store has much to write; returns how many the journal took.
fn send_components(client: &mut Client) -> u64 {
    let summary = "s".repeat(1_000);
    let batches = (0..40).map(|batch| {
        let signals = (0..50).map(|number| {
            json!({ "component": format!("part-{}", batch * 10 + number % 10), "summary": summary })
        });
        let body = json!(signals.collect::<Vec<_>>());
        if client.post("/v1/signals", &body).status == 202 { 50 } else { 0 }
    });
    let taken = batches.sum();
    assert!(taken > 0, "the journal has reserved its room");
    taken
}
