//! Configurations: what is taken, what is refused, what is sealed, and what becomes of secrets when one is replaced.

use delivery::channel::{Endpoint, SentOutcome};
use delivery::{ChannelOptions, Channels, Seal};
use expect_test::{Expect, expect};
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

fn check(channel: &str, config: &Value, wanted: &Expect) {
    let found = match channels().check(PROJECT, ENDPOINT, channel, config, None) {
        Ok(checked) => format!("{}\n", checked.config),
        Err(errors) => listed(&errors),
    };
    wanted.assert_eq(&found);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    check(
        "webhook",
        &json!({
            "url": "ftp://x", "method": "GET", "template": "{% if %}", "colour": 1,
            "headers": {"Host": "x", "A b": "x", "X-Ok": "a\nb"}, "secret": "",
        }),
        &expect![[r#"
            url invalid_url: this begins with https:// or http://
            method unknown_value: this is one of POST, PUT, PATCH
            headers.A b invalid: this is no header of HTTP
            headers.Host reserved: `host` is set by the transport
            headers.X-Ok invalid: this is no header of HTTP
            secret[0] too_short: this is not empty
            template template: line 1: syntax error: unexpected end of block
            colour unknown_field: this channel has no field `colour`
        "#]],
    );
    check(
        "email",
        &json!({
            "host": "https://x", "tls": "maybe", "port": 0, "from": "nobody", "to": ["a@b.c", "x\r\ny"],
            "password": "x",
        }),
        &expect![[r#"
            host invalid: this is the name of a mail server, without a port
            tls unknown_value: this is one of starttls, tls, none
            port out_of_range: this is a whole number, 1 to 65535
            username missing: a password needs a user name
            from invalid_address: `nobody` is not an address such as Name <name@example.com>
            to[1] control_characters: this has no control characters
        "#]],
    );
    check(
        "email",
        &json!({"username": "me", "tls": "none"}),
        &expect![[r#"
        host missing: this is needed
        tls insecure: a password is sent over TLS only
        password missing: this is needed
        from missing: this is needed
        to missing: this is needed
    "#]],
    );
    check(
        "slack",
        &json!({}),
        &expect![[r#"
        token missing: this is needed
        channel missing: this is needed
    "#]],
    );
    check(
        "slack",
        &json!({"url": "https://hooks.slack.com/x", "token": "x"}),
        &expect![[r#"
        token conflict: give either `url` or `token` and `channel`
    "#]],
    );
    check(
        "telegram",
        &json!({"token": "1:a/../b", "chat_id": 5}),
        &expect![[r#"
        token invalid: this is a token such as 123456:ABC-DEF
        chat_id wrong_type: this is a text
    "#]],
    );
    check(
        "ntfy",
        &json!({"topic": "a/b", "base_url": "https://x?y"}),
        &expect![[r#"
        topic invalid: this has letters, digits, `_` and `-` only
        base_url invalid_url: this has no query
    "#]],
    );
    check(
        "discord",
        &json!({"url": "https://user:word@discord.com/x"}),
        &expect![[r#"
        url invalid_url: this holds no user and no password
    "#]],
    );
    check(
        "console",
        &json!({"x": 1}),
        &expect![[r#"
        x unknown_field: this channel has no field `x`
    "#]],
    );
    check(
        "pager",
        &json!({}),
        &expect![[r#"
        channel unknown_value: there is no channel `pager`; there are alertmanager, console, discord, email, mattermost, ntfy, opsgenie, pagerduty, slack, teams, telegram, webhook
    "#]],
    );
    check(
        "pagerduty",
        &json!([1]),
        &expect![[r#"
             wrong_type: the configuration is an object
        "#]],
    );
}

#[test]
fn what_is_shown_holds_no_secret() {
    check(
        "webhook",
        &json!({"url": "https://example.com/hook", "secret": "s3cret", "headers": {"X-Key": "k3y"}}),
        &expect![[r#"
            {"sealed":["headers","secret"],"url":"https://example.com/hook"}
        "#]],
    );
    check(
        "email",
        &json!({"host": "mail.example.com", "username": "me", "password": "w0rd", "from": "A <a@b.c>", "to": "d@e.f"}),
        &expect![[r#"
            {"from":"A <a@b.c>","host":"mail.example.com","sealed":["password"],"to":"d@e.f","username":"me"}
        "#]],
    );
    check(
        "teams",
        &json!({"url": "https://example.com/?sig=s"}),
        &expect![[r#"
        {"sealed":["url"]}
    "#]],
    );
    check(
        "console",
        &json!({}),
        &expect![[r#"
        {}
    "#]],
    );
}

#[test]
fn a_template_is_tried_before_it_is_saved() {
    let with = |template: &str| json!({"url": "https://example.com/hook", "template": template});
    check(
        "webhook",
        &with("{\"a\": {{ name }}, \"b\": {{ incident.number }} }"),
        &expect![[r#"
        {"template":"{\"a\": {{ name }}, \"b\": {{ incident.number }} }","url":"https://example.com/hook"}
    "#]],
    );
    check(
        "webhook",
        &with("{\n\"a\": \n{{ name|upperr }}}"),
        &expect![[r#"
        template template: line 3: unknown filter: filter upperr is unknown
    "#]],
    );
    check(
        "webhook",
        &with("{\"a\": \"{{ name }}\"}"),
        &expect![[r#"
        template not_json: a sample does not come out as JSON: expected `,` or `}` at line 1 column 9
    "#]],
    );
    check(
        "webhook",
        &with("{% for a in range(100000000) %}{% endfor %}"),
        &expect![[r#"
        template template: line 1: invalid operation: range has too many elements
    "#]],
    );
    let mut text = with("{{ name }} is {{ transition }}");
    text["headers"] = json!({"Content-Type": "text/plain"});
    check(
        "webhook",
        &text,
        &expect![[r#"
        {"sealed":["headers"],"template":"{{ name }} is {{ transition }}","url":"https://example.com/hook"}
    "#]],
    );
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
    assert_eq!(channels.send(&moved, &message(&told)).await.outcome, SentOutcome::Refused);
    let other = Channels::new(options(), Seal::with_key([8; 32])).unwrap();
    let sent = other.send(&good, &message(&told)).await;
    assert_eq!(sent.outcome, SentOutcome::Refused);
    assert_eq!(server.seen().len(), 1);
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
        Endpoint { secrets: vec![1, 2, 3], ..good.clone() },
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
