//! Leasing ahead: an endpoint that answers need not wait for the next look at the outbox to be sent more.
//!
//! Refuses to know: how much is leased ahead, which is the plan's.
//!
//! Invariant: what waits is given back as soon as its endpoint may not be sent to, somebody else gets no slot at
//! all, the journal refuses, or it has waited for `Options::poll`: far below its lease, so that what is begun is
//! always the courier's, and no older than what the courier remembers of the directory.

use model::Verdict;

use super::Courier;
use super::lanes::Place;
use super::meters::ChannelLabel;

impl Courier {
    /// Begins what waits for an endpoint, as far as it has slots.
    pub(super) fn go_on(&mut self, place: Place) {
        let steady = self.steady();
        while self.may_begin(place) {
            let Some(outgoing) = self.waiting.pop(place) else { return };
            let (leased, endpoint, _) = &outgoing;
            let now = self.wall();
            if now > leased.deadline {
                let channel = ChannelLabel::of(&endpoint.row.channel);
                let answer = "its deadline has passed".to_owned();
                self.settle(leased, channel, Verdict::Dead, answer, now);
                continue;
            }
            self.begin(place, outgoing, Vec::new(), steady);
        }
    }

    fn may_begin(&self, place: Place) -> bool {
        let steady = self.steady();
        let all = u32::try_from(self.flights.len()).unwrap_or(u32::MAX);
        !self.is_scarce
            && self.receipts.refused().is_none()
            && all.saturating_add(self.reserved) < self.options.concurrency_total
            && self.is_fresh(place)
            && self.lanes.may_begin(place, steady)
    }

    /// Whether what waits for an endpoint has not waited too long; so if nothing does.
    fn is_fresh(&self, place: Place) -> bool {
        let now = self.steady();
        self.waiting.since(place).is_none_or(|since| now.since(since) < self.options.poll)
    }

    /// Before a look: what waits goes on if it may, and is given back if it is not to wait any longer.
    pub(super) async fn sweep(&mut self) -> Result<(), store::Error> {
        if self.waiting.len() == 0 {
            return Ok(());
        }
        let refused = self.receipts.refused().is_some();
        let mut back = Vec::new();
        for place in self.waiting.places() {
            self.go_on(place);
            let steady = self.steady();
            if refused || !self.is_fresh(place) || !self.lanes.may_wait(place, steady) {
                self.lanes.look_no_further(place);
                back.push(place);
            }
        }
        self.return_unused(&back).await
    }

    /// Gives everything back that waits: at a stop, or because others have more need of the slots.
    pub(super) async fn return_all(&mut self) -> Result<(), store::Error> {
        let places = self.waiting.places();
        self.return_unused(&places).await
    }

    /// Where that fails, the leases end by themselves: nothing of it was begun.
    async fn return_unused(&mut self, places: &[Place]) -> Result<(), store::Error> {
        let mut unused = Vec::new();
        for place in places {
            let leased = self.waiting.take(*place);
            unused.extend(leased.map(|one| (place.0, one.notification.id, one.target)));
        }
        if unused.is_empty() {
            return Ok(());
        }
        for (_, notification, target) in &unused {
            self.held.let_go((*notification, *target));
        }
        self.look_soon();
        self.ports.outbox.return_unused(&unused).await
    }
}
