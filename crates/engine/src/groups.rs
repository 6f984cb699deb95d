//! Groups: what stands behind each grouping key: its incidents that are not closed, its window, and
//! the signals that wait for `open_when`.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use model::{Duration, GroupingKey, IdentityKey, OpenWhen, Seq, Severity, Timestamp};

use crate::cases::Index;
use crate::timers::{Timer, Timers};

/// What stands behind one grouping key. Small for the common case of one open incident, so that the
/// groups of many keys stay near the processor.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The incident that became OPEN or INVESTIGATING last.
    newest: Option<Index>,
    rest: Option<Box<Rest>>,
}

/// What few groups have. The lists are queues, because incidents leave them about in the order in
/// which they came, and a key in `window` mode can have very many.
#[derive(Debug, Default)]
struct Rest {
    /// More incidents that are OPEN or INVESTIGATING, in the order in which they became so. In
    /// `ongoing` mode one incident speaks for all of them (I3).
    older: VecDeque<Index>,
    /// Incidents that are RESOLVED, the one resolved last at the end.
    resolved: VecDeque<Index>,
    /// The current window, in `window` mode.
    window: Option<Window>,
}

/// A tumbling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) started_at: Timestamp,
    pub(crate) signals: u32,
    pub(crate) incident: Index,
}

/// Signals of one key that wait for `open_when`, oldest first and never none, and how long they may.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) waiting: VecDeque<Waiting>,
    pub(crate) within: Duration,
    /// The deadline that is armed to drop the oldest.
    pub(crate) deadline: Timestamp,
}

/// A signal that waits, with what the incident it may open has to know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) at: Timestamp,
    pub(crate) seq: Seq,
    pub(crate) identity: IdentityKey,
    pub(crate) severity: Severity,
    /// Whether its identity has not been resolved since.
    pub(crate) firing: bool,
}

/// All groups that have something behind them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    map: HashMap<GroupingKey, Group>,
    pending: BTreeMap<GroupingKey, Pending>,
}

impl Groups {
    pub(crate) fn get(&self, key: GroupingKey) -> Option<&Group> {
        self.map.get(&key)
    }

    /// Sets the current window of a key.
    pub(crate) fn set_window(&mut self, key: GroupingKey, window: Window) {
        self.map.entry(key).or_default().rest().window = Some(window);
    }

    /// Whether one more key may wait for `open_when`, or this one does already.
    pub(crate) fn may_wait(&self, key: GroupingKey, keys_max: usize) -> bool {
        self.pending.len() < keys_max || self.pending.contains_key(&key)
    }

    /// Adds an arrival on the way to opening. When it is the last one asked for, returns those that
    /// came before it, and the way starts anew.
    pub(crate) fn arrive(
        &mut self,
        key: GroupingKey,
        arrival: Waiting,
        wanted: OpenWhen,
        timers: &mut Timers,
    ) -> Option<Vec<Waiting>> {
        let first_deadline = arrival.at + wanted.within + Duration::from_micros(1);
        let pending = self.pending.entry(key).or_insert_with(|| {
            timers.arm(first_deadline, Timer::Pending(key));
            Pending { waiting: VecDeque::new(), within: wanted.within, deadline: first_deadline }
        });
        pending.within = wanted.within;
        pending.drop_stale(arrival.at);
        if pending.waiting.len() + 1 < wanted.count as usize {
            pending.waiting.push_back(arrival);
            return None;
        }
        let before = pending.waiting.drain(..).collect();
        timers.disarm(pending.deadline, Timer::Pending(key));
        self.pending.remove(&key);
        Some(before)
    }

    /// An identity no longer fires, so that the incident its waiting signals may open need not wait
    /// for its resolution. They still count on the way to opening.
    pub(crate) fn end_waiting(&mut self, key: GroupingKey, identity: IdentityKey) {
        let Some(pending) = self.pending.get_mut(&key) else { return };
        for waiting in pending.waiting.iter_mut().filter(|waiting| waiting.identity == identity) {
            waiting.firing = false;
        }
    }

