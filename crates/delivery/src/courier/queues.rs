//! Which of what is due may be leased now: one lane an endpoint, and a share of all slots that no endpoint
//! that hangs can take from those that answer.
//!
//! Refuses to know: the clock (time is an argument), the store, what is sent.
//!
//! Invariant: endpoints that hang are given one slot each, while they have less than a quarter of all together; those
//! not heard of yet have half of all until they hang. A quarter is always for endpoints that answer.

use std::collections::HashMap;

use model::{Duration, ProjectId, Target, Timestamp};
use store::{DueTarget, LeaseOf};

use super::breaker::{Breaker, Permit};
use super::digest::{self, DIGEST_MESSAGES, Room};
use super::options::{Options, Settings};
use super::rate::Bucket;

/// What is leased at once for a person or schedule: that is looked up, not sent.
const SPREAD_AT_ONCE: u32 = 64;
/// What is leased at once for all persons and schedules.
const SPREADS_AT_ONCE: u32 = 512;
/// Slots of an endpoint that was not heard of yet; each answer in time adds one, up to what it is allowed.
const SLOTS_FIRST: u32 = 2;
/// How long a lane that nobody uses is remembered at least. So there are never more lanes than endpoints that had
/// something due in the last ten minutes.
const LANE_REMEMBERED: Duration = Duration::from_secs(300);

/// Which lane: whose, and to whom.
pub(super) type Place = (ProjectId, Target);

/// What is known of an endpoint's haste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// Nothing was sent there yet.
    Unknown,
    /// The last send was answered in time, whatever the answer.
    Answers,
    /// The last send took too long.
    Hangs,
}

/// What is to be known about sending to one endpoint.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    settings: Settings,
    /// When each send that is under way was begun.
    begun: Vec<Timestamp>,
    slots: u32,
    pace: Pace,
    breaker: Breaker,
    bucket: Option<Bucket>,
    paused_until: Option<Timestamp>,
    window: digest::Window,
    used_at: Timestamp,
}

/// How a send ended, as far as its lane is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The other side answered, with yes or with no.
    Answered,
    /// It asked to be left alone for so long.
    Paused(Duration),
    /// It failed.
    Failed,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: HashMap<Place, Lane>,
    swept_at: Timestamp,
    total: u32,
    slow_after: Duration,
    unsaid: Settings,
}

/// What to lease now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// What to ask the outbox for.
    pub(super) wanted: Vec<LeaseOf>,
    /// Where what is leased goes as one message.
    pub(super) folding: Vec<Place>,
    /// When something that had to wait for a time may go.
    pub(super) next: Option<Timestamp>,
    /// Whether slots were left over.
    pub(super) has_room: bool,
}

/// What one lane may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// So many messages.
    Singles(u32),
    /// One message of all that is due.
    Digest,
    /// Nothing before then.
    Until(Timestamp),
    /// Nothing before a send ends.
    Busy,
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

impl Lane {
    fn new(settings: Settings, now: Timestamp) -> Self {
        let bucket = settings.rate_per_second.map(|rate| Bucket::new(rate, now));
        Self {
            settings,
            begun: Vec::new(),
            slots: SLOTS_FIRST,
            pace: Pace::Unknown,
            breaker: Breaker::default(),
            bucket,
            paused_until: None,
            window: digest::Window::default(),
            used_at: now,
        }
    }

    fn set(&mut self, settings: Settings, now: Timestamp) {
        self.used_at = now;
        if self.settings == settings {
            return;
        }
        if self.settings.rate_per_second != settings.rate_per_second {
            self.bucket = settings.rate_per_second.map(|rate| Bucket::new(rate, now));
        }
        self.settings = settings;
    }

    /// Its last send took too long, or one that is under way has.
    fn pace(&self, slow_after: Duration, now: Timestamp) -> Pace {
        let oldest = self.begun.iter().min();
        if oldest.is_some_and(|begun| now.since(*begun) >= slow_after) {
            Pace::Hangs
        } else {
            self.pace
        }
    }

