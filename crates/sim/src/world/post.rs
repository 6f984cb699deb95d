//! The courier in the simulated world: the real one, in a runtime of one thread whose time stands
//! still, between the store, the journal and endpoints that misbehave.
//!
//! A courier lives as long as the process, or until another owner takes over; dropping its runtime is
//! its death, at whatever it was. Invariant: what it appends is in `in_flight` before anything else happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use delivery::Courier;
use delivery::courier::{self, Backoff, Dice, News, Options};
use journal::{Journal, State};
use model::{EndpointId, Entry, NotificationId, ProjectId, Receipt, Seq, Target, Verdict, codec};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};

use super::{InFlight, World};
use crate::invariant::{Invariant, Violation};
use crate::ports::{Desk, Event, Manner, Sending, SimCalendars, SimChannels, endpoint, settle};
use crate::random::Random;
use crate::swarm::{Mode, Swarm};

/// What a courier that works is given of its own time.
const TURN: Duration = Duration::from_millis(25);
/// Of its own time, while it stops; and how often.
const STOPPING: (Duration, usize) = (Duration::from_millis(200), 200);

/// A courier that runs.
struct Running {
    task: JoinHandle<Result<(), courier::Error>>,
    stop: watch::Sender<bool>,
    desk: Arc<Desk>,
    life: u64,
    runtime: Runtime,
}

/// Everything about delivery.
pub(super) struct Post {
    pub(super) channels: Arc<SimChannels>,
    running: Option<Running>,
    /// Time that passed and that the courier has not seen pass.
    owed: u64,
    /// Entries of the ledger that were looked at for receipts.
    looked_at: Seq,
    /// Who was told, by durable receipts.
    told: BTreeSet<(NotificationId, EndpointId)>,
    /// What an endpoint saw.
    seen: BTreeSet<(NotificationId, EndpointId)>,
    /// By which courier an endpoint said yes.
    yes: BTreeMap<(NotificationId, EndpointId), u64>,
    /// Couriers that stopped in order, with all receipts durable.
    in_order: BTreeSet<u64>,
}

impl Post {
    pub(super) fn new(swarm: &Swarm, random: Random) -> Self {
        let mut manners = BTreeMap::new();
        for project in projects(swarm) {
            let numbered = swarm.manners.iter().zip(1..);
            let numbered = numbered.map(|(&manner, number)| (endpoint(project, number), manner));
            manners.extend::<Vec<(EndpointId, Manner)>>(numbered.collect());
        }
        Self {
            channels: Arc::new(SimChannels::new(random, manners)),
            running: None,
            owed: 0,
            looked_at: Seq(0),
            told: BTreeSet::new(),
            seen: BTreeSet::new(),
            yes: BTreeMap::new(),
            in_order: BTreeSet::new(),
        }
    }
}

fn projects(swarm: &Swarm) -> impl Iterator<Item = ProjectId> + use<> {
    (1..=u32::try_from(swarm.projects).unwrap_or(1)).map(ProjectId)
}

impl World {
    /// Writes down who is there to be told.
    pub(super) fn settle_people(&self) {
        for project in projects(&self.swarm) {
            settle(self.store.inner(), project, &self.swarm.configs);
        }
    }

    /// Time passes for the courier as well, when it works next.
    pub(super) fn owe(&mut self, micros: i64) {
        self.post.owed += u64::try_from(micros).unwrap_or(0);
    }

    /// A new courier begins, if there is to be one.
    pub(super) fn start_post(&mut self) {
        if !self.swarm.delivery {
            return;
        }
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime of one thread needs nothing");
        let life = self.post.channels.next_life();
        let desk = Arc::new(Desk::new(Arc::clone(&self.alive().journal)));
        let handle = self.pipeline().handle();
        let ports = courier::Ports {
            outbox: self.store.clone(),
            directory: self.store.clone(),
            incidents: self.store.clone(),
            calendars: Arc::new(SimCalendars),
            journal: desk.clone(),
            sender: self.post.channels.clone(),
            clock: self.clock.clone(),
            chance: Box::new(Dice::new(self.random.bits())),
            news: News { due: Arc::clone(&handle.due), applied: handle.follow_applied() },
        };
        let options = Options {
            owner: u128::from(life),
            alone: true,
            concurrency: self.swarm.concurrency,
            backoff: Backoff {
                base: model::Duration::from_secs(1),
                cap: model::Duration::from_secs(60),
            },
            ..Options::default()
        };
        let stop = watch::Sender::new(false);
        let task = {
            let _inside = runtime.enter();
            runtime.spawn(Courier::new(ports, options).run(stop.subscribe()))
        };
        self.post.owed = 0;
        self.post.running = Some(Running { task, stop, desk, life, runtime });
    }

