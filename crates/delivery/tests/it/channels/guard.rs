//! Redirects and forbidden places, from outside.

use delivery::channel::{Sent, SentOutcome};
use serde_json::json;

use super::conformance::{CASES, Case};
use crate::messages::{channels, opened, send};
use crate::servers::http::{Behaviour, Server};

async fn redirected(status: u16, place: &str) -> (Sent, Server) {
    let server = Server::start(Behaviour::Redirect(status, place.to_owned())).await;
    let config =
        json!({"url": server.url("/hook"), "secret": "signing", "headers": {"X-Key": "mine"}});
    (send(&channels(), "webhook", &config, &opened()).await, server)
}

#[tokio::test]
async fn a_redirect_that_keeps_the_message_is_followed_with_all_that_belongs_to_it() {
    for status in [307, 308] {
        let (sent, server) = redirected(status, "/there").await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
        let seen = server.seen();
        assert_eq!((seen[1].method.as_str(), seen[1].path.as_str()), ("POST", "/there"));
        assert_eq!(seen[0].body, seen[1].body);
        assert_eq!(seen[1].header("x-key"), "mine");
        assert_eq!(seen[0].header("stormbell-signature"), seen[1].header("stormbell-signature"));
    }
}

#[tokio::test]
async fn another_host_sees_no_header_of_ones_own() {
    let other = Server::start(Behaviour::Always(200, Vec::new(), Vec::new())).await;
    let (sent, _) = redirected(307, &other.url("/x")).await;
    assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    let seen = other.seen();
    assert_eq!(seen[0].header("x-key"), "");
    assert_ne!(seen[0].header("idempotency-key"), "");
}

#[tokio::test]
async fn another_host_gets_no_request_with_a_secret_in_its_body_or_address() {
    let has_secret = |case: &Case| {
        let config = (case.config)("http://h");
        let in_address = ["discord", "mattermost", "teams", "telegram"].contains(&case.channel)
            || (case.channel == "slack" && config.get("url").is_some());
        in_address || case.channel == "pagerduty"
    };
    for case in &CASES {
        for status in [307, 308] {
            let other = Server::start(Behaviour::Always(200, Vec::new(), b"{}".to_vec())).await;
            let place = other.url("/x");
            let server = Server::start(Behaviour::Redirect(status, place.clone())).await;
            let sent =
                send(&channels(), case.channel, &(case.config)(&server.url("")), &opened()).await;
            if has_secret(case) {
                assert_eq!((sent.outcome, sent.status), (SentOutcome::Refused, status));
                assert!(sent.answer.contains("another host"), "{}: {}", case.channel, sent.answer);
                assert!(other.seen().is_empty(), "{}", case.channel);
            } else {
                let seen = format!("{:?}", other.seen());
                assert!(!seen.contains(case.secret) && seen.contains("/x"), "{}", case.channel);
            }
        }
    }
}

#[tokio::test]
async fn a_secret_stays_with_its_host_through_a_redirect_there() {
    for case in CASES.iter().filter(|case| ["pagerduty", "telegram"].contains(&case.channel)) {
        let server = Server::start(Behaviour::Redirect(308, "/there".to_owned())).await;
        let sent =
            send(&channels(), case.channel, &(case.config)(&server.url("")), &opened()).await;
        assert_eq!(sent.status, 200, "{}: {}", case.channel, sent.answer);
        assert_eq!(server.seen()[1].path, "/there");
    }
}

#[tokio::test]
async fn a_redirect_that_would_make_a_question_of_the_message_is_not_followed() {
    for status in [301, 302, 303] {
        let (sent, server) = redirected(status, "/there").await;
        assert_eq!((sent.outcome, sent.status), (SentOutcome::Refused, status));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn redirects_to_forbidden_places_and_in_circles_are_refused() {
    for place in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "http://0x0/",
        "http://[::ffff:a9fe:a9fe]/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "http://",
        "/round",
    ] {
        let (sent, server) = redirected(307, place).await;
        assert_eq!(sent.outcome, SentOutcome::Refused, "{place}: {}", sent.answer);
        assert!(server.seen().len() <= 4, "{place}");
    }
}

#[tokio::test]
async fn link_local_addresses_stay_forbidden_in_every_writing() {
    for url in [
        "http://169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://224.0.0.1/",
    ] {
        let sent = send(&channels(), "webhook", &json!({"url": url}), &opened()).await;
        assert_eq!(sent.outcome, SentOutcome::Refused, "{url}");
        assert!(sent.answer.contains("is forbidden"), "{url}: {}", sent.answer);
    }
}