    fn share(&mut self, due: u32, pace: Pace, now: Timestamp) -> Share {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Share::Until(until);
        }
        let under_way = u32::try_from(self.begun.len()).unwrap_or(u32::MAX);
        let slots = match pace {
            Pace::Hangs => 1,
            Pace::Unknown | Pace::Answers => self.slots.min(self.settings.concurrency),
        };
        let mut most = slots.saturating_sub(under_way).min(due);
        match self.breaker.permit(now) {
            Permit::Free => {}
            Permit::Probe => most = most.min(1),
            Permit::Until(until) => return Share::Until(until),
            Permit::Wait => return Share::Busy,
        }
        if most == 0 {
            return Share::Busy;
        }
        if let Some(bucket) = &mut self.bucket {
            most = most.min(bucket.available(now));
            if most == 0 {
                return Share::Until(bucket.next());
            }
        }
        match self.settings.digest.map(|rule| self.window.room(rule, due, now)) {
            None => Share::Singles(most),
            Some(Room::Singles(count)) => Share::Singles(most.min(count)),
            Some(Room::Digest) => Share::Digest,
            Some(Room::Until(until)) => Share::Until(until),
        }
    }

    /// A message was begun that holds so many.
    pub(super) fn began(&mut self, messages: u32, now: Timestamp) {
        self.begun.push(now);
        self.breaker.began();
        if let Some(bucket) = &mut self.bucket {
            bucket.take(1);
        }
        if let Some(rule) = self.settings.digest {
            self.window.began(rule, messages, now);
        }
        self.used_at = now;
    }

    /// A send that was begun at `begun` ended at `now`.
    pub(super) fn ended(
        &mut self,
        begun: Timestamp,
        ending: Ending,
        slow_after: Duration,
        now: Timestamp,
    ) {
        if let Some(index) = self.begun.iter().position(|one| *one == begun) {
            self.begun.swap_remove(index);
        }
        self.used_at = now;
        if now.since(begun) >= slow_after {
            self.pace = Pace::Hangs;
            self.slots = 1;
        } else {
            self.pace = Pace::Answers;
            self.slots = (self.slots + 1).min(self.settings.concurrency);
        }
        match ending {
            Ending::Answered => self.breaker.succeeded(),
            Ending::Failed => self.breaker.failed(now),
            Ending::Paused(span) => {
                self.breaker.succeeded();
                let until = now + span;
                self.paused_until = Some(self.paused_until.map_or(until, |then| then.max(until)));
            }
        }
    }

    /// Forgetting it changes nothing.
    fn is_idle(&self, now: Timestamp) -> bool {
        self.begun.is_empty()
            && self.paused_until.is_none_or(|until| until <= now)
            && now.since(self.used_at) >= LANE_REMEMBERED
    }
}

impl Lanes {
    /// No lanes yet.
    #[must_use]
    pub(super) fn new(options: &Options) -> Self {
        Self {
            lanes: HashMap::new(),
            swept_at: Timestamp::default(),
            total: options.concurrency_total.max(1),
            slow_after: options.slow_after,
            unsaid: Settings::none(options),
        }
    }

    /// The lane of an endpoint, with these settings from now on.
    pub(super) fn open(
        &mut self,
        place: Place,
        settings: Option<Settings>,
        now: Timestamp,
    ) -> &mut Lane {
        if now.since(self.swept_at) >= LANE_REMEMBERED {
            self.swept_at = now;
            self.lanes.retain(|_, lane| !lane.is_idle(now));
        }
        let settings = settings.unwrap_or(self.unsaid);
        let lane = self.lanes.entry(place).or_insert_with(|| Lane::new(settings, now));
        lane.set(settings, now);
        lane
    }

    /// The lane of an endpoint that was opened.
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Lane> {
        self.lanes.get_mut(&place)
    }

    /// How many breakers are closed, open and half open.
    #[must_use]
    pub(super) fn breakers(&self) -> [u64; 3] {
        let mut counts = [0; 3];
        for lane in self.lanes.values() {
            counts[match lane.breaker {
                Breaker::Closed { .. } => 0,
                Breaker::Open { .. } => 1,
                Breaker::HalfOpen { .. } => 2,
            }] += 1;
        }
        counts
    }

    /// How many endpoints hang at `now`.
    #[must_use]
    pub(super) fn hanging(&self, now: Timestamp) -> u64 {
        let hangs = |lane: &&Lane| lane.pace(self.slow_after, now) == Pace::Hangs;
        self.lanes.values().filter(hangs).count() as u64
    }

    /// What to lease of what is due, the longest waiting first: one message for everybody before a second for anybody.
    pub(super) fn plan(&mut self, due: &[DueTarget], now: Timestamp) -> Plan {
        let mut slots = self.free(now);
        let mut plan = Plan::default();
        let mut spreads = SPREADS_AT_ONCE;
        let mut more: Vec<(usize, Pace, u32)> = Vec::new();
        for one in due {
            let place = (one.project, one.target);
            let Target::Endpoint(_) = one.target else {
                let most = one.count.min(SPREAD_AT_ONCE).min(spreads);
                spreads -= most;
                if most > 0 {
                    plan.wanted.push(lease(one, most));
                }
                continue;
            };
            let unsaid = self.unsaid;
            let lane = self.lanes.entry(place).or_insert_with(|| Lane::new(unsaid, now));
            let pace = lane.pace(self.slow_after, now);
            let share = lane.share(one.count, pace, now);
            let most = match share {
                Share::Until(until) => {
                    plan.next = Some(plan.next.map_or(until, |next| next.min(until)));
                    continue;
                }
                Share::Busy | Share::Singles(0) => continue,
                Share::Digest => DIGEST_MESSAGES,
                Share::Singles(most) => {
                    if most > 1 {
                        more.push((plan.wanted.len(), pace, most - 1));
                    }
                    1
                }
            };
            if slots.take(pace, 1) == 1 {
                if share == Share::Digest {
                    plan.folding.push(place);
                }
                plan.wanted.push(lease(one, most));
            } else if more.last().is_some_and(|last| last.0 == plan.wanted.len()) {
                more.pop();
            }
        }
        for (index, pace, most) in more {
            plan.wanted[index].most += slots.take(pace, most);
        }
        plan.has_room = slots.all > 0;
        plan
    }

    fn free(&self, now: Timestamp) -> Slots {
        let (mut answering, mut unknown, mut hanging) = (0, 0, 0);
        for lane in self.lanes.values() {
            let under_way = u32::try_from(lane.begun.len()).unwrap_or(u32::MAX);
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
