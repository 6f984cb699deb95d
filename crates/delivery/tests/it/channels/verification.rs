//! Challenges: how each channel asks the owner of an endpoint to confirm it, what counts as an answer, and what a token
//! is good for.

use delivery::channel::{Endpoint, SentOutcome};
use delivery::{ChannelOptions, Channels, Claim, Seal, TokenError};
use expect_test::expect;
use hmac::{Hmac, KeyInit, Mac};
use model::{Duration, EndpointId};
use serde_json::{Value, json};
use sha2::Sha256;

use super::conformance::CASES;
use crate::messages::{ENDPOINT, NOW, PROJECT, channels, channels_with, endpoint, options};
use crate::servers::http::{Behaviour, Seen, Server, Vendor};
use crate::servers::smtp::{Behaviour as MailBehaviour, MailServer, headers, parts};

const LINK: &str = "https://stormbell.example/v1/endpoints/verify?token=";
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The token after a text.
fn token_after(text: &str, before: &str) -> String {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before}: {text}"));
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

/// Whether the token is one for the endpoint as it is.
#[track_caller]
fn fits(channels: &Channels, endpoint: &Endpoint, token: &str) {
    let address = channels.address(endpoint).unwrap();
    let claim = Claim { project: PROJECT, endpoint: ENDPOINT, address };
    assert_eq!(channels.claim(token, NOW + DAY - Duration::from_secs(1)), Ok(claim));
    assert_eq!(channels.claim(token, NOW + DAY), Err(TokenError::Expired));
}

