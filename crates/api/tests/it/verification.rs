//! Endpoints that their owner has to confirm: who is asked when, what a token is good for, and what it is not.

use api::Api;
use axum::body::Body;
use http::Request;
use model::EndpointId;
use serde_json::{Value, json};
use store::{Directory, EndpointRow};

use crate::channels::token;
use crate::world::{
    AGENT, Answer, MANAGER, ONE, READER, STRANGER, World, id_of, request, time, with_header,
};

const ROUTE: &str = "/v1/endpoints";
const VERIFY: &str = "/v1/endpoints/verify";

/// A world where the owner of every endpoint has to confirm it.
fn verifying(mut world: World) -> World {
    world.ports.verify_endpoints = true;
    world.api = Api::new(world.ports.clone());
    world.router = world.api.router();
    world
}

async fn owner(world: &World) -> String {
    id_of(&world.create("/v1/subscribers", json!({"name": "core"})).await)
}

fn hook(owner: &str, url: &str) -> Value {
    json!({"subscriber_id": owner, "channel": "webhook", "name": "hook", "config": {"url": url}})
}

fn verified(owner: &str, url: &str) -> Value {
    let mut body = hook(owner, url);
    body["verify"] = json!(true);
    body
}

fn tokens(world: &World) -> Vec<String> {
    world.channels.tokens.lock().unwrap().clone()
}

async fn row(world: &World, id: &str) -> EndpointRow {
    world.store.endpoint(ONE, EndpointId::parse(id).unwrap()).await.unwrap().unwrap()
}

/// Hands a token in without a key, as a form, as a browser does.
async fn press(world: &World, token: &str) -> Answer {
    let request = Request::post(VERIFY)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        .body(Body::from(format!("token={}", token.replace('|', "%7C"))));
    world.send(request.unwrap()).await
}

#[tokio::test]
async fn who_manages_vouches_where_nobody_says_otherwise() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, hook(&owner, "https://a.example")).await;
    assert_eq!((&made["verify"], made["verified_at"].is_string()), (&json!(false), true));
    assert_eq!((made.get("verification"), tokens(&world).len()), (None, 0));
    let path = format!("{ROUTE}/{}", id_of(&made));
    let moved = world.put(MANAGER, &path, hook(&owner, "https://b.example")).await.json();
    assert!(moved["verified_at"].is_string(), "{moved}");
    let nothing = world.post(MANAGER, &format!("{path}/verification"), json!({})).await;
    nothing.problem(409, "already_verified");
    assert_eq!(tokens(&world).len(), 0);
}

#[tokio::test]
async fn an_owner_is_asked_at_once_and_confirms_with_the_token() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, verified(&owner, "https://a.example")).await;
    assert_eq!((&made["verify"], &made["verified_at"]), (&json!(true), &Value::Null));
    let asked = &made["verification"];
    assert_eq!(
        (&asked["sent"], &asked["verified"], &asked["status"]),
        (&json!(true), &json!(false), &json!(204))
    );
    assert_eq!(asked["expires_at"], "2023-11-14T22:31:00.000000Z");
    assert!(asked["how"].as_str().unwrap().contains("/v1/endpoints/verify"), "{asked}");
    let token = tokens(&world).remove(0);
    let confirmed = world.post("", VERIFY, json!({"token": token})).await;
    let expected = json!({"endpoint_id": made["id"], "verified_at": "2023-11-14T22:30:00.000000Z"});
    assert_eq!((confirmed.status.as_u16(), confirmed.json()), (200, expected.clone()));
    let again = world.post("", VERIFY, json!({"token": token, "endpoint_id": made["id"]})).await;
    assert_eq!((again.status.as_u16(), again.json()), (200, expected), "once is enough");
    let read = world.get(READER, &format!("{ROUTE}/{}", id_of(&made))).await;
    assert_eq!(
        (&read.json()["version"], read.json()["verified_at"].is_string()),
        (&json!(2), true)
    );
}

#[tokio::test]
async fn a_webhook_that_answers_with_the_token_is_verified_at_once() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let body = verified(&owner, "https://answers.example");
    let answer = world.post(MANAGER, ROUTE, body).await;
    let made = answer.json();
    assert_eq!((answer.status.as_u16(), answer.header("etag")), (201, Some("\"2\"")));
    assert!(made["verified_at"].is_string() && made["verification"]["verified"] == true, "{made}");
}

