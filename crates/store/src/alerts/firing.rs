//! The alerts of one project.
//!
//! Invariant: `places` and `order` hold every alert of `seats` once, with its place there; `sorted` is
//! there only while it says what `order` says and holds the bodies that sit there.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use model::{Alert, AlertLease, IdentityKey, IncidentId, Timestamp};

use super::{AlertBody, AlertList, AlertRoll, AlertTerm};

/// Takes every change and hands out lists.
#[derive(Debug, Default)]
pub(super) struct Firing {
    version: u64,
    policies: u64,
    directives: u64,
    /// In no order, so that a renewal finds its alert with one look-up and moves nothing.
    seats: Vec<Seat>,
    places: HashMap<IdentityKey, usize>,
    /// By fingerprint.
    order: BTreeMap<(u64, IdentityKey), usize>,
    sorted: Option<Sorted>,
    list: Arc<AlertList>,
}

/// One alert. Fingerprint and start stand here too, so that a renewal does not look into the body.
#[derive(Debug)]
struct Seat {
    lease: AlertLease,
    updated_at: Timestamp,
    body: Arc<AlertBody>,
}

/// The order as lists need it.
#[derive(Debug)]
struct Sorted {
    places: Vec<usize>,
    bodies: Arc<[Arc<AlertBody>]>,
}

impl Firing {
    pub(super) fn fire(&mut self, alert: Alert) {
        let Alert { project, identity, lease, updated_at, incident, signal } = alert;
        let AlertLease { fingerprint, starts_at, .. } = lease;
        let rendered = OnceLock::new();
        let body =
            AlertBody { project, identity, fingerprint, starts_at, incident, signal, rendered };
        self.remove(identity);
        self.insert(Seat { lease, updated_at, body: Arc::new(body) });
    }

    /// The alert belongs to an incident now. Its body is made anew, for what was rendered says otherwise.
    pub(super) fn join(&mut self, identity: IdentityKey, incident: IncidentId) {
        let Some(seat) = self.remove(identity) else { return };
        let body = AlertBody { incident: Some(incident), ..seat.body.unrendered() };
        self.insert(Seat { body: Arc::new(body), ..seat });
    }

    pub(super) fn renew(
        &mut self,
        identity: IdentityKey,
        lease: AlertLease,
        updated_at: Timestamp,
    ) {
        let Some(&place) = self.places.get(&identity) else { return };
        let seat = &mut self.seats[place];
        let AlertLease { fingerprint, starts_at, .. } = seat.lease;
        if (fingerprint, starts_at) == (lease.fingerprint, lease.starts_at) {
            seat.lease = lease;
            seat.updated_at = updated_at;
            self.version += 1;
        } else {
            self.restate(identity, lease, updated_at);
        }
    }

    pub(super) fn resolve(&mut self, identity: IdentityKey) {
        self.remove(identity);
    }

    pub(super) fn policy_changes(&mut self) {
        self.version += 1;
        self.policies += 1;
    }

    pub(super) fn directive_changes(&mut self) {
        self.version += 1;
        self.directives += 1;
    }

    pub(super) fn count(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn list(&mut self) -> Arc<AlertList> {
        if self.list.version != self.version {
            let (seats, order) = (&self.seats, &self.order);
            let sorted = self.sorted.get_or_insert_with(|| Sorted::new(seats, order));
            let term = |&place: &usize| seats[place].term();
            let alerts = AlertRoll {
                bodies: Arc::clone(&sorted.bodies),
                terms: sorted.places.iter().map(term).collect(),
            };
            let (version, policies, directives) = (self.version, self.policies, self.directives);
            self.list = Arc::new(AlertList { version, policies, directives, alerts });
        }
        Arc::clone(&self.list)
    }

    /// A renewal that says something else than what the body was made of.
    fn restate(&mut self, identity: IdentityKey, lease: AlertLease, updated_at: Timestamp) {
        let Some(seat) = self.remove(identity) else { return };
        let AlertLease { fingerprint, starts_at, .. } = lease;
        let body = AlertBody { fingerprint, starts_at, ..seat.body.unrendered() };
        self.insert(Seat { lease, updated_at, body: Arc::new(body) });
    }

    fn insert(&mut self, seat: Seat) {
        let (identity, place) = (seat.body.identity, self.seats.len());
        self.version += 1;
        self.sorted = None;
        self.places.insert(identity, place);
        self.order.insert((seat.lease.fingerprint, identity), place);
        self.seats.push(seat);
    }

    /// The last seat moves to where one becomes free.
    fn remove(&mut self, identity: IdentityKey) -> Option<Seat> {
        let place = self.places.remove(&identity)?;
        let seat = self.seats.swap_remove(place);
        self.version += 1;
        self.sorted = None;
        self.order.remove(&(seat.lease.fingerprint, identity));
        if let Some(moved) = self.seats.get(place) {
            let identity = moved.body.identity;
            self.places.insert(identity, place);
            self.order.insert((moved.lease.fingerprint, identity), place);
        }
        Some(seat)
    }
}

impl Seat {
    fn term(&self) -> AlertTerm {
        AlertTerm { ends_at: self.lease.ends_at, updated_at: self.updated_at }
    }
}

impl Sorted {
    fn new(seats: &[Seat], order: &BTreeMap<(u64, IdentityKey), usize>) -> Self {
        let places: Vec<usize> = order.values().copied().collect();
        let bodies = places.iter().map(|&place| Arc::clone(&seats[place].body)).collect();
        Self { places, bodies }
    }
}

impl AlertBody {
    /// The same with nothing rendered.
    fn unrendered(&self) -> Self {
        Self {
            project: self.project,
            identity: self.identity,
            fingerprint: self.fingerprint,
            starts_at: self.starts_at,
            incident: self.incident,
            signal: self.signal.clone(),
            rendered: OnceLock::new(),
        }
    }
}
