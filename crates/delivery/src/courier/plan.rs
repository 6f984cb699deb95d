//! Which of what is due may be leased now: a share of all slots that no endpoint that hangs can take from those
//! that answer, and what may wait for a slot.
//!
//! Refuses to know: the clock (time is an argument), the store, what is sent.
//!
//! Invariant: endpoints that hang are given one slot each, while they have less than a quarter of all together; those
//! not heard of yet have half of all until they hang. A quarter is always for endpoints that answer.

use model::{Target, Timestamp};
use store::{DueTarget, LeaseOf};

use super::lanes::{Lanes, Pace, Place, Share};
use super::waiting::Waiting;

/// What is leased at once for a person or schedule: that is looked up, not sent.
const SPREAD_AT_ONCE: u32 = 64;
/// What is leased at once for all persons and schedules.
const SPREADS_AT_ONCE: u32 = 512;
/// Messages that may wait for a slot of any.
const AHEAD_IN_ALL: u32 = 4_096;

/// What to lease now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// What to ask the outbox for.
    pub(super) wanted: Vec<LeaseOf>,
    /// Where what is leased goes as one message.
    pub(super) folding: Vec<Place>,
    /// When something that had to wait for a time may go.
    pub(super) next: Option<Timestamp>,
    /// How many messages of those may begin at once; the others wait until one before them has ended.
    pub(super) granted: Vec<(Place, u32)>,
    /// Whether slots were left over.
    pub(super) has_room: bool,
    /// Whether an endpoint with nothing under way got no slot because others have them all.
    pub(super) is_scarce: bool,
}

/// What could be leased to wait for a slot.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    due: DueTarget,
    /// Its place among what is wanted, if it has one.
    index: Option<usize>,
    /// How many may wait at most.
    room: u32,
}

/// What an endpoint may do, and what stands behind it.
#[derive(Debug, Clone, Copy)]
struct Asks {
    due: DueTarget,
    pace: Pace,
    share: Share,
    /// Whether something waits for it already.
    waits: bool,
    under_way: u32,
    /// How many may wait for a slot beside those that do.
    room: u32,
}

/// A plan that is being made.
struct Planning {
    plan: Plan,
    slots: Slots,
    /// What may still be leased for persons and schedules.
    spreads: u32,
    /// Second and further slots, with the place of the first among what is wanted.
    more: Vec<(usize, Pace, u32)>,
    ahead: Vec<Ahead>,
}

/// Slots that are free.
#[derive(Debug, Clone, Copy)]
struct Slots {
    all: u32,
    /// Of endpoints that are not known to answer.
    unproven: u32,
    /// Of endpoints that were not heard of yet.
    unknown: u32,
    /// Of endpoints that hang.
    hanging: u32,
}

impl Lanes {
    /// What to lease of what is due, the longest waiting first: one message for everybody before a second for anybody,
    /// and only then what has to wait for a slot.
    pub(super) fn plan(&mut self, due: &[DueTarget], now: Timestamp, waiting: &Waiting) -> Plan {
        let (more, ahead) = (Vec::new(), Vec::new());
        let (plan, slots, spreads) = (Plan::default(), self.free(now), SPREADS_AT_ONCE);
        let mut planning = Planning { plan, slots, spreads, more, ahead };
        for one in due {
            match one.target {
                Target::Endpoint(_) => planning.endpoint(self.asks(one, now, waiting)),
                Target::OnCall(_) | Target::Person(_) => planning.spread(one),
            }
        }
        planning.finish(AHEAD_IN_ALL.saturating_sub(waiting.len()))
    }

    fn asks(&mut self, due: &DueTarget, now: Timestamp, waiting: &Waiting) -> Asks {
        let (place, slow_after) = ((due.project, due.target), self.slow_after);
        let waits = waiting.of(place);
        let lane = self.lane(place, now);
        let pace = lane.pace(slow_after, now);
        // What waits already has a right to the slots.
        let share = if waits > 0 { Share::Busy } else { lane.share(due.count, pace, now) };
        Asks {
            due: *due,
            pace,
            share,
            waits: waits > 0,
            under_way: lane.under_way(),
            room: lane.look_ahead(pace, now).saturating_sub(waits),
        }
    }

