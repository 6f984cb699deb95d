//! The webhook: its fixed body, its template, its signature.

use std::path::Path;

use delivery::channel::Message;
use expect_test::expect_file;
use hmac::{Hmac, KeyInit, Mac};
use model::{DirectiveId, Duration, Transition, Trigger};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::messages::{HOSTILE, channels, endpoint, message, notification, opened, send};
use crate::servers::http::{Behaviour, Seen, Server};

async fn seen(config: Value, told: &Message<'_>) -> Seen {
    let server = Server::start(Behaviour::Always(200, Vec::new(), Vec::new())).await;
    let channels = channels();
    let mut config = config;
    config["url"] = json!(server.url("/hook"));
    let endpoint = endpoint(&channels, "webhook", &config);
    let sent = channels.send(&endpoint, told).await;
    assert_eq!(sent.status, 200, "{}", sent.answer);
    server.seen().remove(0)
}

#[tokio::test]
async fn the_body_has_a_fixed_shape() {
    let told = opened();
    let seen = seen(json!({}), &message(&told)).await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/webhook/body.json");
    expect_file![file].assert_eq(&format!("{:#}\n", seen.json()));
}

#[tokio::test]
async fn the_payload_goes_out_byte_for_byte() {
    let told = opened();
    let seen = seen(json!({}), &message(&told)).await;
    let body = String::from_utf8(seen.body).unwrap();
    assert!(body.contains(r#""payload":{"z": 1, "a": [1.50, "x"]}"#), "{body}");
}

#[tokio::test]
async fn what_makes_a_transition_particular_stands_in_the_context() {
    let late = notification(Transition::Of(Trigger::Unacknowledged(Duration::from_secs(300))), "x");
    let context = seen(json!({}), &message(&late)).await.json()["context"].clone();
    assert_eq!(context["unacknowledged_seconds"], 300);
    assert_eq!(context["transition"], "unacknowledged_for(300s)");
    let step = Transition::Step { policy: DirectiveId(9), step: 1, round: 2 };
    let step = notification(step, "x");
    let context = seen(json!({}), &message(&step)).await.json()["context"].clone();
    assert_eq!((&context["step"], &context["round"]), (&json!(1), &json!(2)));
    assert_eq!(context["policy_id"], DirectiveId(9).to_string());
}

#[tokio::test]
async fn a_digest_lists_all_that_is_told() {
    let (first, second) = (opened(), notification(Transition::Of(Trigger::Signal), "b"));
    let others = [second.clone()];
    let message = Message { others: &others, ..message(&first) };
    let digest = seen(json!({}), &message).await.json()["digest"].clone();
    assert_eq!(digest.as_array().map(Vec::len), Some(2));
    assert_eq!(digest[1]["notification_id"], second.id.to_string());
    assert_eq!(digest[1]["subject"], "signal:00000000-0000-0000-0000-000000000051");
}

#[tokio::test]
async fn a_digest_is_known_by_all_that_is_in_it_and_by_nothing_else() {
    let [a, b, c] = [Trigger::Opened, Trigger::Signal, Trigger::Resolved]
        .map(|trigger| notification(Transition::Of(trigger), "x"));
    let mut keys = Vec::new();
    for (first, others) in
        [(&a, vec![]), (&a, vec![&b]), (&b, vec![&a]), (&a, vec![&b, &c]), (&b, vec![])]
    {
        let others: Vec<_> = others.into_iter().cloned().collect();
        let seen = seen(json!({}), &Message { others: &others, ..message(first) }).await;
        keys.push(seen.header("idempotency-key").to_owned());
    }
    assert_eq!([&keys[0], &keys[4]], [&a.id.to_string(), &b.id.to_string()]);
    assert_eq!(keys[1], keys[2], "the order says nothing");
    let others: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(others.len(), 4, "{keys:?}");
    assert!(keys.iter().all(|key| key.len() == 36 && key.as_bytes()[14] == b'8'), "{keys:?}");
}

#[tokio::test]
async fn every_secret_signs_what_was_sent() {
    let told = opened();
    let config = json!({"secret": "first-secret", "secrets": ["second-secret"]});
    let seen = seen(config, &message(&told)).await;
    let sign = |secret: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(b"1700000000.");
        mac.update(&seen.body);
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let wanted = format!("t=1700000000,v1={},v1={}", sign("first-secret"), sign("second-secret"));
    assert_eq!(seen.header("stormbell-signature"), wanted);
}

#[tokio::test]
async fn a_template_makes_valid_json_of_hostile_text() {
    let told = notification(Transition::Of(Trigger::Opened), HOSTILE);
    let template = "{\"text\": {{ name }}, \"team\": {{ context.labels.team }}, \
                    \"open\": {% if incident.status == \"OPEN\" %}true{% else %}false{% endif %}}";
    let config = json!({"template": template, "method": "PUT"});
    let seen = seen(config, &message(&told)).await;
    assert_eq!(seen.method, "PUT");
    assert_eq!(seen.json(), json!({"text": HOSTILE, "team": HOSTILE, "open": true}));
}

#[tokio::test]
async fn a_template_of_plain_text_is_sent_as_it_is() {
    let told = opened();
    let config = json!({
        "template": "{{ name }} ({{ severity }})", "headers": {"Content-Type": "text/plain; charset=utf-8"},
    });
    let seen = seen(config, &message(&told)).await;
    assert_eq!(seen.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(seen.body, b"Payment database is down (P1)");
}

#[tokio::test]
async fn a_template_that_yields_too_much_is_refused() {
    let server = Server::start(Behaviour::Always(200, Vec::new(), Vec::new())).await;
    let template = "{% for a in range(9) %}{{ name }}{% endfor %}";
    let headers = json!({"Content-Type": "text/plain"});
    let config = json!({"url": server.url("/hook"), "template": template, "headers": headers});
    let told = notification(Transition::Of(Trigger::Opened), &"x".repeat(40_000));
    let sent = send(&channels(), "webhook", &config, &told).await;
    assert!(sent.answer.contains("more than 262144 bytes"), "{}", sent.answer);
    assert!(server.seen().is_empty());
}
