//! What is leased ahead: messages to endpoints that answer, which begin as soon as one before them ends.
//!
//! Refuses to know: slots, breakers, how much is leased ahead.
//!
//! Invariant: nothing in here has been begun, so all of it can be given back at any time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::Timestamp;
use store::Leased;

use super::cache::Known;
use super::lanes::Place;

/// Something that is to be sent, with where to and the name of whom.
pub(super) type Outgoing = (Leased, Arc<Known>, Arc<str>);

/// Messages that wait for a slot of their endpoint, in order, each with since when.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queues: BTreeMap<Place, VecDeque<(Timestamp, Outgoing)>>,
    total: u32,
}

impl Waiting {
    /// How many wait in all.
    pub(super) fn len(&self) -> u32 {
        self.total
    }

    /// How many wait for one endpoint.
    pub(super) fn of(&self, place: Place) -> u32 {
        let queue = self.queues.get(&place);
        queue.map_or(0, |queue| u32::try_from(queue.len()).unwrap_or(u32::MAX))
    }

    /// Since when the first waits for an endpoint.
    pub(super) fn since(&self, place: Place) -> Option<Timestamp> {
        Some(self.queues.get(&place)?.front()?.0)
    }

    /// The endpoints for which something waits.
    pub(super) fn places(&self) -> Vec<Place> {
        self.queues.keys().copied().collect()
    }

    pub(super) fn push(&mut self, place: Place, outgoing: Outgoing, now: Timestamp) {
        self.queues.entry(place).or_default().push_back((now, outgoing));
        self.total += 1;
    }

    /// The next one for an endpoint.
    pub(super) fn pop(&mut self, place: Place) -> Option<Outgoing> {
        let queue = self.queues.get_mut(&place)?;
        let (_, outgoing) = queue.pop_front()?;
        if queue.is_empty() {
            self.queues.remove(&place);
        }
        self.total -= 1;
        Some(outgoing)
    }

    /// All that wait for an endpoint.
    pub(super) fn take(&mut self, place: Place) -> impl Iterator<Item = Leased> + use<> {
        let queue = self.queues.remove(&place).unwrap_or_default();
        self.total -= u32::try_from(queue.len()).unwrap_or(self.total);
        queue.into_iter().map(|(_, (leased, ..))| leased)
    }
}
