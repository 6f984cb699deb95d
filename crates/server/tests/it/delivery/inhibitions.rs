//! Inhibitions over the ends of the server: source and target in every order of arrival, with a kill or a stop between
//! any two of them. Nothing leaks while state is restored, and what was kept quiet is told once when its source is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::subscription::{private, rule, signal, subscriber, webhook};
use crate::harness::{Client, Server, Sink, eventually, text};

/// What an inhibition keeps quiet is looked at every ten seconds.
const SOON: Duration = Duration::from_secs(60);
/// How many runs of the server a story may spread over before what is quiet is looked at.
const RUNS: usize = 3;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The database is down, which explains whatever else is.
    Source,
    /// The shop is down.
    Target,
    /// The database is up again.
    End,
}

/// What happens in one environment, each step in one of the runs of the server.
#[derive(Debug)]
struct Story {
    environment: String,
    steps: Vec<(usize, Step)>,
}

impl Step {
    fn send(self, client: &mut Client, environment: &str) {
        let (component, status) = match self {
            Self::Source => ("db", "firing"),
            Self::Target => ("shop", "firing"),
            Self::End => ("db", "resolved"),
        };
        let body = json!({
            "component": component, "environment": environment, "severity": "P1", "status": status,
        });
        signal(client, &body);
    }
}

impl Story {
    fn place(&self, wanted: Step) -> Option<usize> {
        self.steps.iter().position(|(_, step)| *step == wanted)
    }

    fn ends(&self) -> bool {
        self.place(Step::End).is_some()
    }

    /// Whether the source fires when the target arrives.
    fn is_quiet(&self) -> bool {
        let target = self.place(Step::Target);
        self.place(Step::Source) < target
            && self.place(Step::End).is_none_or(|end| target < Some(end))
    }

    /// What is told in the end: the source always, the target unless what explains it lasts.
    fn told(&self, has_ended: bool) -> Vec<(String, String)> {
        let on = |component: &str| (self.environment.clone(), component.to_owned());
        match self.is_quiet() && !has_ended {
            true => vec![on("db")],
            false => vec![on("db"), on("shop")],
        }
    }
}

/// Every order of the steps, spread over the runs in every way.
fn stories() -> Vec<Story> {
    use Step::{End, Source, Target};
    let orders: [&[Step]; 5] = [
        &[Source, Target, End],
        &[Target, Source, End],
        &[Source, End, Target],
        &[Source, Target],
        &[Target, Source],
    ];
    let mut stories = Vec::new();
    for order in orders {
        for number in 0..RUNS.pow(3) {
            let runs = [number / (RUNS * RUNS), number / RUNS % RUNS, number % RUNS];
            let runs = &runs[3 - order.len()..];
            if number < RUNS.pow(order.len() as u32) && runs.is_sorted() {
                let steps = runs.iter().copied().zip(order.iter().copied()).collect();
                stories.push(Story { environment: format!("story-{}", stories.len()), steps });
            }
        }
    }
    stories
}

/// A subscriber who hears of every opening, and the inhibition.
fn prepare(client: &mut Client, sink: &Sink) {
    let team = subscriber(client, "team");
    let hook = webhook(client, &team, "hook", sink);
    rule(client, &team, &hook, &json!({ "match_all": true }));
    let on =
        |component: &str| json!([{ "field": "component", "op": "equals", "value": component }]);
    let asked = json!({
        "name": "database", "source": on("db"), "target": on("shop"), "equal": ["environment"],
    });
    client.post("/v1/inhibitions", &asked).expect_status(201);
}

/// What arrived so far: about which component of which environment, by which notifications, when first.
fn told(sink: &Sink) -> BTreeMap<(String, String), (BTreeSet<String>, SystemTime)> {
    let mut told: BTreeMap<_, (BTreeSet<String>, SystemTime)> = BTreeMap::new();
    for one in sink.taken() {
        let body = one.json();
        assert_eq!(body["transition"], "opened", "{body}");
        let incident = &body["incident"];
        let about = (text(&incident["environment"]), text(&incident["component"]));
        let (ids, _) = told.entry(about).or_insert_with(|| (BTreeSet::new(), one.at));
        // A kill may make one come twice, but not become two.
        ids.insert(text(&body["notification_id"]));
    }
    told
}

