//! The commands about who is told: each as it is meant to be used, once as a table and once with
//! `--json`, and once with the mistake that people make most.

use serde_json::{Value, json};

use super::server::{PATIENCE, Server, written};
use crate::harness::{Conduct, Sink, eventually};

/// A server that may deliver to this machine, with the subscriber `core` and its webhook `hook`.
fn with_endpoint(sink: &Sink) -> Server {
    let server = Server::start_with(&["--allow-private-endpoints"]);
    server.run(&["subscribers", "create", "core"]).ended(0);
    endpoint(&server, sink, "hook");
    server
}

#[track_caller]
fn endpoint(server: &Server, sink: &Sink, name: &str) -> Value {
    let config =
        json!({ "url": sink.url("/hook"), "secret": "a secret of some length" }).to_string();
    let arguments = ["endpoints", "create", "--subscriber", "core", "--channel", "webhook"];
    let arguments = [&arguments[..], &["--name", name, "--config", &config]].concat();
    let made = server.json(&arguments);
    assert_eq!(made["name"], name, "{made:#}");
    made
}

/// Makes the rule `db` of `core`, which tells `hook` of opened incidents of components `db`.
#[track_caller]
fn rule(server: &Server) -> Value {
    let rule = json!({
        "subscriber": "core", "name": "db", "on": ["opened"], "endpoints": ["hook"],
        "match": [{"field": "component", "op": "equals", "value": "db"}],
    });
    let made =
        server.run_with(&["rules", "create", "--json", "-f", "-"], rule.to_string().as_bytes());
    serde_json::from_str(&made.ended(0).out).expect("JSON")
}

