//! Killed and stopped under load: every acknowledged signal is there exactly once, whatever
//! happened when, and counters are exact.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::{
    Client, Given, Options, Random, Server, eventually, incidents, signal_ids, text, uuid,
};

const KILLS: usize = 100;
const STOPS: usize = 20;
/// Components the signals are about: as many incidents there must be.
const COMPONENTS: usize = 4;
const SENDERS: usize = 6;
/// Every run is the same as far as the machine lets it.
const SEED: u64 = 0x5eed_0b71;
/// Everything happens often, so that it is killed in the middle of all of it: new segments, new
/// files of the lake and their compaction, snapshots.
const BUSY: &str = r#"
journal = { segment_bytes = 1048576 }
lake = { flush_rows = 2000, flush_age = "300ms" }
pipeline = { snapshot_entries = 3000, snapshot_age = "300ms" }
"#;

/// What senders and the hand that kills share.
struct Storm {
    address: RwLock<SocketAddr>,
    over: AtomicBool,
    acknowledged: Mutex<Vec<String>>,
}

/// How a sender makes sure that nothing counts twice.
#[derive(Clone, Copy, PartialEq)]
enum Ids {
    /// Its own: the same body again, until it is acknowledged.
    Given,
    /// The server's: never sent again, because it would be another signal.
    Minted,
    /// Derived from an `Idempotency-Key`: the same request again, until it is acknowledged.
    Derived,
}

impl Storm {
    fn new(server: &Server) -> Self {
        Self {
            address: RwLock::new(server.http()),
            over: AtomicBool::new(false),
            acknowledged: Mutex::default(),
        }
    }

    /// Sends until the storm is over; what was begun by then is brought to an end.
    fn send(&self, mut client: Client, ids: Ids, sender: u64) {
        let mut random = Random::new(SEED ^ sender);
        for round in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let given: Vec<_> = match ids {
                Ids::Given => {
                    (0..1 + random.below(20)).map(|_| uuid(random.next(), sender)).collect()
                }
                Ids::Minted | Ids::Derived => Vec::new(),
            };
            let count = given.len().max(1 + random.below(20) * usize::from(given.is_empty()));
            let items: Vec<_> = (0..count)
                .map(|index| {
                    let component = format!("part-{}", random.below(COMPONENTS));
                    json!({ "component": component, "severity": "P1", "id": given.get(index) })
                })
                .collect();
            let body = json!(items).to_string();
            let key = format!("{sender}-{round}");
            if let Some(minted) = self.deliver(&mut client, ids, &body, &key) {
                let mut acknowledged = self.acknowledged.lock().expect("no sender panics");
                acknowledged.extend(given);
                acknowledged.extend(minted);
            }
        }
    }

    /// The ids the server made, once it has acknowledged; nothing if it cannot be known whether it
    /// took them.
    fn deliver(&self, client: &mut Client, ids: Ids, body: &str, key: &str) -> Option<Vec<String>> {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let headers = if ids == Ids::Derived { &headers[..] } else { &headers[..1] };
        let given = Given { headers, body: body.as_bytes(), ..Given::default() };
        loop {
            client.turn_to(*self.address.read().expect("no sender panics"));
            match client.send("POST", "/v1/signals", &given) {
                Ok(answer) if answer.status == 202 => {
                    let answer = answer.json();
                    assert_eq!(answer["rejected"], json!([]));
                    let minted = answer["ids"].as_array().expect("a list");
                    return Some(minted.iter().map(text).collect());
                }
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
                Err(_broken) if ids == Ids::Minted => return None,
                Err(_broken) => {}
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends and restarts the server while senders send; then looks whether all is there.
    fn rage(self, server: &mut Server, times: usize, mut end: impl FnMut(&mut Server)) {
        let mut random = Random::new(SEED);
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let ids = [Ids::Given, Ids::Minted, Ids::Derived][sender % 3];
                let (storm, client) = (&self, server.client());
                scope.spawn(move || storm.send(client, ids, sender as u64));
            }
            let over = Over(&self.over);
            eventually("the storm is under way", Duration::from_secs(30), || {
                (self.acknowledged.lock().expect("no sender panics").len() > 500).then_some(())
            });
            for _ in 0..times {
                thread::sleep(Duration::from_millis(20 + random.below(131) as u64));
                end(server);
                server.restart();
                *self.address.write().expect("no sender panics") = server.http();
            }
            drop(over);
        });
        check(server, &self.acknowledged.into_inner().expect("no sender panics"));
    }
}

/// Sends senders home, also when the test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Every acknowledged id exactly once, nothing twice, one incident a component, exact counters.
fn check(server: &Server, acknowledged: &[String]) {
    let mut client = server.client();
    let found = incidents(&mut client, "");
    let mut components: Vec<_> = found.iter().map(|one| text(&one["component"])).collect();
    components.sort();
    let expected: Vec<_> = (0..COMPONENTS).map(|number| format!("part-{number}")).collect();
    assert_eq!(components, expected, "one incident a component");
    let mut listed: HashMap<String, u32> = HashMap::new();
    for incident in &found {
        let ids = signal_ids(&mut client, &text(&incident["id"]));
        assert_eq!(incident["signal_count"], ids.len(), "the counter of {incident} is exact");
        for id in ids {
            *listed.entry(id).or_default() += 1;
        }
    }
    let lost: Vec<_> = acknowledged.iter().filter(|id| !listed.contains_key(*id)).collect();
    let doubled: Vec<_> = listed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
}

#[test]
fn killed_a_hundred_times_under_load_nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let config = Some(BUSY.to_owned());
    let mut server = Server::start(Options { config, ..Options::default() });
    Storm::new(&server).rage(&mut server, KILLS, Server::kill9);
    // Nothing half written stays behind, and it starts from the snapshot of an ordered stop.
    server.terminate();
    let snapshots = fs::read_dir(server.data().join("snapshots")).expect("it is a folder");
    let names = snapshots.map(|entry| entry.expect("it can be read").file_name());
    let unfinished: Vec<_> =
        names.filter(|name| !name.to_string_lossy().ends_with(".snapshot")).collect();
    assert!(unfinished.is_empty(), "{unfinished:?}");
    server.restart();
}

#[test]
fn stopped_twenty_times_under_load_it_ends_well_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start(Options::default());
    Storm::new(&server).rage(&mut server, STOPS, |server| {
        server.terminate();
    });
}

#[test]
fn a_snapshot_stands_for_all_before_it_when_it_was_stopped_during_load() {
    let mut server = Server::start(Options::default());
    Storm::new(&server).rage(&mut server, 1, |server| {
        server.terminate();
    });
    server.terminate();
    server.restart();
    let opened = server.log_line("\"opened\"").expect("it says what it replayed");
    assert_eq!(opened["replayed"], 0, "{opened}");
    assert_ne!(opened["snapshot"], 0, "{opened}");
}
