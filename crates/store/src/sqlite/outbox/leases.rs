//! Whose a delivery is for a while. The store on SQLite belongs to one process, so leases live in its
//! memory: nothing is written for them, and a crash forgets them, which gives them back.
//!
//! Refuses to know: SQL. Invariant: what is in here is due in the store, or a commit is about to say
//! that it is not any more; a lease that has ended stays until its delivery moves or is leased again.

use std::collections::HashMap;

use model::{NotificationId, ProjectId, Target, Timestamp};

use crate::batch::DeliveryKey;

/// A target of a project.
type Place = (ProjectId, Target);

/// Every lease, target by target.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Leases {
    targets: HashMap<Place, HashMap<NotificationId, Lease>>,
}

/// One lease.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lease {
    pub(super) owner: u128,
    pub(super) until: Timestamp,
    /// Since when the delivery is due.
    pub(super) due_at: Timestamp,
    /// Whether another delivery has come before it in its line meanwhile.
    pub(super) blocked: bool,
}

/// What a commit did to what may be leased.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct LeaseChanges {
    /// Deliveries that have moved on.
    pub(super) ended: Vec<DeliveryKey>,
    /// Deliveries that wait behind another from now on, or do not any more.
    pub(super) blocked: Vec<(DeliveryKey, bool)>,
}

impl Leases {
    /// Leases a delivery, whoever had it before.
    pub(super) fn put(&mut self, (project, notification, target): DeliveryKey, lease: Lease) {
        self.targets.entry((project, target)).or_default().insert(notification, lease);
    }

    /// Ends a lease, if there is one.
    pub(super) fn end(&mut self, (project, notification, target): DeliveryKey) {
        let place = (project, target);
        let Some(leases) = self.targets.get_mut(&place) else { return };
        leases.remove(&notification);
        if leases.is_empty() {
            self.targets.remove(&place);
        }
    }

    /// Ends the leases of `owner`, or everybody's.
    pub(super) fn release(&mut self, owner: Option<u128>) {
        self.targets.retain(|_, leases| {
            leases.retain(|_, lease| owner.is_some_and(|owner| owner != lease.owner));
            !leases.is_empty()
        });
    }

    /// Whether somebody has or had this delivery, and it has not moved since.
    pub(super) fn knows(&self, (project, notification, target): DeliveryKey) -> bool {
        let leases = self.targets.get(&(project, target));
        leases.is_some_and(|leases| leases.contains_key(&notification))
    }

    /// Whether somebody has this delivery until after `now`.
    pub(super) fn holds(
        &self,
        (project, notification, target): DeliveryKey,
        now: Timestamp,
    ) -> bool {
        let leases = self.targets.get(&(project, target));
        leases.and_then(|leases| leases.get(&notification)).is_some_and(|one| one.until > now)
    }

    /// How many of what the store calls due to a target at `now` somebody has.
    pub(super) fn held_of(&self, place: Place, now: Timestamp) -> u32 {
        let leases = self.targets.get(&place).into_iter().flat_map(HashMap::values);
        let held = leases.filter(|one| one.until > now && one.due_at <= now && !one.blocked);
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// How many targets something is leased to, and the most that is leased to one.
    pub(super) fn breadth(&self) -> (usize, usize) {
        let most = self.targets.values().map(HashMap::len).max();
        (self.targets.len(), most.unwrap_or(0))
    }

    /// When the next lease ends after `now`.
    pub(super) fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        let leases = self.targets.values().flat_map(HashMap::values);
        leases.map(|lease| lease.until).filter(|until| *until > now).min()
    }

    /// Follows what was committed.
    pub(in crate::sqlite) fn follow(&mut self, changes: &LeaseChanges) {
        for &key in &changes.ended {
            self.end(key);
        }
        for &((project, notification, target), blocked) in &changes.blocked {
            let leases = self.targets.get_mut(&(project, target));
            if let Some(lease) = leases.and_then(|leases| leases.get_mut(&notification)) {
                lease.blocked = blocked;
            }
        }
    }
}

impl LeaseChanges {
    pub(in crate::sqlite) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.blocked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use model::EndpointId;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn key(notification: u128) -> DeliveryKey {
        (ProjectId(1), NotificationId(notification), Target::Endpoint(EndpointId(1)))
    }

    #[test]
    fn what_waits_behind_another_or_is_due_later_is_not_counted() {
        let place = (ProjectId(1), Target::Endpoint(EndpointId(1)));
        let mut leases = Leases::default();
        for (number, due_at, until) in [(1, 1, 50), (2, 2, 50), (3, 9, 50), (4, 1, 7)] {
            let lease = Lease { owner: 1, until: at(until), due_at: at(due_at), blocked: false };
            leases.put(key(number), lease);
        }
        let changes = LeaseChanges { ended: Vec::new(), blocked: vec![(key(1), true)] };
        leases.follow(&changes);
        assert_eq!(leases.held_of(place, at(8)), 1);
        assert_eq!(leases.next_end(at(8)), Some(at(50)));
        assert!(leases.holds(key(3), at(8)) && !leases.holds(key(4), at(8)));
        leases.follow(&LeaseChanges { ended: vec![key(2)], blocked: vec![(key(1), false)] });
        assert_eq!(leases.held_of(place, at(8)), 1);
        leases.release(Some(2));
        assert_eq!(leases.breadth(), (1, 3));
        leases.release(None);
        assert_eq!((leases.breadth(), leases.next_end(at(0))), ((0, 0), None));
    }
}
