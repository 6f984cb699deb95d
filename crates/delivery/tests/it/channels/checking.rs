//! Configurations: what is taken, what is refused, what is sealed, and what becomes of secrets when one is replaced.

use std::path::Path;

use delivery::channel::{Endpoint, SentOutcome};
use delivery::{ChannelOptions, Channels, Seal};
use expect_test::{expect, expect_file};
use model::{EndpointId, FieldError};
use serde_json::{Value, json};

use crate::messages::{
    ENDPOINT, PROJECT, channels, channels_with, endpoint, message, opened, options,
};
use crate::servers::http::{Behaviour, Server};
use crate::servers::vendors;

fn listed(errors: &[FieldError]) -> String {
    let line = |error: &FieldError| format!("{} {}: {}\n", error.field, error.code, error.message);
    errors.iter().map(line).collect()
}

/// What is said of each configuration, compared with a file.
fn check(file: &str, configs: &[(&str, Value)]) {
    let channels = channels();
    let mut text = String::new();
    for (channel, config) in configs {
        let found = match channels.check(PROJECT, ENDPOINT, channel, config, None) {
            Ok(checked) => format!("{}\n", checked.config),
            Err(errors) => listed(&errors),
        };
        text.push_str(&format!("{channel} {config}\n{found}\n"));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checking");
    expect_file![folder.join(file)].assert_eq(&text);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let headers = json!({"Host": "x", "A b": "x", "X-Ok": "a\nb"});
    let webhook = json!({
        "url": "ftp://x", "method": "GET", "template": "{% if %}", "colour": 1, "headers": headers, "secret": "",
    });
    let email = json!({
        "host": "https://x", "tls": "maybe", "port": 0, "from": "nobody", "to": ["a@b.c", "x\r\ny"],
        "password": "x",
    });
    let configs = [
        ("webhook", webhook),
        ("email", email),
        ("email", json!({"username": "me", "tls": "none"})),
        ("slack", json!({})),
        ("slack", json!({"url": "https://hooks.slack.com/x", "token": "x"})),
        ("telegram", json!({"token": "1:a/../b", "chat_id": 5})),
        ("ntfy", json!({"topic": "a/b", "base_url": "https://x?y"})),
        ("discord", json!({"url": "https://user:word@discord.com/x"})),
        ("console", json!({"x": 1})),
        ("pager", json!({})),
        ("pagerduty", json!([1])),
    ];
    check("wrong.txt", &configs);
}

#[test]
fn how_fast_and_how_bundled_is_said_to_every_channel() {
    let digest = json!({"more_than": 20, "within": "1m"});
    let configs = [
        ("console", json!({"concurrency": 64, "rate_per_second": 0.5, "digest": digest})),
        ("webhook", json!({"url": "https://example.com", "digest": digest, "secret": "s3cret"})),
        ("console", json!({"concurrency": 0, "rate_per_second": -1, "digest": {"more_than": 20}})),
        ("console", json!({"concurrency": 65, "rate_per_second": "fast", "digest": true})),
        ("pagerduty", json!({"routing_key": "R1", "rate_per_second": 2, "digest": digest})),
        ("opsgenie", json!({"api_key": "k", "digest": digest})),
        (
            "webhook",
            json!({"url": "https://x.example", "digest": digest, "template": "{{ name }}"}),
        ),
        (
            "webhook",
            json!({"url": "https://x.example", "digest": digest, "template": "[{{ name }}, {{ digest }}]"}),
        ),
    ];
    check("sending.txt", &configs);
    let console = endpoint(&channels(), "console", &configs[0].1);
    assert!(channels().preview(&console).is_ok());
}

#[test]
fn what_is_shown_holds_no_secret() {
    let headers = json!({"X-Key": "k3y"});
    let email = json!({
        "host": "mail.example.com", "username": "me", "password": "w0rd", "from": "A <a@b.c>", "to": "d@e.f",
    });
    let configs = [
        (
            "webhook",
            json!({"url": "https://example.com/hook", "secret": "s3cret", "headers": headers}),
        ),
        ("email", email),
        ("teams", json!({"url": "https://example.com/?sig=s"})),
        ("console", json!({})),
    ];
    check("shown.txt", &configs);
}

#[test]
fn a_template_is_tried_before_it_is_saved() {
    let with = |template: &str| {
        ("webhook", json!({"url": "https://example.com/hook", "template": template}))
    };
    let mut text = with("{{ name }} is {{ transition }}");
    text.1["headers"] = json!({"Content-Type": "text/plain"});
    let configs = [
        with("{\"a\": {{ name }}, \"b\": {{ incident.number }} }"),
        with("{\n\"a\": \n{{ name|upperr }}}"),
        with("{\"a\": \"{{ name }}\"}"),
        with("{% for a in range(100000000) %}{% endfor %}"),
        text,
    ];
    check("templates.txt", &configs);
}

fn stored(channels: &Channels, config: &Value) -> Endpoint {
    endpoint(channels, "webhook", config)
}

#[test]
fn a_secret_that_is_left_out_stays_and_null_removes_it() {
    let channels = channels();
    let before =
        stored(&channels, &json!({"url": "https://example.com/a", "secret": "old-secret"}));
    let replace =
        |config: &Value| channels.check(PROJECT, ENDPOINT, "webhook", config, Some(&before));

    let kept = replace(&json!({"url": "https://example.com/a", "method": "PUT"})).unwrap();
    assert!(kept.config.contains("\"sealed\":[\"secret\"]") && !kept.secrets.is_empty());
    // What was shown can be given back as it is.
    let shown: Value = serde_json::from_str(&before.config).unwrap();
    assert!(replace(&shown).is_ok());

    let removed = replace(&json!({"url": "https://example.com/a", "secret": null})).unwrap();
    assert_eq!((removed.config.contains("sealed"), removed.secrets.is_empty()), (false, true));
}

#[test]
fn secrets_that_stay_the_same_stay_sealed_as_they_were() {
    let channels = channels();
    let config =
        json!({"url": "https://example.com/a", "secret": "old", "headers": {"X-Key": "k"}});
    let before = stored(&channels, &config);
    let sealed = |config: &Value| {
        channels.check(PROJECT, ENDPOINT, "webhook", config, Some(&before)).unwrap().secrets
    };
    let shown: Value = serde_json::from_str(&before.config).unwrap();
    assert_eq!(sealed(&shown), before.secrets, "left out");
    assert_eq!(sealed(&config), before.secrets, "given again");
    let other = json!({"url": "https://example.com/a", "secret": "new"});
    assert_ne!(sealed(&other), before.secrets);
    let elsewhere = channels.check(PROJECT, EndpointId(2), "webhook", &config, Some(&before));
    assert_ne!(elsewhere.unwrap().secrets, before.secrets, "sealed for its own endpoint");
}

#[test]
fn a_stored_secret_does_not_follow_to_another_place() {
    let channels = channels();
    let before =
        stored(&channels, &json!({"url": "https://example.com/a", "secret": "old-secret"}));
    let moved = json!({"url": "https://evil.example/a"});
    let errors = channels.check(PROJECT, ENDPOINT, "webhook", &moved, Some(&before)).unwrap_err();
    expect![[r#"
        secret give_again: this has to be given again, because `url` changed
    "#]]
    .assert_eq(&listed(&errors));
    let given = json!({"url": "https://evil.example/a", "secret": "new-secret"});
    assert!(channels.check(PROJECT, ENDPOINT, "webhook", &given, Some(&before)).is_ok());
}

#[tokio::test]
async fn secrets_open_for_their_endpoint_and_key_only() {
    let server = Server::start(Behaviour::Vendor(vendors::webhook)).await;
    let channels = channels();
    let config = json!({"url": server.url("/hook"), "secret": "x-secret", "headers": {"Authorization": "Token whsec"}});
    let good = endpoint(&channels, "webhook", &config);
    let told = opened();
    assert_eq!(channels.send(&good, &message(&told)).await.outcome, SentOutcome::Delivered);
    let moved = Endpoint { id: EndpointId(2), ..good.clone() };
    let later = SentOutcome::Retry { after: None };
    assert_eq!(channels.send(&moved, &message(&told)).await.outcome, later);
    let other = Channels::new(options(), Seal::with_key([8; 32])).unwrap();
    let sent = other.send(&good, &message(&told)).await;
    assert_eq!(sent.outcome, later, "it waits for its secrets");
    assert!(sent.answer.contains("give the secrets of the endpoint again"), "{}", sent.answer);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn lost_secrets_are_given_again_one_by_one_and_nothing_goes_out_without_them() {
    let server = Server::start(Behaviour::Vendor(vendors::webhook)).await;
    let config = json!({"url": server.url("/hook"), "secret": "x-secret", "headers": {"Authorization": "Token whsec"}});
    let before = endpoint(&channels(), "webhook", &config);
    let other = Channels::new(options(), Seal::with_key([8; 32])).unwrap();
    let forgotten = Endpoint { secrets: Vec::new(), ..before.clone() };
    let told = opened();
    for endpoint in [&before, &forgotten] {
        let sent = other.send(endpoint, &message(&told)).await;
        assert_eq!(sent.outcome, SentOutcome::Retry { after: None }, "{}", sent.answer);
        let check =
            |given: &Value| other.check(PROJECT, ENDPOINT, "webhook", given, Some(endpoint));
        let errors =
            check(&json!({"url": server.url("/hook"), "secret": "new-secret"})).unwrap_err();
        expect![[r#"
            headers give_again: this has to be given again: what is stored does not open
        "#]]
        .assert_eq(&listed(&errors));
        let without = json!({"url": server.url("/hook"), "secret": "new-secret", "headers": null});
        assert!(check(&without).is_ok());
        let checked = check(&config).unwrap();
        let again =
            Endpoint { config: checked.config, secrets: checked.secrets, ..endpoint.clone() };
        let sent = other.send(&again, &message(&told)).await;
        assert_eq!(sent.outcome, SentOutcome::Delivered, "{}", sent.answer);
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_never_panics() {
    let channels = channels();
    let good = endpoint(&channels, "webhook", &json!({"url": "http://127.0.0.1:1/"}));
    let told = opened();
    for endpoint in [
        Endpoint { channel: "pigeon".to_owned(), ..good.clone() },
        Endpoint { config: "[]".to_owned(), ..good.clone() },
        Endpoint { config: "{".to_owned(), ..good.clone() },
        Endpoint { config: "{}".to_owned(), ..good.clone() },
        Endpoint { channel: "email".to_owned(), ..good },
    ] {
        let sent = channels.send(&endpoint, &message(&told)).await;
        assert_eq!(sent.outcome, SentOutcome::Refused, "{}", sent.answer);
    }
}

#[test]
fn every_channel_shows_a_preview_without_its_secrets() {
    let configs = [
        ("alertmanager", json!({"url": "https://example.com"})),
        ("console", json!({})),
        ("discord", json!({})),
        ("email", json!({"host": "m.example.com", "from": "a@b.c", "to": ["d@e.f"]})),
        ("mattermost", json!({})),
        ("ntfy", json!({"topic": "ops"})),
        ("opsgenie", json!({})),
        ("pagerduty", json!({})),
        ("slack", json!({"channel": "C1"})),
        ("teams", json!({})),
        ("telegram", json!({"chat_id": "-1"})),
        ("webhook", json!({"url": "https://example.com"})),
    ];
    let names: Vec<_> = configs.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, Channels::names());
    for (channel, config) in configs {
        let preview = channels().preview_config(channel, &config);
        let preview = preview.unwrap_or_else(|errors| panic!("{channel}: {}", listed(&errors)));
        assert!(preview.text.contains("Checkout fails for one in five customers"), "{channel}");
        assert!(preview.remarks.is_empty());
    }
}

#[test]
fn a_preview_says_what_a_template_asks_for_in_vain() {
    let template = "{\"a\": {{ name }},\n\"b\": {{ incident.owner }} }";
    let config = json!({"url": "https://example.com", "template": template});
    let preview = channels().preview_config("webhook", &config).unwrap();
    expect![[r#"
        {"a": "Checkout fails for one in five customers",
        "b": null }
        ["template: line 2: undefined value"]
    "#]]
    .assert_eq(&format!("{}\n{:?}\n", preview.text, preview.remarks));
    let stored = endpoint(&channels(), "webhook", &config);
    assert_eq!(channels().preview(&stored).unwrap().text, preview.text);
}

#[test]
fn a_root_that_is_none_and_a_base_of_links_that_is_none_are_refused() {
    let broken = ChannelOptions {
        extra_roots: vec![
            b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".to_vec(),
        ],
        ..options()
    };
    assert!(Channels::new(broken, Seal::with_key([7; 32])).is_err());
    let nowhere = ChannelOptions { link_base: Some("stormbell".to_owned()), ..options() };
    assert!(Channels::new(nowhere, Seal::with_key([7; 32])).is_err());
    channels_with(ChannelOptions::default());
}
