//! What tests of rules may take: one at a time, for so long, and only while somebody waits.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use api::{Api, Clock};
use lake::{CompactionReport, Error, Lake, Manifest, Row, SignalPage, SignalQuery, Status};
use model::{Seq, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{ONE, TWO};
use crate::world::{READER, STRANGER, World, incident, request, time};

const ROUTE: &str = "/v1/rules/test";

fn everything() -> Value {
    json!({"rule": {"on": ["signal"], "match_all": true}})
}

/// A lake that says when somebody reads, and lets them wait until it is told to go on.
struct Gate {
    lake: Arc<dyn Lake>,
    reads: AtomicUsize,
    says: mpsc::Sender<()>,
    waits: Mutex<mpsc::Receiver<()>>,
}

impl Lake for Gate {
    fn append(&self, rows: &[Row<'_>]) -> Result<(), Error> {
        self.lake.append(rows)
    }

    fn durable(&self) -> Seq {
        self.lake.durable()
    }

    fn advance(&self, through: Seq) {
        self.lake.advance(through);
    }

    fn flush(&self) -> Result<Seq, Error> {
        self.lake.flush()
    }

    fn signals(&self, query: &SignalQuery) -> Result<SignalPage, Error> {
        if query.project == ONE {
            self.reads.fetch_add(1, Ordering::SeqCst);
            self.says.send(()).unwrap();
            // Whoever holds the other end opens the gate for good by dropping it.
            let _opened = self.waits.lock().unwrap().recv();
        }
        self.lake.signals(query)
    }

    fn status(&self) -> Status {
        self.lake.status()
    }

    fn compact(&self) -> Result<CompactionReport, Error> {
        self.lake.compact()
    }

    fn manifest(&self) -> Manifest {
        self.lake.manifest()
    }

    fn close(&self) -> Result<(), Error> {
        self.lake.close()
    }
}

/// A world whose lake is behind a gate: hears of reads, and opens it.
async fn gated() -> (World, Arc<Gate>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let mut world = World::new().await;
    let ((says, hears), (opens, waits)) = (mpsc::channel(), mpsc::channel());
    let lake = Arc::clone(&world.ports.lake);
    let gate = Gate { lake, reads: AtomicUsize::new(0), says, waits: Mutex::new(waits) };
    let gate = Arc::new(gate);
    world.ports.lake = Arc::clone(&gate) as Arc<dyn Lake>;
    (rewired(world), gate, hears, opens)
}

fn rewired(mut world: World) -> World {
    world.api = Api::new(world.ports.clone());
    world.router = world.api.router();
    world
}

#[tokio::test]
async fn one_goes_on_in_a_project_at_a_time() {
    let (world, _gate, hears, opens) = gated().await;
    world.signals(&incident(ONE, 1), 1..=3);
    let first = request("POST", ROUTE, READER, Some(&everything()));
    let first = tokio::spawn(world.router.clone().oneshot(first));
    let hears = tokio::task::spawn_blocking(move || hears.recv().map(|()| hears)).await;
    let _hears = hears.unwrap().unwrap();
    let second = world.post(READER, ROUTE, everything()).await;
    assert_eq!(second.problem(429, "rate_limited")["retry_after_seconds"], 1);
    assert_eq!(second.header("retry-after"), Some("1"));
    assert_eq!(world.post(STRANGER, ROUTE, everything()).await.status, 200, "{TWO} has its own");
    drop(opens);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    let third = world.post(READER, ROUTE, everything()).await.json();
    assert_eq!((&third["would_have_sent"], &third["complete"]), (&json!(3), &json!(true)));
    assert_eq!(third["looked_back_to"], "2023-11-13T22:30:00.000000Z");
}

#[tokio::test]
async fn it_stops_when_nobody_waits_for_it_and_makes_room_for_the_next() {
    let (world, gate, hears, opens) = gated().await;
    world.signals(&incident(ONE, 1), 1..=lake::PAGE_ROWS as u64 + 1);
    let left = request("POST", ROUTE, READER, Some(&everything()));
    let left = tokio::spawn(world.router.clone().oneshot(left));
    let hears = tokio::task::spawn_blocking(move || hears.recv().map(|()| hears)).await;
    let _hears = hears.unwrap().unwrap();
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    drop(opens);
    let next = loop {
        let next = world.post(READER, ROUTE, everything()).await;
        if next.status != 429 {
            break next.json();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(next["scanned"], json!(lake::PAGE_ROWS + 1));
    let reads = gate.reads.load(Ordering::SeqCst);
    assert_eq!(reads, 3, "one page for who left, two for who stayed");
}

/// A clock that goes on by a second each time somebody looks.
struct Looked(AtomicI64);

impl Clock for Looked {
    fn now(&self) -> Timestamp {
        let looks = self.0.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_micros(time(1_000).micros() + looks * 1_000_000)
    }
}

#[tokio::test]
async fn it_stops_when_it_has_looked_for_too_long_and_says_how_far_it_came() {
    let mut world = World::new().await;
    world.ports.clock = Arc::new(Looked(AtomicI64::new(0)));
    let world = rewired(world);
    let old = world.incident(ONE, 1).await;
    world.signals(&old, 1..=20);
    let run = world.post(READER, ROUTE, everything()).await.json();
    // It looks at the clock before the page and before each signal, and stops with the tenth second.
    assert_eq!((&run["scanned"], &run["scanned_incidents"]), (&json!(8), &json!(0)));
    assert_eq!((&run["would_have_sent"], &run["matched_signals"]), (&json!(8), &json!(8)));
    assert_eq!((&run["complete"], &run["truncated"]), (&json!(false), &json!(false)));
    assert_eq!(run["looked_back_to"], "2023-11-14T22:13:33.000000Z");
}
