//! Many alerts against many rules, while the server is killed and sinks misbehave: exactly the expected
//! notifications, none missing, and twice only what a kill came between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::subscription::{private, subscriber, webhook};
use crate::harness::{Client, Conduct, Random, Server, Sink, eventually, text, uuid};

const SUBSCRIBERS: usize = 100;
const RULES_OF_EACH: usize = 288;
const ALERTS: usize = 10_000;
/// Alerts in one request.
const BATCH: usize = 50;
const KILLS: usize = 10;
const SINKS: usize = 10;
/// Who creates rules side by side.
const HANDS: usize = 16;
/// So many components that an alert concerns some five subscribers.
const COMPONENTS: usize = 6_000;
const TEAMS: usize = 40;
const SEED: u64 = 0x0be1_1000;

/// How much it may take in all, far beyond what it does.
const LONG: Duration = Duration::from_secs(420);

/// A rule as the test understands it: what it asks for, without the server's words.
#[derive(Debug, Clone)]
enum Wish {
    /// A component, at least so bad.
    Component(usize, usize),
    /// One of these components.
    OneOf([usize; 3]),
    /// Components that begin so, of a team, and not in staging.
    Beginning(usize, usize),
    /// A summary that ends in two digits, on a component.
    Ending(usize),
}

/// An alert as the test understands it.
#[derive(Debug, Clone)]
struct Alert {
    id: String,
    component: usize,
    severity: usize,
    team: usize,
    staging: bool,
    digits: usize,
}

impl Wish {
    fn some(random: &mut Random) -> Self {
        let component = random.below(COMPONENTS);
        match random.below(4) {
            0 => Self::Component(component, random.below(4)),
            1 => Self::OneOf([component, random.below(COMPONENTS), random.below(COMPONENTS)]),
            2 => Self::Beginning(100 + random.below(500), random.below(TEAMS)),
            _ => Self::Ending(component),
        }
    }

    /// Whether it concerns an alert, worked out here and nowhere else.
    fn concerns(&self, alert: &Alert) -> bool {
        match self {
            Self::Component(component, worst) => {
                alert.component == *component && alert.severity <= *worst
            }
            Self::OneOf(components) => components.contains(&alert.component),
            Self::Beginning(digits, team) => {
                let begins = alert.component.to_string().starts_with(&digits.to_string());
                begins && alert.team == *team && !alert.staging
            }
            Self::Ending(component) => alert.component == *component && alert.digits >= 10,
        }
    }

    fn conditions(&self) -> Value {
        let condition = |field: &str, op: &str, value: Value| json!({ "field": field, "op": op, "value": value });
        let component = |number: &usize| json!(format!("svc-{number}"));
        match self {
            Self::Component(number, worst) => json!([
                condition("component", "equals", component(number)),
                condition("severity", "at_least", json!(format!("P{worst}"))),
            ]),
            Self::OneOf(numbers) => {
                let values = numbers.iter().map(component).collect();
                json!([condition("component", "one_of", Value::Array(values))])
            }
            Self::Beginning(digits, team) => json!([
                condition("component", "glob", json!(format!("svc-{digits}*"))),
                condition("labels.team", "equals", json!(format!("t{team}"))),
                { "field": "environment", "op": "equals", "value": "staging", "negate": true },
            ]),
            Self::Ending(number) => json!([
                condition("summary", "regex", json!("code [0-9]{2}$")),
                condition("component", "equals", component(number)),
            ]),
        }
    }
}

impl Alert {
    fn some(random: &mut Random, nth: usize) -> Self {
        Self {
            id: uuid(SEED, nth as u64),
            component: random.below(COMPONENTS),
            severity: random.below(4),
            team: random.below(TEAMS),
            staging: random.below(4) == 0,
            digits: random.below(100),
        }
    }

    fn body(&self) -> Value {
        json!({
            "id": self.id, "component": format!("svc-{}", self.component),
            "severity": format!("P{}", self.severity), "kind": "alert",
            "environment": if self.staging { "staging" } else { "prod" },
            "labels": { "team": format!("t{}", self.team) },
            "summary": format!("code {}", self.digits),
        })
    }
}

/// What a subscriber wants, and what it is called by the server.
struct Subscriber {
    id: String,
    endpoint: String,
    wishes: Vec<Wish>,
}

