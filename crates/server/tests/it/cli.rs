//! The command line against a real server: the whole life of an incident, files of signals, the
//! simulation and the demo, with what is printed and the exit codes.

mod server;
mod told;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use server::{Server, finish, hang_up, is_hang_up_ignored, stormbell, terminate, written};

const FIX: &str = "Raised the pool from 20 to 100 connections.";
const PREVENTION: &str = "An alert at 80 % of the pool, and a load test.";

/// A server with one open incident about `orders-db`.
fn with_incident() -> Server {
    let server = Server::start();
    let signal = br#"{"component":"orders-db","environment":"prod","severity":"P0","summary":"pool exhausted"}"#;
    server.run_with(&["ingest", "-"], signal).ended(0);
    server
}

fn lines(count: usize) -> Vec<u8> {
    let mut text = String::new();
    for number in 0..count {
        text.push_str(&format!(
            "{{\"component\":\"db\",\"environment\":\"file\",\"summary\":\"failure {number}\"}}\n"
        ));
    }
    text.into_bytes()
}

#[test]
fn an_incident_is_worked_from_opening_to_closing() {
    let server = with_incident();
    let listed = server.run(&["incidents"]).ended(0);
    assert!(
        listed.out.contains("P0") && listed.out.contains("orders-db: pool exhausted"),
        "{listed:?}"
    );
    let shown = server.run(&["incident", "1"]).ended(0);
    for part in ["#1  P0  OPEN", "Timeline", "new key", "Last signals", "next: stormbell ack 1"] {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }
    let early = server.run(&["resolve", "1"]).ended(1);
    assert!(
        early.err.contains("illegal_transition") && early.err.contains("next: stormbell ack 1"),
        "{early:?}"
    );
    assert!(server.run(&["ack", "1"]).ended(0).out.contains("next: stormbell resolve 1"));
    server.run(&["comment", "#1", "the pool is too small"]).ended(0);
    assert!(
        server
            .run(&["resolve", "1", "--reason", "pool raised"])
            .ended(0)
            .out
            .contains("rca 1 --edit")
    );
    let closed = server
        .run(&["rca", "1", "--category", "CAPACITY", "--fix", FIX, "--prevention", PREVENTION])
        .ended(0);
    assert!(closed.out.contains("CLOSED") && closed.out.contains("time to resolve"), "{closed:?}");
    let shown = server.run(&["incident", "1"]).ended(0);
    for part in ["the pool is too small", "INVESTIGATING → RESOLVED: pool raised", "CAPACITY", FIX]
    {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }
    assert!(server.run(&["rca", "1"]).ended(0).out.contains("It has its analysis"));
    let told: Value =
        serde_json::from_str(&server.run(&["rca", "1", "--json"]).ended(0).out).expect("JSON");
    assert_eq!((&told["status"], &told["rca"]["fix_applied"]), (&json!("CLOSED"), &json!(FIX)));
    assert_eq!(server.run(&["incidents"]).ended(0).out, "No incident is open.\n");
    assert!(server.run(&["incidents", "--all"]).ended(0).out.contains("CLOSED"));
}

#[test]
fn an_incident_that_was_resolved_too_early_is_opened_again() {
    let server = with_incident();
    server.run(&["ack", "1"]).ended(0);
    server.run(&["resolve", "1"]).ended(0);
    assert!(server.run(&["reopen", "1", "it fails again"]).ended(0).out.contains("OPEN"));
    assert!(server.run(&["assign", "1", "grace"]).ended(0).out.contains("assigned to grace"));
    assert!(server.run(&["assign", "1"]).ended(0).out.contains("assigned to nobody"));
}

