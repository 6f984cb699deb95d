//! The closed loop: so many connections, each sending its next request when the last is answered, or
//! at its own pace where one is given. One thread, so that the generator takes no more than one core.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::LocalSet;

use crate::bodies::{Target, Template};
use crate::statistics::Latencies;
use crate::wire::Wire;

/// What was answered while it was measured.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Items in requests that were answered with 2xx.
    pub(crate) taken: u64,
    /// Requests answered with 503.
    pub(crate) shed: u64,
    /// Requests answered with anything else.
    pub(crate) failed: u64,
    /// Requests whose connection ended without an answer.
    pub(crate) broken: u64,
    /// Of what was taken.
    pub(crate) latencies: Latencies,
    /// Of what was answered with 503.
    pub(crate) sheddings: Latencies,
    /// How long it was measured.
    pub(crate) seconds: f64,
}

/// When load begins to count and when it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) warm_up: Duration,
    pub(crate) length: Duration,
    /// Between two requests of one connection; nothing is as fast as it goes.
    pub(crate) every: Option<Duration>,
    /// Ends it earlier, when so many items were taken.
    pub(crate) most_items: u64,
}

struct Window {
    from: Instant,
    until: Instant,
    every: Option<Duration>,
    most_items: u64,
}

impl Span {
    pub(crate) fn new(warm_up: Duration, length: Duration) -> Self {
        Self { warm_up, length, every: None, most_items: u64::MAX }
    }
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            taken: 0,
            shed: 0,
            failed: 0,
            broken: 0,
            latencies: Latencies::new(),
            sheddings: Latencies::new(),
            seconds: 0.0,
        }
    }

    /// Items taken per second.
    pub(crate) fn rate(&self) -> f64 {
        self.taken as f64 / self.seconds.max(1e-9)
    }

    pub(crate) fn summary(&self) -> String {
        format!(
            "{:.0} items/s, {} taken, {} shed, {} failed, {} broken in {:.2} s, {}",
            self.rate(),
            self.taken,
            self.shed,
            self.failed,
            self.broken,
            self.seconds,
            self.latencies.summary()
        )
    }

    pub(crate) fn count(&mut self, status: u16, items: u32, took: Duration) {
        match status {
            200..=299 => {
                self.taken += u64::from(items);
                self.latencies.add(took);
            }
            503 => {
                self.shed += 1;
                self.sheddings.add(took);
            }
            _ => self.failed += 1,
        }
    }
}

/// Loads `target` with one connection for each pool. Answers that are not 2xx or 503 are an error.
pub(crate) fn run(target: &Target, pools: Vec<Vec<Template>>, span: Span) -> anyhow::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tally = Rc::new(RefCell::new(Tally::new()));
    let address = target.address;
    let seconds = runtime.block_on(LocalSet::new().run_until(async {
        let mut wires = Vec::new();
        for pool in pools {
            wires.push((Wire::connect(address).await?, pool));
        }
        let from = Instant::now() + span.warm_up;
        let until = from + span.length;
        let window =
            Rc::new(Window { from, until, every: span.every, most_items: span.most_items });
        let count = wires.len() as u32;
        let tasks: Vec<_> = (0..)
            .zip(wires)
            .map(|(index, (wire, pool))| {
                let offset = span.every.unwrap_or_default() * index / count;
                let sender = Sender { wire, pool, target: target.clone(), offset };
                tokio::task::spawn_local(sender.send(Rc::clone(&window), Rc::clone(&tally)))
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        anyhow::Ok((Instant::now().min(until) - from).as_secs_f64())
    }))?;
    let mut tally = tally.borrow().clone();
    tally.seconds = seconds;
    ensure!(tally.failed == 0, "{} answers were neither 2xx nor 503", tally.failed);
    Ok(tally)
}

struct Sender {
    wire: Wire,
    pool: Vec<Template>,
    target: Target,
    offset: Duration,
}

impl Sender {
    async fn send(mut self, window: Rc<Window>, tally: Rc<RefCell<Tally>>) {
        let began = tokio::time::Instant::now() + self.offset;
        for turn in 0_u32.. {
            if let Some(every) = window.every {
                tokio::time::sleep_until(began + every * turn).await;
            }
            let sent = Instant::now();
            if sent >= window.until || tally.borrow().taken >= window.most_items {
                return;
            }
            let index = turn as usize % self.pool.len();
            let template = &mut self.pool[index];
            let answered = self.wire.exchange(template.stamp()).await;
            let now = Instant::now();
            let counts = (window.from..window.until).contains(&now);
            match answered {
                Ok(status) if counts => {
                    tally.borrow_mut().count(status, template.items, now - sent)
                }
                Ok(_) => {}
                Err(_) => {
                    // A server that refuses without reading the body closes; the next request needs a new connection.
                    tally.borrow_mut().broken += u64::from(counts);
                    let Ok(wire) = Wire::connect(self.target.address).await else { return };
                    self.wire = wire;
                }
            }
        }
    }
}
