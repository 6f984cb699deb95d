//! A rule is in force for the next record after its acknowledgement, every time.

use std::time::Duration;

use serde_json::json;

use super::subscription::{private, rule, signal, subscriber, webhook};
use crate::harness::{Server, Sink, eventually, text};

const TIMES: usize = 1_000;

#[test]
fn a_rule_applies_to_the_very_next_signal_a_thousand_times_in_a_row() {
    let server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    let team = subscriber(&mut client, "team");
    let hook = webhook(&mut client, &team, "hook", &sink);
    let mut told = Vec::new();
    for nth in 0..TIMES {
        let component = format!("part-{nth}");
        // What came before the rule is not told.
        signal(&mut client, &json!({ "component": component, "severity": "P3" }));
        let condition = json!([{ "field": "component", "op": "equals", "value": component }]);
        rule(&mut client, &team, &hook, &json!({ "on": ["signal"], "match": condition }));
        told.push(signal(&mut client, &json!({ "component": component, "severity": "P3" })));
    }
    eventually("all are told", Duration::from_secs(60), || (sink.count() >= TIMES).then_some(()));
    let mut arrived: Vec<_> =
        sink.taken().iter().map(|one| text(&one.json()["signal"]["id"])).collect();
    arrived.sort_unstable();
    told.sort_unstable();
    assert_eq!(arrived, told);
}