#[test]
fn an_analysis_that_is_not_complete_is_told_every_field_at_once() {
    let server = with_incident();
    server.run(&["ack", "1"]).ended(0);
    server.run(&["resolve", "1"]).ended(0);
    let nothing = server.run(&["rca", "1"]).ended(1);
    for field in ["root_cause_category", "fix_applied", "prevention_steps"] {
        assert!(nothing.out.contains(field), "{nothing:?}");
    }
    let told: Value =
        serde_json::from_str(&server.run(&["rca", "1", "--json"]).ended(1).out).expect("JSON");
    assert_eq!(told["status"], "RESOLVED");
    assert!(told["missing"].as_array().is_some_and(|missing| !missing.is_empty()), "{told}");
    let wrong = server
        .run(&[
            "rca",
            "1",
            "--category",
            "WEATHER",
            "--fix",
            "short",
            "--start",
            "then",
            "--action",
            "t;;soon",
        ])
        .ended(1);
    let fields = ["root_cause_category", "fix_applied", "prevention_steps", "incident_start"];
    for field in fields.iter().chain(&["action_items[0].owner", "action_items[0].due"]) {
        assert!(
            wrong.err.lines().any(|line| line.trim_start().starts_with(field)),
            "{field}: {wrong:?}"
        );
    }
    let problem: Value =
        serde_json::from_str(&server.run(&["rca", "1", "--fix", "short", "--json"]).ended(1).out)
            .expect("JSON");
    assert_eq!(problem["code"], "rca_invalid");
    let unreadable = server.run(&["rca", "1", "--action", "only a title"]).ended(2);
    assert!(unreadable.err.contains("title;owner;"), "{unreadable:?}");
}

#[test]
fn what_was_typed_in_the_editor_is_kept_until_it_is_accepted() {
    let server = with_incident();
    server.run(&["ack", "1"]).ended(0);
    let early = finish(server.command(&["rca", "1", "--edit"]).env("EDITOR", "false"));
    assert!(early.err.contains("INVESTIGATING"), "the editor is not opened in vain: {early:?}");
    server.run(&["resolve", "1"]).ended(0);
    let folder = tempfile::tempdir().expect("a folder");
    let edit = |arguments: &[&str], editor: &str| {
        let mut command = server.command(arguments);
        finish(command.env_remove("VISUAL").env("EDITOR", editor).env("TMPDIR", folder.path()))
    };
    let given_up = edit(&["rca", "1", "--edit"], "truncate -s 0").ended(1);
    assert!(given_up.err.contains("nothing is sent"), "{given_up:?}");
    let untouched = edit(&["rca", "1", "--edit"], "true").ended(1);
    assert!(untouched.err.contains("nothing is sent"), "{untouched:?}");
    let category = "sed -i 's/^root_cause_category = .*/root_cause_category = \"CAPACITY\"/'";
    let refused = edit(&["rca", "1", "--edit"], category).ended(1);
    assert!(
        refused.err.contains("fix_applied") && refused.err.contains("prevention_steps"),
        "{refused:?}"
    );
    let kept: Vec<_> =
        std::fs::read_dir(folder.path()).expect("it is there").map_while(Result::ok).collect();
    assert_eq!(kept.len(), 1, "only what was refused is kept: {kept:?}");
    let kept = kept[0].path();
    let name = kept.to_str().expect("it is text");
    assert!(refused.err.contains(name), "{refused:?}");
    assert!(std::fs::read_to_string(&kept).is_ok_and(|text| text.contains("\"CAPACITY\"")));
    let complete = format!(
        "sed -i -e \"s/^fix_applied = .*/fix_applied = '''{FIX}/\" -e \"s/^prevention_steps = .*/prevention_steps = '''{PREVENTION}/\""
    );
    assert!(
        edit(&["rca", "1", "--edit", "--file", name], &complete).ended(0).out.contains("CLOSED")
    );
}