fn subscribe(client: &mut Client, sinks: &[Sink]) -> Vec<Subscriber> {
    let mut random = Random::new(SEED);
    (0..SUBSCRIBERS)
        .map(|nth| {
            let id = subscriber(client, &format!("team {nth}"));
            let endpoint = webhook(client, &id, "hook", &sinks[nth % SINKS]);
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
fn send(client: &mut Client, address: &Mutex<std::net::SocketAddr>, alerts: &[Alert]) {
    let body = Value::Array(alerts.iter().map(Alert::body).collect()).to_string();
    loop {
        client.turn_to(*address.lock().expect("no thread panics"));
        match client.try_post("/v1/signals", body.as_bytes()) {
            Ok(answer) if answer.status == 202 => return,
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_broken) => {}
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Sinks that fail in every way there is, some of the time.
fn misbehave(sinks: &[Sink]) {
    sinks[0].conduct_of_every(7, Conduct::Answers(500));
    sinks[1].conduct_of_every(97, Conduct::AsksToWait(1));
    sinks[2].conduct_of_every(211, Conduct::Hangs);
    sinks[3].conduct_of_every(13, Conduct::TakesAndCuts);
    sinks[4].conduct_of_every(5, Conduct::Answers(408));
}

/// Sends every alert while the server is killed; answers when each kill was.
fn rage(server: &mut Server, sinks: &[Sink], alerts: &[Alert]) -> Vec<Instant> {
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
            let before: usize = sinks.iter().map(Sink::count).sum();
            eventually("something is delivered between two kills", LONG, || {
                let now: usize = sinks.iter().map(Sink::count).sum();
                (now > before + 100 * usize::from(kill > 0)).then_some(())
            });
            thread::sleep(Duration::from_millis(random.below(200) as u64));
            server.kill9();
            kills.push(Instant::now());
            server.restart();
            *address.lock().expect("no thread panics") = server.http();
        }
    });
    kills
}

#[test]
fn ten_thousand_alerts_against_28_800_rules_while_everything_fails() {
    let mut server = Server::start(private());
    let sinks: Vec<Sink> = (0..SINKS).map(|_| Sink::start()).collect();
    let mut client = server.client();
    let subscribers = subscribe(&mut client, &sinks);
    let began = Instant::now();
    create_rules(&server, &subscribers);
    eprintln!("{} rules in {:?}", SUBSCRIBERS * RULES_OF_EACH, began.elapsed());
    let mut random = Random::new(SEED ^ 1);
    let alerts: Vec<Alert> = (0..ALERTS).map(|nth| Alert::some(&mut random, nth)).collect();
    let expected = expected(&subscribers, &alerts);
    misbehave(&sinks);
    let kills = rage(&mut server, &sinks, &alerts);
    sinks.iter().for_each(|sink| sink.conduct(Conduct::Takes));
    eventually("everything is settled", LONG, || {
        let page = server.client().get("/v1/notifications?status=pending&limit=1");
        (page.expect_status(200).json()["total"] == 0).then_some(())
    });
    eprintln!("settled {} after {:?}", expected.len(), began.elapsed());
    check(&server, &sinks, &expected, &kills);
}

fn check(
    server: &Server,
    sinks: &[Sink],
    expected: &BTreeSet<(String, String)>,
    kills: &[Instant],
) {
    let mut arrivals: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    let mut told = BTreeMap::new();
    for one in sinks.iter().flat_map(Sink::taken) {
        let body = one.json();
        let id = text(&body["notification_id"]);
        arrivals.entry(id.clone()).or_default().push(one.at);
        told.insert((text(&body["subscriber_id"]), text(&body["signal"]["id"])), id);
    }
    let pairs: BTreeSet<_> = told.keys().cloned().collect();
    let missing: Vec<_> = expected.difference(&pairs).collect();
    let extra: Vec<_> = pairs.difference(expected).collect();
    assert!(missing.is_empty(), "{} of {} missing", missing.len(), expected.len());
    assert!(extra.is_empty(), "{} too many: {extra:?}", extra.len());
    assert_eq!(arrivals.len(), expected.len(), "one notification for a subscriber and a signal");
    let mut twice = 0;
    for (id, times) in arrivals.iter().filter(|(_, times)| times.len() > 1) {
        for pair in times.windows(2) {
            let between = kills.iter().any(|kill| pair[0] <= *kill && *kill <= pair[1]);
            assert!(between, "{id} came twice without a kill in between");
            twice += 1;
        }
    }
    eprintln!("{twice} of {} came twice, each around a kill", expected.len());
    let mut client = server.client();
    let all = client.get("/v1/notifications?limit=1").expect_status(200).json();
    assert_eq!(all["total"], expected.len());
    let delivered = client.get("/v1/notifications?status=delivered&limit=1").expect_status(200);
    assert_eq!(delivered.json()["total"], expected.len());
    let dead = client.get("/v1/dead-letters?limit=1").expect_status(200).json();
    assert_eq!(dead["total"], 0, "{dead}");
}
