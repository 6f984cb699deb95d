//! One lane an endpoint: what is known about sending to it, and what it may do now.
//!
//! Refuses to know: the clock (time is an argument), the store, what is sent, who else wants slots.
//!
//! Invariant: an endpoint that hangs is given one slot; what it was not heard of before it earns by answering.

use std::collections::HashMap;

use model::{Duration, ProjectId, Target, Timestamp};

use super::breaker::{Breaker, Permit};
use super::digest::{self, Room};
use super::options::{Options, Settings};
use super::rate::Bucket;
use super::waiting::Waiting;

/// Slots of an endpoint that was not heard of yet; each answer in time adds one, up to what it is allowed.
const SLOTS_FIRST: u32 = 2;
/// Messages that may wait for a slot of one endpoint.
const AHEAD_MOST: u32 = 256;
/// How long a lane that nobody uses is remembered at least. So there are never more lanes than endpoints that had
/// something due in the last ten minutes.
const LANE_REMEMBERED: Duration = Duration::from_secs(300);

/// Which lane: whose, and to whom.
pub(super) type Place = (ProjectId, Target);

/// What is known of an endpoint's haste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
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
    /// Sends that were answered in time since the last plan.
    answered: u32,
    /// How many may wait here for a slot: twice as many as it takes from one look to the next.
    ahead: u32,
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
    pub(super) lanes: HashMap<Place, Lane>,
    swept_at: Timestamp,
    /// Slots of all lanes together.
    pub(super) total: u32,
    pub(super) slow_after: Duration,
    unsaid: Settings,
}

/// What one lane may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Share {
    /// So many messages.
    Singles(u32),
    /// One message of all that is due, as far as it holds so many.
    Digest(u32),
    /// Nothing before then.
    Until(Timestamp),
    /// Nothing before a send ends.
    Busy,
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
            answered: 0,
            ahead: 0,
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
    pub(super) fn pace(&self, slow_after: Duration, now: Timestamp) -> Pace {
        let oldest = self.begun.iter().min();
        if oldest.is_some_and(|begun| now.since(*begun) >= slow_after) {
            Pace::Hangs
        } else {
            self.pace
        }
    }

    /// Messages under way.
    pub(super) fn under_way(&self) -> u32 {
        u32::try_from(self.begun.len()).unwrap_or(u32::MAX)
    }

    /// What it may do now of `due` messages.
    pub(super) fn share(&mut self, due: u32, pace: Pace, now: Timestamp) -> Share {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Share::Until(until);
        }
        let under_way = self.under_way();
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
        let Some(rule) = self.settings.digest else { return Share::Singles(most) };
        match self.window.room(rule, due, now) {
            Room::Singles(count) => Share::Singles(most.min(count)),
            Room::Digest => Share::Digest(rule.most),
            Room::Until(until) => Share::Until(until),
        }
    }

    /// Whether something may wait here for a slot: only what goes out one by one, to an endpoint that answers and
    /// is to be left alone for no reason.
    fn may_wait(&self, pace: Pace, now: Timestamp) -> bool {
        pace == Pace::Answers
            && matches!(self.breaker, Breaker::Closed { .. })
            && self.paused_until.is_none_or(|until| until <= now)
            && self.settings.digest.is_none()
            && self.bucket.is_none()
    }

    /// How many may wait here until the next look.
    pub(super) fn look_ahead(&mut self, pace: Pace, now: Timestamp) -> u32 {
        let answered = std::mem::take(&mut self.answered);
        self.ahead = answered.saturating_mul(2).max(self.ahead / 2).min(AHEAD_MOST);
        if self.may_wait(pace, now) { self.ahead } else { 0 }
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
            self.answered = self.answered.saturating_add(1);
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

    /// The lane of an endpoint, with the settings that it has.
    pub(super) fn lane(&mut self, place: Place, now: Timestamp) -> &mut Lane {
        let unsaid = self.unsaid;
        self.lanes.entry(place).or_insert_with(|| Lane::new(unsaid, now))
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

    /// Whether a message that waits for this endpoint may begin, as far as that is the endpoint's matter.
    #[must_use]
    pub(super) fn may_begin(&self, place: Place, now: Timestamp) -> bool {
        self.lanes.get(&place).is_some_and(|lane| {
            let slots = lane.slots.min(lane.settings.concurrency);
            lane.may_wait(lane.pace(self.slow_after, now), now) && lane.under_way() < slots
        })
    }

    /// Whether messages may wait for this endpoint.
    #[must_use]
    pub(super) fn may_wait(&self, place: Place, now: Timestamp) -> bool {
        let lane = self.lanes.get(&place);
        lane.is_some_and(|lane| lane.may_wait(lane.pace(self.slow_after, now), now))
    }

    /// Nothing is leased ahead for this endpoint until it has answered again.
    pub(super) fn look_no_further(&mut self, place: Place) {
        if let Some(lane) = self.lanes.get_mut(&place) {
            (lane.ahead, lane.answered) = (0, 0);
        }
    }

    /// Whether what waits for this endpoint will not last for long.
    #[must_use]
    pub(super) fn wants_more(&self, place: Place, waiting: &Waiting) -> bool {
        let ahead = self.lanes.get(&place).map_or(0, |lane| lane.ahead);
        waiting.of(place) <= ahead / 2
    }
}
