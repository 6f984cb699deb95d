//! The alerts that fire now, in memory: what the Alertmanager API reads.
//!
//! The pipeline tells it the effects of each batch; readers take a whole immutable list, which is
//! built at most once per version and shares every entry with the lists before and after it.
//!
//! Refuses to know: HTTP, JSON, the database. Invariant: a list never changes, and two lists of one
//! project with the same version are the same list.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use model::{
    Alert, AlertLease, Effect, Effects, IdentityKey, IncidentId, ProjectId, Signal, Timestamp,
};

/// The alerts that fire now, of every project.
#[derive(Debug, Default)]
pub struct ActiveAlerts {
    projects: Mutex<HashMap<ProjectId, Firing>>,
}

/// One alert that fires, as it stands after its latest renewal. Immutable: a renewal makes a new one
/// around the same body.
#[derive(Debug, Clone)]
pub struct ActiveAlert {
    /// What a renewal leaves as it is.
    pub body: Arc<AlertBody>,
    /// Start and end of the lease as last stated.
    pub lease: AlertLease,
    /// When it was last sent.
    pub updated_at: Timestamp,
}

/// The part of an alert that stays the same for as long as it fires.
#[derive(Debug)]
pub struct AlertBody {
    /// Whose it is.
    pub project: ProjectId,
    /// Which alert it is.
    pub identity: IdentityKey,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// The signal that made it fire, with labels and the sender's JSON.
    pub signal: Signal<'static>,
    /// Room for whoever renders alerts: the rendering of this part, made once and used for every
    /// list until the alert fires anew. Lease and `updated_at` do not belong in it.
    pub rendered: OnceLock<Bytes>,
}

/// The alerts of one project that fire at one moment, by fingerprint.
#[derive(Debug, Default)]
pub struct AlertList {
    /// Another number after every visible change; 0 for a project that never had an alert.
    pub version: u64,
    /// The alerts, ascending by fingerprint.
    pub alerts: Vec<Arc<ActiveAlert>>,
}

impl ActiveAlerts {
    /// Starts from the alerts the store holds.
    #[must_use]
    pub fn new(initial: Vec<Alert>) -> Self {
        let mut projects: HashMap<ProjectId, Firing> = HashMap::new();
        for alert in initial {
            projects.entry(alert.project).or_default().fire(alert);
        }
        Self { projects: Mutex::new(projects) }
    }

    /// Follows the effects of a batch, in order. Touches no lock when no alert is among them.
    pub fn apply(&self, effects: &Effects) {
        let mut changes = effects.0.iter().filter_map(change).peekable();
        if changes.peek().is_none() {
            return;
        }
        let mut projects = self.lock();
        for change in changes {
            match change {
                Change::Fires(alert) => {
                    projects.entry(alert.project).or_default().fire(alert.clone());
                }
                Change::Renews { project, identity, lease, at } => {
                    if let Some(firing) = projects.get_mut(&project) {
                        firing.renew(identity, lease, at);
                    }
                }
                Change::Resolves { project, identity } => {
                    if let Some(firing) = projects.get_mut(&project) {
                        firing.resolve(identity);
                    }
                }
            }
        }
    }

    /// One alert by its fingerprint, if it fires.
    #[must_use]
    pub fn get(&self, project: ProjectId, fingerprint: u64) -> Option<Arc<ActiveAlert>> {
        let projects = self.lock();
        let from = (fingerprint, IdentityKey(0));
        let to = (fingerprint, IdentityKey(u128::MAX));
        projects.get(&project)?.alerts.range(from..=to).next().map(|(_, alert)| Arc::clone(alert))
    }

    /// All alerts of a project that fire. The first caller after a change builds the list, everybody
    /// else gets the same one.
    #[must_use]
    pub fn snapshot(&self, project: ProjectId) -> Arc<AlertList> {
        self.lock().get_mut(&project).map(Firing::list).unwrap_or_default()
    }

