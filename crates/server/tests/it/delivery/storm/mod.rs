//! Many alerts against many rules, while the server is killed and sinks misbehave: exactly the expected
//! notifications, none missing, and twice only what was sent before a kill that its receipt did not outlive.

mod arrivals;
mod wishes;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use self::arrivals::{Arrivals, Kill};
use self::wishes::{Alert, Wish};
use super::subscription::{endpoint, private, subscriber, webhook};
use crate::harness::{Client, Conduct, Random, RealMail, Server, Sink, eventually, text};

const SUBSCRIBERS: usize = 100;
const RULES_OF_EACH: usize = 288;
const ALERTS: usize = 10_000;
/// Alerts in one request.
const BATCH: usize = 50;
const KILLS: usize = 10;
const SINKS: usize = 10;
/// Every so many subscribers get mail instead.
const MAILED: usize = 20;
/// Who creates rules side by side.
const HANDS: usize = 16;
/// So many components that an alert concerns some five subscribers.
const COMPONENTS: usize = 6_000;
const TEAMS: usize = 40;
const SEED: u64 = 0x0be1_1000;

/// How much it may take in all, far beyond what it does.
const LONG: Duration = Duration::from_secs(420);

/// What a subscriber wants, and what it is called by the server.
struct Subscriber {
    id: String,
    endpoint: String,
    wishes: Vec<Wish>,
}

/// Where notifications arrive.
struct Places {
    sinks: Vec<Sink>,
    mail: RealMail,
}

impl Places {
    fn start() -> Self {
        Self { sinks: (0..SINKS).map(|_| Sink::start()).collect(), mail: RealMail::start() }
    }

    /// The endpoint of a subscriber at one of them.
    fn endpoint(&self, client: &mut Client, subscriber: &str, nth: usize) -> String {
        if nth % MAILED != MAILED - 1 {
            return webhook(client, subscriber, "hook", &self.sinks[nth % SINKS]);
        }
        let config = json!({
            "host": "127.0.0.1", "port": self.mail.port(), "tls": "none",
            "from": "bell@stormbell.example", "to": format!("{nth}@example.com"),
        });
        endpoint(client, subscriber, "email", &config)
    }

    /// Sinks that fail in every way there is, some of the time.
    fn misbehave(&self) {
        self.sinks[0].conduct_of_every(7, Conduct::Answers(500));
        self.sinks[1].conduct_of_every(97, Conduct::AsksToWait(1));
        self.sinks[2].conduct_of_every(211, Conduct::Hangs);
        self.sinks[3].conduct_of_every(13, Conduct::TakesAndCuts);
        self.sinks[4].conduct_of_every(5, Conduct::Answers(408));
    }

    fn behave(&self) {
        self.sinks.iter().for_each(|sink| sink.conduct(Conduct::Takes));
    }

    /// How many the sinks have taken.
    fn count(&self) -> usize {
        self.sinks.iter().map(Sink::count).sum()
    }

    fn settle(&self) {
        self.sinks.iter().for_each(Sink::settle);
        self.mail.settle();
    }
}

fn subscribe(client: &mut Client, places: &Places) -> Vec<Subscriber> {
    let mut random = Random::new(SEED);
    (0..SUBSCRIBERS)
        .map(|nth| {
            let id = subscriber(client, &format!("team {nth}"));
            let endpoint = places.endpoint(client, &id, nth);
            let wishes = (0..RULES_OF_EACH).map(|_| Wish::some(&mut random)).collect();
            Subscriber { id, endpoint, wishes }
        })
        .collect()
}

fn create_rules(server: &Server, subscribers: &[Subscriber]) {
    thread::scope(|scope| {
        for hand in 0..HANDS {
            let mut client = server.client();
            scope.spawn(move || {
                for one in subscribers.iter().skip(hand).step_by(HANDS) {
                    for (nth, wish) in one.wishes.iter().enumerate() {
                        let asked = json!({
                            "subscriber_id": one.id, "name": format!("rule {nth}"), "on": ["signal"],
                            "match": wish.conditions(), "endpoints": [one.endpoint],
                        });
                        client.post("/v1/rules", &asked).expect_status(201);
                    }
                }
            });
        }
    });
}

