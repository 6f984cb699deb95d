//! Rules as one file.

use serde_json::json;

use crate::world::{AGENT, MANAGER, READER, World};

const EXPORT: &str = "/v1/rules/export";
const IMPORT: &str = "/v1/rules/import";
const YAML: &str = "application/yaml";

const FILE: &str = r#"
version: 1
subscribers:
  - name: core
    contacts:
      - endpoint: pager
      - {endpoint: core/chat, after: 5m}
  - name: edge
endpoints:
  - {name: pager, subscriber: core, channel: webhook, config: {url: "https://example.com/p", secret: hush}}
  - {name: chat, subscriber: core, channel: console, config: {}}
  - {name: chat, subscriber: edge, channel: console, config: {}}
rules:
  - name: databases
    subscriber: core
    on: [opened, resolved]
    match:
      - {field: component, op: glob, value: "db-*"}
    endpoints: [pager, edge/chat]
    people: [edge]
    at_most: {count: 3, within: 1h}
  - name: everything
    subscriber: edge
    on: [signal]
    match_all: true
    endpoints: [edge/chat]
    enabled: false
"#;

#[tokio::test]
async fn a_file_makes_what_it_names_and_again_changes_nothing() {
    let world = World::new().await;
    let imported = world.post_text(MANAGER, IMPORT, YAML, FILE).await;
    let made = |created, updated, unchanged| json!({"created": created, "updated": updated, "unchanged": unchanged});
    let expected =
        json!({"subscribers": made(2, 0, 0), "endpoints": made(3, 0, 0), "rules": made(2, 0, 0)});
    assert_eq!((imported.status.as_u16(), imported.json()), (200, expected));
    let exported = world.get(READER, EXPORT).await;
    assert_eq!(exported.header("content-type"), Some("application/yaml"));
    assert!(!exported.text().contains("hush"), "{}", exported.text());
    let commands = world.submitted().len();
    let again = world.post_text(MANAGER, IMPORT, YAML, &exported.text()).await;
    let expected =
        json!({"subscribers": made(0, 0, 2), "endpoints": made(0, 0, 3), "rules": made(0, 0, 2)});
    assert_eq!((again.status.as_u16(), again.json()), (200, expected), "{}", exported.text());
    assert_eq!(world.submitted().len(), commands);
    assert_eq!(world.get(READER, EXPORT).await.text(), exported.text());
    let rules = world.get(READER, "/v1/rules").await.json();
    let databases =
        rules["items"].as_array().unwrap().iter().find(|rule| rule["name"] == "databases").unwrap();
    assert_eq!(databases["endpoints"].as_array().unwrap().len(), 2);
    assert_eq!(databases["at_most"], json!({"count": 3, "within": "3600s"}));
}

#[tokio::test]
async fn a_changed_file_changes_what_it_names_and_leaves_the_rest() {
    let world = World::new().await;
    world.post_text(MANAGER, IMPORT, YAML, FILE).await;
    let part = "rules:\n  - {name: databases, subscriber: core, on: [closed], match_all: true, endpoints: [pager]}\n";
    let report = world.post_text(MANAGER, IMPORT, "text/yaml", part).await.json();
    assert_eq!(report["rules"], json!({"created": 0, "updated": 1, "unchanged": 0}));
    let rules = world.get(READER, "/v1/rules").await.json();
    assert_eq!(rules["total"], 2);
    let databases =
        rules["items"].as_array().unwrap().iter().find(|rule| rule["name"] == "databases").unwrap();
    assert_eq!((&databases["on"], &databases["version"]), (&json!(["closed"]), &json!(2)));
}

#[tokio::test]
async fn nothing_of_a_file_is_saved_while_any_of_it_is_wrong() {
    let world = World::new().await;
    let file = r#"
version: 2
subscribers: [{name: core}, {name: core}, {}]
endpoints:
  - {name: pager, subscriber: core, channel: webhook, config: {}}
  - {name: pager, subscriber: nobody, channel: pigeon, config: {}}
rules:
  - {name: a, subscriber: core, on: [opened], match: [{field: summary, op: regex, value: "("}], endpoints: [pager, beeper]}
  - {name: a, subscriber: core, on: [never], match_all: true, escalation: nothing}
colour: red
"#;
    let refused = world.post_text(MANAGER, IMPORT, YAML, file).await;
    refused.problem(422, "invalid_fields");
    let expected = [
        "colour unknown_field",
        "endpoints[0].config.url missing",
        "endpoints[1].channel unknown_value",
        "endpoints[1].subscriber unknown_value",
        "rules[0].endpoints[1] unknown_value",
        "rules[0].match[0].value invalid_regex",
        "rules[1].escalation unknown_value",
        "rules[1].name duplicate",
        "rules[1].on[0] unknown_value",
        "subscribers[1].name duplicate",
        "subscribers[2].name missing",
        "version out_of_range",
    ];
    let mut fields = refused.fields();
    fields.retain(|field| !field.starts_with("rules[1].endpoints"));
    assert_eq!(fields, expected);
    assert_eq!(world.get(READER, "/v1/subscribers").await.json(), json!({"items": []}));
    assert_eq!(world.submitted(), []);
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let world = World::new().await;
    for text in ["", "- a\n", "a: [", "a: 1\na: 2\n", "7"] {
        world.post_text(MANAGER, IMPORT, YAML, text).await.problem(400, "invalid_yaml");
    }
    world
        .post_text(MANAGER, IMPORT, "text/plain", FILE)
        .await
        .problem(415, "unsupported_media_type");
    world.post_text(AGENT, IMPORT, YAML, FILE).await.problem(403, "missing_scope");
}

#[tokio::test]
async fn an_export_can_be_of_one_subscriber() {
    let world = World::new().await;
    world.post_text(MANAGER, IMPORT, YAML, FILE).await;
    let list = world.get(READER, "/v1/subscribers").await.json();
    let edge = list["items"][1]["id"].as_str().unwrap();
    let text = world.get(READER, &format!("{EXPORT}?subscriber={edge}")).await.text();
    assert!(text.contains("everything") && !text.contains("databases"), "{text}");
}

#[tokio::test]
async fn a_file_whose_expressions_cost_more_than_a_project_may_saves_nothing() {
    let world = World::new().await;
    let file = |rules: usize| {
        let rule = |number: usize| {
            format!(
                "  - {{name: r{number}, subscriber: core, on: [opened], endpoints: [hook], cel: \"labels.exists(x, \
                 labels.exists(y, x < y + '{number}'))\"}}\n"
            )
        };
        let rules: String = (0..rules).map(rule).collect();
        format!(
            "subscribers: [{{name: core}}]\nendpoints: [{{name: hook, subscriber: core, channel: console, \
             config: {{}}}}]\nrules:\n{rules}"
        )
    };
    let refused = world.post_text(MANAGER, IMPORT, YAML, &file(4)).await;
    refused.problem(422, "invalid_fields");
    assert_eq!(
        (refused.fields(), world.submitted()),
        (vec!["rules too_costly".to_owned()], vec![])
    );
    let taken = world.post_text(MANAGER, IMPORT, YAML, &file(3)).await;
    assert_eq!((taken.status.as_u16(), &taken.json()["rules"]["created"]), (200, &json!(3)));
}
