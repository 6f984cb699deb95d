//! Alerts and their leases: an alert is sent again and again while it fires, and one that is not
//! renewed in time has resolved.
//!
//! One whose incident is closed while it fires is let go: sent again, it fires anew. It is marked when
//! the incident closes, so that the many renewals of all others ask no question about incidents.

use hashbrown::HashMap;
use model::{AlertLease, Duration, Effect, Effects, IdentityKey, IncidentId, ProjectId, Timestamp};

use crate::cases::Cases;
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
    /// It fires and its incident is closed. Follows from the two and is no part of a snapshot.
    pub(crate) let_go: bool,
    /// The deadline that is armed: the lease's end or forgetting, as of when it was armed.
    pub(crate) deadline: Timestamp,
}

impl AlertState {
    /// What its deadline is for.
    pub(crate) fn timer(&self, identity: IdentityKey) -> Timer {
        if self.firing { Timer::Lease(identity) } else { Timer::Forget(identity) }
    }
}

/// All alerts that fire or are remembered.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    pub(crate) map: HashMap<IdentityKey, AlertState>,
}

/// What an alert that came in is to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It fires and did not, or was let go.
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
        cases: &Cases,
    ) -> Arrival {
        match (self.map.get(&identity), firing) {
            (Some(known), true) if known.firing && !known.let_go => {
                if is_new_round(known, lease, cases) { Arrival::Fires } else { Arrival::Repeats }
            }
            (Some(known), false) if known.firing && !is_earlier_round(known, lease) => {
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
    pub(crate) fn belongs_to(
        &mut self,
        identity: IdentityKey,
        incident: IncidentId,
        out: &mut Effects,
    ) {
        let Some(known) = self.map.get_mut(&identity) else { return };
        if known.firing && known.incident.is_none() {
            known.incident = Some(incident);
            out.push(Effect::AlertJoined { project: known.project, identity, incident });
        }
    }

    /// Lets an alert go if it fires and its incident is a case no more.
    pub(crate) fn let_go(&mut self, identity: IdentityKey, cases: &Cases) {
        if let Some(known) = self.map.get_mut(&identity) {
            known.let_go = is_let_go(known, cases);
        }
    }

    /// As [`Self::let_go`], of every alert there is.
    #[expect(clippy::disallowed_methods, reason = "each by itself, in whatever order")]
    pub(crate) fn let_all_go(&mut self, cases: &Cases) {
        for known in self.map.values_mut() {
            known.let_go = is_let_go(known, cases);
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

    /// Follows an alert that fires, or remembers one that was not known to fire, so that its resolution
    /// costs nothing when it is sent again. Answers its lease, or nothing when there are too many.
    pub(crate) fn follow(
        &mut self,
        identity: IdentityKey,
        mut state: AlertState,
        alerts_max: usize,
        timers: &mut Timers,
    ) -> Option<AlertLease> {
        let full = self.map.len() >= alerts_max;
        if let Some(known) = self.map.get(&identity) {
            timers.disarm(known.deadline, known.timer(identity));
            if known.firing {
                // It never stopped, so its lease becomes no shorter.
                state.lease.ends_at = state.lease.ends_at.max(known.lease.ends_at);
            }
        } else if full {
            return None;
        }
        let remembered = state.updated_at + RESOLVED_REMEMBERED;
        state.deadline = if state.firing { state.lease.ends_at } else { remembered };
        timers.arm(state.deadline, state.timer(identity));
        self.map.insert(identity, state);
        Some(state.lease)
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
        known.let_go = false;
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

    /// All of them, in ascending order: the order in which a hash map holds them never shows.
    #[expect(clippy::disallowed_methods, reason = "sorted before anybody sees it")]
    pub(crate) fn sorted(&self) -> Vec<(IdentityKey, &AlertState)> {
        let mut sorted: Vec<_> =
            self.map.iter().map(|(&identity, state)| (identity, state)).collect();
        sorted.sort_unstable_by_key(|(identity, _)| *identity);
        sorted
    }

    /// The leases of everything that fires, as effects.
    pub(crate) fn renewals(&self, out: &mut Effects) {
        for (identity, state) in self.sorted().into_iter().filter(|(_, state)| state.firing) {
            let AlertState { project, lease, updated_at: at, .. } = *state;
            out.push(Effect::AlertRenewed { project, identity, lease, at });
        }
    }
}

/// Whether an alert that is said to be over was so before the known one began. One that began before it and went
/// on is the same: replicas of a sender see an alert begin at different times, and a sender that gathers
/// theirs (Alertmanager) says the earliest, whichever it told of first.
fn is_earlier_round(known: &AlertState, lease: AlertLease) -> bool {
    lease.starts_at < known.lease.starts_at && lease.ends_at <= known.lease.starts_at
}

/// Whether an alert that fires began after the incident of the known one was resolved by somebody: the known one's
/// end was never said, and its lease may last for a day.
fn is_new_round(known: &AlertState, lease: AlertLease, cases: &Cases) -> bool {
    // Nearly all repeats say the start that is known, and ask no question about incidents.
    if lease.starts_at <= known.lease.starts_at {
        return false;
    }
    let case = known.incident.and_then(|id| cases.index(id)).map(|index| cases.root(index));
    let resolved_at = case.and_then(|root| cases.get(root).incident.resolved_at);
    resolved_at.is_some_and(|resolved_at| lease.starts_at > resolved_at)
}

/// Cases are what is not closed, so an incident that was one and is none is closed.
fn is_let_go(alert: &AlertState, cases: &Cases) -> bool {
    alert.firing && alert.incident.is_some_and(|id| cases.index(id).is_none())
}
