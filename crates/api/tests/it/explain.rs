//! Explanations: the decisions about a subject, in order.

use model::{DirectiveId, Effect, Incident, Verdict};
use serde_json::{Value, json};

use crate::told::{opened, silenced, tried};
use crate::world::{ONE, READER, World, id_of, signal};

/// Rules that match, do not, are out of force, or ask for something else; their ids in that order.
async fn with_rules(world: &World) -> (Incident, String, String, Vec<String>) {
    let incident = world.incident(ONE, 1).await;
    world.signals(&incident, [1]);
    let (core, hook) = world.subscriber("core").await;
    let component = |value: &str| json!([{"field": "component", "op": "equals", "value": value}]);
    let rules = [
        json!({"name": "fits", "on": ["opened", "signal"], "match": component("db-1")}),
        json!({"name": "elsewhere", "on": ["opened", "signal"], "match": component("cache")}),
        json!({"name": "off", "on": ["opened"], "match_all": true, "enabled": false}),
        json!({"name": "false", "on": ["opened", "signal"], "cel": "environment == 'staging'"}),
        json!({"name": "of signals", "on": ["signal"], "match_all": true}),
    ];
    let mut ids = Vec::new();
    for mut rule in rules {
        rule["subscriber_id"] = json!(core);
        rule["endpoints"] = json!([hook]);
        ids.push(id_of(&world.create("/v1/rules", rule).await));
    }
    (incident, core, hook, ids)
}

fn words(explanation: &Value) -> Vec<String> {
    let decisions = explanation["decisions"].as_array().unwrap().iter();
    decisions
        .map(|decision| {
            let rule = decision["rule"].as_str().unwrap_or("-");
            format!("{rule}: {}", decision["decision"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn an_incident_is_explained_rule_by_rule_then_notification_by_notification() {
    let world = World::new().await;
    let (incident, core, hook, rules) = with_rules(&world).await;
    let told = opened(&incident, &core, &hook, &[&rules[0]]);
    world.tell(&[&told]).await;
    world
        .apply(vec![
            tried(&told, 1, Verdict::Retry, 503, "later"),
            tried(&told, 2, Verdict::Delivered, 200, "ok"),
        ])
        .await;
    for subject in
        [format!("incident:{}", incident.id), "incident:1".to_owned(), incident.id.to_string()]
    {
        let path = format!("/v1/explain?subject={subject}&subscriber={core}");
        let explanation = world.get(READER, &path).await.json();
        let expected = [
            "fits: matched",
            "elsewhere: not_matched",
            "off: disabled",
            "false: not_matched",
            "of signals: other_trigger",
            "-: notified",
            "-: failed",
            "-: sent",
        ];
        assert_eq!(words(&explanation), expected, "{subject}");
        let decisions = &explanation["decisions"];
        let condition = json!({"field": "component", "op": "equals", "value": "cache", "negate": false, "actual": "db-1"});
        assert_eq!(decisions[1]["condition"], condition);
        assert_eq!(decisions[3]["cel"], "environment == 'staging'");
        assert_eq!(decisions[5]["notification_id"], json!(told.id.to_string()));
        assert_eq!(
            (&decisions[7]["attempt"], &decisions[7]["endpoint_id"], &decisions[7]["answer"]),
            (&json!(2), &json!(hook), &json!("ok"))
        );
        assert_eq!(explanation["truncated"], json!(false));
    }
}

#[tokio::test]
async fn a_signal_is_explained_by_what_it_says_itself() {
    let world = World::new().await;
    let (incident, core, ..) = with_rules(&world).await;
    let path = format!("/v1/explain?subject=signal:{}&subscriber={core}", signal(1).id);
    let explanation = world.get(READER, &path).await.json();
    let expected = [
        "fits: matched",
        "elsewhere: not_matched",
        "off: disabled",
        "false: not_matched",
        "of signals: matched",
    ];
    assert_eq!(words(&explanation), expected);
    assert_eq!(explanation["incident_id"], json!(incident.id.to_string()));
    assert_eq!(explanation["subject"], json!({"kind": "signal", "id": signal(1).id.to_string()}));
}

#[tokio::test]
async fn a_notification_says_which_rules_asked_for_it_and_what_held_it_back() {
    let world = World::new().await;
    let (incident, core, hook, rules) = with_rules(&world).await;
    let told = silenced(opened(&incident, &core, &hook, &[&rules[1]]), 9);
    world.apply(vec![Effect::Notified(Box::new(told.clone()))]).await;
    let explanation =
        world.get(READER, &format!("/v1/explain?subject=notification:{}", told.id)).await.json();
    let expected = [
        "fits: matched",
        "elsewhere: matched",
        "off: disabled",
        "false: not_matched",
        "of signals: other_trigger",
        "-: silenced",
    ];
    assert_eq!(words(&explanation), expected, "what was decided then is shown as it was");
    assert_eq!(explanation["decisions"][5]["by"], json!(DirectiveId(9).to_string()));
    assert_eq!(explanation["subscriber_id"], json!(core));
}

#[tokio::test]
async fn what_is_not_there_or_not_said_is_refused() {
    let world = World::new().await;
    let (incident, core, ..) = with_rules(&world).await;
    let nobody = "00000000-0000-0000-0000-0000000000ff";
    for query in ["", "subject=colour:red", &format!("subject={}", incident.id)] {
        world.get(READER, &format!("/v1/explain?{query}")).await.problem(400, "invalid_parameter");
    }
    for query in [
        format!("subject=signal:{nobody}&subscriber={core}"),
        format!("subject={nobody}&subscriber={core}"),
        format!("subject=incident:1&subscriber={nobody}"),
        format!("subject=notification:x&subscriber={core}"),
    ] {
        world.get(READER, &format!("/v1/explain?{query}")).await.problem(404, "not_found");
    }
}
