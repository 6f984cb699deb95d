//! From what was leased to what is under way, and from what came back to receipts.
//!
//! Refuses to know: when to look at the outbox, the journal.
//!
//! Invariant: everything leased is sent, spread, settled or given back before the next lease is asked for.

use model::{Duration, Notification, Receipt, Target, Timestamp, Verdict};
use store::Leased;
use tokio::time::Instant;

use super::Courier;
use super::flights::{Flight, Landing, Parcel, Try};
use super::lanes::{Ending, Place};
use super::meters::ChannelLabel;
use super::resolve::Course;
use super::retry;
use super::waiting::Outgoing;
use crate::channel::{Sent, SentOutcome};

impl Courier {
    /// Does with each what is to be done. Messages to one endpoint keep their order.
    pub(super) async fn dispatch(&mut self, leased: Vec<Leased>) {
        let mut outgoing: Vec<(Place, Vec<Outgoing>)> = Vec::new();
        for one in leased {
            let delivery = (one.notification.id, one.target);
            if !self.held.take(delivery, one.attempt) {
                continue;
            }
            let now = self.wall();
            match self.resolver.course(&one, now).await {
                Ok(Course::Send(known, name)) => {
                    let place = (one.notification.project, one.target);
                    // What goes to one endpoint comes together, or nearly so.
                    match outgoing.iter_mut().rev().find(|(other, _)| *other == place) {
                        Some((_, group)) => group.push((one, known, name)),
                        None => outgoing.push((place, vec![(one, known, name)])),
                    }
                }
                Ok(Course::Spread(over)) => self.spread(&one, &over, now).await,
                Ok(Course::Settle(verdict, answer)) => {
                    let channel = self.channel_of(&one, now).await;
                    self.settle(&one, channel, verdict, answer, now);
                }
                Err(error) => {
                    self.store_failed(&error);
                    self.give_back(&one, now + self.options.poll).await;
                }
            }
        }
        for (place, group) in outgoing {
            self.begin_all(place, group);
        }
    }

    async fn channel_of(&mut self, leased: &Leased, now: Timestamp) -> ChannelLabel {
        let Target::Endpoint(id) = leased.target else { return ChannelLabel::NONE };
        match self.resolver.cache.endpoint(leased.notification.project, id, now).await {
            Ok(Some(known)) => ChannelLabel::of(&known.row.channel),
            Ok(None) | Err(_) => ChannelLabel::NONE,
        }
    }

    async fn spread(
        &mut self,
        leased: &Leased,
        over: &[(model::EndpointId, Timestamp)],
        now: Timestamp,
    ) {
        let (target, Notification { project, id, .. }) = (leased.target, &leased.notification);
        let spread = self.ports.outbox.spread(*project, *id, target, over, now);
        match spread.await {
            Ok(()) => {
                self.held.let_go((*id, target));
                self.look_soon();
            }
            Err(error) => {
                self.store_failed(&error);
                self.give_back(leased, self.wall() + self.options.poll).await;
            }
        }
    }

    /// Where that fails as well, the lease ends by itself.
    async fn give_back(&mut self, leased: &Leased, due_at: Timestamp) {
        let notification = &leased.notification;
        self.held.let_go((notification.id, leased.target));
        let back = self.ports.outbox.give_back(
            notification.project,
            notification.id,
            leased.target,
            due_at,
        );
        if let Err(error) = back.await {
            self.store_failed(&error);
        }
    }

    pub(super) fn settle(
        &mut self,
        leased: &Leased,
        channel: ChannelLabel,
        verdict: Verdict,
        answer: String,
        now: Timestamp,
    ) {
        self.handle.meters.tried(channel, verdict);
        self.receipts.push(Receipt {
            project: leased.notification.project,
            notification: leased.notification.id,
            target: leased.target,
            attempt: leased.attempt,
            began_at: now,
            took: Duration::ZERO,
            verdict,
            next_at: None,
            status: 0,
            answer,
            reference: String::new(),
        });
    }

    /// Begins what goes to one endpoint: each by itself as far as there are slots, or all as one digest.
    fn begin_all(&mut self, place: Place, group: Vec<Outgoing>) {
        let steady = self.steady();
        let folds = self.folding.contains(&place);
        let mut slots = self.granted.get(&place).copied().unwrap_or(0);
        let mut group = group.into_iter();
        while let Some(first) = group.next() {
            if slots == 0 {
                self.waiting.push(place, first, steady);
                continue;
            }
            slots -= 1;
            // Its configuration may have changed since the plan was made.
            let rule = first.1.settings.digest.filter(|_| folds);
            let most = rule.map_or(0, |rule| rule.most.saturating_sub(1));
            let others = group.by_ref().take(most as usize).collect();
            self.begin(place, first, others, steady);
        }
        self.go_on(place);
    }

