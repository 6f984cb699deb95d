//! What is done to a data folder with the commands of the binary, beside a server and instead of one:
//! backup under load and restore, replay, doctor, and what each says of changed bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection};

use crate::harness::{
    Client, Options, Server, binary, incidents, only_incident, signal_ids, text, uuid,
};

/// What a command did.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Small segments, so that there are several of them.
const CONFIG: &str = "[journal]\nsegment_bytes = 1048576\n";

/// An address on which any free port will do.
const ANY: &str = "127.0.0.1:0";

/// Runs a command on a data folder to its end.
fn run(words: &[&str], data: &Path) -> Done {
    let mut command = Command::new(binary());
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("STORMBELL_"))
    {
        command.env_remove(name);
    }
    let output = command.args(words).arg("--data").arg(data).stdin(Stdio::null()).output();
    let output = output.expect("the program can be started");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Done {
    /// Its JSON, if it ended with this code.
    #[track_caller]
    fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn signals(component: &str, numbers: std::ops::Range<u64>) -> Value {
    let one = |number| json!({ "id": uuid(7, number), "component": component, "payload": { "n": number } });
    numbers.map(one).collect()
}

/// A server that has taken 3000 signals about two components and was stopped in order.
fn stopped_server() -> Server {
    let mut server =
        Server::start(Options { config: Some(CONFIG.to_owned()), ..Options::default() });
    let mut client = server.client();
    for batch in 0..30 {
        let component = if batch % 3 == 0 { "cache" } else { "db" };
        let body = signals(component, batch * 100..(batch + 1) * 100);
        client.post("/v1/signals", &body).expect_status(202);
    }
    server.terminate();
    server
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("it is text")
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut found: Vec<_> =
        paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("it can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("it can be written");
}

/// The check of a doctor's report with this name.
fn check<'r>(report: &'r Value, name: &str) -> &'r Value {
    let checks = report["checks"].as_array().expect("checks is a list");
    checks.iter().find(|check| check["name"] == name).expect("there is such a check")
}

#[test]
fn a_backup_taken_under_load_and_restored_elsewhere_has_all_that_was_acknowledged_before_it() {
    let mut server =
        Server::start(Options { config: Some(CONFIG.to_owned()), ..Options::default() });
    let mut client = server.client();
    client.post("/v1/signals", &signals("db", 0..2_000)).expect_status(202);
    let stop = Arc::new(AtomicBool::new(false));
    let load = thread::spawn({
        let (stop, mut client) = (Arc::clone(&stop), server.client());
        move || {
            let mut next = 2_000;
            while !stop.load(Ordering::Relaxed) {
                client.post("/v1/signals", &signals("db", next..next + 50)).expect_status(202);
                next += 50;
            }
            next
        }
    });
    let to = server.folder().join("backup");
    let made = run(&["backup", path_text(&to), "--json"], &server.data());
    stop.store(true, Ordering::Relaxed);
    let sent = load.join().expect("the sender does not fail");
    let made = made.json(0);
    assert_eq!(made["warnings"], json!([]));
    let key = server.key();
    let incident = text(&only_incident(&mut client, "")["id"]);
    assert_eq!(signal_ids(&mut client, &incident).len() as u64, sent);
    server.terminate();

    let elsewhere = server.folder().join("elsewhere");
    let restored = run(&["restore", path_text(&to), "--json"], &elsewhere).json(0);
    assert_eq!(
        restored["applied"].as_u64().map(|seq| seq + 1),
        made["positions"]["journal_end"].as_u64()
    );
    assert_eq!(run(&["replay", "--json"], &elsewhere).json(0)["differences_total"], 0);
    let again = Server::start(Options { data: Some(elsewhere.clone()), ..Options::default() });
    assert!(!elsewhere.join("admin.key").exists(), "keys are in the store, and no other was made");
    let mut client = Client::new(again.http(), &key);
    let incident = only_incident(&mut client, "");
    let ids = signal_ids(&mut client, &text(&incident["id"]));
    assert_eq!(incident["signal_count"].as_u64(), Some(ids.len() as u64));
    assert!((2_000..=sent).contains(&(ids.len() as u64)), "{} of {sent}", ids.len());
    // What was sent by one sender came in order, so what is there is a beginning of it.
    let expected: Vec<_> = (0..ids.len() as u64).rev().map(|number| uuid(7, number)).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_backup_of_a_server_at_rest_shows_the_same_incidents() {
    let mut server = stopped_server();
    let to = server.folder().join("backup");
    run(&["backup", path_text(&to), "--json"], &server.data()).json(0);
    let elsewhere = server.folder().join("elsewhere");
    run(&["restore", path_text(&to), "--json"], &elsewhere).json(0);
    server.restart();
    let again = Server::start(Options { data: Some(elsewhere), ..Options::default() });
    let mut here = server.client();
    let mut there = Client::new(again.http(), &server.key());
    let (before, after) = (incidents(&mut here, ""), incidents(&mut there, ""));
    assert_eq!(before, after);
    assert_eq!(before.len(), 2);
    for incident in &before {
        let id = text(&incident["id"]);
        assert_eq!(signal_ids(&mut here, &id), signal_ids(&mut there, &id));
    }
}

#[test]
fn a_flipped_byte_in_a_backup_is_refused_by_name() {
    let server = stopped_server();
    let to = server.folder().join("backup");
    run(&["backup", path_text(&to), "--json"], &server.data()).json(0);
    let elsewhere = server.folder().join("elsewhere");
    for path in files(&to).iter().filter(|path| !path.ends_with("MANIFEST.json")) {
        flip(path);
        let refused = run(&["restore", path_text(&to)], &elsewhere);
        let name = path.strip_prefix(&to).expect("it is in the backup");
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(path_text(name)), "{refused:?}");
        assert!(!elsewhere.exists(), "nothing was restored");
        flip(path);
    }
    run(&["restore", path_text(&to), "--json"], &elsewhere).json(0);
}

