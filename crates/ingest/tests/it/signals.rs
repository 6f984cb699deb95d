//! `POST /v1/signals` without transport: what becomes of fields, and every rule that can be broken.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use ingest::{Batch, Media, Problem, signals};
use model::{Entry, limits};

use crate::house::{Ids, context, decode_entry, grant};

fn decode(body: &str, media: Media) -> Result<Batch, Problem> {
    signals::decode(body.as_bytes(), context(&grant(), &Ids::default(), media))
}

/// The verdicts in words, one line each.
fn judge(body: &str, media: Media) -> String {
    let batch = match decode(body, media) {
        Ok(batch) => batch,
        Err(problem) => return format!("{}: {}", problem.code, problem.detail),
    };
    let mut text = format!("{} accepted, {} duplicates", batch.accepted, batch.duplicates);
    for rejection in &batch.rejections {
        write!(text, "\n{} {}: {}", rejection.index, rejection.code, rejection.message).unwrap();
    }
    text
}

fn check(body: &str, expected: Expect) {
    expected.assert_eq(&judge(body, Media::Json));
}

fn check_lines(body: &str, expected: Expect) {
    expected.assert_eq(&judge(body, Media::JsonLines));
}

/// The code of the only item of a body, or of the body.
fn code(body: &str) -> &'static str {
    match decode(body, Media::Json) {
        Ok(batch) => batch.rejections.first().map_or("accepted", |one| one.code.as_str()),
        Err(problem) => problem.code.as_str(),
    }
}