#[tokio::test]
async fn another_address_has_to_be_confirmed_again_and_another_name_has_not() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, verified(&owner, "https://a.example")).await;
    let path = format!("{ROUTE}/{}", id_of(&made));
    let first = tokens(&world).remove(0);
    let waiting = world.put(MANAGER, &path, made.clone()).await.json();
    assert_eq!((&waiting["verified_at"], waiting.get("verification")), (&Value::Null, None));
    world.post("", VERIFY, json!({"token": first})).await;
    let mut document = world.get(READER, &path).await.json();
    document["name"] = json!("other");
    document["config"]["secret"] = json!("new");
    let renamed = world.put(MANAGER, &path, document.clone()).await.json();
    assert_eq!(renamed["verified_at"], document["verified_at"], "{renamed}");
    let mut moved = renamed;
    moved["config"]["url"] = json!("https://b.example");
    let mut moved = world.put(MANAGER, &path, moved).await.json();
    assert_eq!((&moved["verified_at"], &moved["verify"]), (&Value::Null, &json!(true)), "{moved}");
    assert_eq!((&moved["verification"]["sent"], tokens(&world).len()), (&json!(true), 2));
    world.post("", VERIFY, json!({"token": first})).await.problem(410, "outdated_token");
    let mut back = moved.clone();
    back["config"]["url"] = json!("https://a.example");
    let back = world.put(MANAGER, &path, back).await.json();
    assert_eq!((&back["verification"]["sent"], tokens(&world).len()), (&json!(false), 2), "{back}");
    assert_eq!(back["verified_at"], Value::Null, "what was confirmed once is not for ever");
    moved["version"] = back["version"].clone();
    assert_eq!(world.put(MANAGER, &path, moved).await.status, 200);
    let token = tokens(&world).remove(1);
    assert_eq!(world.post("", VERIFY, json!({"token": token})).await.status, 200);
    let vouched = hook(&owner, "https://c.example");
    let mut vouched = vouched;
    vouched["verify"] = json!(false);
    let vouched = world.put(MANAGER, &path, vouched).await.json();
    assert_eq!((&vouched["verify"], vouched["verified_at"].is_string()), (&json!(false), true));
}

#[tokio::test]
async fn a_challenge_is_sent_again_by_who_manages_and_once_a_minute() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, verified(&owner, "https://a.example")).await;
    let path = format!("{ROUTE}/{}/verification", id_of(&made));
    let soon = world.post(MANAGER, &path, json!({})).await;
    assert_eq!(soon.problem(429, "rate_limited")["retry_after_seconds"], 60);
    assert_eq!(soon.header("retry-after"), Some("60"));
    world.post(READER, &path, json!({})).await.problem(403, "missing_scope");
    world.post(AGENT, &path, json!({})).await.problem(403, "missing_scope");
    world.post(STRANGER, &path, json!({})).await.problem(404, "not_found");
    let mut down = verified(&owner, "https://down.example");
    down["name"] = json!("down");
    let down = world.create(ROUTE, down).await;
    assert_eq!(
        (&down["verification"]["sent"], &down["verified_at"]),
        (&json!(false), &Value::Null)
    );
    // Another server knows nothing of what this one has sent.
    let world = World { api: Api::new(world.ports.clone()), ..world };
    let world = World { router: world.api.router(), ..world };
    let sent = world.post(MANAGER, &path, json!({})).await;
    assert_eq!(
        (sent.status.as_u16(), &sent.json()["sent"]),
        (200, &json!(true)),
        "{}",
        sent.text()
    );
    let token = tokens(&world).pop().unwrap();
    assert_eq!(world.post("", VERIFY, json!({"token": token})).await.status, 200);
    world.post(MANAGER, &path, json!({})).await.problem(409, "already_verified");
}

