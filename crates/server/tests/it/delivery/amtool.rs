//! amtool, unmodified, against the silences and the imported routes.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::subscription::{private, rule, subscriber, webhook};
use crate::harness::{Given, Server, Sink, eventually};

const SOON: Duration = Duration::from_secs(30);

/// Runs amtool with the key as a password in its address, and insists that it succeeds.
#[track_caller]
fn amtool(server: &Server, arguments: &[&str]) -> String {
    let output = try_amtool(server, arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn try_amtool(server: &Server, arguments: &[&str]) -> Output {
    let address = format!("--alertmanager.url=http://amtool:{}@{}", server.key(), server.http());
    let mut command = Command::new("amtool");
    command.args(arguments).arg(address).output().expect("amtool is installed")
}

#[test]
fn amtool_adds_queries_updates_imports_and_expires_silences_that_outlast_a_kill() {
    let mut server = Server::start(private());
    let sink = Sink::start();
    let mut client = server.client();
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    rule(&mut client, &team, &hook, &json!({ "on": ["signal"], "match_all": true }));
    let add = ["silence", "add", "alertname=Down", "job=~a|b", "--comment=moving", "--duration=2h"];
    let id = amtool(&server, &add).trim().to_owned();
    server.kill9();
    server.restart();
    let listed = amtool(&server, &["silence", "query"]);
    assert!(listed.contains(&id[..8]) && listed.contains("moving"), "{listed}");
    amtool(&server, &["alert", "add", "alertname=Down", "job=a", "severity=critical"]);
    amtool(&server, &["alert", "add", "alertname=Down", "job=c", "severity=critical"]);
    eventually("the other alert is told", SOON, || (sink.count() == 1).then_some(()));
    assert_eq!(sink.taken()[0].json()["signal"]["labels"]["job"], "c");
    let shown = amtool(&server, &["alert", "query", "--silenced", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown[0]["status"]["silencedBy"], json!([id]), "{shown}");
    let exported = amtool(&server, &["silence", "query", "-o", "json"]);
    let updated = amtool(&server, &["silence", "update", "--comment=still moving", &id]);
    assert!(updated.contains("still moving"), "{updated}");
    let current = amtool(&server, &["silence", "query", "-q"]).trim().to_owned();
    amtool(&server, &["silence", "expire", &current]);
    assert_eq!(amtool(&server, &["silence", "query", "-q"]).trim(), "");
    let file = server.folder().join("silences.json");
    std::fs::write(&file, exported).expect("it can be written");
    amtool(&server, &["silence", "import", "--force", &file.to_string_lossy()]);
    let again = amtool(&server, &["silence", "query"]);
    assert!(again.contains("moving"), "{again}");
}

const CONFIGURATION: &str = r#"
route:
  receiver: everybody
  group_by: [alertname]
  routes:
    - matchers: [team="core"]
      receiver: core
      routes:
        - matchers: [severity="critical"]
          receiver: pager
    - matchers: [team=~"web|shop"]
      receiver: web
      continue: true
    - matchers: [environment="staging"]
      receiver: nobody
receivers:
  - name: everybody
    webhook_configs: [{ url: "URL/everybody" }]
  - name: core
    webhook_configs: [{ url: "URL/core" }]
  - name: pager
    webhook_configs: [{ url: "URL/pager" }]
  - name: web
    webhook_configs: [{ url: "URL/web" }]
  - name: nobody
"#;

#[test]
fn an_imported_configuration_routes_as_amtool_says_it_would() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let text = CONFIGURATION.replace("URL", &sink.url(""));
    let headers = &[("content-type", "application/yaml")];
    let given = Given { headers, body: text.as_bytes(), ..Given::default() };
    let answer = client.send("POST", "/v1/import/alertmanager", &given).expect("it answers");
    assert!((200..300).contains(&answer.status), "{}: {}", answer.status, answer.text());
    let alerts: [&[&str]; 6] = [
        &["alertname=A", "team=core", "severity=warning"],
        &["alertname=B", "team=core", "severity=critical"],
        &["alertname=C", "team=web", "severity=critical"],
        &["alertname=D", "team=shop", "environment=staging"],
        &["alertname=E", "environment=staging"],
        &["alertname=F", "team=other"],
    ];
    let mut expected = Vec::new();
    for labels in alerts {
        let routes = amtool(&server, &[&["config", "routes", "test"], labels].concat());
        let receivers = routes.trim().split(',').filter(|one| *one != "nobody");
        let name = labels[0].trim_start_matches("alertname=");
        expected.extend(receivers.map(|receiver| format!("{name} to {receiver}")));
        amtool(&server, &[&["alert", "add"], labels].concat());
    }
    expected.sort_unstable();
    let told = eventually("all are told", SOON, || {
        let taken = sink.taken();
        (taken.len() >= expected.len()).then_some(taken)
    });
    let mut arrived: Vec<String> = told
        .iter()
        .map(|one| {
            let name = &one.json()["alerts"][0]["labels"]["alertname"];
            format!("{} to {}", name.as_str().expect("a name"), one.path.trim_start_matches('/'))
        })
        .collect();
    arrived.sort_unstable();
    assert_eq!(arrived, expected);
}
