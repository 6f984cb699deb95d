//! A disk that is full: no acknowledgement, a reason in `/readyz`, recovery when space returns, and
//! nothing lost.
//!
//! The disk is a small tmpfs in a mount namespace of its own, held by a process of the test. It needs
//! user namespaces or root; where there is neither, the test fails and says so.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{Client, Options, Server, eventually, only_incident, signal_ids, text, uuid};

const PATIENCE: Duration = Duration::from_secs(30);
const DISK_MIB: usize = 64;
const BALLAST_MIB: usize = 24;
/// Small segments, so that the journal asks for space often.
const CONFIG: &str = "journal = { segment_bytes = 4194304 }";

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

#[test]
fn a_full_disk_is_said_and_survived_and_nothing_acknowledged_is_lost() {
    let disk = SmallDisk::new();
    let ballast = disk.seen().join("ballast");
    let file = File::create(&ballast).expect("the disk can be written");
    fs::write(&ballast, vec![1; BALLAST_MIB << 20]).expect("there is room for the ballast");
    drop(file);
    let mut server = Server::start(Options {
        config: Some(CONFIG.to_owned()),
        through: disk.through(),
        data: Some(disk.mounted_at.path().join("data")),
        data_seen: Some(disk.seen().join("data")),
        ..Options::default()
    });
    let mut client = server.client();
    client.get("/readyz").expect_status(200);
    let acknowledged = fill(&mut client);
    assert!(acknowledged > 50, "it took {acknowledged} only");

    let answer = client.get("/readyz").expect_status(503).json();
    assert!(text(&answer["reason"]).contains("full"), "{answer}");
    client.get("/livez").expect_status(200);

    fs::remove_file(&ballast).expect("the ballast is there");
    eventually("it takes signals again, without a restart", PATIENCE, || {
        let signal = json!({ "id": uuid(5, acknowledged), "component": "db" });
        (client.post("/v1/signals", &signal).status == 202).then_some(())
    });
    client.get("/readyz").expect_status(200);
    let expected: Vec<_> = (0..=acknowledged).rev().map(|number| uuid(5, number)).collect();
    for _ in 0..2 {
        let mut client = server.client();
        let incident = only_incident(&mut client, "component=db");
        assert_eq!(incident["signal_count"], acknowledged + 1);
        let ids = signal_ids(&mut client, &text(&incident["id"]));
        assert!(ids == expected, "{} listed of {}", ids.len(), expected.len());
        server.kill9();
        server.restart();
    }
}
