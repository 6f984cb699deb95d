//! Endpoints that their owner confirms, end to end: nothing arrives but the challenge until it is answered, by a program,
//! by a token that is handed in, or by the button behind a link in a mail.

use std::time::Duration;

use serde_json::{Value, json};

use super::subscription::{private, rule, signal, subscriber};
use crate::harness::{Answer, Client, Conduct, Given, MailSink, Server, Sink, eventually, text};

const SOON: Duration = Duration::from_secs(30);
const VERIFY: &str = "/v1/endpoints/verify";

/// Creates an endpoint that its owner has to confirm, with a rule that tells it of every signal.
#[track_caller]
fn waiting(client: &mut Client, channel: &str, config: &Value) -> Value {
    let team = subscriber(client, "team");
    let asked = json!({
        "subscriber_id": team, "channel": channel, "name": "hook", "config": config, "verify": true,
    });
    let made = client.post("/v1/endpoints", &asked).expect_status(201).json();
    let on = json!({ "on": ["signal"], "match_all": true });
    rule(client, &team, &text(&made["id"]), &on);
    made
}

/// Sends a signal and waits until what it told is settled; answers how.
#[track_caller]
fn told(client: &mut Client, component: &str) -> Value {
    let id = signal(client, &json!({ "component": component, "severity": "P1" }));
    eventually("what was told is settled", SOON, || {
        let page = client.get("/v1/notifications").expect_status(200).json();
        let items = page["items"].as_array().expect("a list").clone();
        let about = items.into_iter().find(|one| one["subject"]["id"] == json!(id))?;
        let is_tried = about["attempts"].as_array().is_some_and(|list| !list.is_empty());
        is_tried.then_some(about)
    })
}

/// Tells of signals until one arrives: what the courier has read of an endpoint is a second old at most.
#[track_caller]
fn told_at_last(client: &mut Client, sink: &Sink, taken: usize) {
    let mut number = 0;
    eventually("a notification arrives", SOON, || {
        number += 1;
        told(client, &format!("late-{number}"));
        (sink.count() > taken).then_some(())
    });
}

/// Hands a token in without a key, as the owner of the endpoint does.
#[track_caller]
fn hand_in(client: &mut Client, token: &str) -> Answer {
    let headers = &[("content-type", "application/x-www-form-urlencoded")];
    let body = format!("token={token}");
    let given = Given { headers, body: body.as_bytes(), without_key: true };
    client.send("POST", VERIFY, &given).expect("the server answers")
}

fn state(client: &mut Client, endpoint: &Value) -> Value {
    client.get(&format!("/v1/endpoints/{}", text(&endpoint["id"]))).expect_status(200).json()
}

#[test]
fn nothing_but_the_challenge_arrives_until_it_is_confirmed_and_again_after_a_move() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let made =
        waiting(&mut client, "webhook", &json!({ "url": sink.url("/hook"), "secret": "whsec" }));
    assert_eq!((&made["verified_at"], &made["verification"]["sent"]), (&Value::Null, &json!(true)));
    let held = told(&mut client, "early");
    assert_eq!(held["attempts"][0]["answer"], "the endpoint is not verified", "{held}");
    let asked = sink.taken();
    assert_eq!(asked.len(), 1, "the challenge and nothing else");
    assert_eq!(asked[0].json()["type"], "endpoint_verification");
    assert!(asked[0].header("stormbell-signature").is_some_and(|text| text.contains("v1=")));
    let token = text(&asked[0].json()["challenge"]);
    let changed = format!("{}0{}", &token[..80], &token[81..]);
    if changed != token {
        hand_in(&mut client, &changed).expect_status(400);
    }
    let soon = format!("/v1/endpoints/{}/verification", text(&made["id"]));
    let soon = client.post(&soon, &json!({})).expect_status(429);
    assert!(soon.header("retry-after").is_some(), "{}", soon.text());
    let confirmed = hand_in(&mut client, &token).expect_status(200).json();
    assert_eq!(confirmed["endpoint_id"], made["id"]);
    told_at_last(&mut client, &sink, 1);
    assert_eq!(sink.taken()[1].json()["transition"], "signal");

    let elsewhere = Sink::start();
    let mut moved = state(&mut client, &made);
    assert!(moved["verified_at"].is_string(), "{moved}");
    moved["config"] = json!({ "url": elsewhere.url("/hook"), "secret": "new" });
    let path = format!("/v1/endpoints/{}", text(&made["id"]));
    let moved = client.json("PUT", &path, &moved).expect_status(200).json();
    assert_eq!((&moved["verified_at"], &moved["verify"]), (&Value::Null, &json!(true)), "{moved}");
    assert_eq!(hand_in(&mut client, &token).expect_status(410).json()["code"], "outdated_token");
    eventually("it is told of as not verified", SOON, || {
        let held = told(&mut client, "moved");
        (held["attempts"][0]["answer"] == "the endpoint is not verified").then_some(())
    });
    assert_eq!(elsewhere.count(), 1, "the challenge and nothing else");
    let token = text(&elsewhere.taken()[0].json()["challenge"]);
    hand_in(&mut client, &token).expect_status(200);
    told_at_last(&mut client, &elsewhere, 1);
}