#[test]
fn an_analysis_comes_from_a_file_and_from_the_saved_draft() {
    let server = with_incident();
    server.run(&["ack", "1"]).ended(0);
    server.run(&["resolve", "1"]).ended(0);
    let draft = json!({"root_cause_category": "CAPACITY", "fix_applied": FIX});
    ureq::put(format!("{}/v1/incidents/1/rca/draft", server.url))
        .header("authorization", format!("Bearer {}", server.key()))
        .header("content-type", "application/json")
        .send(draft.to_string())
        .expect("the draft is saved");
    let missing = server.run(&["rca", "1"]).ended(1);
    assert!(
        missing.out.contains("prevention_steps") && !missing.out.contains("fix_applied"),
        "{missing:?}"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(
        folder.path(),
        "rca.json",
        json!({"prevention_steps": PREVENTION}).to_string().as_bytes(),
    );
    let partly = server.run(&["rca", "1", "--file", &file]).ended(1);
    assert!(partly.err.contains("fix_applied"), "{partly:?}");
    server.run(&["rca", "1", "--draft", "--prevention", PREVENTION]).ended(0);
    let closed = server.json(&["incident", "1"]);
    assert_eq!(closed["rca"]["fix_applied"], FIX);
    assert_eq!(closed["rca"]["prevention_steps"], PREVENTION);
}

#[test]
fn json_is_what_the_api_answers_byte_for_byte() {
    let server = with_incident();
    for (arguments, path) in [
        (vec!["incidents"], "/v1/incidents?limit=50"),
        (vec!["incident", "1"], "/v1/incidents/1"),
        (vec!["incident", "1", "--show", "timeline"], "/v1/incidents/1/timeline?limit=1000"),
        (vec!["incident", "1", "--show", "signals"], "/v1/incidents/1/signals?limit=10"),
        (vec!["projects", "list"], "/v1/projects"),
    ] {
        let said = server.run(&[arguments.as_slice(), &["--json"]].concat()).ended(0).out;
        let answered = ureq::get(format!("{}{path}", server.url))
            .header("x-api-key", server.key())
            .call()
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .expect("the server answers");
        assert_eq!(said.trim_end(), answered.trim_end(), "{path}");
    }
}

#[test]
fn a_list_goes_on_over_pages_and_stops_where_it_is_told() {
    let server = Server::start();
    let signals: String = (0..1_200)
        .map(|number| format!("{{\"component\":\"c-{number}\",\"severity\":\"P3\"}}\n"))
        .collect();
    server.run_with(&["ingest", "-"], signals.as_bytes()).ended(0);
    let rows = |arguments: &[&str]| server.run(arguments).ended(0).out.lines().count() - 1;
    assert_eq!(rows(&["incidents"]), 50);
    assert_eq!(rows(&["incidents", "--limit", "1100"]), 1_100);
    assert_eq!(rows(&["incidents", "--limit", "0"]), 1_200);
    assert_eq!(rows(&["incidents", "--component", "c-7"]), 1);
    let none = server.run(&["incidents", "--severity", "P0,P1"]).ended(0);
    assert_eq!(none.out, "No incident fits.\n");
}

#[test]
fn every_way_to_fail_has_its_exit_code_and_says_what_to_do() {
    let server = Server::start();
    assert!(server.run(&["incident", "99"]).ended(1).err.contains("not_found"));
    assert!(server.run(&["incident", "../keys"]).ended(2).err.contains("number of an incident"));
    assert!(server.run(&["incidents", "--severity", "awful"]).ended(1).err.contains("severity"));
    server.run(&["no-such-command"]).ended(2);
    server.run(&["ingest", "no-such-file"]).ended(2);
    let away = finish(stormbell().args(["incidents", "--url", "http://127.0.0.1:1"])).ended(3);
    assert!(
        away.err.contains("nothing answers at http://127.0.0.1:1")
            && away.err.contains("stormbell serve")
    );
    let folder = tempfile::tempdir().expect("a folder");
    let keyless =
        finish(stormbell().args(["incidents", "--url", &server.url]).current_dir(folder.path()))
            .ended(1);
    assert!(keyless.err.contains("missing_key") && keyless.err.contains("--key"), "{keyless:?}");
    let wrong = server.run(&["incidents", "--key", "sb_wrong"]).ended(1);
    assert!(wrong.err.contains("unknown_key"), "{wrong:?}");
    let pasted = server.run(&["incidents", "--key", "“sb_key”"]).ended(2);
    assert!(pasted.err.contains("the key"), "{pasted:?}");
    let within = ["incidents", "--url", "http://any:sb_secret@127.0.0.1:1"];
    let within = finish(stormbell().args(within)).ended(3);
    assert!(within.err.contains("http://127.0.0.1:1") && !within.err.contains("sb_"), "{within:?}");
    for done in [away, keyless, wrong, pasted, within] {
        assert!(!done.err.contains("panicked") && !done.err.contains("RUST_BACKTRACE"), "{done:?}");
    }
}

#[test]
fn what_senders_write_cannot_command_the_terminal() {
    let server = Server::start();
    let signal = b"{\"component\":\"db\",\"summary\":\"\\u001b[2J\\u001b]0;owned\\u0007\",\"labels\":{\"a\\u001b\":\"\\u009b\"}}";
    server.run_with(&["ingest", "-"], signal).ended(0);
    for arguments in [vec!["incidents"], vec!["incident", "1"]] {
        let shown = server.run(&arguments).ended(0).out;
        assert!(shown.chars().all(|c| !c.is_control() || c == '\n'), "{shown:?}");
    }
}

#[test]
fn colour_is_used_when_asked_for_and_severity_is_a_word_all_the_same() {
    let server = with_incident();
    assert!(!server.run(&["incidents"]).ended(0).out.contains('\u{1b}'));
    let coloured = server.run(&["incidents", "--color", "always"]).ended(0).out;
    assert!(coloured.contains('\u{1b}') && coloured.contains("P0"), "{coloured}");
}

#[test]
fn a_file_that_is_sent_twice_is_taken_once() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let text = lines(3_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).expect("memory can be written");
    let gzip = gzip.finish().expect("memory can be written");
    let zstd = zstd::encode_all(&text[..], 1).expect("memory can be written");
    let counts = |name: &str, bytes: &[u8]| {
        let told = server.json(&["ingest", &written(folder.path(), name, bytes)]);
        (told["accepted"].as_u64(), told["duplicates"].as_u64(), told["rejected"].as_u64())
    };
    assert_eq!(counts("signals.ndjson", &text), (Some(3_000), Some(0), Some(0)));
    // A duplicate is told as one once the first copy is applied; reading waits for that.
    assert_eq!(server.json(&["incident", "1"])["signal_count"], 3_000);
    assert_eq!(counts("signals.gz", &gzip), (Some(0), Some(3_000), Some(0)));
    assert_eq!(counts("signals.zst", &zstd), (Some(0), Some(3_000), Some(0)));
    assert_eq!(server.json(&["incident", "1"])["signal_count"], 3_000);
    let salted = server
        .run(&["ingest", "--salt", "another", &written(folder.path(), "again", &text)])
        .ended(0);
    assert!(salted.out.starts_with("3,000 accepted"), "{salted:?}");
}