    /// Drops arrivals that are too old to count.
    pub(crate) fn pending_is_due(&mut self, key: GroupingKey, now: Timestamp, timers: &mut Timers) {
        let Some(pending) = self.pending.get_mut(&key) else { return };
        pending.drop_stale(now);
        let Some(oldest) = pending.waiting.front() else {
            self.pending.remove(&key);
            return;
        };
        pending.deadline = oldest.at + pending.within + Duration::from_micros(1);
        timers.arm(pending.deadline, Timer::Pending(key));
    }

    /// The incident became OPEN or INVESTIGATING, and was not.
    pub(crate) fn became_active(&mut self, key: GroupingKey, index: Index) {
        let group = self.map.entry(key).or_default();
        if let Some(rest) = &mut group.rest {
            take(&mut rest.resolved, index);
        }
        if let Some(before) = group.newest.replace(index) {
            group.rest().older.push_back(before);
        }
    }

    /// The incident became RESOLVED.
    pub(crate) fn became_resolved(&mut self, key: GroupingKey, index: Index) {
        let group = self.map.entry(key).or_default();
        let newest = group.newest;
        let rest = group.rest();
        if newest == Some(index) {
            group.newest = rest.older.pop_back();
        } else {
            take(&mut rest.older, index);
        }
        group.rest().resolved.push_back(index);
    }

    /// The incident, which was RESOLVED, was closed.
    pub(crate) fn became_closed(&mut self, key: GroupingKey, index: Index) {
        let Some(group) = self.map.get_mut(&key) else { return };
        let rest = group.rest();
        take(&mut rest.resolved, index);
        if rest.window.is_some_and(|window| window.incident == index) {
            rest.window = None;
        }
        let is_idle = rest.older.is_empty() && rest.resolved.is_empty();
        if is_idle && group.newest.is_none() {
            self.map.remove(&key);
        }
    }

    /// The groups of the keys, each once and in order. Every group has an incident, so the keys of
    /// all incidents give all groups.
    pub(crate) fn sorted(&self, mut keys: Vec<GroupingKey>) -> Vec<(GroupingKey, &Group)> {
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().filter_map(|key| self.map.get(&key).map(|group| (key, group))).collect()
    }

    /// The keys that wait for `open_when`, in order.
    pub(crate) fn pending(&self) -> impl ExactSizeIterator<Item = (GroupingKey, &Pending)> {
        self.pending.iter().map(|(&key, pending)| (key, pending))
    }

    pub(crate) fn restore(&mut self, key: GroupingKey, group: Group) {
        self.map.insert(key, group);
    }

    pub(crate) fn restore_pending(&mut self, key: GroupingKey, pending: Pending) {
        self.pending.insert(key, pending);
    }
}

impl Group {
    /// The incidents that are OPEN or INVESTIGATING, in the order in which they became so.
    pub(crate) fn active(&self) -> impl Iterator<Item = Index> {
        let older = self.rest.iter().flat_map(|rest| rest.older.iter().copied());
        older.chain(self.newest)
    }

    /// The incident that became OPEN or INVESTIGATING last.
    pub(crate) fn newest(&self) -> Option<Index> {
        self.newest
    }

    /// The incidents that are RESOLVED, in the order in which they became so.
    pub(crate) fn resolved(&self) -> impl DoubleEndedIterator<Item = Index> {
        self.rest.iter().flat_map(|rest| rest.resolved.iter().copied())
    }

    /// The current window.
    pub(crate) fn window(&self) -> Option<Window> {
        self.rest.as_ref()?.window
    }

    /// A group of what a snapshot holds.
    pub(crate) fn of(mut active: Vec<Index>, resolved: Vec<Index>, window: Option<Window>) -> Self {
        let newest = active.pop();
        let rest = Rest { older: active.into(), resolved: resolved.into(), window };
        Self { newest, rest: Some(Box::new(rest)) }
    }

    fn rest(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }
}

impl Pending {
    fn drop_stale(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|oldest| now.since(oldest.at) > self.within) {
            self.waiting.pop_front();
        }
    }
}

/// Takes an incident out of a list; it is mostly near the front.
fn take(list: &mut VecDeque<Index>, index: Index) {
    if let Some(place) = list.iter().position(|&listed| listed == index) {
        list.remove(place);
    }
}