#[test]
fn a_webhook_that_answers_with_the_token_is_told_at_once() {
    let mut options = private();
    options.config = Some("[delivery]\nverify_endpoints = true\n".to_owned());
    let server = Server::start(options);
    let (mut client, sink) = (server.client(), Sink::start());
    sink.conduct(Conduct::Confirms);
    let team = subscriber(&mut client, "team");
    let asked = json!({
        "subscriber_id": team, "channel": "webhook", "name": "hook",
        "config": { "url": sink.url("/hook") },
    });
    let made = client.post("/v1/endpoints", &asked).expect_status(201).json();
    assert!(made["verified_at"].is_string() && made["verify"] == true, "{made}");
    assert_eq!(made["verification"]["verified"], true, "{made}");
    rule(&mut client, &team, &text(&made["id"]), &json!({ "on": ["signal"], "match_all": true }));
    let delivered = told(&mut client, "db");
    assert_eq!((delivered["status"].as_str(), sink.count()), (Some("delivered"), 2), "{delivered}");
}

#[test]
fn the_link_in_a_mail_leads_to_a_button_that_confirms() {
    let server = Server::start(private());
    let (mut client, mail) = (server.client(), MailSink::start());
    let config = json!({
        "host": "127.0.0.1", "port": mail.port(), "tls": "none",
        "from": "bell@stormbell.example", "to": "owner@example.com",
    });
    let made = waiting(&mut client, "email", &config);
    assert_eq!((&made["verified_at"], &made["verification"]["sent"]), (&Value::Null, &json!(true)));
    let held = told(&mut client, "early");
    assert_eq!(held["attempts"][0]["answer"], "the endpoint is not verified", "{held}");
    let mails = mail.mails();
    assert_eq!(mails.len(), 1, "the challenge and nothing else");
    let base = server.log_line("stormbell is ready").expect("it is")["http"].clone();
    let link = format!("http://{}{VERIFY}?token=", text(&base));
    let (_, rest) = mails[0].split_once(&link).unwrap_or_else(|| panic!("{}", mails[0]));
    let token: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    let page = format!("{VERIFY}?token={token}");
    let given = Given { headers: &[("accept", "text/html")], without_key: true, body: &[] };
    for _ in 0..2 {
        let shown = client.send("GET", &page, &given).expect("it answers").expect_status(200);
        assert!(shown.text().contains("<button") && shown.text().contains(&token));
        assert_eq!(
            state(&mut client, &made)["verified_at"],
            Value::Null,
            "a look confirms nothing"
        );
    }
    hand_in(&mut client, &token).expect_status(200);
    assert!(state(&mut client, &made)["verified_at"].is_string());
    eventually("a notification arrives", SOON, || {
        told(&mut client, "late");
        (mail.mails().len() > 1).then_some(())
    });
}