#[track_caller]
fn signal(server: &Server, component: &str) {
    let signal = json!({ "component": component, "summary": "pool exhausted", "severity": "P1" });
    server.run_with(&["ingest", "-"], signal.to_string().as_bytes()).ended(0);
    // Reading waits until it is applied.
    server.run(&["incidents"]).ended(0);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn subscribers_and_endpoints_are_made_listed_tried_and_removed_by_name() {
    let sink = Sink::start();
    let server = with_endpoint(&sink);
    let person = server.run(&["subscribers", "create", "ada", "--contact", "hook=5m"]).ended(0);
    assert!(person.out.starts_with("subscriber ") && person.out.contains("ada"), "{person:?}");
    let listed = server.run(&["subscribers"]).ended(0);
    assert!(listed.out.contains("core") && listed.out.contains("hook after 5m"), "{listed:?}");
    assert_eq!(server.json(&["subscribers", "list"])["items"][0]["name"], "ada");

    let listed = server.run(&["endpoints", "--subscriber", "core"]).ended(0);
    assert!(listed.out.contains("webhook") && listed.out.contains("secret=set"), "{listed:?}");
    assert!(!listed.out.contains("of some length"), "no secret is shown: {listed:?}");
    assert_eq!(server.json(&["endpoints", "list"])["items"][0]["name"], "hook");
    assert!(!server.run(&["endpoints", "preview", "hook"]).ended(0).out.trim().is_empty());
    assert!(server.json(&["endpoints", "preview", "core/hook"])["preview"].is_string());
    assert!(server.run(&["endpoints", "test", "hook"]).ended(0).out.starts_with("delivered in"));
    assert_eq!(sink.count(), 1);
    sink.conduct(Conduct::Answers(410));
    let refused = server.run(&["endpoints", "test", "hook"]).ended(1);
    assert!(refused.out.contains("not delivered") && refused.out.contains("410"), "{refused:?}");

    let twin = endpoint(&server, &sink, "hook");
    let which = server.run(&["endpoints", "delete", "hook"]).ended(1);
    assert!(which.err.contains("ambiguous") && which.err.contains(text(&twin["id"])), "{which:?}");
    server.run(&["endpoints", "delete", text(&twin["id"])]).ended(0);
    let used = server.run(&["subscribers", "delete", "core"]).ended(1);
    assert!(used.err.contains("in_use"), "{used:?}");
    server.run(&["subscribers", "delete", "ada"]).ended(0);
}

#[test]
fn what_cannot_be_an_endpoint_or_a_subscriber_is_said_with_its_field() {
    let server = Server::start();
    server.run(&["subscribers", "create", "core"]).ended(0);
    assert!(server.run(&["subscribers", "create", "core"]).ended(1).err.contains("name_taken"));
    let create = |owner: &str, config: &str| {
        let arguments = ["endpoints", "create", "--channel", "webhook", "--name", "hook"];
        server.run(&[&arguments[..], &["--subscriber", owner, "--config", config]].concat())
    };
    let nobody = create("cor", "{}").ended(1);
    assert!(nobody.err.contains("there is no subscriber called `cor`"), "{nobody:?}");
    assert!(create("core", "url=http://a").ended(2).err.contains("@FILE"));
    assert!(create("core", "@/no/such/file").ended(2).err.contains("/no/such/file"));
    let empty = create("core", "{}").ended(1);
    assert!(empty.err.contains("config.url"), "{empty:?}");
    let told = server.run(&["endpoints", "test", "hook", "--json"]).ended(1);
    let problem: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(problem["code"], "not_found", "{told:?}");
}

#[test]
fn a_rule_is_made_tried_switched_and_carried_over() {
    let sink = Sink::start();
    let server = with_endpoint(&sink);
    signal(&server, "db");
    signal(&server, "web");
    let made = rule(&server);
    let listed = server.run(&["rules"]).ended(0);
    for part in ["core", "opened", "component=db", "hook", "enabled"] {
        assert!(listed.out.contains(part), "{part}: {listed:?}");
    }
    let shown = server.run(&["rules", "show", "db"]).ended(0);
    assert!(shown.out.contains("tells") && shown.out.contains("component=db"), "{shown:?}");
    assert_eq!(server.json(&["rules", "show", text(&made["id"])])["id"], made["id"]);

    let tried = server.run(&["rules", "test", "db", "--hours", "1"]).ended(0);
    assert!(tried.out.contains("would have sent 1 notification."), "{tried:?}");
    assert!(tried.out.contains("1 of 2 signals") && tried.out.contains("opened"), "{tried:?}");
    let bare = br#"{"on": ["opened"], "match_all": true}"#;
    let tried = server.run_with(&["rules", "test", "-f", "-", "--json"], bare).ended(0);
    let tried: Value = serde_json::from_str(&tried.out).expect("JSON");
    assert_eq!(tried["would_have_sent"], 2, "{tried:#}");

    assert!(server.run(&["rules", "disable", "db"]).ended(0).out.contains("disabled"));
    assert_eq!(server.json(&["rules", "enable", "db"])["enabled"], true);

    let folder = tempfile::tempdir().expect("a folder");
    let exported = server.run(&["rules", "export"]).ended(0).out;
    assert!(exported.contains("subscriber: core"), "{exported}");
    assert_eq!(server.json(&["rules", "export", "--subscriber", "core"])["rules"][0]["name"], "db");
    server.run(&["rules", "delete", "db"]).ended(0);
    assert_eq!(server.run(&["rules", "list"]).ended(0).out, "There is no rule.\n");
    let file = written(folder.path(), "rules.yaml", exported.as_bytes());
    let imported = server.run(&["rules", "import", &file]).ended(0);
    assert!(imported.out.contains("CREATED"), "{imported:?}");
    let again = server.json(&["rules", "import", &file]);
    // Secrets are not in the file, and stay what they were.
    let unchanged = json!({"created": 0, "updated": 0, "unchanged": 1});
    for kind in ["subscribers", "endpoints", "rules"] {
        assert_eq!(again[kind], unchanged, "{kind}: {again:#}");
    }
}

#[test]
fn what_cannot_be_a_rule_is_said_with_its_place() {
    let server = Server::start();
    server.run(&["subscribers", "create", "core"]).ended(0);
    let create = |rule: &str| server.run_with(&["rules", "create", "-f", "-"], rule.as_bytes());
    assert!(create("nonsense").ended(2).err.contains("-: it is no JSON"));
    let unknown = create(r#"{"subscriber": "core", "endpoints": ["pager"]}"#).ended(1);
    assert!(unknown.err.contains("there is no endpoint called `pager`"), "{unknown:?}");
    let wrong = r#"{"subscriber": "core", "name": "r", "on": ["exploded"], "match": [{"field": "colour"}]}"#;
    let refused = create(wrong).ended(1);
    for field in ["on[0]", "match[0].field", "match[0].op", "endpoints"] {
        assert!(refused.err.contains(field), "{field}: {refused:?}");
    }
    assert!(server.run(&["rules", "show", "no such"]).ended(1).err.contains("not_found"));
    server.run(&["rules", "test"]).ended(2);
    server.run(&["rules", "test", "r", "--hours", "169"]).ended(2);
    let broken = server.run_with(&["rules", "import", "-"], b"rules: [").ended(1);
    assert!(broken.err.contains("invalid_yaml"), "{broken:?}");
}

#[test]
fn a_silence_is_made_of_words_tried_listed_and_ended() {
    let server = Server::start();
    signal(&server, "db");
    let words = ["component=db", "labels.team!=core", "summary=~pool.*"];
    let tried = server.run(&[&["silence", "preview"][..], &words].concat()).ended(0);
    assert!(tried.out.contains("1 open incident") && tried.out.contains("db: pool"), "{tried:?}");
    let tried = server.json(&["silence", "preview", "component=web"]);
    assert_eq!(tried["incident_count"], 0, "{tried:#}");

    let more = ["--for", "2h", "--comment", "planned work", "--maintenance"];
    let made = server.json(&[&["silence", "add"][..], &words, &more].concat());
    assert_eq!((&made["state"], &made["maintenance"]), (&json!("active"), &json!(true)));
    let listed = server.run(&["silence"]).ended(0);
    for part in words.iter().chain(&["active", "maintenance", "planned work"]) {
        assert!(listed.out.contains(part), "{part}: {listed:?}");
    }
    let id = text(&made["id"]);
    assert_eq!(server.run(&["silence", "expire", id]).ended(0).out, format!("expired {id}\n"));
    assert_eq!(server.run(&["silence", "list"]).ended(0).out, "No silence is in force.\n");
    assert!(server.run(&["silence", "list", "--all"]).ended(0).out.contains("expired"));
    assert_eq!(server.json(&["silence", "list"])["items"][0]["state"], "expired");

    let add =
        |words: &[&str]| server.run(&[&["silence", "add", "--comment", "c"][..], words].concat());
    let no_field = add(&["team=core", "--for", "2h"]).ended(2);
    assert!(no_field.err.contains("`team` is no field"), "{no_field:?}");
    let endless = add(&["component=db"]).ended(2);
    assert!(endless.err.contains("--for <SPAN>|--until <TIME>"), "{endless:?}");
    add(&["component=db", "--for", "2h", "--until", "2030-01-01T00:00:00Z"]).ended(2);
    let past = add(&["component=db", "--until", "2020-01-01T00:00:00Z"]).ended(1);
    assert!(past.err.contains("ends_at"), "{past:?}");
    assert!(server.run(&["silence", "expire", "1"]).ended(2).err.contains("id of a silence"));
    let unknown = "01890000-0000-7000-8000-000000000000";
    assert!(server.run(&["silence", "expire", unknown]).ended(1).err.contains("not_found"));
}

#[test]
fn what_was_given_up_is_listed_explained_and_sent_again() {
    let sink = Sink::start();
    let server = with_endpoint(&sink);
    rule(&server);
    sink.conduct(Conduct::Answers(410));
    signal(&server, "db");
    eventually("it is given up", PATIENCE, || {
        let letters =
            server.json(&["dead-letters", "list", "--endpoint", "hook", "--incident", "1"]);
        (letters["total"] == 1).then_some(())
    });
    let listed = server.run(&["dead-letters"]).ended(0);
    assert!(listed.out.contains("hook") && listed.out.contains("db: pool exhausted"), "{listed:?}");
    let told = server.run(&["notifications", "--subscriber", "core", "--incident", "1"]).ended(0);
    assert!(told.out.contains("dead") && told.out.contains("410"), "{told:?}");

    let explained = server.run(&["explain", "#1", "--subscriber", "core"]).ended(0);
    for part in ["matched", "rule db", "notified", "410"] {
        assert!(explained.out.contains(part), "{part}: {explained:?}");
    }
    signal(&server, "web");
    let other = server.json(&["explain", "incident:2", "--subscriber", "core"]);
    assert_eq!(other["decisions"][0]["condition"]["actual"], "web", "{other:#}");
    let other = server.run(&["explain", "incident:2", "--subscriber", "core"]).ended(0);
    assert!(other.out.contains("component=db does not hold: it is `web`"), "{other:?}");

    sink.conduct(Conduct::Takes);
    let replayed = server.run(&["dead-letters", "replay", "--all"]).ended(0);
    assert_eq!(replayed.out, "due again: 1 dead letter\n");
    let id = eventually("it is delivered", PATIENCE, || {
        let told = server.json(&["notifications", "list", "--status", "delivered"]);
        told["items"][0]["id"].as_str().map(str::to_owned)
    });
    let shown = server.run(&["notifications", "show", &id]).ended(0);
    for part in ["delivered", "Deliveries", "Tries", "rule  ", "410", "200"] {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }
    assert_eq!(server.json(&["notifications", "show", &id])["id"], id.as_str());
    assert_eq!(server.json(&["dead-letters", "replay", "--incident", "1"])["replayed"], 0);
    assert_eq!(server.run(&["dead-letters"]).ended(0).out, "There is no dead letter.\n");
}

#[test]
fn questions_about_what_was_told_that_cannot_be_answered_are_refused() {
    let server = Server::start();
    assert_eq!(server.run(&["notifications"]).ended(0).out, "Nobody was told anything.\n");
    let status = server.run(&["notifications", "--status", "lost"]).ended(1);
    assert!(status.err.contains("pending, delivered, dead or held"), "{status:?}");
    assert!(server.run(&["notifications", "show", "7"]).ended(2).err.contains("id of a notif"));
    assert!(server.run(&["dead-letters", "replay"]).ended(2).err.contains("--all"));
    assert!(server.run(&["explain", "incident:9"]).ended(1).err.contains("not_found"));
    signal(&server, "db");
    assert!(server.run(&["explain", "incident:1"]).ended(1).err.contains("subscriber"));
}

#[test]
fn a_schedule_says_who_is_on_call_and_when_nobody_is() {
    let server = Server::start();
    server.run(&["subscribers", "create", "ada"]).ended(0);
    server.run(&["subscribers", "create", "bob"]).ended(0);
    let folder = tempfile::tempdir().expect("a folder");
    let schedule = json!({
        "name": "platform", "time_zone": "UTC",
        "layers": [{
            "name": "days", "people": ["ada", "bob"], "rotation": {"every": "1d"},
            "start": "2026-03-02T09:00",
        }],
        "overrides": [
            {"person": "bob", "start": "2026-03-02T12:00:00Z", "end": "2026-03-02T13:00:00Z"},
        ],
    });
    let file = written(folder.path(), "schedule.json", schedule.to_string().as_bytes());
    assert!(server.run(&["schedules", "create", "-f", &file]).ended(0).out.contains("platform"));
    assert!(server.run(&["schedules"]).ended(0).out.contains("platform"));
    assert_eq!(server.json(&["schedules", "list"])["items"][0]["name"], "platform");
    assert!(server.run(&["schedules", "show", "platform"]).ended(0).out.contains("ada, bob"));

    let who = |at: &str| server.run(&["oncall", "who", "platform", "--at", at]);
    let on_call = who("2026-03-02T10:00:00Z").ended(0).out;
    assert_eq!(on_call, "ada  at 2026-03-02 10:00:00Z, by layer days\n");
    assert!(who("2026-03-02T12:30:00Z").ended(0).out.starts_with("bob"));
    assert!(who("2026-03-01T10:00:00Z").ended(1).out.starts_with("nobody"));
    let from = ["oncall", "shifts", "platform", "--from", "2026-03-02T08:00:00Z", "--days", "2"];
    let shifts = server.run(&from).ended(0).out;
    let names: Vec<&str> = shifts
        .lines()
        .skip(1)
        .filter_map(|line| ["nobody", "ada", "bob"].into_iter().find(|name| line.contains(name)))
        .collect();
    assert_eq!(names, ["nobody", "ada", "bob", "ada", "bob"], "{shifts}");
    assert_eq!(server.json(&from)["items"].as_array().map(Vec::len), Some(4));

    assert!(server.run(&["oncall", "who", "platforms"]).ended(1).err.contains("not_found"));
    let wrong = schedule.to_string().replace("\"ada\"", "\"eve\"");
    let file = written(folder.path(), "wrong.json", wrong.as_bytes());
    let refused = server.run(&["schedules", "create", "-f", &file]).ended(1);
    assert!(refused.err.contains("there is no subscriber called `eve`"), "{refused:?}");
    let again = written(folder.path(), "again.json", schedule.to_string().as_bytes());
    let taken = server.run(&["schedules", "create", "-f", &again]).ended(1);
    assert!(taken.err.contains("name_taken"), "{taken:?}");
}

#[test]
fn the_configuration_of_an_alertmanager_is_brought_over() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let text =
        b"route:\n  receiver: core\n  group_by: [alertname]\nreceivers:\n  - name: core\n    \
                 webhook_configs:\n      - url: https://hooks.example.org/alerts\n";
    let file = written(folder.path(), "alertmanager.yml", text);
    let dry = server.run(&["import", "alertmanager", &file, "--dry-run"]).ended(0);
    for part in ["route", "mapped", "Nothing was changed", "labels.alertname"] {
        assert!(dry.out.contains(part), "{part}: {dry:?}");
    }
    assert_eq!(server.json(&["rules"])["total"], 0);
    let done = server.json(&["import", "alertmanager", &file]);
    assert_eq!(done["dry_run"], false, "{done:#}");
    assert!(server.run(&["rules"]).ended(0).out.contains("core"));

    let wrong = server.run_with(&["import", "alertmanager", "-"], b"route: {}").ended(1);
    assert!(wrong.err.contains("invalid_configuration"), "{wrong:?}");
    server.run(&["import", "alertmanager", "/no/such/file"]).ended(2);
}
