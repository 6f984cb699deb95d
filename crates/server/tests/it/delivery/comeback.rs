//! An endpoint that is gone for a while and comes back: it is told of everything once and in order, nobody else waits
//! for it, and signals are taken all the time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::subscription::{endpoint, private, rule, signal, subscriber};
use crate::harness::{Client, ClosedSink, Server, Sink, eventually, only_incident, text};

/// Far beyond the minute for which an endpoint that failed is left alone at most.
const LONG: Duration = Duration::from_secs(120);
const INCIDENTS: usize = 20;
/// What becomes of each incident, in order.
const TOLD: [&str; 4] = ["opened", "escalated", "acknowledged", "resolved"];

/// Lets an incident go its whole way.
fn live(client: &mut Client, component: &str) {
    for severity in ["P2", "P0"] {
        signal(
            client,
            &json!({ "component": component, "environment": "prod", "severity": severity }),
        );
    }
    let incident = only_incident(client, &format!("component={component}"));
    let path = format!("/v1/incidents/{}/state", text(&incident["id"]));
    for status in ["INVESTIGATING", "RESOLVED"] {
        client.json("PATCH", &path, &json!({ "to": status })).expect_status(200);
    }
}

/// What a sink was told of each component, in the order in which it arrived.
fn told(sink: &Sink) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in sink.taken() {
        let body = one.json();
        let of = told.entry(text(&body["incident"]["component"])).or_default();
        of.push(text(&body["transition"]));
    }
    told
}

fn everything_in_order() -> BTreeMap<String, Vec<String>> {
    let all = TOLD.map(str::to_owned).to_vec();
    (0..INCIDENTS).map(|nth| (format!("part-{nth}"), all.clone())).collect()
}

/// Says that it is over, also where the test fails.
struct Ending<'t>(&'t AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends signals that nobody is told of until it is over, each of which must be taken.
fn keep_sending(mut client: Client, taken: &AtomicUsize, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        signal(
            &mut client,
            &json!({ "component": "noise", "environment": "test", "severity": "P3" }),
        );
        taken.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_endpoint_that_was_gone_hears_of_everything_once_and_in_order_and_nobody_waits_for_it() {
    let server = Server::start(private());
    let mut client = server.client();
    let (sinks, gone) = ([Sink::start(), Sink::start()], ClosedSink::reserve());
    let prod = json!([{ "field": "environment", "op": "equals", "value": "prod" }]);
    for url in [sinks[0].url("/"), gone.url("/"), sinks[1].url("/")] {
        let team = subscriber(&mut client, &url);
        let hook = endpoint(&mut client, &team, "webhook", &json!({ "url": url }));
        rule(&mut client, &team, &hook, &json!({ "on": TOLD, "match": prod }));
    }
    let (taken, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let ending = Ending(&over);
        scope.spawn(|| keep_sending(server.client(), &taken, &over));
        let came_back = come_back(&server, &sinks, gone);
        drop(ending);
        for sink in sinks.iter().chain([&came_back]) {
            assert_eq!(told(sink), everything_in_order());
        }
    });
    let mut total = |path: &str| client.get(path).expect_status(200).json()["total"].clone();
    assert_eq!(total("/v1/notifications?status=delivered&limit=1"), 3 * INCIDENTS * TOLD.len());
    assert_eq!(total("/v1/notifications?limit=1"), 3 * INCIDENTS * TOLD.len());
    assert_eq!(total("/v1/dead-letters?limit=1"), 0);
    let noise = only_incident(&mut client, "component=noise");
    assert_eq!(noise["signal_count"], taken.load(Ordering::Relaxed));
}

/// Everything happens while one sink is gone, and the others hear of it then; answers that sink, come back.
fn come_back(server: &Server, sinks: &[Sink], gone: ClosedSink) -> Sink {
    let mut client = server.client();
    for nth in 0..INCIDENTS {
        live(&mut client, &format!("part-{nth}"));
    }
    let all = INCIDENTS * TOLD.len();
    for sink in sinks {
        eventually("those that are there hear of it meanwhile", LONG, || {
            (sink.count() == all).then_some(())
        });
    }
    eventually("the one that is gone is given up for a while", LONG, || {
        let open = server.metric("stormbell_delivery_breakers{state=\"open\"}");
        (open > 0.0).then_some(())
    });
    let mut pending = || {
        let page = client.get("/v1/notifications?status=pending&limit=1").expect_status(200);
        page.json()["total"].clone()
    };
    eventually("the others have their receipts", LONG, || (pending() == all).then_some(()));
    let came_back = gone.open();
    eventually("it hears of everything", LONG, || (came_back.count() >= all).then_some(()));
    eventually("everything is settled", LONG, || (pending() == 0).then_some(()));
    came_back
}
