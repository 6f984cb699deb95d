//! Groups: what stands behind each grouping key: its open incidents, its window, and the signals
//! that wait for `open_when`.

use std::collections::VecDeque;

use hashbrown::HashMap;
use model::{GroupingKey, IncidentId, OpenWhen, Seq, Timestamp};

use crate::timers::{Timer, Timers};

/// What stands behind one grouping key.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Incidents that are OPEN or INVESTIGATING, oldest first; at most one in `ongoing` mode (I3).
    pub(crate) active: Vec<IncidentId>,
    /// The incident that was resolved last.
    pub(crate) resolved: Option<IncidentId>,
    /// The current window, in `window` mode.
    pub(crate) window: Option<Window>,
    /// Signals on the way to opening.
    pub(crate) pending: Pending,
}

/// A tumbling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) started_at: Timestamp,
    pub(crate) signals: u32,
    pub(crate) incident: IncidentId,
}

/// Signals that wait for `open_when`, oldest first, and how long they may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) arrivals: VecDeque<(Timestamp, Seq)>,
    /// The deadline that is armed to drop the oldest.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) within_micros: u64,
}

/// All groups that have something behind them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    map: HashMap<GroupingKey, Group>,
    pending: usize,
}

impl Groups {
    pub(crate) fn get(&self, key: GroupingKey) -> Option<&Group> {
        self.map.get(&key)
    }

    pub(crate) fn entry(&mut self, key: GroupingKey) -> &mut Group {
        self.map.entry(key).or_default()
    }

    /// How many groups have signals that wait for `open_when`.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Adds an arrival on the way to opening. When it is the last one asked for, returns those that
    /// came before it, and the way starts anew.
    pub(crate) fn arrive(
        &mut self,
        key: GroupingKey,
        seq: Seq,
        at: Timestamp,
        wanted: OpenWhen,
        timers: &mut Timers,
    ) -> Option<Vec<Seq>> {
        let pending = &mut self.map.entry(key).or_default().pending;
        let was_empty = pending.arrivals.is_empty();
        while pending.arrivals.front().is_some_and(|&(then, _)| at.since(then) > wanted.within) {
            pending.arrivals.pop_front();
        }
        if pending.arrivals.len() + 1 >= wanted.count as usize {
            let before = pending.arrivals.drain(..).map(|(_, seq)| seq).collect();
            if let Some(deadline) = pending.deadline.take() {
                timers.disarm(deadline, Timer::Pending(key));
            }
            self.pending -= usize::from(!was_empty);
            return Some(before);
        }
        pending.arrivals.push_back((at, seq));
        pending.within_micros = wanted.within.micros();
        self.pending += usize::from(was_empty);
        if pending.deadline.is_none() {
            let deadline = at + wanted.within + model::Duration::from_micros(1);
            pending.deadline = Some(deadline);
            timers.arm(deadline, Timer::Pending(key));
        }
        None
    }

    /// Drops arrivals that are too old to count, and the group if nothing is left behind it.
    pub(crate) fn drop_stale_pending(
        &mut self,
        key: GroupingKey,
        now: Timestamp,
        timers: &mut Timers,
    ) {
        let Some(group) = self.map.get_mut(&key) else { return };
        let pending = &mut group.pending;
        let within = model::Duration::from_micros(pending.within_micros);
        pending.deadline = None;
        while pending.arrivals.front().is_some_and(|&(then, _)| now.since(then) > within) {
            pending.arrivals.pop_front();
        }
        if let Some(&(then, _)) = pending.arrivals.front() {
            let deadline = then + within + model::Duration::from_micros(1);
            pending.deadline = Some(deadline);
            timers.arm(deadline, Timer::Pending(key));
        } else {
            self.pending -= 1;
            self.drop_if_idle(key);
        }
    }

    /// The incident became OPEN or INVESTIGATING.
    pub(crate) fn became_active(&mut self, key: GroupingKey, id: IncidentId) {
        let group = self.entry(key);
        if !group.active.contains(&id) {
            group.active.push(id);
        }
        if group.resolved == Some(id) {
            group.resolved = None;
        }
    }

    /// The incident became RESOLVED.
    pub(crate) fn became_resolved(&mut self, key: GroupingKey, id: IncidentId) {
        let group = self.entry(key);
        group.active.retain(|&active| active != id);
        group.resolved = Some(id);
    }

    /// The incident was closed.
    pub(crate) fn became_closed(&mut self, key: GroupingKey, id: IncidentId) {
        let Some(group) = self.map.get_mut(&key) else { return };
        group.active.retain(|&active| active != id);
        if group.resolved == Some(id) {
            group.resolved = None;
        }
        if group.window.is_some_and(|window| window.incident == id) {
            group.window = None;
        }
        self.drop_if_idle(key);
    }

    /// All groups by key.
    pub(crate) fn sorted(&self, mut keys: Vec<GroupingKey>) -> Vec<(GroupingKey, &Group)> {
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().filter_map(|key| self.map.get(&key).map(|group| (key, group))).collect()
    }

    pub(crate) fn restore(&mut self, key: GroupingKey, group: Group) {
        self.pending += usize::from(!group.pending.arrivals.is_empty());
        self.map.insert(key, group);
    }

    fn drop_if_idle(&mut self, key: GroupingKey) {
        let idle = |group: &Group| {
            group.active.is_empty()
                && group.resolved.is_none()
                && group.window.is_none()
                && group.pending.arrivals.is_empty()
        };
        if self.map.get(&key).is_some_and(idle) {
            self.map.remove(&key);
        }
    }
}
