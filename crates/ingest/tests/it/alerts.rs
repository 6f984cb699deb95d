//! The doors for alerts without transport: Alertmanager's rules, the mapping, webhooks.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use ingest::{Batch, Context, Media, Problem, alertmanager, alertmanager_webhook, grafana_webhook};
use model::{AlertLease, Entry, Signal, Timestamp};

use crate::house::{Ids, NOW, context, decode_entry, grant};

type Decode = fn(&[u8], Context<'_>) -> Result<Batch, Problem>;

fn decode(door: Decode, body: &str) -> Result<Batch, Problem> {
    door(body.as_bytes(), context(&grant(), &Ids::default(), Media::Json))
}

fn minutes(lease: Timestamp) -> i64 {
    (lease.micros() - NOW.micros()) / 60_000_000
}

/// Verdicts, and of what was accepted what matters.
fn judge(door: Decode, body: &str) -> String {
    let batch = match decode(door, body) {
        Ok(batch) => batch,
        Err(problem) => return format!("{}: {}", problem.code, problem.detail),
    };
    let mut text = format!("{} accepted", batch.accepted);
    for record in batch.records.iter() {
        let Entry::Alert { lease, signal, .. } = decode_entry(record) else { panic!("an alert") };
        let (starts, ends) = (minutes(lease.starts_at), minutes(lease.ends_at));
        let Signal { component, environment, severity, status, source, summary, .. } = signal;
        write!(
            text,
            "\n{:016x} {starts:+}..{ends:+} min {status} {severity} {source}: {component}/{environment} {summary}",
            lease.fingerprint
        )
        .unwrap();
    }
    for rejection in &batch.rejections {
        write!(text, "\n{} {}: {}", rejection.index, rejection.code, rejection.message).unwrap();
    }
    text
}

fn check(door: Decode, body: &str, expected: Expect) {
    expected.assert_eq(&judge(door, body));
}

fn one(door: Decode, body: &str) -> (AlertLease, Signal<'static>) {
    let batch = decode(door, body).expect("valid");
    let record: &'static [u8] = batch.records.iter().next().expect("one").to_vec().leak();
    let Entry::Alert { lease, signal, .. } = decode_entry(record) else { panic!("an alert") };
    (lease, signal)
}

#[test]
fn times_default_as_alertmanager_defaults_them() {
    check(
        alertmanager::decode,
        r#"[{"labels":{"alertname":"a"}},
            {"labels":{"alertname":"a"},"startsAt":"2026-11-20T12:00:00Z"},
            {"labels":{"alertname":"a"},"endsAt":"2026-11-20T12:30:00Z"},
            {"labels":{"alertname":"a"},"startsAt":"2026-11-20T12:00:00Z","endsAt":"2026-11-20T13:04:00Z"},
            {"labels":{"alertname":"a"},"startsAt":"0001-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z"},
            {"labels":{"alertname":"a"},"startsAt":"","endsAt":null}]"#,
        expect![[r#"
            6 accepted
            d258efc389808447 +0..+5 min firing P2 alertmanager: a/unknown a
            d258efc389808447 -60..+5 min firing P2 alertmanager: a/unknown a
            d258efc389808447 -30..-30 min resolved P2 alertmanager: a/unknown a
            d258efc389808447 -60..+4 min firing P2 alertmanager: a/unknown a
            d258efc389808447 +0..+5 min firing P2 alertmanager: a/unknown a
            d258efc389808447 +0..+5 min firing P2 alertmanager: a/unknown a"#]],
    );
}

#[test]
fn invalid_alerts_are_told_in_alertmanagers_words() {
    check(
        alertmanager::decode,
        r#"[{"labels":{"alertname":"good","empty":""}}, {"labels":{}}, {}, {"labels":{"a":""}},
            {"labels":{"1a":"x"}}, {"labels":{"alertname":5}}, {"labels":{"alertname":"a\u0000"}}, null,
            {"labels":{"alertname":"a"},"startsAt":"2030-01-01T00:00:00Z","endsAt":"2029-01-01T00:00:00Z"},
            {"labels":{"alertname":"a"},"startsAt":"2030-01-01T00:00:00Z"},
            {"labels":{"alertname":"a"},"startsAt":"nonsense"}, {"labels":{"a":"1","a":"2"}},
            {"labels":{"alertname":"a"},"annotations":{"x":[]}}, {"labels":{"alertname":"a"},"generatorURL":5}]"#,
        expect![[r#"
            1 accepted
            fff7f30401697f7b +0..+5 min firing P2 alertmanager: good/unknown good
            1 missing_labels: at least one label pair required
            2 missing_labels: at least one label pair required
            3 missing_labels: at least one label pair required
            4 invalid_label_name: invalid label set: invalid name "1a"
            5 invalid_label: label `alertname` must be a string
            6 text_with_nul: a label holds a NUL character
            7 not_an_object: an alert is a JSON object
            8 ends_before_start: start time must be before end time
            9 ends_before_start: start time must be before end time
            10 invalid_occurred_at: `startsAt` is not an RFC 3339 time: `nonsense`
            11 duplicate_label: label `a` occurs twice
            12 wrong_type: annotation `x` must be a string
            13 wrong_type: `generatorURL` and its kin must be strings"#]],
    );
    check(alertmanager::decode, "[]", expect!["0 accepted"]);
    check(alertmanager::decode, "null", expect!["0 accepted"]);
    check(alertmanager::decode, "", expect!["empty_batch: alerts in body is required"]);
    check(alertmanager::decode, "{}", expect!["invalid_json: the body must be an array of alerts"]);
    check(
        alertmanager::decode,
        r#"[{"labels":{"#,
        expect![
            "invalid_json: expected a member or the closing bracket at byte 12 (line 1, column 13)"
        ],
    );
}

#[test]
fn labels_say_what_the_alert_is_about() {
    check(
        alertmanager::decode,
        r#"[{"labels":{"alertname":"Down","job":"node","severity":"critical","env":"prod"}},
            {"labels":{"alertname":"Down","service":"web","job":"node","severity":"strange"}},
            {"labels":{"foo":"bar"},"annotations":{"description":"d","summary":" "}},
            {"labels":{"alertname":"Down","component":"db","deployment_environment":"x","severity":"info"},
             "annotations":{"description":"d","summary":"s"}}]"#,
        expect![[r#"
            4 accepted
            879b2f843783b9e5 +0..+5 min firing P0 alertmanager: node/prod Down
            eb4fbd31cdc3d343 +0..+5 min firing P2 alertmanager: web/unknown Down
            3fff2c2d7595e046 +0..+5 min firing P2 alertmanager: unknown/unknown d
            7e5b5e4618b744eb +0..+5 min firing P3 alertmanager: db/x s"#]],
    );
}

#[test]
fn the_payload_is_the_alert_as_it_was_sent() {
    let alert = r#"{ "labels":{"alertname":"Down","component_type":"cache"}, "annotations":{"a":"b"},
        "generatorURL":"http://prometheus/graph", "more": [1] }"#;
    let (_, signal) = one(alertmanager::decode, &format!("[{alert}]"));
    assert_eq!(std::str::from_utf8(&signal.payload), Ok(alert));
    assert_eq!(signal.links, ["http://prometheus/graph"]);
    assert_eq!(signal.component_type.as_str(), "CACHE");
    assert_eq!(signal.kind.as_str(), "alert");
    assert!(!signal.id_given);
}

#[test]
fn repeats_and_replicas_share_one_id_and_the_end_has_another() {
    let alert = |ends: &str, annotation: &str| {
        let body = format!(
            r#"[{{"labels":{{"alertname":"a"}},"annotations":{{"value":"{annotation}"}},
                "startsAt":"2026-11-20T12:00:00Z","endsAt":"{ends}"}}]"#
        );
        one(alertmanager::decode, &body).1.id
    };
    assert_eq!(alert("2026-11-20T13:04:00Z", "1"), alert("2026-11-20T13:05:00Z", "2"));
    assert_ne!(alert("2026-11-20T13:04:00Z", "1"), alert("2026-11-20T12:59:00Z", "1"));
}