    /// How many alerts fire, over all projects: for metrics.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().values().map(|firing| firing.alerts.len()).sum()
    }

    /// Every change below leaves the maps whole, so a panic elsewhere while it was held is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, HashMap<ProjectId, Firing>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The alerts of one project.
#[derive(Debug, Default)]
struct Firing {
    version: u64,
    alerts: BTreeMap<(u64, IdentityKey), Arc<ActiveAlert>>,
    fingerprints: HashMap<IdentityKey, u64>,
    list: Arc<AlertList>,
}

impl Firing {
    fn fire(&mut self, alert: Alert) {
        let Alert { project, identity, lease, updated_at, incident, signal } = alert;
        self.remove(identity);
        let body = AlertBody { project, identity, incident, signal, rendered: OnceLock::new() };
        self.insert(ActiveAlert { body: Arc::new(body), lease, updated_at });
    }

    fn renew(&mut self, identity: IdentityKey, lease: AlertLease, updated_at: Timestamp) {
        let Some(before) = self.remove(identity) else { return };
        self.insert(ActiveAlert { body: Arc::clone(&before.body), lease, updated_at });
    }

    fn resolve(&mut self, identity: IdentityKey) {
        if self.remove(identity).is_some() {
            self.version += 1;
        }
    }

    fn remove(&mut self, identity: IdentityKey) -> Option<Arc<ActiveAlert>> {
        let fingerprint = self.fingerprints.remove(&identity)?;
        self.alerts.remove(&(fingerprint, identity))
    }

    fn insert(&mut self, alert: ActiveAlert) {
        let identity = alert.body.identity;
        self.version += 1;
        self.fingerprints.insert(identity, alert.lease.fingerprint);
        self.alerts.insert((alert.lease.fingerprint, identity), Arc::new(alert));
    }

    fn list(&mut self) -> Arc<AlertList> {
        if self.list.version != self.version {
            let alerts = self.alerts.values().cloned().collect();
            self.list = Arc::new(AlertList { version: self.version, alerts });
        }
        Arc::clone(&self.list)
    }
}

/// What an effect says about alerts.
enum Change<'a> {
    Fires(&'a Alert),
    Renews { project: ProjectId, identity: IdentityKey, lease: AlertLease, at: Timestamp },
    Resolves { project: ProjectId, identity: IdentityKey },
}

