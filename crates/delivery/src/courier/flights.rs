//! Messages under way: each a task of its own with a bound in time, and what is to be known when it ends.
//!
//! Refuses to know: verdicts, receipts.
//!
//! Invariant: every flight that began ends exactly once, whatever its task does.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Duration, Notification, ProjectId, Timestamp};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout};

use super::cache::Known;
use super::lanes::Place;
use super::meters::ChannelLabel;
use super::ports::Sender;
use super::receipts::Delivery;
use crate::channel::{Message, Sent, SentOutcome};

/// What is sent: a message, or several as one.
pub(super) struct Parcel {
    pub(super) endpoint: Arc<Known>,
    pub(super) subscriber: Arc<str>,
    pub(super) first: Notification,
    pub(super) others: Vec<Notification>,
    pub(super) thread: String,
}

/// One delivery of a flight.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    pub(super) delivery: Delivery,
    pub(super) attempt: u32,
    pub(super) deadline: Timestamp,
    /// When what is told happened.
    pub(super) at: Timestamp,
}

/// What is to be known when it ends.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) project: ProjectId,
    pub(super) place: Place,
    pub(super) channel: ChannelLabel,
    /// The first is the one the message is about; the others are folded into it.
    pub(super) tries: Vec<Try>,
    /// When it began, by the wall clock: for the receipt.
    pub(super) began_at: Timestamp,
    /// When it began, by the clock of the lanes.
    pub(super) begun: Timestamp,
    /// When it began, to say how long it took.
    pub(super) started: Instant,
}

#[derive(Default)]
pub(super) struct Flights {
    tasks: JoinSet<Sent>,
    flights: HashMap<Id, Flight>,
}

/// How a task ended.
pub(super) type Landing = Result<(Id, Sent), JoinError>;

impl Flights {
    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    pub(super) fn begin(
        &mut self,
        sender: &Arc<dyn Sender>,
        parcel: Parcel,
        flight: Flight,
        within: Duration,
    ) {
        let sender = Arc::clone(sender);
        let now = flight.began_at;
        let task = self.tasks.spawn(async move {
            let message = Message {
                notification: &parcel.first,
                subscriber: &parcel.subscriber,
                others: &parcel.others,
                thread: &parcel.thread,
                test: false,
                now,
            };
            let sending = sender.send(&parcel.endpoint.row, &message);
            let bound = std::time::Duration::from_micros(within.micros());
            timeout(bound, sending)
                .await
                .unwrap_or_else(|_| failed(&format!("no answer within {within}")))
        });
        self.flights.insert(task.id(), flight);
    }

    /// The next task that ends; `None` where none is under way. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Landing> {
        self.tasks.join_next_with_id().await
    }

    /// A task that has ended already.
    pub(super) fn try_next(&mut self) -> Option<Landing> {
        self.tasks.try_join_next_with_id()
    }

    /// The flight of a task that ended, with how.
    pub(super) fn land(&mut self, landing: Landing) -> Option<(Flight, Sent)> {
        let (id, sent) = match landing {
            Ok(landed) => landed,
            Err(error) if error.is_cancelled() => {
                (error.id(), failed("the server stopped before an answer came"))
            }
            Err(error) => {
                tracing::error!(%error, "a channel panicked");
                (error.id(), failed("the channel failed; the log says how"))
            }
        };
        Some((self.flights.remove(&id)?, sent))
    }

    /// Ends all that are under way; they are still to be awaited.
    pub(super) fn abort(&mut self) {
        self.tasks.abort_all();
    }
}

fn failed(answer: &str) -> Sent {
    Sent {
        outcome: SentOutcome::Retry { after: None },
        status: 0,
        answer: answer.to_owned(),
        reference: String::new(),
    }
}