    /// The courier is given time to do what it has to do.
    ///
    /// # Errors
    /// It sends what it must not send, or ends by itself.
    pub(crate) fn deliver(&mut self) -> Result<(), Violation> {
        self.note_receipts();
        let owed = std::mem::take(&mut self.post.owed);
        let Some(running) = &self.post.running else { return Ok(()) };
        running.runtime.block_on(async {
            if owed > 0 {
                advance(Duration::from_micros(owed)).await;
            }
            sleep(TURN).await;
        });
        let ended = running.task.is_finished();
        self.take_receipts();
        if ended {
            return Err(Violation::new(Invariant::Conduct, "the courier ended by itself"));
        }
        self.check_sendings()
    }

    /// The courier dies at whatever it was.
    pub(super) fn kill_post(&mut self) {
        if let Some(running) = self.post.running.take() {
            let desk = Arc::clone(&running.desk);
            drop(running);
            self.in_flight.extend(desk.take().into_iter().map(InFlight::from));
        }
    }

    /// The courier is asked to stop, and does: what it sent has durable receipts where the journal takes them.
    ///
    /// # Errors
    /// It does not stop.
    pub(super) fn stop_post(&mut self) -> Result<(), Violation> {
        self.note_receipts();
        let Some(running) = &self.post.running else { return Ok(()) };
        let life = running.life;
        running.stop.send_replace(true);
        for _ in 0..STOPPING.1 {
            let Some(running) = &self.post.running else { return Ok(()) };
            running.runtime.block_on(async { sleep(STOPPING.0).await });
            let ended = running.task.is_finished();
            self.take_receipts();
            self.drive()?;
            if ended {
                self.check_sendings()?;
                if self.journal().status().state == State::Ok && self.in_flight.is_empty() {
                    self.post.in_order.insert(life);
                }
                self.kill_post();
                return Ok(());
            }
            self.apply()?;
        }
        Err(Violation::new(Invariant::Conduct, "the courier does not stop"))
    }

    /// Entries are gone that a lying disk lost: so is what they said of receipts.
    pub(crate) fn forget_receipts(&mut self) {
        self.post.looked_at = Seq(0);
        self.post.told.clear();
    }

    /// Whether an endpoint saw a message, and whether it said yes.
    pub(crate) fn saw(&self, notification: NotificationId, endpoint: EndpointId) -> (bool, bool) {
        let place = (notification, endpoint);
        (self.post.seen.contains(&place), self.post.yes.contains_key(&place))
    }

    fn take_receipts(&mut self) {
        if let Some(running) = &self.post.running {
            self.in_flight.extend(running.desk.take().into_iter().map(InFlight::from));
            for (receipts, error) in running.desk.take_refused() {
                self.trace.say(format!("append of {receipts} receipts refused: {error}"));
            }
        }
    }

    /// Reads the receipts that have become durable.
    fn note_receipts(&mut self) {
        while let Some(entry) = self.ledger.get(self.post.looked_at.next()) {
            self.post.looked_at = self.post.looked_at.next();
            if let Ok(Entry::Receipt(receipt)) = codec::decode(&entry.record) {
                let Receipt { notification, attempt, verdict, answer, .. } = &*receipt;
                let seq = self.post.looked_at;
                let what = format!("{seq} is durable: {notification}, try {attempt} to ");
                self.trace.say(format!("{what}{:?}: {verdict}, {answer}", receipt.target));
                self.post.told.extend(told(&receipt));
            }
        }
    }

    /// I5: nothing is sent again that has a durable receipt, and nothing twice by one courier.
    fn check_sendings(&mut self) -> Result<(), Violation> {
        self.checked.count(Invariant::I5);
        for event in self.post.channels.take_events() {
            match event {
                Event::Saw(sending) => {
                    self.trace.say(format!("seen: {sending}"));
                    self.check_sending(&sending)?;
                    self.post.seen.insert((sending.notification, sending.endpoint));
                }
                Event::SaidYes(sending) => {
                    self.trace.say(format!("taken: {sending}"));
                    let place = (sending.notification, sending.endpoint);
                    self.post.yes.insert(place, sending.life);
                }
            }
        }
        Ok(())
    }

    fn check_sending(&mut self, sending: &Sending) -> Result<(), Violation> {
        let place = (sending.notification, sending.endpoint);
        if sending.foreign {
            let what = format!("{sending} is of another project than the endpoint");
            return Err(Violation::new(Invariant::I6, what));
        }
        // A disk that lies loses receipts.
        if self.swarm.mode == Mode::Lying {
            return Ok(());
        }
        if self.post.told.contains(&place) {
            let what = format!("{sending} is sent although a durable receipt says that it was");
            return Err(Violation::new(Invariant::I5, what));
        }
        match self.post.yes.get(&place) {
            Some(life) if *life == sending.life || self.post.in_order.contains(life) => {
                let what = format!("{sending} is sent again, and courier {life} did not die");
                Err(Violation::new(Invariant::I5, what))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whom a receipt says was told.
fn told(receipt: &Receipt) -> Option<(NotificationId, EndpointId)> {
    let told = matches!(receipt.verdict, Verdict::Delivered | Verdict::Folded);
    match receipt.target {
        Target::Endpoint(endpoint) if told => Some((receipt.notification, endpoint)),
        Target::Endpoint(_) | Target::OnCall(_) | Target::Person(_) => None,
    }
}