#[test]
fn what_is_derived_is_cut_and_what_is_kept_is_refused() {
    let long = "é".repeat(400);
    let body = format!(
        r#"[{{"labels":{{"job":"{long}"}},"annotations":{{"summary":"{}"}}}}]"#,
        "é".repeat(3_000)
    );
    let (_, signal) = one(alertmanager::decode, &body);
    assert_eq!(signal.component.chars().count(), model::limits::NAME_CHARS);
    assert_eq!(signal.summary.len(), model::limits::SUMMARY_BYTES);
    assert_eq!(signal.label("job"), Some(&*long));
    let body = format!(
        r#"[{{"labels":{{"a":"{}"}}}},{{"labels":{{"a":"b"}},"annotations":{{"x":"{}"}}}}]"#,
        "x".repeat(2_049),
        "x".repeat(300_000)
    );
    check(
        alertmanager::decode,
        &body,
        expect![[r#"
            0 accepted
            0 label_value_too_long: the value of label `a` is longer than 2048 bytes
            1 payload_too_large: the payload is 300043 bytes, the limit is 262144; an alert, and a signal with unknown fields, is its own payload"#]],
    );
}

#[test]
fn a_webhook_gives_every_alert_of_its_group() {
    let body = r#"{"version":"4","groupKey":"{}:{}","truncatedAlerts":0,"status":"firing","receiver":"r",
        "groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am","alerts":[
        {"status":"firing","labels":{"alertname":"a"},"annotations":{},"startsAt":"2026-11-20T12:00:00Z",
         "endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"d258efc389808447"},
        {"status":"resolved","labels":{"alertname":"good"},"annotations":{},"startsAt":"2026-11-20T12:00:00Z",
         "endsAt":"2026-11-20T12:50:00Z"},
        {"status":"resolved","labels":{"alertname":"early"},"startsAt":"2026-11-20T12:00:00Z","endsAt":"2027-01-01T00:00:00Z"},
        {"status":"strange","labels":{"alertname":"a"}}, {"status":"firing","labels":{}}]}"#;
    check(
        alertmanager_webhook::decode,
        body,
        expect![[r#"
        3 accepted
        d258efc389808447 -60..+1440 min firing P2 alertmanager-webhook: a/unknown a
        fff7f30401697f7b -60..-10 min resolved P2 alertmanager-webhook: good/unknown good
        4aad349572a0968b -60..+0 min resolved P2 alertmanager-webhook: early/unknown early
        3 invalid_status: `status` must be one of firing, resolved; got `strange`
        4 missing_labels: at least one label pair required"#]],
    );
    check(
        alertmanager_webhook::decode,
        r#"{"version":"3","alerts":[]}"#,
        expect![[r#"unsupported_version: the payload's `version` must be "4""#]],
    );
    check(
        alertmanager_webhook::decode,
        r#"{"version":"4"}"#,
        expect!["empty_batch: the webhook holds no array `alerts`, or none"],
    );
    check(
        alertmanager_webhook::decode,
        "[]",
        expect!["invalid_json: the body must be a webhook's JSON object"],
    );
    check(
        alertmanager_webhook::decode,
        r#"{"alerts":[{}"#,
        expect!["invalid_json: expected `,` or `]` at byte 13 (line 1, column 14)"],
    );
}

#[test]
fn a_blank_label_names_no_component_and_no_environment() {
    let body = r#"[{"labels":{"alertname":"  ","env":" "}}]"#;
    let (_, signal) = one(alertmanager::decode, body);
    assert_eq!((&*signal.component, &*signal.environment), ("unknown", "unknown"));
    let body = format!(r#"[{{"labels":{{"service":"{}x","job":"api"}}}}]"#, " ".repeat(256));
    assert_eq!(one(alertmanager::decode, &body).1.component, "api");
}

#[test]
fn alerts_that_come_in_two_arrays_are_counted_on() {
    check(
        grafana_webhook::decode,
        r#"{"alerts":[null,{"labels":{"alertname":"a"}}],"alerts":[7]}"#,
        expect![[r#"
            1 accepted
            d258efc389808447 +0..+1440 min firing P2 grafana: a/unknown a
            0 not_an_object: an alert is a JSON object
            2 not_an_object: an alert is a JSON object"#]],
    );
    let half = "null,".repeat(model::limits::BATCH_SIGNALS / 2) + "null";
    check(
        grafana_webhook::decode,
        &format!(r#"{{"alerts":[{half}],"alerts":[{half}]}}"#),
        expect!["too_many_signals: more than 65536 items in one batch"],
    );
}

#[test]
fn grafana_is_understood_with_its_links_and_names() {
    let body = r#"{"receiver":"r","status":"firing","orgId":1,"version":"1","title":"t","state":"alerting",
        "message":"m","groupKey":"k","alerts":[{"status":"firing","labels":{"alertname":"CPU","grafana folder":"Ops",
        "severity":"high"},"annotations":{"summary":"hot"},"startsAt":"2026-11-20T13:55:00+01:00",
        "endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://g/alerting/1","fingerprint":"c6eadffa33fcdf37",
        "silenceURL":"http://g/silence","dashboardURL":"http://g/d","panelURL":"http://g/p",
        "values":{"B":44.23,"C":null},"valueString":"[ var='B' ]"}]}"#;
    check(
        grafana_webhook::decode,
        body,
        expect![[r#"
        1 accepted
        c6eadffa33fcdf37 -5..+1440 min firing P1 grafana: CPU/unknown hot"#]],
    );
    let (_, signal) = one(grafana_webhook::decode, body);
    assert_eq!(signal.links.len(), 4);
    assert_eq!(signal.label("grafana folder"), Some("Ops"));
}