    fn free(&self, now: Timestamp) -> Slots {
        let (mut answering, mut unknown, mut hanging) = (0, 0, 0);
        for lane in self.lanes.values() {
            let under_way = lane.under_way();
            match lane.pace(self.slow_after, now) {
                Pace::Answers => answering += under_way,
                Pace::Unknown => unknown += under_way,
                Pace::Hangs => hanging += under_way,
            }
        }
        let quarters = |parts: u32| (self.total.saturating_mul(parts) / 4).max(1);
        Slots {
            all: self.total.saturating_sub(answering + unknown + hanging),
            unproven: quarters(3).saturating_sub(unknown + hanging),
            unknown: quarters(2).saturating_sub(unknown),
            hanging: quarters(1).saturating_sub(hanging),
        }
    }
}

impl Planning {
    fn spread(&mut self, due: &DueTarget) {
        let most = due.count.min(SPREAD_AT_ONCE).min(self.spreads);
        self.spreads -= most;
        if most > 0 {
            self.want(due, most, 0);
        }
    }

    fn endpoint(&mut self, asks: Asks) {
        let Asks { due, pace, share, waits, under_way, room } = asks;
        let (most, others) = match share {
            Share::Until(until) => {
                self.plan.next = Some(self.plan.next.map_or(until, |next| next.min(until)));
                return;
            }
            Share::Busy | Share::Singles(0) => {
                self.ahead.push(Ahead { due, index: None, room });
                self.plan.is_scarce |= waits && under_way == 0 && self.slots.all == 0;
                return;
            }
            Share::Digest(most) => (most, 0),
            Share::Singles(most) => (1, most - 1),
        };
        if self.slots.take(pace, 1) == 0 {
            self.plan.is_scarce |= under_way == 0 && self.slots.all == 0;
            return;
        }
        let index = self.plan.wanted.len();
        if matches!(share, Share::Digest(_)) {
            self.plan.folding.push((due.project, due.target));
        } else {
            self.more.push((index, pace, others));
            self.ahead.push(Ahead { due, index: Some(index), room });
        }
        self.want(&due, most, 1);
    }

    fn want(&mut self, due: &DueTarget, most: u32, slots: u32) {
        self.plan.wanted.push(lease(due, most));
        self.plan.granted.push(((due.project, due.target), slots));
    }

    /// The plan, with up to `left` that wait for a slot.
    fn finish(mut self, left: u32) -> Plan {
        for (index, pace, most) in self.more {
            let got = self.slots.take(pace, most);
            self.plan.wanted[index].most += got;
            self.plan.granted[index].1 += got;
        }
        self.plan.has_room = self.slots.all > 0;
        if !self.plan.is_scarce {
            self.plan.add(&self.ahead, left);
        }
        self.plan
    }
}

impl Plan {
    /// Adds what is leased to wait for a slot, `left` in all.
    fn add(&mut self, ahead: &[Ahead], mut left: u32) {
        for Ahead { due, index, room } in ahead {
            let before = index.map_or(0, |index| self.wanted[index].most);
            let most = (*room).min(due.count.saturating_sub(before)).min(left);
            left -= most;
            match index {
                Some(index) => self.wanted[*index].most += most,
                None if most > 0 => self.wanted.push(lease(due, most)),
                None => {}
            }
        }
    }
}

impl Slots {
    /// Takes up to `wanted` for a lane of this pace; answers how many it got.
    fn take(&mut self, pace: Pace, wanted: u32) -> u32 {
        let most = match pace {
            Pace::Answers => self.all,
            Pace::Unknown => self.all.min(self.unproven).min(self.unknown),
            Pace::Hangs => self.all.min(self.unproven).min(self.hanging),
        };
        let got = wanted.min(most);
        self.all -= got;
        match pace {
            Pace::Answers => {}
            Pace::Unknown => {
                self.unproven -= got;
                self.unknown -= got;
            }
            Pace::Hangs => {
                self.unproven -= got;
                self.hanging -= got;
            }
        }
        got
    }
}

fn lease(due: &DueTarget, most: u32) -> LeaseOf {
    LeaseOf { project: due.project, target: due.target, most }
}
