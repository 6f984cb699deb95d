//! Alerts and their leases: an alert is sent again and again while it fires, and one that is not
//! renewed in time has resolved.

use std::collections::BTreeMap;

use model::{AlertLease, Duration, Effect, Effects, IdentityKey, IncidentId, ProjectId, Timestamp};

use crate::timers::{Timer, Timers};

/// How long a resolved alert is remembered, so that its resolution sent again costs nothing:
/// Prometheus sends it for 15 minutes, twice that leaves room.
const RESOLVED_REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// An alert that fires, or did until a short while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AlertState {
    pub(crate) project: ProjectId,
    pub(crate) lease: AlertLease,
    pub(crate) updated_at: Timestamp,
    pub(crate) incident: Option<IncidentId>,
    pub(crate) group: model::GroupingKey,
    pub(crate) firing: bool,
    /// The deadline that is armed: the lease's end or forgetting, as of when it was armed.
    pub(crate) deadline: Timestamp,
}

/// All alerts that fire or are remembered.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    pub(crate) map: BTreeMap<IdentityKey, AlertState>,
}

/// What an alert that came in is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It fires, and did not.
    Fires,
    /// It resolves what fires.
    Resolves,
    /// It says again what is known.
    Repeats,
    /// It resolves what is not known to fire.
    Unknown,
}

impl Alerts {
    /// What an alert is to what is known.
    pub(crate) fn classify(
        &self,
        identity: IdentityKey,
        lease: AlertLease,
        firing: bool,
    ) -> Arrival {
        match (self.map.get(&identity), firing) {
            (Some(known), true) if known.firing => Arrival::Repeats,
            (Some(known), false) if known.firing && lease.starts_at >= known.lease.starts_at => {
                Arrival::Resolves
            }
            // The resolution of an earlier round, late: what fires now goes on firing.
            (Some(known), false) if known.firing => Arrival::Repeats,
            // What is over is said again, or by another sender that saw it begin earlier.
            (Some(known), false) if lease.starts_at <= known.lease.starts_at => Arrival::Repeats,
            (_, true) => Arrival::Fires,
            (_, false) => Arrival::Unknown,
        }
    }

    /// Whether the identity is that of an alert that fires.
    pub(crate) fn fire(&self, identity: IdentityKey) -> bool {
        self.map.get(&identity).is_some_and(|known| known.firing)
    }

    /// An alert that fires without incident belongs to one from now on.
    pub(crate) fn belongs_to(&mut self, identity: IdentityKey, incident: IncidentId) {
        if let Some(known) = self.map.get_mut(&identity).filter(|known| known.firing) {
            known.incident.get_or_insert(incident);
        }
    }

    /// Renews a lease. It never becomes shorter: of two senders the later end counts.
    pub(crate) fn renew(
        &mut self,
        identity: IdentityKey,
        lease: AlertLease,
        at: Timestamp,
        out: &mut Effects,
    ) {
        let Some(known) = self.map.get_mut(&identity) else { return };
        if !known.firing {
            return;
        }
        known.lease.ends_at = known.lease.ends_at.max(lease.ends_at);
        known.updated_at = at;
        out.push(Effect::AlertRenewed { project: known.project, identity, lease: known.lease, at });
    }

    /// Begins to follow an alert that fires. False when there are too many.
    pub(crate) fn fires(
        &mut self,
        identity: IdentityKey,
        mut state: AlertState,
        alerts_max: usize,
        timers: &mut Timers,
    ) -> bool {
        state.deadline = state.lease.ends_at;
        self.follow(identity, state, Timer::Lease(identity), alerts_max, timers)
    }

    /// Remembers the resolution of an alert that was not known to fire, so that it costs nothing when it
    /// is sent again. False when there are too many.
    pub(crate) fn was_over(
        &mut self,
        identity: IdentityKey,
        mut state: AlertState,
        alerts_max: usize,
        timers: &mut Timers,
    ) -> bool {
        state.deadline = state.updated_at + RESOLVED_REMEMBERED;
        self.follow(identity, state, Timer::Forget(identity), alerts_max, timers)
    }

    /// Puts a state in the place of one that does not fire, or of none.
    fn follow(
        &mut self,
        identity: IdentityKey,
        state: AlertState,
        timer: Timer,
        alerts_max: usize,
        timers: &mut Timers,
    ) -> bool {
        if self.map.len() >= alerts_max && !self.map.contains_key(&identity) {
            return false;
        }
        if let Some(old) = self.map.insert(identity, state) {
            timers.disarm(old.deadline, Timer::Forget(identity));
        }
        timers.arm(state.deadline, timer);
        true
    }

    /// Ends an alert's firing.
    pub(crate) fn resolves(
        &mut self,
        identity: IdentityKey,
        at: Timestamp,
        timers: &mut Timers,
    ) -> Option<AlertState> {
        let known = self.map.get_mut(&identity).filter(|known| known.firing)?;
        let before = *known;
        timers.disarm(known.deadline, Timer::Lease(identity));
        known.firing = false;
        known.updated_at = at;
        known.deadline = at + RESOLVED_REMEMBERED;
        timers.arm(known.deadline, Timer::Forget(identity));
        Some(before)
    }

    /// The lease's deadline has come: true when the lease really is over; otherwise the deadline is
    /// armed anew, because renewals do not move it.
    pub(crate) fn lease_is_over(
        &mut self,
        identity: IdentityKey,
        now: Timestamp,
        timers: &mut Timers,
    ) -> bool {
        let Some(known) = self.map.get_mut(&identity).filter(|known| known.firing) else {
            return false;
        };
        if known.lease.ends_at <= now {
            return true;
        }
        known.deadline = known.lease.ends_at;
        timers.arm(known.deadline, Timer::Lease(identity));
        false
    }

    pub(crate) fn forget(&mut self, identity: IdentityKey, now: Timestamp, timers: &mut Timers) {
        let Some(known) = self.map.get(&identity) else { return };
        if !known.firing && known.deadline <= now {
            timers.disarm(known.deadline, Timer::Forget(identity));
            self.map.remove(&identity);
        }
    }

    /// The leases of everything that fires, as effects.
    pub(crate) fn renewals(&self, out: &mut Effects) {
        for (&identity, state) in self.map.iter().filter(|(_, state)| state.firing) {
            let AlertState { project, lease, updated_at: at, .. } = *state;
            out.push(Effect::AlertRenewed { project, identity, lease, at });
        }
    }
}