#[test]
fn a_run_that_was_killed_goes_on_without_loss_or_doubling() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path(), "signals.ndjson", &lines(4_000));
    let mut first = server
        .command(&["ingest", "--rate", "2000", &file])
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    // Some of it is in, and at this rate by far not all of it.
    let deadline = std::time::Instant::now() + server::PATIENCE;
    while server.json(&["incidents"])["total"] == 0 {
        assert!(std::time::Instant::now() < deadline, "the first signals arrive");
    }
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    let told = server.json(&["ingest", &file]);
    let count = |name: &str| told[name].as_u64().unwrap_or_default();
    assert_eq!(count("accepted") + count("duplicates"), 4_000, "{told}");
    assert!(count("duplicates") > 0, "{told}");
    assert_eq!(server.json(&["incident", "1"])["signal_count"], 4_000);
}

#[test]
fn every_rejected_line_is_named_and_the_good_ones_are_taken() {
    let server = Server::start();
    let text = b"{\"component\":\"a\"}\n{\"component\":\"b\"\n{\"severity\":\"P1\"}\nnonsense\n\
                 [{\"component\":\"c\",\"severity\":\"awful\"},\n{\"component\":\"d\"}]\n";
    let done = server.run_with(&["ingest", "-"], text).ended(1);
    assert!(done.out.starts_with("2 accepted, 0 duplicates, 4 rejected"), "{done:?}");
    for line in [
        "line 2: invalid_json",
        "line 3: missing_component",
        "line 4: invalid_json",
        "line 5: invalid_severity",
    ] {
        assert!(done.out.contains(line), "{line}: {done:?}");
    }
    let few = server.run_with(&["ingest", "-", "--list", "1"], text).ended(1);
    assert!(few.out.contains("… and 3 more") && !few.out.contains("line 3"), "{few:?}");
}

