//! The alerts that fire now, in memory: what the Alertmanager API reads.
//!
//! The pipeline tells it the effects of each batch; readers take a whole immutable list. A renewal
//! costs one look-up and overwrites two points in time; a reader copies those and shares the rest.
//!
//! Refuses to know: HTTP, JSON, the database. Invariant: a list never changes, and two lists of one
//! project with the same version are the same list.

mod firing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use hashbrown::HashMap;
use model::{
    Alert, AlertLease, DirectiveKind, Effect, Effects, IdentityKey, IncidentId, ProjectId, Signal,
    Timestamp,
};

use firing::Firing;

/// The alerts that fire now, of every project.
#[derive(Debug, Default)]
pub struct ActiveAlerts {
    projects: Mutex<HashMap<ProjectId, Firing>>,
}

/// The part of an alert that stays the same for as long as it fires.
#[derive(Debug)]
pub struct AlertBody {
    /// Whose it is.
    pub project: ProjectId,
    /// Which alert it is.
    pub identity: IdentityKey,
    /// Fingerprint of its labels.
    pub fingerprint: u64,
    /// When it began.
    pub starts_at: Timestamp,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// The signal that made it fire, with labels and the sender's JSON.
    pub signal: Signal<'static>,
    /// Room for whoever renders alerts: the rendering of this part, made once and used for every
    /// list until the alert fires anew. What a renewal changes does not belong in it.
    pub rendered: OnceLock<Bytes>,
}

/// The part of an alert that every renewal changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertTerm {
    /// When it ends unless it is sent again before.
    pub ends_at: Timestamp,
    /// When it was last sent.
    pub updated_at: Timestamp,
}

/// The alerts of one project that fire at one moment.
#[derive(Debug, Default)]
pub struct AlertList {
    /// Another number after every visible change; 0 for a project that never had an alert.
    pub version: u64,
    /// Another number after every change of the project's grouping policies; 0 before the first since the start.
    pub policies: u64,
    /// Another number after every change of the project's silences and inhibitions; 0 before the first since the start.
    pub directives: u64,
    /// The alerts.
    pub alerts: AlertRoll,
}

/// Alerts, ascending by fingerprint.
#[derive(Debug, Default)]
pub struct AlertRoll {
    bodies: Arc<[Arc<AlertBody>]>,
    terms: Vec<AlertTerm>,
}

/// One alert of a list.
#[derive(Debug, Clone, Copy)]
pub struct ActiveAlert<'l> {
    /// What a renewal leaves as it is.
    pub body: &'l Arc<AlertBody>,
    /// Start and end of the lease as last stated.
    pub lease: AlertLease,
    /// When it was last sent.
    pub updated_at: Timestamp,
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

    /// Follows the effects of a batch, in order. Touches no lock when none of them shows here.
    pub fn apply(&self, effects: &Effects) {
        let mut changes = effects.0.iter().filter_map(change).peekable();
        if changes.peek().is_none() {
            return;
        }
        let mut projects = self.lock();
        for (project, change) in changes {
            match change {
                Change::Fires(alert) => projects.entry(project).or_default().fire(alert.clone()),
                Change::PolicyChanges => projects.entry(project).or_default().policy_changes(),
                Change::DirectiveChanges => {
                    projects.entry(project).or_default().directive_changes();
                }
                Change::Joins { identity, incident } => {
                    if let Some(firing) = projects.get_mut(&project) {
                        firing.join(identity, incident);
                    }
                }
                Change::Renews { identity, lease, at } => {
                    if let Some(firing) = projects.get_mut(&project) {
                        firing.renew(identity, lease, at);
                    }
                }
                Change::Resolves { identity } => {
                    if let Some(firing) = projects.get_mut(&project) {
                        firing.resolve(identity);
                    }
                }
            }
        }
    }

    /// All alerts of a project that fire. The first caller after a change builds the list, everybody
    /// else gets the same one; after renewals alone that is a copy of two points in time for each alert.
    #[must_use]
    pub fn snapshot(&self, project: ProjectId) -> Arc<AlertList> {
        self.lock().get_mut(&project).map(Firing::list).unwrap_or_default()
    }

    /// How many alerts fire, over all projects: for metrics.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().values().map(Firing::count).sum()
    }

    /// Every change leaves the maps whole, so a panic elsewhere while it was held is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, HashMap<ProjectId, Firing>> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlertRoll {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// What renewals leave as it is, one for each alert.
    #[must_use]
    pub fn bodies(&self) -> &[Arc<AlertBody>] {
        &self.bodies
    }

    /// What renewals change, one for each alert.
    #[must_use]
    pub fn terms(&self) -> &[AlertTerm] {
        &self.terms
    }

    /// Whether both have the same bodies, so that nothing but renewals lies between them. May be false
    /// where it is so, never true where it is not.
    #[must_use]
    pub fn differs_by_renewals(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bodies, &other.bodies)
    }

    /// Each alert, in order.
    pub fn iter(&self) -> impl Iterator<Item = ActiveAlert<'_>> + Clone {
        self.bodies.iter().zip(&self.terms).map(|(body, term)| ActiveAlert {
            body,
            lease: AlertLease {
                fingerprint: body.fingerprint,
                starts_at: body.starts_at,
                ends_at: term.ends_at,
            },
            updated_at: term.updated_at,
        })
    }
}

/// What an effect says about alerts.
enum Change<'a> {
    Fires(&'a Alert),
    Joins { identity: IdentityKey, incident: IncidentId },
    Renews { identity: IdentityKey, lease: AlertLease, at: Timestamp },
    Resolves { identity: IdentityKey },
    PolicyChanges,
    DirectiveChanges,
}

fn change(effect: &Effect) -> Option<(ProjectId, Change<'_>)> {
    match effect {
        Effect::AlertFiring(alert) => Some((alert.project, Change::Fires(alert))),
        &Effect::AlertJoined { project, identity, incident } => {
            Some((project, Change::Joins { identity, incident }))
        }
        &Effect::AlertRenewed { project, identity, lease, at } => {
            Some((project, Change::Renews { identity, lease, at }))
        }
        &Effect::AlertResolved { project, identity, reason: _, at: _ } => {
            Some((project, Change::Resolves { identity }))
        }
        Effect::PolicySaved(policy) => Some((policy.project, Change::PolicyChanges)),
        &Effect::PolicyRemoved { project, id: _ } => Some((project, Change::PolicyChanges)),
        Effect::DirectiveSaved(directive) => holds_back(directive.body.kind())
            .then_some((directive.project, Change::DirectiveChanges)),
        &Effect::DirectiveRemoved { project, kind, id: _ } => {
            holds_back(kind).then_some((project, Change::DirectiveChanges))
        }
        Effect::Filed { .. }
        | Effect::Skipped { .. }
        | Effect::Moved { .. }
        | Effect::Incident(_)
        | Effect::Audited(_)
        | Effect::RcaAccepted { .. }
        | Effect::Notified(_)
        | Effect::Attempted { .. }
        | Effect::Replayed { .. }
        | Effect::Replied { .. }
        | Effect::LimitHit { .. } => None,
    }
}

/// Whether directives of the kind decide which alerts are suppressed.
const fn holds_back(kind: DirectiveKind) -> bool {
    match kind {
        DirectiveKind::Silence | DirectiveKind::Inhibition => true,
        DirectiveKind::Rule | DirectiveKind::Escalation | DirectiveKind::DefaultRoute => false,
    }
}