#[tokio::test]
async fn tests_of_what_nobody_confirmed_keep_the_pace_and_others_do_not() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, verified(&owner, "https://a.example")).await;
    let path = format!("{ROUTE}/{}/test", id_of(&made));
    assert_eq!(world.post(MANAGER, &path, json!({})).await.status, 200, "a challenge is no test");
    let soon = world.post(MANAGER, &path, json!({})).await;
    assert_eq!(soon.problem(429, "rate_limited")["retry_after_seconds"], 60);
    assert_eq!(soon.header("retry-after"), Some("60"));
    let token = tokens(&world).remove(0);
    assert_eq!(world.post("", VERIFY, json!({"token": token})).await.status, 200);
    for _ in 0..40 {
        assert_eq!(world.post(MANAGER, &path, json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn an_address_that_is_changed_again_and_again_is_asked_no_faster() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, verified(&owner, "https://a.example")).await;
    let path = format!("{ROUTE}/{}", id_of(&made));
    let mut sent = Vec::new();
    for number in 0..40 {
        let moved = verified(&owner, &format!("https://a.example/{number}"));
        let moved = world.put(MANAGER, &path, moved).await.json();
        sent.push(moved["verification"]["sent"] == true);
    }
    let expected: Vec<bool> = (0..40).map(|number| number < 29).collect();
    assert_eq!((sent, tokens(&world).len()), (expected, 30));
    world.post(MANAGER, &format!("{path}/test"), json!({})).await.problem(429, "rate_limited");
    let again = world.post(MANAGER, &format!("{path}/verification"), json!({})).await;
    assert_eq!(again.problem(429, "rate_limited")["retry_after_seconds"], 60);
}

#[tokio::test]
async fn a_repeated_request_asks_the_owner_once() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let body = verified(&owner, "https://a.example");
    let ask = || with_header(request("POST", ROUTE, MANAGER, Some(&body)), "idempotency-key", "k");
    let (first, again) = (world.send(ask()).await, world.send(ask()).await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(tokens(&world).len(), 1);
}

#[tokio::test]
async fn a_token_is_good_for_its_endpoint_as_it_was_and_for_a_while() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let made = world.create(ROUTE, verified(&owner, "https://a.example")).await;
    let row = row(&world, &id_of(&made)).await;
    let good = token(&row, time(2_000));
    let hand_in = async |body: Value| world.post("", VERIFY, body).await;
    hand_in(json!({"token": "0123"})).await.problem(400, "invalid_token");
    hand_in(json!({"token": token(&row, time(1_000))})).await.problem(410, "expired_token");
    let elsewhere = "00000000-0000-0000-0000-000000000001";
    let named = hand_in(json!({"token": good, "endpoint_id": elsewhere})).await;
    named.problem(409, "foreign_token");
    let gone = EndpointRow { id: EndpointId::parse(elsewhere).unwrap(), ..row.clone() };
    let foreign = EndpointRow { project: model::ProjectId(2), ..row.clone() };
    let config = json!({"url": "https://b.example"}).to_string();
    let moved = EndpointRow { config, ..row.clone() };
    let mut said = Vec::new();
    for other in [gone, foreign, moved] {
        let refused = hand_in(json!({"token": token(&other, time(2_000))})).await;
        refused.problem(410, "outdated_token");
        said.push(refused.json()["detail"].clone());
    }
    said.dedup();
    assert_eq!(said.len(), 1, "what is gone, foreign or moved is answered alike: {said:?}");
    assert_eq!(
        row.verified_at,
        world.store.endpoint(ONE, row.id).await.unwrap().unwrap().verified_at
    );
    let bad = hand_in(json!({"endpoint_id": "x", "colour": "red"})).await;
    bad.problem(422, "invalid_fields");
    assert_eq!(bad.fields(), ["colour unknown_field", "endpoint_id invalid_id", "token missing"]);
    hand_in(json!({"token": "0".repeat(2_000)})).await.problem(422, "invalid_fields");
    hand_in(json!({"token": "0".repeat(5_000)})).await.problem(413, "body_too_large");
    for (kind, body, status, code) in [
        ("text/plain", "token=x", 415, "unsupported_media_type"),
        ("application/json", "[", 400, "invalid_json"),
        ("application/x-www-form-urlencoded", "", 422, "invalid_fields"),
        ("application/x-www-form-urlencoded", "token=%ff", 400, "invalid_token"),
    ] {
        let answer = world.post_text(READER, VERIFY, kind, body).await;
        answer.problem(status, code);
    }
}