#[test]
fn a_slow_pipe_is_sent_without_waiting_for_its_end() {
    let server = Server::start();
    let mut child = server
        .command(&["ingest", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    stdin.write_all(b"{\"component\":\"slow\"}\n").expect("it reads");
    let deadline = std::time::Instant::now() + server::PATIENCE;
    while server.json(&["incidents"])["total"] != 1 {
        assert!(std::time::Instant::now() < deadline, "the signal is sent while the pipe is open");
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_key_is_shown_once_and_does_what_its_scopes_say_until_it_is_revoked() {
    let server = with_incident();
    let made = server
        .run(&["keys", "create", "--name", "reader", "--scope", "read", "--expires", "30d"])
        .ended(0);
    let secret = made.out.trim().to_owned();
    assert!(!secret.is_empty() && !secret.contains(char::is_whitespace), "{made:?}");
    assert!(made.err.contains("only time") && !made.err.contains(&secret), "{made:?}");
    let with_key =
        |arguments: &[&str]| finish(server.command(arguments).env("STORMBELL_KEY", &secret));
    with_key(&["incidents"]).ended(0);
    assert!(with_key(&["ack", "1"]).ended(1).err.contains("missing_scope"));
    let listed = server.run(&["keys", "list"]).ended(0);
    assert!(listed.out.contains("reader") && !listed.out.contains(&secret), "{listed:?}");
    let keys = server.json(&["keys", "list"]);
    let items = keys["items"].as_array().expect("a list");
    let id = items
        .iter()
        .find(|key| key["name"] == "reader")
        .and_then(|key| key["id"].as_str())
        .expect("it is listed");
    assert_eq!(server.run(&["keys", "revoke", id]).ended(0).out, format!("revoked {id}\n"));
    assert!(with_key(&["incidents"]).ended(1).err.contains("revoked_key"));
}

#[test]
fn a_project_is_made_and_sees_nothing_of_another() {
    let server = with_incident();
    let made = server.json(&["projects", "create", "shop"]);
    let id = made["id"].to_string();
    assert!(server.run(&["projects", "list"]).ended(0).out.contains("shop"));
    assert!(server.run(&["projects", "create", "shop"]).ended(1).err.contains("name_taken"));
    let key = server
        .run(&["keys", "create", "--name", "k", "--scope", "read", "--project", &id])
        .ended(0);
    let listed =
        finish(server.command(&["incidents"]).env("STORMBELL_KEY", key.out.trim())).ended(0);
    assert_eq!(listed.out, "No incident is open.\n");
}

#[test]
fn the_simulation_is_as_predicted_whatever_the_policies_say() {
    let server = Server::start();
    let said = server.run(&["simulate"]).ended(0);
    assert!(said.out.contains("as predicted") && said.out.contains("1,500 : 1"), "{said:?}");
    let policy = json!({"name": "capped", "matcher": {"component": ["orders-*", "session-cache"]},
        "key": ["environment", "component"], "mode": "window", "window": "10m", "cap": 100});
    ureq::post(format!("{}/v1/policies/grouping", server.url))
        .header("authorization", format!("Bearer {}", server.key()))
        .header("content-type", "application/json")
        .send(policy.to_string())
        .expect("the policy is made");
    let told = server.json(&["simulate", "--seed", "7"]);
    assert_eq!(told["as_predicted"], true, "{told:#}");
    assert_eq!(told["total"]["incidents"], 42, "{told:#}");
    assert_eq!(told["accepted"], 12_000);
}

#[test]
fn the_demo_shows_it_all_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["demo", "--exit", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    let done = finish(stormbell().args(arguments).env("TMPDIR", folder.path())).ended(0);
    for part in [
        "as predicted",
        "What a person sees",
        "The worst of them",
        "Timeline",
        "Where things are",
        "curl ",
    ] {
        assert!(done.out.contains(part), "{part}: {done:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn the_demo_stays_up_until_it_is_asked_to_end() {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = stormbell();
    command
        .args(["demo", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data"])
        .arg(data.path());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut shown = BufReader::new(child.stdout.take().expect("it was asked for"));
    let mut url = String::new();
    for line in shown.by_ref().lines().map_while(Result::ok) {
        if let Some(rest) = line.trim().strip_prefix("HTTP") {
            url = rest.trim().to_owned();
        }
        if line.contains("stays up") {
            break;
        }
    }
    let listed =
        finish(stormbell().args(["incidents", "--url", &url, "--data"]).arg(data.path())).ended(0);
    assert!(listed.out.contains("orders-db"), "{listed:?}");
    terminate(&child);
    assert!(child.wait().expect("it ends").success());
    assert!(data.path().join("admin.key").exists(), "a named folder is kept");
}

#[test]
fn a_demo_whose_terminal_is_closed_leaves_nothing_behind() {
    if is_hang_up_ignored() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = stormbell();
    command.args(["demo", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
    command.env("TMPDIR", folder.path());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let shown = BufReader::new(child.stdout.take().expect("it was asked for"));
    assert!(shown.lines().map_while(Result::ok).any(|line| line.contains("stays up")));
    hang_up(&child);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
}

#[test]
fn a_filter_of_the_log_that_cannot_be_read_keeps_the_server_from_starting() {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = stormbell();
    command.args(["serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data"]);
    let command = command.arg(data.path()).env("STORMBELL_LOG", "http=debugg");
    let said = finish(command).ended(2);
    assert!(said.err.contains("STORMBELL_LOG=http=debugg"), "{said:?}");
}

#[test]
fn nobody_reading_any_more_is_no_failure() {
    let mut child =
        stormbell().args(["completions", "zsh"]).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn the_configuration_is_checked_dumped_and_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = written(folder.path(), "good.toml", b"http = '127.0.0.1:9999'\n");
    let said = finish(stormbell().args(["config", "check", "--config", &good])).ended(0);
    assert!(said.out.contains("127.0.0.1:9999"), "{said:?}");
    let bad = written(folder.path(), "bad.toml", b"htp = 'x'\n");
    let said = finish(stormbell().args(["config", "check", "--config", &bad])).ended(2);
    assert!(said.err.contains("htp"), "{said:?}");
    let files = [("tls", "cert = 'no.pem'\nkey = 'no.key'"), ("delivery", "roots = 'no.pem'")];
    for (table, names) in files {
        let text = format!("[{table}]\n{names}\n");
        let bad = written(folder.path(), "files.toml", text.as_bytes());
        let said = finish(stormbell().args(["config", "check", "--config", &bad])).ended(2);
        assert!(said.err.contains(table) && said.err.contains("no.pem"), "{said:?}");
        let data = folder.path().join("data");
        let mut serve = stormbell();
        serve.args(["serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--config", &bad]);
        let said = finish(serve.arg("--data").arg(&data)).ended(1);
        assert!(said.err.contains("no.pem") && !data.exists(), "{said:?}");
    }
    let dumped = finish(stormbell().args(["config", "dump", "--config", &good])).ended(0).out;
    let again = written(folder.path(), "again.toml", dumped.as_bytes());
    assert_eq!(
        finish(stormbell().args(["config", "dump", "--config", &again])).ended(0).out,
        dumped
    );
    let schema = finish(stormbell().args(["config", "schema"])).ended(0).out;
    assert!(
        serde_json::from_str::<Value>(&schema)
            .is_ok_and(|schema| schema["properties"]["http"].is_object())
    );
}

#[test]
fn a_backup_is_taken_restored_checked_and_replayed() {
    let server = with_incident();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("it is text").to_owned();
    let (copy, restored) = (path("backup"), path("restored"));
    let made = server.run(&["backup", &copy]).ended(0);
    assert!(made.out.contains("Backed up") && made.out.contains(&copy), "{made:?}");
    assert!(server.run(&["backup", &copy]).ended(1).err.contains("not empty"));
    let came_up = finish(stormbell().args(["restore", &copy, "--data", &restored])).ended(0);
    assert!(came_up.out.contains("Incidents not closed: 1."), "{came_up:?}");
    finish(stormbell().args(["restore", &copy, "--data", &restored])).ended(1);
    let replayed = finish(stormbell().args(["replay", "--data", &restored])).ended(0);
    assert!(replayed.out.contains("The store is what the journal says."), "{replayed:?}");
    let told = finish(stormbell().args(["replay", "--json", "--data", &restored])).ended(0);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["differences_total"], 0, "{told}");
    let free = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    let healthy = finish(stormbell().args(["doctor", "--data", &restored]).args(free));
    assert!(healthy.out.contains("journal") && !healthy.out.contains("FAIL"), "{healthy:?}");
    let beside = server.run(&["replay"]).ended(1);
    assert!(!beside.err.is_empty(), "a replay does not run beside a server: {beside:?}");
}

#[test]
fn a_damaged_journal_is_found_and_can_be_cut() {
    let server = with_incident();
    let data = tempfile::tempdir().expect("a folder");
    let copy = data.path().join("copy");
    let restored = data.path().join("data");
    let texts = |path: &std::path::Path| path.to_str().expect("it is text").to_owned();
    server.run(&["backup", &texts(&copy)]).ended(0);
    finish(stormbell().args(["restore", &texts(&copy), "--data", &texts(&restored)])).ended(0);
    let on = |arguments: &[&str]| {
        let free = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
        finish(stormbell().args(arguments).args(["--data", &texts(&restored)]).args(free))
    };
    assert!(on(&["doctor", "--salvage-journal"]).ended(0).out.contains("The journal is sound"));
    assert!(on(&["doctor", "--salvage-lake"]).ended(0).out.contains("The lake is sound"));
    std::fs::write(restored.join("store.sqlite"), b"not a database").expect("it can be written");
    let told = on(&["doctor", "--json"]).ended(1);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(told["status"], "fail", "{told:#}");
    let checks = told["checks"].as_array().expect("a list");
    assert!(
        checks.iter().any(|check| check["name"] == "store" && check["status"] == "fail"),
        "{told:#}"
    );
}