fn asked(seen: &Seen) -> String {
    seen.json()["challenge"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_webhook_is_asked_with_a_signed_body_of_a_fixed_shape() {
    let server = Server::start(Behaviour::Always(200, Vec::new(), b"ok".to_vec())).await;
    let channels = channels();
    let config = json!({"url": server.url("/hook"), "secret": "whsec", "template": "{\"a\": 1}"});
    let endpoint = endpoint(&channels, "webhook", &config);
    let challenged = channels.challenge(&endpoint, "payments", NOW).await;
    assert!(!challenged.confirmed && challenged.sent.outcome == SentOutcome::Delivered);
    assert_eq!((challenged.expires_at, challenged.sent.reference.as_str()), (NOW + DAY, ""));
    let seen = server.seen().remove(0);
    let token = asked(&seen);
    let expected = json!({
        "type": "endpoint_verification", "endpoint_id": ENDPOINT.to_string(), "challenge": token,
        "expires_at": "2023-11-15T22:13:20Z",
    });
    assert_eq!((seen.method.as_str(), seen.json()), ("POST", expected));
    fits(&channels, &endpoint, &token);
    let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec").unwrap();
    mac.update(b"1700000000.");
    mac.update(&seen.body);
    let digest = mac.finalize().into_bytes();
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(seen.header("stormbell-signature"), format!("t=1700000000,v1={digest}"));
}

#[tokio::test]
async fn a_program_confirms_by_answering_with_the_token_and_in_no_other_way() {
    let answers: [(Vendor, bool); 6] = [
        (|seen, _| (200, asked(seen)), true),
        (|seen, _| (202, json!({"challenge": asked(seen)}).to_string()), true),
        (|seen, _| (500, asked(seen)), false),
        (|seen, _| (404, asked(seen)), false),
        (|seen, _| (200, String::from_utf8_lossy(&seen.body).into_owned()), false),
        (|_, _| (200, "{}".to_owned()), false),
    ];
    let channels = channels();
    for (number, (vendor, confirms)) in answers.into_iter().enumerate() {
        for channel in ["webhook", "alertmanager"] {
            let server = Server::start(Behaviour::Vendor(vendor)).await;
            let config = json!({"url": server.url("/hook")});
            let endpoint = endpoint(&channels, channel, &config);
            let challenged = channels.challenge(&endpoint, "payments", NOW).await;
            assert_eq!(challenged.confirmed, confirms, "{channel}, answer {number}");
            let token = asked(&server.seen().remove(0));
            fits(&channels, &endpoint, &token);
            let answer = challenged.sent.answer;
            assert!(!answer.contains(&token), "the token stays out of what is said: {answer}");
        }
    }
}

#[tokio::test]
async fn a_mail_holds_link_and_token_in_both_parts() {
    let server = MailServer::start(MailBehaviour::default()).await;
    let channels = channels();
    let config = json!({
        "host": "127.0.0.1", "port": server.port, "tls": "none", "from": "bell@stormbell.example",
        "to": "owner@example.com",
    });
    let mut endpoint = endpoint(&channels, "email", &config);
    endpoint.name = "<b>\r\nBcc: evil@example.com".to_owned();
    for round in 0..2 {
        let now = NOW + Duration::from_secs(round);
        let challenged = channels.challenge(&endpoint, "payments", now).await;
        assert_eq!(challenged.sent.outcome, SentOutcome::Delivered, "{}", challenged.sent.answer);
        assert!(!challenged.confirmed);
    }
    let taken = server.taken();
    let ids: Vec<_> = taken.iter().map(|one| headers(&one.mail, "message-id")).collect();
    assert_ne!(ids[0], ids[1], "a challenge that is asked for again is another mail");
    let mail = &taken[0].mail;
    assert_eq!(headers(mail, "x-stormbell-transition"), ["verification"]);
    assert!(headers(mail, "bcc").is_empty() && headers(mail, "subject").len() == 1);
    let [plain, html] = [0, 1].map(|at: usize| parts(mail)[at].1.clone());
    let token = token_after(&plain, LINK);
    fits(&channels, &endpoint, &token);
    assert_eq!(token_after(&plain, "Token: "), token);
    assert_eq!(token_after(&html, &format!("<a href=\"{LINK}")), token);
    assert!(html.contains(">Confirm this endpoint</a>") && !html.contains("<b>"), "{html}");
}

#[tokio::test]
async fn every_channel_takes_a_challenge_as_a_message() {
    let channels = channels();
    let for_people =
        CASES.iter().filter(|case| !["alertmanager", "webhook"].contains(&case.channel));
    for case in for_people {
        let server = Server::start(Behaviour::Vendor(case.vendor)).await;
        let endpoint = endpoint(&channels, case.channel, &(case.config)(&server.url("")));
        let challenged = channels.challenge(&endpoint, "payments", NOW).await;
        let answer = challenged.sent.answer;
        assert_eq!(challenged.sent.outcome, SentOutcome::Delivered, "{}: {answer}", case.channel);
        assert!(!challenged.confirmed, "{}", case.channel);
        let seen = server.seen().remove(0);
        let body = String::from_utf8_lossy(&seen.body);
        fits(&channels, &endpoint, &token_after(&body, LINK));
        let token = token_after(&body, LINK);
        assert!(body.matches(token.as_str()).count() > 1, "{}: {body}", case.channel);
    }
}

#[tokio::test]
async fn a_link_leads_to_where_people_reach_the_server_or_to_itself_and_else_there_is_none() {
    let server = MailServer::start(MailBehaviour::default()).await;
    let config = json!({
        "host": "127.0.0.1", "port": server.port, "tls": "none", "from": "bell@stormbell.example",
        "to": "owner@example.com",
    });
    let own_address = Some("http://127.0.0.1:8080".to_owned());
    let nowhere = ChannelOptions { link_base: None, ..options() };
    let links = [
        (ChannelOptions { own_address: own_address.clone(), ..options() }, Some(LINK)),
        (
            ChannelOptions { own_address, ..nowhere.clone() },
            Some("http://127.0.0.1:8080/v1/endpoints/verify?token="),
        ),
        (nowhere, None),
    ];
    for (number, (options, link)) in links.into_iter().enumerate() {
        let channels = channels_with(options);
        let endpoint = endpoint(&channels, "email", &config);
        channels.challenge(&endpoint, "payments", NOW).await;
        let plain = parts(&server.taken()[number].mail)[0].1.clone();
        match link {
            Some(link) => fits(&channels, &endpoint, &token_after(&plain, link)),
            None => assert!(!plain.contains("?token="), "{plain}"),
        }
        fits(&channels, &endpoint, &token_after(&plain, "Token: "));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_no_challenge_and_forbidden_addresses_stay_forbidden() {
    let server = Server::start(Behaviour::Vendor(|seen, _| (200, asked(seen)))).await;
    let careful = channels_with(ChannelOptions { allow_private: false, ..options() });
    let hook =
        endpoint(&careful, "webhook", &json!({"url": server.url("/hook"), "secret": "whsec"}));
    for endpoint in [
        hook.clone(),
        Endpoint { channel: "pigeon".to_owned(), ..hook.clone() },
        Endpoint { config: "[]".to_owned(), ..hook.clone() },
        Endpoint { id: EndpointId(2), ..hook.clone() },
    ] {
        let challenged = careful.challenge(&endpoint, "payments", NOW).await;
        assert_eq!(challenged.sent.outcome, SentOutcome::Refused, "{}", challenged.sent.answer);
        assert!(!challenged.confirmed);
    }
    assert!(server.seen().is_empty());
    assert_eq!(careful.address(&Endpoint { id: EndpointId(2), ..hook }), None);
}

/// What becomes of the address when a field changes.
fn moves(channel: &str, config: &Value, field: &str, value: Value) -> String {
    let channels = channels();
    let before = endpoint(&channels, channel, config);
    let mut config = config.clone();
    config[field] = value;
    let after = endpoint(&channels, channel, &config);
    let stays = channels.address(&before).is_some()
        && channels.address(&before) == channels.address(&after);
    format!("{channel} {field}: {}\n", if stays { "the same" } else { "another" })
}

#[test]
fn an_address_is_what_says_who_gets_to_read_it_secret_or_not() {
    let webhook = json!({"url": "https://a.example", "secret": "whsec"});
    let email = json!({"host": "m.example", "from": "a@b.c", "to": ["d@e.f"]});
    let slack = json!({"token": "xoxb-1", "channel": "C1"});
    let hook = json!({"url": "https://hooks.example/1"});
    let telegram = json!({"token": "1:a", "chat_id": "-1"});
    let pagerduty = json!({"routing_key": "R1"});
    let opsgenie = json!({"api_key": "k", "teams": ["db"]});
    let ntfy = json!({"topic": "a", "token": "tk_1"});
    let changes = [
        moves("webhook", &webhook, "url", json!("https://b.example")),
        moves("webhook", &webhook, "secret", json!("other")),
        moves("webhook", &webhook, "method", json!("PUT")),
        moves("email", &email, "to", json!(["d@e.f", "g@h.i"])),
        moves("email", &email, "host", json!("n.example")),
        moves("email", &email, "from", json!("x@b.c")),
        moves("slack", &slack, "channel", json!("C2")),
        moves("slack", &slack, "token", json!("xoxb-2")),
        moves("slack", &hook, "url", json!("https://hooks.example/2")),
        moves("teams", &hook, "url", json!("https://hooks.example/2")),
        moves("mattermost", &hook, "channel", json!("town")),
        moves("mattermost", &hook, "username", json!("bell")),
        moves("discord", &hook, "username", json!("bell")),
        moves("telegram", &telegram, "chat_id", json!("-2")),
        moves("telegram", &telegram, "token", json!("1:b")),
        moves("pagerduty", &pagerduty, "routing_key", json!("R2")),
        moves("opsgenie", &opsgenie, "teams", json!(["web"])),
        moves("opsgenie", &opsgenie, "tags", json!(["x"])),
        moves("ntfy", &ntfy, "topic", json!("b")),
        moves("ntfy", &ntfy, "token", json!("tk_2")),
        moves("console", &json!({}), "url", Value::Null),
    ];
    expect![[r#"
        webhook url: another
        webhook secret: the same
        webhook method: the same
        email to: another
        email host: another
        email from: the same
        slack channel: another
        slack token: another
        slack url: another
        teams url: another
        mattermost channel: another
        mattermost username: the same
        discord username: the same
        telegram chat_id: another
        telegram token: the same
        pagerduty routing_key: another
        opsgenie teams: another
        opsgenie tags: the same
        ntfy topic: another
        ntfy token: the same
        console url: the same
    "#]]
    .assert_eq(&changes.concat());
}

#[tokio::test]
async fn a_token_of_another_server_is_none() {
    let server = Server::start(Behaviour::Always(200, Vec::new(), Vec::new())).await;
    let config = json!({"url": server.url("/hook")});
    let other = Channels::new(options(), Seal::with_key([8; 32])).unwrap();
    let endpoint = endpoint(&other, "webhook", &config);
    other.challenge(&endpoint, "payments", NOW).await;
    let token = asked(&server.seen().remove(0));
    assert!(other.claim(&token, NOW).is_ok());
    assert_eq!(channels().claim(&token, NOW), Err(TokenError::Unknown));
}
