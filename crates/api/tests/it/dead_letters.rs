//! Dead letters, and sending them again.

use model::{Operation, Verdict};
use serde_json::json;

use crate::told::{opened, tried};
use crate::world::{AGENT, MANAGER, ONE, READER, World, request, with_header};

const ROUTE: &str = "/v1/dead-letters";
const REPLAY: &str = "/v1/dead-letters/replay";

/// Two dead letters, of two subscribers about two incidents.
async fn with_letters() -> (World, [String; 2]) {
    let world = World::new().await;
    let mut owners = Vec::new();
    for (number, name) in [(1, "core"), (2, "edge")] {
        let incident = world.incident(ONE, number).await;
        let (owner, hook) = world.subscriber(name).await;
        let told = opened(&incident, &owner, &hook, &[]);
        world.tell(&[&told]).await;
        world.apply(vec![tried(&told, 1, Verdict::Dead, 410, "gone")]).await;
        owners.push(owner);
    }
    (world, owners.try_into().unwrap())
}

#[tokio::test]
async fn a_dead_letter_is_kept_whole_and_can_be_found() {
    let (world, [core, _]) = with_letters().await;
    let list = world.get(READER, ROUTE).await.json();
    assert_eq!(list["total"], 2);
    let of_core = world.get(READER, &format!("{ROUTE}?subscriber={core}")).await.json();
    let letter = &of_core["items"][0];
    assert_eq!((&of_core["total"], &letter["last_answer"]), (&json!(1), &json!("gone")));
    assert_eq!(
        (&letter["last_attempt"]["status"], &letter["transition"]),
        (&json!(410), &json!("opened"))
    );
    assert_eq!(letter["message"]["incident"]["number"], 1);
    assert!(letter["dead_at"].is_string() && letter["endpoint_id"].is_string());
    let endpoint = letter["endpoint_id"].as_str().unwrap();
    let notification = letter["notification_id"].as_str().unwrap();
    let filters = [
        (format!("endpoint={endpoint}"), 1),
        (format!("notification={notification}"), 1),
        ("incident=2".to_owned(), 1),
        ("since=2024-01-01T00:00:00Z".to_owned(), 0),
        ("until=2024-01-01T00:00:00Z".to_owned(), 2),
    ];
    for (filter, expected) in filters {
        let found = world.get(READER, &format!("{ROUTE}?{filter}")).await.json();
        assert_eq!(found["total"], expected, "{filter}");
    }
    world.get(READER, &format!("{ROUTE}?since=yesterday")).await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn letters_are_sent_again_by_filter() {
    let (world, [core, _]) = with_letters().await;
    let replayed = world.post(MANAGER, REPLAY, json!({"filter": {"subscriber": core}})).await;
    assert_eq!((replayed.status.as_u16(), replayed.json()), (202, json!({"replayed": 1})));
    match world.submitted().pop().map(|command| command.operation) {
        Some(Operation::ReplayDeadLetters { letters }) => assert_eq!(letters.len(), 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.get(READER, ROUTE).await.json()["total"], 1);
    let pending = world.get(READER, "/v1/notifications?status=pending").await.json();
    assert_eq!(pending["total"], 1);
    let all = json!({"all": true});
    let ask = || with_header(request("POST", REPLAY, MANAGER, Some(&all)), "idempotency-key", "k");
    assert_eq!(world.send(ask()).await.json(), json!({"replayed": 1}));
    assert_eq!(world.send(ask()).await.json(), json!({"replayed": 1}), "the first answer again");
    assert_eq!(world.post(MANAGER, REPLAY, all).await.json(), json!({"replayed": 0}));
}

#[tokio::test]
async fn an_empty_filter_must_say_all_and_bad_ones_are_refused_whole() {
    let (world, _) = with_letters().await;
    for body in [json!({}), json!({"filter": {}}), json!({"all": false})] {
        assert_eq!(world.post(MANAGER, REPLAY, body).await.fields(), ["filter missing"]);
    }
    let bad = json!({"filter": {"endpoint": "x", "since": "y", "colour": 1}, "everything": true});
    let expected = [
        "everything unknown_field",
        "filter.colour unknown_field",
        "filter.endpoint invalid_id",
        "filter.since invalid_timestamp",
    ];
    assert_eq!(world.post(MANAGER, REPLAY, bad).await.fields(), expected);
    let nowhere = json!({"filter": {"incident": "99"}});
    world.post(MANAGER, REPLAY, nowhere).await.problem(404, "not_found");
    world.post(AGENT, REPLAY, json!({"all": true})).await.problem(403, "missing_scope");
    assert_eq!(world.submitted(), []);
}
