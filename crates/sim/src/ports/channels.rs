//! The other side of every endpoint: takes messages, loses them, refuses, is slow, hangs, or takes one
//! and breaks off before it says so. It remembers everything that it saw.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use delivery::Sender;
use delivery::channel::{Endpoint, Message, Sent, SentOutcome};
use model::{EndpointId, Notification, NotificationId};

use crate::random::Random;

/// How an endpoint behaves; percents of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It takes everything at once.
    Well,
    /// It says that it may work later: so many of a hundred.
    Lossy(u64),
    /// It says that it will never work.
    Refusing(u64),
    /// It takes up to so many seconds for each.
    Slow(u64),
    /// It takes the message, and the connection breaks off before the answer.
    Cutting(u64),
    /// It never answers.
    Hanging(u64),
}

/// A message as an endpoint saw it: one for each notification in it.
#[derive(Debug, Clone)]
pub struct Sending {
    /// What.
    pub notification: NotificationId,
    /// Where.
    pub endpoint: EndpointId,
    /// By which courier.
    pub life: u64,
    /// Whether the message is of another project than the endpoint.
    pub foreign: bool,
}

impl fmt::Display for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { notification, endpoint, life, .. } = self;
        write!(f, "{notification} at endpoint {}, by courier {life}", endpoint.0)
    }
}

/// What an endpoint did, in order.
#[derive(Debug, Clone)]
pub enum Event {
    /// It saw a message.
    Saw(Sending),
    /// It said yes to one that it had seen.
    SaidYes(Sending),
}

/// All endpoints.
#[derive(Debug)]
pub struct SimChannels(Mutex<Inside>);

#[derive(Debug)]
struct Inside {
    random: Random,
    manners: BTreeMap<EndpointId, Manner>,
    well: bool,
    life: u64,
    events: Vec<Event>,
}

impl SimChannels {
    /// Endpoints that behave like this.
    #[must_use]
    pub fn new(random: Random, manners: BTreeMap<EndpointId, Manner>) -> Self {
        Self(Mutex::new(Inside { random, manners, well: false, life: 0, events: Vec::new() }))
    }

    /// Another courier begins; answers its number.
    pub fn next_life(&self) -> u64 {
        let mut inside = self.lock();
        inside.life += 1;
        inside.life
    }

    /// From now on everything is taken.
    pub fn heal(&self) {
        self.lock().well = true;
    }

    /// What happened since this was last asked.
    #[must_use]
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().events)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a message came, and answers how it goes.
    fn saw(&self, endpoint: &Endpoint, messages: &[&Notification]) -> (Course, Vec<Sending>) {
        let mut inside = self.lock();
        let life = inside.life;
        let sendings = messages.iter().map(|message| {
            let foreign = message.project != endpoint.project;
            Sending { notification: message.id, endpoint: endpoint.id, life, foreign }
        });
        let sendings: Vec<Sending> = sendings.collect();
        inside.events.extend(sendings.iter().cloned().map(Event::Saw));
        let manner = inside.manners.get(&endpoint.id).copied().unwrap_or(Manner::Well);
        let manner = if inside.well { Manner::Well } else { manner };
        (inside.course(manner), sendings)
    }

    fn says_yes(&self, sendings: Vec<Sending>) {
        self.lock().events.extend(sendings.into_iter().map(Event::SaidYes));
    }
}

/// How a message goes.
enum Course {
    Taken(u64),
    Lost(Option<u64>),
    Refused,
    Hangs,
}

impl Inside {
    fn course(&mut self, manner: Manner) -> Course {
        let random = &mut self.random;
        match manner {
            Manner::Lossy(percent) if random.chance(percent) => {
                Course::Lost(random.chance(20).then(|| random.between(1, 40)))
            }
            Manner::Refusing(percent) if random.chance(percent) => Course::Refused,
            Manner::Slow(most) => Course::Taken(random.below(1_000 * most + 1)),
            // The other side has it, and nobody here can know.
            Manner::Cutting(percent) if random.chance(percent) => Course::Lost(None),
            Manner::Hanging(percent) if random.chance(percent) => Course::Hangs,
            Manner::Well
            | Manner::Lossy(_)
            | Manner::Refusing(_)
            | Manner::Cutting(_)
            | Manner::Hanging(_) => Course::Taken(0),
        }
    }
}

#[async_trait]
impl Sender for SimChannels {
    async fn send(&self, endpoint: &Endpoint, message: &Message<'_>) -> Sent {
        let messages: Vec<&Notification> =
            std::iter::once(message.notification).chain(message.others).collect();
        let (course, sendings) = self.saw(endpoint, &messages);
        match course {
            Course::Taken(millis) => {
                if millis > 0 {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
                self.says_yes(sendings);
                answered(SentOutcome::Delivered, 200)
            }
            Course::Lost(after) => {
                let after = after.map(model::Duration::from_secs);
                answered(SentOutcome::Retry { after }, 503)
            }
            Course::Refused => answered(SentOutcome::Refused, 404),
            Course::Hangs => std::future::pending().await,
        }
    }
}

fn answered(outcome: SentOutcome, status: u16) -> Sent {
    Sent { outcome, status, answer: status.to_string(), reference: String::new() }
}
