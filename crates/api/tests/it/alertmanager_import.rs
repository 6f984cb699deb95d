//! The configuration of an Alertmanager, imported: what is made of it, what is said of it, and what is shown.

use axum::body::Body;
use http::Request;
use model::{DirectiveKind, Operation};
use serde_json::{Value, json};

use crate::world::{Answer, MANAGER, READER, World};

const CONFIGURATION: &str = "\
route:
  receiver: default
  routes:
  - matchers: [team=\"db\"]
    receiver: db
    mute_time_intervals: [nights]
  - match: {team: chat}
    receiver: chat
time_intervals:
- name: nights
  time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}]}]
inhibit_rules:
- source_match: {severity: critical}
  target_match: {severity: warning}
  equal: [cluster]
receivers:
- name: default
  webhook_configs: [{url: 'https://sink.example/hook?token=hunter2'}]
- name: db
  slack_configs: [{api_url: 'https://hooks.slack.com/services/T/B/hunter2', send_resolved: true}]
- name: chat
  telegram_configs: [{bot_token: '1:hunter2', chat_id: 1}]
";

async fn import(world: &World, key: &str, query: &str, text: &str) -> Answer {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/v1/import/alertmanager{query}"))
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/yaml")
        .body(Body::from(text.to_owned()))
        .unwrap();
    world.send(request).await
}

fn verdict<'a>(report: &'a Value, element: &str) -> &'a Value {
    let elements = report["elements"].as_array().unwrap();
    elements
        .iter()
        .find(|it| it["element"] == element)
        .unwrap_or_else(|| panic!("{element}: {report}"))
}

fn put(world: &World, kind: DirectiveKind) -> Vec<String> {
    let names = world.submitted().into_iter().filter_map(|command| match command.operation {
        Operation::PutDirective { directive, .. } if directive.body.kind() == kind => {
            Some(directive.name)
        }
        _ => None,
    });
    names.collect()
}

#[tokio::test]
async fn a_dry_run_reports_and_makes_nothing() {
    let world = World::new().await;
    let answer = import(&world, MANAGER, "?dry_run=true", CONFIGURATION).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let report = answer.json();
    assert_eq!(report["dry_run"], true);
    assert_eq!(verdict(&report, "route.routes[0]")["verdict"], "mapped");
    assert_eq!(verdict(&report, "receivers[2].telegram_configs[0]")["verdict"], "not_supported");
    assert_eq!(
        verdict(&report, "receivers[2].telegram_configs[0]")["note"],
        "chat_id: there is no such chat"
    );
    assert_eq!(verdict(&report, "route.routes[1]")["verdict"], "not_supported");
    assert_eq!(verdict(&report, "inhibit_rules[0]")["verdict"], "mapped");
    assert_eq!(world.submitted(), []);
    let status = world.get(READER, "/api/v2/status").await.json();
    assert!(status["config"]["original"].as_str().unwrap().contains("receiver: stormbell"));
}

#[tokio::test]
async fn an_import_makes_everything_once_and_shows_the_configuration_without_its_secrets() {
    let world = World::new().await;
    let first = import(&world, MANAGER, "", CONFIGURATION).await;
    assert_eq!(first.status, 200, "{}", first.text());
    let rules = ["alertmanager route: default", "alertmanager route.routes[0]: db"];
    assert_eq!(put(&world, DirectiveKind::Rule), rules);
    assert_eq!(put(&world, DirectiveKind::Inhibition), ["alertmanager inhibit_rules[0]"]);
    let status = world.get(READER, "/api/v2/status").await.json();
    let original = status["config"]["original"].as_str().unwrap().to_owned();
    assert!(
        original.contains("team=\"db\"") && original.contains("api_url: <secret>"),
        "{original}"
    );
    assert!(!original.contains("hunter2"), "{original}");
    let commands = world.submitted().len();
    let again = import(&world, MANAGER, "", CONFIGURATION).await;
    assert_eq!(again.json()["elements"], first.json()["elements"]);
    assert_eq!(world.submitted().len(), commands, "the same again asks for nothing");
}

#[tokio::test]
async fn another_configuration_replaces_the_rules_of_the_one_before() {
    let world = World::new().await;
    import(&world, MANAGER, "", CONFIGURATION).await;
    let smaller = "route: {receiver: default}\nreceivers: [{name: default, webhook_configs: [{url: 'https://sink.example/'}]}]\n";
    let answer = import(&world, MANAGER, "?on=incidents", smaller).await;
    assert_eq!(answer.json()["removed"], 2, "{}", answer.text());
    let removed = world.submitted().into_iter().filter_map(|command| match command.operation {
        Operation::DeleteDirective { kind, .. } => Some(kind),
        _ => None,
    });
    let removed: Vec<DirectiveKind> = removed.collect();
    assert_eq!(removed, [DirectiveKind::Rule, DirectiveKind::Inhibition]);
    let last = world.submitted().into_iter().rev().find_map(|command| match command.operation {
        Operation::PutDirective { directive, .. } => Some(directive),
        _ => None,
    });
    let model::DirectiveBody::Rule(rule) = last.unwrap().body else { panic!("a rule") };
    assert!(rule.match_all && rule.on.contains(&model::Trigger::Opened), "{rule:?}");
}

#[tokio::test]
async fn what_is_no_configuration_is_refused() {
    let world = World::new().await;
    import(&world, READER, "", CONFIGURATION).await.problem(403, "missing_scope");
    let problem = import(&world, MANAGER, "", "route: {receiver: x}").await;
    let problem = problem.problem(400, "invalid_configuration");
    assert_eq!(problem["detail"], "line 1: undefined receiver `x` used in route");
    import(&world, MANAGER, "?dry_run=maybe", CONFIGURATION)
        .await
        .problem(400, "invalid_parameter");
    import(&world, MANAGER, "?on=full", CONFIGURATION).await.problem(400, "invalid_parameter");
    let large = format!("# {}\n{CONFIGURATION}", "x".repeat(model::limits::DOCUMENT_BYTES));
    import(&world, MANAGER, "", &large).await.problem(413, "body_too_large");
    assert_eq!(world.submitted(), []);
    let posted = world.post(MANAGER, "/v1/import/alertmanager", json!({})).await;
    posted.problem(400, "invalid_configuration");
}