/// A signal with these further fields.
fn with(fields: &str) -> String {
    format!(r#"{{"component":"db",{fields}}}"#)
}

#[test]
fn every_field_comes_through() {
    let body = r#"{"id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","component":"db","component_type":"rdbms",
        "kind":"runtime","severity":"Critical","source":"probe","environment":"prod","status":"resolved",
        "summary":"caf\u00e9 \"down\"","labels":{"zone":"b","az":1,"hot":true},"payload":{ "a" : [1, 2.50] },
        "occurred_at":"2026-11-20T13:59:59.5+01:00","trace_id":"t","error_code":"E1",
        "incident_id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf8","links":["https://x"]}"#;
    let batch = decode(body, Media::Json).expect("valid");
    let record = batch.records.iter().next().expect("one");
    let Entry::Signal { project, signal } = decode_entry(record) else { panic!("a signal") };
    assert_eq!(project, grant().project);
    expect![[r#"
        Signal {
            id: SignalId(
                2055173893345515816361303840546295031,
            ),
            id_given: true,
            component: "db",
            component_type: Rdbms,
            kind: Runtime,
            severity: P0,
            source: "probe",
            environment: "prod",
            status: Resolved,
            summary: "café \"down\"",
            labels: [
                (
                    "az",
                    "1",
                ),
                (
                    "hot",
                    "true",
                ),
                (
                    "zone",
                    "b",
                ),
            ],
            payload: [],
            occurred_at: Timestamp(
                1795179599500000,
            ),
            trace_id: "t",
            error_code: "E1",
            incident_id: Some(
                IncidentId(
                    2055173893345515816361303840546295032,
                ),
            ),
            links: [
                "https://x",
            ],
        }
    "#]]
    .assert_debug_eq(&model::Signal { payload: (&[][..]).into(), ..signal.clone() });
    assert_eq!(&*signal.payload, br#"{ "a" : [1, 2.50] }"#);
}

#[test]
fn what_is_not_said_has_its_default() {
    let batch = decode(r#"{"component":"db"}"#, Media::Json).expect("valid");
    let Entry::Signal { signal, .. } = decode_entry(batch.records.iter().next().unwrap()) else {
        panic!("a signal")
    };
    assert_eq!(batch.ids, [signal.id]);
    let expected = model::Signal {
        occurred_at: crate::house::NOW,
        ..model::Signal::new(signal.id, "db", "unknown")
    };
    assert_eq!(signal, expected);
}

#[test]
fn aliases_are_read_and_may_not_contradict() {
    let body = r#"{"service":"db","signal_id":"018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7","timestamp":1795179000,"message":"m"}"#;
    let batch = decode(body, Media::Json).expect("valid");
    let Entry::Signal { signal, .. } = decode_entry(batch.records.iter().next().unwrap()) else {
        panic!("a signal")
    };
    assert_eq!((&*signal.component, &*signal.summary, signal.id_given), ("db", "m", true));
    assert_eq!(signal.occurred_at.micros(), 1_795_179_000_000_000);
    assert!(signal.payload.is_empty(), "aliases are not unknown fields");
    check(
        r#"[{"component":"db","service":"db"},{"component":"db","component_id":"web"},
            {"component":"db","timestamp":1,"occurred_at":2},{"component":"db","payload":1,"payload":2}]"#,
        expect![[r#"
            1 accepted, 0 duplicates
            1 conflicting_fields: `component` and an alias of it, or a second `component`, differ
            2 conflicting_fields: `occurred_at` and an alias of it, or a second `occurred_at`, differ
            3 conflicting_fields: `payload` and an alias of it, or a second `payload`, differ"#]],
    );
}

#[test]
fn with_unknown_fields_the_payload_is_the_whole_object() {
    let item = r#"{ "component":"db", "payload":{"p":1}, "extra": [null] }"#;
    for body in [item.to_owned(), format!("[ {item} ]")] {
        let batch = decode(&body, Media::Json).expect("valid");
        let record = batch.records.iter().next().expect("one");
        let Entry::Signal { signal, .. } = decode_entry(record) else { panic!("a signal") };
        assert_eq!(std::str::from_utf8(&signal.payload), Ok(item));
    }
}

#[test]
fn every_rule_has_its_code_and_says_what_is_legal() {
    check(
        r#"[{}, 5, {"component":" "}, {"component":5}, {"component":"db","id":"x"},
            {"component":"db","id":"00000000-0000-0000-0000-000000000000"},
            {"component":"db","severity":"bad"}, {"component":"db","kind":"bad"},
            {"component":"db","status":"bad"}, {"component":"db","component_type":"bad"},
            {"component":"db","incident_id":"bad"}, {"component":"db","occurred_at":"yesterday"},
            {"component":"db","occurred_at":1795179600123456}, {"component":"db","occurred_at":true},
            {"component":"db","occurred_at":"2026-11-20T13:05:01Z"}, {"component":"db\u0000"},
            {"component":"db","labels":{"a":null}}, {"component":"db","labels":{"a":{}}},
            {"component":"db","labels":{"a":"1","b":"2","a":"3"}}, {"component":"db","labels":{"":"1"}},
            {"component":"db","labels":[]}, {"component":"db","links":"x"}, {"component":"db","links":[1]},
            {"component":"db","project":"other"}, {"component":"db","organization":"other"}]"#,
        expect![[r#"
            0 accepted, 0 duplicates
            0 missing_component: `component` (or `component_id`, `service`) is required
            1 not_an_object: a signal is a JSON object
            2 missing_component: `component` (or `component_id`, `service`) is required
            3 wrong_type: `component` must be a string
            4 invalid_id: `id` must be a UUID; got `x`
            5 invalid_id: `id` is the nil UUID, which names nothing
            6 invalid_severity: `severity` must be one of P0, P1, P2, P3, critical, high, error, medium, warning, low, info; got `bad`
            7 invalid_kind: `kind` must be one of failure, alert, runtime, healthcheck, dependency, config; got `bad`
            8 invalid_status: `status` must be one of firing, resolved; got `bad`
            9 invalid_component_type: `component_type` must be one of API, MCP_HOST, CACHE, QUEUE, RDBMS, NOSQL, SERVICE, HOST, OTHER; got `bad`
            10 invalid_incident_id: `incident_id` must be a UUID; got `bad`
            11 invalid_occurred_at: `occurred_at` must be an RFC 3339 time with offset, or a number of seconds (below 1e11) or milliseconds since 1970 without exponent
            12 invalid_occurred_at: `occurred_at` must be an RFC 3339 time with offset, or a number of seconds (below 1e11) or milliseconds since 1970 without exponent
            13 wrong_type: `occurred_at` must be a string or a number
            14 occurred_in_future: `occurred_at` lies more than 300s ahead of the server's clock
            15 text_with_nul: `component` holds a NUL character
            16 invalid_label: label `a` must be a string, a number or a boolean
            17 invalid_label: label `a` must be a string, a number or a boolean
            18 duplicate_label: label `a` occurs twice
            19 invalid_label_name: a label has an empty name
            20 wrong_type: `labels` must be an object of strings
            21 wrong_type: `links` must be an array of strings
            22 wrong_type: `links` must be an array of strings
            23 project_mismatch: project `other` is not the key's project
            24 project_mismatch: organization `other` is not the key's organization"#]],
    );
    check(
        r#"[{"component":"db","project":"shop","organization":"acme"},{"component":"db","project":"7"},
            {"component":"db","id":null,"labels":null,"links":null,"occurred_at":null,"severity":""}]"#,
        expect!["3 accepted, 0 duplicates"],
    );
}

#[test]
fn every_limit_holds_to_the_byte() {
    let long = |count: usize| "é".repeat(count);
    type Body<'a> = &'a dyn Fn(usize) -> String;
    let cases: [(&str, Body<'_>, usize); 8] = [
        ("name_too_long", &|n| with(&format!(r#""source":"{}""#, long(n))), limits::NAME_CHARS),
        (
            "summary_too_long",
            &|n| with(&format!(r#""summary":"{}""#, "x".repeat(n))),
            limits::SUMMARY_BYTES,
        ),
        (
            "label_name_too_long",
            &|n| with(&format!(r#""labels":{{"{}":"v"}}"#, "x".repeat(n))),
            limits::LABEL_NAME_BYTES,
        ),
        (
            "label_value_too_long",
            &|n| with(&format!(r#""labels":{{"k":"{}"}}"#, "x".repeat(n))),
            limits::LABEL_VALUE_BYTES,
        ),
        (
            "link_too_long",
            &|n| with(&format!(r#""links":["{}"]"#, "x".repeat(n))),
            limits::LINK_BYTES,
        ),
        (
            "payload_too_large",
            &|n| with(&format!(r#""payload":"{}""#, "x".repeat(n - 2))),
            limits::PAYLOAD_BYTES,
        ),
        (
            "too_many_links",
            &|n| with(&format!(r#""links":[{}]"#, vec![r#""x""#; n].join(","))),
            limits::LINKS,
        ),
        (
            "json_too_deep",
            &|n| with(&format!(r#""payload":{}{}"#, "[".repeat(n - 1), "]".repeat(n - 1))),
            limits::JSON_DEPTH,
        ),
    ];
    for (refusal, body, limit) in cases {
        assert_eq!(code(&body(limit)), "accepted", "{refusal}");
        assert_eq!(code(&body(limit + 1)), refusal);
    }
    let labels = |n: usize| {
        let labels: Vec<String> = (0..n).map(|k| format!(r#""k{k}":"v""#)).collect();
        with(&format!(r#""labels":{{{}}}"#, labels.join(",")))
    };
    assert_eq!(code(&labels(limits::LABELS)), "accepted");
    assert_eq!(code(&labels(limits::LABELS + 1)), "too_many_labels");
    let smallest = r#"{"component":"db"}"#;
    let single = |n: usize| smallest.to_owned() + &" ".repeat(n - smallest.len());
    assert_eq!(code(&single(limits::SIGNAL_BYTES)), "accepted");
    assert_eq!(code(&single(limits::SIGNAL_BYTES + 1)), "signal_too_large");
    let in_array = with(&format!(r#""summary":"{}""#, "x".repeat(limits::SIGNAL_BYTES)));
    assert_eq!(code(&format!("[{in_array}]")), "signal_too_large");
}

#[test]
fn a_batch_has_a_limit_in_signals() {
    let body = |count| format!("[{}]", vec![r#"{"component":"a"}"#; count].join(","));
    assert_eq!(code(&body(limits::BATCH_SIGNALS)), "accepted");
    assert_eq!(code(&body(limits::BATCH_SIGNALS + 1)), "too_many_signals");
    let lines = vec![r#"{"component":"a"}"#; limits::BATCH_SIGNALS + 1].join("\n");
    let problem = decode(&lines, Media::JsonLines).expect_err("too many");
    assert_eq!(problem.code.as_str(), "too_many_signals");
}

#[test]
fn a_nested_bomb_is_one_rejection() {
    let bomb = "[".repeat(400_000) + &"]".repeat(400_000);
    for field in ["payload", "extra", "labels", "component", "links", "occurred_at"] {
        let body = format!(r#"[{{"component":"a"}},{{"component":"b","{field}":{bomb}}}]"#);
        let batch = decode(&body, Media::Json).expect("valid JSON");
        assert_eq!((batch.accepted, batch.rejected), (1, 1), "{field}");
    }
    assert_eq!(code(&bomb), "not_an_object", "an array whose only item is an array");
    assert_eq!(code(&"[".repeat(400_000)), "invalid_json");
}

#[test]
fn a_body_that_is_not_json_says_where() {
    check("", expect!["empty_batch: the body is empty"]);
    check(" \n ", expect!["empty_batch: the body is empty"]);
    check("[]", expect!["empty_batch: there is no signal in the body"]);
    check(
        "[{\"component\":\"a\"},\n {\"component\":}]",
        expect!["invalid_json: expected a JSON value at byte 34 (line 2, column 15)"],
    );
    check(
        "[{\"component\":\"a\"}",
        expect!["invalid_json: expected `,` or `]` at byte 18 (line 1, column 19)"],
    );
    check(
        "{\"component\":\"a\"}\n{\"component\":\"b\"}",
        expect![
            "invalid_json: expected the end; several signals go in an array or as NDJSON at byte 18 (line 2, column 1)"
        ],
    );
    check(
        "component=db",
        expect!["invalid_json: expected a JSON value at byte 0 (line 1, column 1)"],
    );
    let not_utf8 = signals::decode(
        b"{\"component\":\"\xff\"}",
        context(&grant(), &Ids::default(), Media::Json),
    );
    assert_eq!(not_utf8.expect_err("not UTF-8").detail, "the body is not UTF-8 from byte 14 on");
    check("\u{feff}{\"component\":\"a\"}", expect!["1 accepted, 0 duplicates"]);
}

#[test]
fn a_bad_line_is_its_own_rejection() {
    check_lines(
        "{\"component\":\"a\"}\r\n\n{\"component\":\n{\"component\":\"b\"} x\n{\"component\":\"c\"}\n[1]\n",
        expect![[r#"
            2 accepted, 0 duplicates
            2 invalid_json: expected a JSON value at byte 13 (line 1, column 14)
            3 invalid_json: expected the end of the line after one object at byte 18 (line 1, column 19)
            5 not_an_object: a signal is a JSON object"#]],
    );
    check_lines("[{\"component\":\"a\"}]", expect!["1 accepted, 0 duplicates"]);
    let lines = b"{\"component\":\"a\"}\n{\"component\":\"\xff\"}\n";
    let batch = signals::decode(lines, context(&grant(), &Ids::default(), Media::JsonLines));
    let batch = batch.expect("one good line");
    assert_eq!((batch.accepted, batch.rejected), (1, 1), "a line that is not UTF-8 is its own");
    check_lines("\n\n", expect!["empty_batch: the body is empty"]);
}

#[test]
fn ids_that_come_again_are_duplicates() {
    let grant = grant();
    let id = "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf7";
    let other = "018bcfe5-6800-88d7-9f2a-a2e8ab5f0cf8";
    let item = |id: &str| format!(r#"{{"component":"a","id":"{id}"}}"#);
    let body = format!("[{},{},{},{}]", item(id), item(other), item(id), item(other));
    check(&body, expect!["2 accepted, 2 duplicates"]);

    let applied = Ids::default();
    applied.0.lock().unwrap().insert(model::SignalId::parse(id).unwrap());
    let batch = signals::decode(body.as_bytes(), context(&grant, &applied, Media::Json));
    let batch = batch.expect("valid");
    assert_eq!((batch.accepted, batch.duplicates, batch.records.len()), (1, 3, 1));
}

#[test]
fn an_idempotency_key_derives_the_same_ids_again() {
    let grant = grant();
    let applied = Ids::default();
    let decode = |key| {
        let context = ingest::Context {
            idempotency_key: Some(key),
            ..context(&grant, &applied, Media::Json)
        };
        let body = br#"[{"component":"a"},{"component":"b"}]"#;
        signals::decode(body, context).expect("valid").ids
    };
    let ids = decode("k");
    assert_eq!(ids, decode("k"));
    assert_ne!(ids, decode("other"));
    applied.0.lock().unwrap().extend(&ids);
    assert_eq!(ids, decode("k"), "a retry is told the same ids");
}

#[test]
fn only_so_many_rejections_are_listed() {
    let body = format!("[{}]", vec!["1"; limits::REJECTIONS_LISTED + 5].join(","));
    let batch = decode(&body, Media::Json).expect("valid JSON");
    assert_eq!(batch.rejections.len(), limits::REJECTIONS_LISTED);
    assert_eq!(batch.rejected as usize, limits::REJECTIONS_LISTED + 5);
    assert_eq!(batch.rejected_by, [(ingest::Code::NotAnObject, batch.rejected)]);
}
