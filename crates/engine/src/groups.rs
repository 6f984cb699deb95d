//! Groups: what stands behind each grouping key: its incidents that are not closed, its window, and
//! the signals that wait for `open_when`.

use std::collections::{BTreeMap, VecDeque};

use hashbrown::HashMap;
use model::{Duration, GroupingKey, IdentityKey, IncidentId, OpenWhen, Seq, Severity, Timestamp};

use crate::timers::{Timer, Timers};

/// What stands behind one grouping key. Both lists are mostly of one: queues, because incidents leave
/// them about in the order in which they came, and a key in `window` mode can have very many.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Incidents that are OPEN or INVESTIGATING, in the order in which they became so. In `ongoing`
    /// mode one incident speaks for all of them (I3).
    pub(crate) active: VecDeque<IncidentId>,
    /// Incidents that are RESOLVED, the one resolved last at the end.
    pub(crate) resolved: VecDeque<IncidentId>,
    /// The current window, in `window` mode.
    pub(crate) window: Option<Window>,
}

/// A tumbling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) started_at: Timestamp,
    pub(crate) signals: u32,
    pub(crate) incident: IncidentId,
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

    pub(crate) fn entry(&mut self, key: GroupingKey) -> &mut Group {
        self.map.entry(key).or_default()
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

    /// An incident that was not there before is OPEN.
    pub(crate) fn opened(&mut self, key: GroupingKey, id: IncidentId) {
        self.entry(key).active.push_back(id);
    }

    /// The incident became OPEN or INVESTIGATING again.
    pub(crate) fn became_active(&mut self, key: GroupingKey, id: IncidentId) {
        let group = self.entry(key);
        take(&mut group.resolved, id);
        group.active.push_back(id);
    }

    /// The incident became RESOLVED.
    pub(crate) fn became_resolved(&mut self, key: GroupingKey, id: IncidentId) {
        let group = self.entry(key);
        take(&mut group.active, id);
        group.resolved.push_back(id);
    }

    /// The incident was closed.
    pub(crate) fn became_closed(&mut self, key: GroupingKey, id: IncidentId) {
        let Some(group) = self.map.get_mut(&key) else { return };
        take(&mut group.resolved, id);
        if group.window.is_some_and(|window| window.incident == id) {
            group.window = None;
        }
        if group.active.is_empty() && group.resolved.is_empty() {
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

impl Pending {
    fn drop_stale(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|oldest| now.since(oldest.at) > self.within) {
            self.waiting.pop_front();
        }
    }
}

/// Takes an incident out of a list; it is mostly near the front.
fn take(list: &mut VecDeque<IncidentId>, id: IncidentId) {
    if let Some(index) = list.iter().position(|&listed| listed == id) {
        list.remove(index);
    }
}