/// The (subscriber, signal) pairs that are to be told.
fn expected(subscribers: &[Subscriber], alerts: &[Alert]) -> BTreeSet<(String, String)> {
    let mut expected = BTreeSet::new();
    for alert in alerts {
        let concerned = |one: &&Subscriber| one.wishes.iter().any(|wish| wish.concerns(alert));
        let concerned = subscribers.iter().filter(concerned);
        expected.extend(concerned.map(|one| (one.id.clone(), alert.id.clone())));
    }
    expected
}

/// Sends a batch until it is acknowledged, wherever the server is by then.
fn send(client: &mut Client, address: &Mutex<SocketAddr>, alerts: &[Alert]) {
    let body = Value::Array(alerts.iter().map(Alert::body).collect()).to_string();
    let began = Instant::now();
    while began.elapsed() < LONG {
        client.turn_to(*address.lock().expect("no thread panics"));
        match client.try_post("/v1/signals", body.as_bytes()) {
            Ok(answer) if answer.status == 202 => return,
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_broken) => {}
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("nobody takes it");
}

/// Sends every alert while the server is killed; answers what is known of each kill.
fn rage(server: &mut Server, places: &Places, alerts: &[Alert]) -> Vec<Kill> {
    let address = Mutex::new(server.http());
    let mut kills = Vec::new();
    let mut random = Random::new(SEED);
    thread::scope(|scope| {
        let mut client = server.client();
        let address = &address;
        scope.spawn(move || {
            for batch in alerts.chunks(BATCH) {
                send(&mut client, address, batch);
                thread::sleep(Duration::from_millis(20));
            }
        });
        for kill in 0..KILLS {
            let before = places.count();
            eventually("something is delivered between two kills", LONG, || {
                (places.count() > before + 100 * usize::from(kill > 0)).then_some(())
            });
            thread::sleep(Duration::from_millis(random.below(200) as u64));
            let delivered = delivered(server);
            server.kill9();
            places.settle();
            kills.push(Kill { at: SystemTime::now(), delivered });
            server.restart();
            *address.lock().expect("no thread panics") = server.http();
        }
    });
    kills
}

/// The newest notifications that the server says are delivered.
fn delivered(server: &Server) -> Vec<String> {
    let page = server.client().get("/v1/notifications?status=delivered&limit=500");
    let page = page.expect_status(200).json();
    page["items"].as_array().expect("a list").iter().map(|one| text(&one["id"])).collect()
}

#[test]
fn ten_thousand_alerts_against_28_800_rules_while_everything_fails() {
    let mut server = Server::start(private());
    let places = Places::start();
    let mut client = server.client();
    let subscribers = subscribe(&mut client, &places);
    let began = Instant::now();
    create_rules(&server, &subscribers);
    eprintln!("{} rules in {:?}", SUBSCRIBERS * RULES_OF_EACH, began.elapsed());
    let mut random = Random::new(SEED ^ 1);
    let alerts: Vec<Alert> = (0..ALERTS).map(|nth| Alert::some(&mut random, nth)).collect();
    let expected = expected(&subscribers, &alerts);
    places.misbehave();
    let kills = rage(&mut server, &places, &alerts);
    places.behave();
    eventually("everything is settled", LONG, || {
        let page = server.client().get("/v1/notifications?status=pending&limit=1");
        (page.expect_status(200).json()["total"] == 0).then_some(())
    });
    eprintln!("settled {} after {:?}", expected.len(), began.elapsed());
    let arrivals = Arrivals::of(&places, &subscribers, &alerts);
    arrivals.are_exactly(&expected);
    arrivals.are_doubled_by_kills_only(&mut server.client(), &kills);
    all_delivered(&mut server.client(), expected.len());
}

fn all_delivered(client: &mut Client, expected: usize) {
    let mut total = |path: &str| client.get(path).expect_status(200).json()["total"].clone();
    assert_eq!(total("/v1/notifications?limit=1"), expected);
    assert_eq!(total("/v1/notifications?status=delivered&limit=1"), expected);
    assert_eq!(total("/v1/dead-letters?limit=1"), 0);
}