#[test]
fn a_replay_finds_nothing_in_a_healthy_folder_and_exactly_the_row_that_was_altered() {
    let server = stopped_server();
    let healthy = run(&["replay", "--json"], &server.data()).json(0);
    assert_eq!(healthy["differences"], json!([]));
    assert_eq!(healthy["incidents"], 2);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let store =
            sqlx::sqlite::SqliteConnectOptions::new().filename(server.data().join("store.sqlite"));
        let mut store = store.connect().await.expect("it opens");
        let altered = sqlx::query("UPDATE incidents SET environment = 'altered' WHERE number = 2");
        let altered = altered.execute(&mut store).await.expect("it can be altered");
        assert_eq!(altered.rows_affected(), 1);
        store.close().await.expect("it closes");
    });
    let altered = run(&["replay", "--json"], &server.data()).json(1);
    assert_eq!(altered["differences_total"], 1);
    let difference = &altered["differences"][0];
    assert!(text(&difference["subject"]).starts_with("incident #2 ("), "{difference}");
    assert!(text(&difference["what"]).starts_with("environment: \"altered\""), "{difference}");
}

#[test]
fn a_replay_beside_a_running_server_is_refused() {
    let server = Server::start(Options::default());
    let refused = run(&["replay"], &server.data());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("needs it stopped"), "{refused:?}");
}

#[test]
fn a_doctor_is_content_with_a_healthy_folder_beside_a_server_and_without_one() {
    let mut server = Server::start(Options::default());
    server.client().post("/v1/signals", &signals("db", 0..100)).expect_status(202);
    let http = server.http().to_string();
    let beside = run(&["doctor", "--json", "--http", &http, "--grpc", ANY], &server.data()).json(0);
    assert!(
        text(&check(&beside, "journal")["detail"]).contains("beside the running server"),
        "{beside}"
    );
    assert_eq!(check(&beside, "http address")["status"], "ok", "{beside}");
    assert!(text(&check(&beside, "http address")["detail"]).contains("is ready"), "{beside}");
    server.terminate();
    let alone = run(&["doctor", "--json", "--http", ANY, "--grpc", ANY], &server.data()).json(0);
    for name in ["snapshots", "lake", "store", "journal", "positions"] {
        assert_eq!(check(&alone, name)["status"], "ok", "{alone}");
    }
    server.restart();
}

#[test]
fn a_doctor_names_what_is_damaged_and_salvaging_the_lake_goes_on_without_it() {
    let mut server = stopped_server();
    let data = server.data();
    let files = files(&data);
    let segment = files.iter().find(|path| path.extension().is_some_and(|end| end == "seg"));
    let segment = segment.expect("there is a segment");
    let mut bytes = fs::read(segment).expect("it can be read");
    bytes[150] ^= 1;
    fs::write(segment, &bytes).expect("it can be written");
    let file = files.iter().find(|path| path.extension().is_some_and(|end| end == "parquet"));
    flip(file.expect("there is a file of the lake"));
    fs::set_permissions(data.join("admin.key"), fs::Permissions::from_mode(0o644))
        .expect("it is ours");
    let report = run(&["doctor", "--json"], &data).json(1);
    assert_eq!(report["status"], "fail");
    for name in ["data folder", "lake", "journal"] {
        assert_eq!(check(&report, name)["status"], "fail", "{report}");
    }
    let name = segment.file_name().and_then(|name| name.to_str()).expect("it is text");
    assert!(text(&check(&report, "journal")["detail"]).contains(name), "{report}");

    bytes[150] ^= 1;
    fs::write(segment, &bytes).expect("it can be written");
    let salvaged = run(&["doctor", "--salvage-lake", "--json"], &data).json(0);
    assert!(salvaged["rows"].as_u64().is_some_and(|rows| rows > 0), "{salvaged}");
    server.restart();
}