fn change(effect: &Effect) -> Option<Change<'_>> {
    match effect {
        Effect::AlertFiring(alert) => Some(Change::Fires(alert)),
        &Effect::AlertRenewed { project, identity, lease, at } => {
            Some(Change::Renews { project, identity, lease, at })
        }
        &Effect::AlertResolved { project, identity, reason: _, at: _ } => {
            Some(Change::Resolves { project, identity })
        }
        Effect::Filed { .. }
        | Effect::Skipped { .. }
        | Effect::Moved { .. }
        | Effect::Incident(_)
        | Effect::Audited(_)
        | Effect::RcaAccepted { .. }
        | Effect::PolicySaved(_)
        | Effect::PolicyRemoved { .. }
        | Effect::Replied { .. }
        | Effect::LimitHit { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use model::{Reason, SignalId};

    use super::*;

    fn alert(project: u32, identity: u128, fingerprint: u64) -> Alert {
        let at = Timestamp::from_micros(10);
        Alert {
            project: ProjectId(project),
            identity: IdentityKey(identity),
            lease: AlertLease { fingerprint, starts_at: at, ends_at: at },
            updated_at: at,
            incident: None,
            signal: Signal::new(SignalId(identity), "db", "prod"),
        }
    }

    fn firing(alert: Alert) -> Effects {
        Effects(vec![Effect::AlertFiring(Box::new(alert))])
    }

    fn renewed(project: u32, identity: u128, fingerprint: u64, ends_at: i64) -> Effects {
        let at = Timestamp::from_micros(20);
        Effects(vec![Effect::AlertRenewed {
            project: ProjectId(project),
            identity: IdentityKey(identity),
            lease: AlertLease {
                fingerprint,
                starts_at: at,
                ends_at: Timestamp::from_micros(ends_at),
            },
            at,
        }])
    }

    fn resolved(project: u32, identity: u128) -> Effects {
        Effects(vec![Effect::AlertResolved {
            project: ProjectId(project),
            identity: IdentityKey(identity),
            reason: Reason::AllResolved,
            at: Timestamp::from_micros(30),
        }])
    }

    fn fingerprints(list: &AlertList) -> Vec<u64> {
        list.alerts.iter().map(|alert| alert.lease.fingerprint).collect()
    }

    #[test]
    fn a_list_is_sorted_by_fingerprint_and_belongs_to_one_project() {
        let alerts = ActiveAlerts::new(vec![alert(1, 3, 30), alert(1, 1, 10), alert(2, 9, 5)]);
        alerts.apply(&firing(alert(1, 2, 20)));
        assert_eq!(fingerprints(&alerts.snapshot(ProjectId(1))), [10, 20, 30]);
        assert_eq!(fingerprints(&alerts.snapshot(ProjectId(2))), [5]);
        assert!(alerts.snapshot(ProjectId(3)).alerts.is_empty());
        assert!(alerts.get(ProjectId(1), 20).is_some());
        assert!(alerts.get(ProjectId(2), 20).is_none());
        assert_eq!(alerts.count(), 4);
    }

    #[test]
    fn a_list_is_built_once_for_each_version_and_never_changes() {
        let alerts = ActiveAlerts::new(vec![alert(1, 1, 10), alert(1, 2, 20)]);
        let before = alerts.snapshot(ProjectId(1));
        assert!(Arc::ptr_eq(&before, &alerts.snapshot(ProjectId(1))));
        alerts.apply(&resolved(1, 1));
        let after = alerts.snapshot(ProjectId(1));
        assert_ne!(before.version, after.version);
        assert_eq!(fingerprints(&before), [10, 20]);
        assert_eq!(fingerprints(&after), [20]);
        assert!(Arc::ptr_eq(&before.alerts[1], &after.alerts[0]), "the unchanged entry is shared");
    }

    #[test]
    fn a_renewal_moves_the_lease_and_keeps_what_was_rendered() {
        let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
        let before = alerts.snapshot(ProjectId(1));
        before.alerts[0].body.rendered.get_or_init(|| Bytes::from_static(b"labels"));
        alerts.apply(&renewed(1, 1, 10, 99));
        let after = alerts.snapshot(ProjectId(1));
        assert_ne!(before.version, after.version);
        assert_eq!(after.alerts[0].lease.ends_at, Timestamp::from_micros(99));
        assert_eq!(after.alerts[0].updated_at, Timestamp::from_micros(20));
        assert_eq!(after.alerts[0].body.rendered.get(), Some(&Bytes::from_static(b"labels")));
    }

    #[test]
    fn firing_anew_forgets_what_was_rendered() {
        let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
        let before = alerts.snapshot(ProjectId(1));
        before.alerts[0].body.rendered.get_or_init(|| Bytes::from_static(b"labels"));
        alerts.apply(&firing(alert(1, 1, 10)));
        let after = alerts.snapshot(ProjectId(1));
        assert_eq!(after.alerts.len(), 1);
        assert!(after.alerts[0].body.rendered.get().is_none());
    }

    #[test]
    fn what_is_not_known_to_fire_is_neither_renewed_nor_resolved() {
        let alerts = ActiveAlerts::new(vec![alert(1, 1, 10)]);
        let version = alerts.snapshot(ProjectId(1)).version;
        alerts.apply(&renewed(1, 7, 70, 99));
        alerts.apply(&renewed(2, 1, 10, 99));
        alerts.apply(&resolved(1, 7));
        alerts.apply(&resolved(2, 1));
        assert_eq!(alerts.snapshot(ProjectId(1)).version, version);
    }
}