/// Waits until all of this has been told, and insists that nothing else was and nothing is by two notifications.
#[track_caller]
fn told_exactly(client: &mut Client, sink: &Sink, expected: &BTreeSet<(String, String)>) {
    eventually("what is to be told is told", SOON, || {
        let told = told(sink);
        expected.iter().all(|one| told.contains_key(one)).then_some(())
    });
    eventually("everything is settled", SOON, || {
        (total(client, "status=pending") == 0).then_some(())
    });
    let told = told(sink);
    let about: BTreeSet<_> = told.keys().cloned().collect();
    let extra: Vec<_> = about.difference(expected).collect();
    assert!(extra.is_empty(), "told of what was to be quiet: {extra:?}");
    for (about, (ids, _)) in told {
        assert_eq!(ids.len(), 1, "{about:?} by {ids:?}");
    }
    assert_eq!(total(client, "status=delivered"), expected.len() as u64);
}

fn total(client: &mut Client, query: &str) -> u64 {
    let page = client.get(&format!("/v1/notifications?limit=1&{query}")).expect_status(200).json();
    page["total"].as_u64().expect("a number")
}

#[test]
fn source_and_target_in_any_order_over_kills_leak_nothing_and_lose_nothing() {
    let mut server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    prepare(&mut client, &sink);
    let stories = stories();
    let mut ended_at = BTreeMap::new();
    for run in 0..RUNS {
        for story in &stories {
            for (_, step) in story.steps.iter().filter(|(of, _)| *of == run) {
                if *step == Step::End {
                    ended_at.insert(story.environment.clone(), SystemTime::now());
                }
                step.send(&mut client, &story.environment);
            }
        }
        if run + 1 < RUNS {
            end(&mut server, run);
            client = server.client();
        }
    }
    let mut expected: BTreeSet<_> =
        stories.iter().flat_map(|story| story.told(story.ends())).collect();
    told_exactly(&mut client, &sink, &expected);
    let quiet: Vec<_> = stories.iter().filter(|story| story.is_quiet()).collect();
    assert_eq!(total(&mut client, "status=held"), quiet.len() as u64);

    // What was looked at and is quiet still is told as well, where the end is the first that a new run hears of.
    server.kill9();
    server.restart();
    client = server.client();
    for story in quiet.iter().filter(|story| !story.ends()).step_by(2) {
        ended_at.insert(story.environment.clone(), SystemTime::now());
        Step::End.send(&mut client, &story.environment);
        expected.extend(story.told(true));
    }
    told_exactly(&mut client, &sink, &expected);
    let told = told(&sink);
    for story in quiet {
        let shop = told.get(&(story.environment.clone(), "shop".to_owned()));
        let ended_at = ended_at.get(&story.environment);
        let told_at = shop.map(|(_, at)| at);
        assert!(told_at.is_none() || told_at > ended_at, "{story:?} at {told_at:?}, {ended_at:?}");
    }
}

/// Ends a run, by turns as a power cut does and in order, so that state comes from the journal and from a snapshot.
fn end(server: &mut Server, run: usize) {
    match run.is_multiple_of(2) {
        true => server.kill9(),
        false => drop(server.terminate()),
    }
    server.restart();
}

#[test]
fn what_is_quiet_is_told_when_its_source_ends_while_the_server_is_down() {
    let mut server = Server::start(private());
    let (mut client, sink) = (server.client(), Sink::start());
    prepare(&mut client, &sink);
    let starts_at = SystemTime::now();
    let ends_at = starts_at + Duration::from_secs(3);
    let time = |at| jiff::Timestamp::try_from(at).expect("a time of this century").to_string();
    for (component, ends_at) in [("db", ends_at), ("shop", ends_at + Duration::from_secs(3_600))] {
        let alert = json!([{
            "labels": { "alertname": "Down", "component": component, "environment": "prod" },
            "startsAt": time(starts_at), "endsAt": time(ends_at),
        }]);
        client.post("/api/v2/alerts", &alert).expect_status(200);
    }
    server.kill9();
    eventually("its lease is over", SOON, || (SystemTime::now() > ends_at).then_some(()));
    server.restart();
    client = server.client();
    let on = |component: &str| ("prod".to_owned(), component.to_owned());
    told_exactly(&mut client, &sink, &BTreeSet::from([on("db"), on("shop")]));
    let (_, told_at) = told(&sink)[&on("shop")];
    assert!(told_at > ends_at, "{told_at:?} is before {ends_at:?}");
}

#[test]
fn there_is_a_story_for_every_order_and_every_way_to_spread_it() {
    let stories = stories();
    let shown: BTreeSet<_> = stories.iter().map(|story| format!("{:?}", story.steps)).collect();
    assert_eq!(shown.len(), stories.len(), "no two are the same");
    let quiet = stories.iter().filter(|story| story.is_quiet());
    assert_eq!((stories.len(), quiet.count()), (3 * 10 + 2 * 6, 10 + 6));
}