    pub(super) fn begin(
        &mut self,
        place: Place,
        first: Outgoing,
        others: Vec<Outgoing>,
        steady: Timestamp,
    ) {
        let (first, endpoint, subscriber) = first;
        let tries = std::iter::once(&first).chain(others.iter().map(|(one, ..)| one)).map(as_try);
        let flight = Flight {
            project: place.0,
            place,
            channel: ChannelLabel::of(&endpoint.row.channel),
            tries: tries.collect(),
            began_at: self.wall(),
            begun: steady,
            started: Instant::now(),
        };
        let messages = u32::try_from(flight.tries.len()).unwrap_or(u32::MAX);
        self.lanes.open(place, Some(endpoint.settings), steady).began(messages, steady);
        // A digest speaks of several incidents and belongs to the thread of none.
        let thread = if others.is_empty() { first.thread } else { String::new() };
        let others: Vec<_> = others.into_iter().map(|(one, ..)| one.notification).collect();
        if !others.is_empty() {
            self.handle.meters.folded();
        }
        let parcel = Parcel { endpoint, subscriber, first: first.notification, others, thread };
        self.flights.begin(&self.ports.sender, parcel, flight, self.options.send_within);
    }

    /// A send has ended: its lane learns of it, and each of its deliveries gets a receipt.
    pub(super) fn landed(&mut self, landing: Landing) {
        let Some((flight, sent)) = self.flights.land(landing) else { return };
        let took = Duration::from_micros(
            u64::try_from(flight.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
        let steady = self.steady();
        if let Some(lane) = self.lanes.get_mut(flight.place) {
            lane.ended(flight.begun, ending(&sent), self.options.slow_after, steady);
        }
        self.handle.meters.sends.observe(took);
        let attempt = flight.tries.first().map_or(1, |first| first.attempt);
        let wait =
            retry::wait(sent.outcome, attempt, self.options.backoff, self.ports.chance.as_mut());
        for index in 0..flight.tries.len() {
            self.receipt_of(&flight, index, &sent, wait, took);
        }
        self.go_on(flight.place);
        if self.lanes.wants_more(flight.place, &self.waiting) {
            self.look_soon();
        }
    }

    fn receipt_of(
        &mut self,
        flight: &Flight,
        index: usize,
        sent: &Sent,
        wait: Duration,
        took: Duration,
    ) {
        let one = flight.tries[index];
        let now = self.wall();
        let (verdict, next_at) = retry::verdict(sent.outcome, wait, one.deadline, now);
        let verdict =
            if index > 0 && verdict == Verdict::Delivered { Verdict::Folded } else { verdict };
        self.handle.meters.tried(flight.channel, verdict);
        if matches!(verdict, Verdict::Delivered | Verdict::Folded) {
            self.handle.meters.delays.observe(now.since(one.at));
        }
        // The other side's name for a digest would bind what follows on one incident to all of them.
        let is_single = flight.tries.len() == 1;
        let reference = if is_single { sent.reference.clone() } else { String::new() };
        self.receipts.push(Receipt {
            project: flight.project,
            notification: one.delivery.0,
            target: one.delivery.1,
            attempt: one.attempt,
            began_at: flight.began_at,
            took,
            verdict,
            next_at,
            status: sent.status,
            answer: sent.answer.clone(),
            reference,
        });
    }
}

fn as_try(leased: &Leased) -> Try {
    Try {
        delivery: (leased.notification.id, leased.target),
        attempt: leased.attempt,
        deadline: leased.deadline,
        at: leased.notification.at,
    }
}

/// An answer, even a no, says that the other side is there; one that asks for time is heeded instead of counted.
fn ending(sent: &Sent) -> Ending {
    match sent.outcome {
        SentOutcome::Delivered | SentOutcome::Refused => Ending::Answered,
        SentOutcome::Retry { after: Some(after) } => {
            Ending::Paused(after.min(retry::RETRY_AFTER_MOST))
        }
        SentOutcome::Retry { after: None } => Ending::Failed,
    }
}