#[tokio::test]
async fn a_link_shows_a_page_whose_button_confirms() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let mut body = verified(&owner, "https://a.example");
    body["name"] = json!("<b>\"it's\" & more");
    let made = world.create(ROUTE, body).await;
    let token = tokens(&world).remove(0);
    let link = format!("{VERIFY}?token={}&utm_source=mail", token.replace('|', "%7C"));
    let page = world.get("", &link).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (200, Some("text/html; charset=utf-8"))
    );
    let policy = page.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part) && !policy.contains("script"), "{policy}");
    }
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let html = page.text();
    assert!(
        html.contains("&lt;b&gt;&quot;it&#39;s&quot; &amp; more") && !html.contains("<script"),
        "{html}"
    );
    assert!(html.contains(&format!("name=\"token\" value=\"{token}\"")), "{html}");
    assert_eq!(row(&world, &id_of(&made)).await.verified_at, None, "a look confirms nothing");
    let pressed = press(&world, &token).await;
    assert_eq!(pressed.status, 200);
    assert!(
        pressed.text().contains("is confirmed") && pressed.text().contains("&lt;b&gt;"),
        "{}",
        pressed.text()
    );
    assert_eq!(row(&world, &id_of(&made)).await.verified_at, Some(time(1_000)));
    let refused = press(&world, "%3Ci%3Enonsense").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("content-type")),
        (400, Some("text/html; charset=utf-8"))
    );
    assert!(refused.text().contains("invalid_token") && !refused.text().contains("<i>"));
    world.get("", &format!("{VERIFY}?token=x")).await.problem(400, "invalid_token");
    world.get("", VERIFY).await.problem(400, "invalid_parameter");
    world.delete("", VERIFY).await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_server_can_ask_for_it_whatever_the_request_says() {
    let world = World::new().await;
    let owner = owner(&world).await;
    let old = world.create(ROUTE, hook(&owner, "https://a.example")).await;
    let world = verifying(world);
    let path = format!("{ROUTE}/{}", id_of(&old));
    let kept = world.put(MANAGER, &path, old.clone()).await.json();
    assert!(kept["verified_at"].is_string() && kept["verify"] == false, "{kept}");
    let mut moved = hook(&owner, "https://b.example");
    let asked = world.put(MANAGER, &path, moved.clone()).await.json();
    assert_eq!(
        (&asked["verified_at"], &asked["verification"]["sent"]),
        (&Value::Null, &json!(true))
    );
    moved["verify"] = json!(false);
    let refused = world.put(MANAGER, &path, moved.clone()).await;
    refused.problem(422, "invalid_fields");
    assert_eq!(refused.fields(), ["verify required"]);
    moved["name"] = json!("new");
    assert_eq!(world.post(MANAGER, ROUTE, moved.clone()).await.fields(), ["verify required"]);
    moved.as_object_mut().unwrap().remove("verify");
    let made = world.create(ROUTE, moved).await;
    assert_eq!((&made["verify"], &made["verified_at"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn an_import_leaves_unverified_what_its_owner_has_to_confirm_and_lists_it() {
    let world = verifying(World::new().await);
    let file = "subscribers: [{name: core}]\nendpoints:\n  - {name: hook, subscriber: core, channel: webhook, config: {url: \"https://a.example\"}}\n";
    let import = async |text: &str| {
        world.post_text(MANAGER, "/v1/rules/import", "application/yaml", text).await.json()
    };
    let report = import(file).await;
    let list = world.get(READER, ROUTE).await.json();
    let made = list["items"][0].clone();
    assert_eq!((&report["unverified"], &made["verified_at"]), (&json!([made["id"]]), &Value::Null));
    assert_eq!(tokens(&world).len(), 0);
    let exported = world.get(READER, "/v1/rules/export").await.text();
    assert!(exported.contains("verify: true"), "{exported}");
    let again = import(&exported).await;
    assert_eq!(
        (&again["endpoints"]["unchanged"], again.get("unverified")),
        (&json!(1), None),
        "{again}"
    );
    let token = token(&row(&world, &id_of(&made)).await, time(2_000));
    assert_eq!(world.post("", VERIFY, json!({"token": token})).await.status, 200);
    assert_eq!(import(&exported).await["endpoints"]["unchanged"], 1);
    let moved = import(&exported.replace("a.example", "b.example")).await;
    assert_eq!(
        (&moved["endpoints"]["updated"], &moved["unverified"]),
        (&json!(1), &json!([made["id"]]))
    );
}
