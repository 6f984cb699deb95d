//! What an alert adds to a signal: a start, and a lease that must be renewed.
//!
//! Prometheus sends a firing alert again and again; (identity, start, status) says that it is the same.

use crate::id::{IdentityKey, IncidentId, ProjectId};
use crate::signal::Signal;
use crate::time::Timestamp;

/// The life of an alert as its sender states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertLease {
    /// Fingerprint of the alert's labels, as Alertmanager computes it; the identity of the alert.
    pub fingerprint: u64,
    /// When it began.
    pub starts_at: Timestamp,
    /// When it ends unless it is sent again before.
    pub ends_at: Timestamp,
}

/// An alert that fires now, as the Alertmanager API lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Whose it is.
    pub project: ProjectId,
    /// Which alert it is.
    pub identity: IdentityKey,
    /// Start and lease.
    pub lease: AlertLease,
    /// When it was last sent.
    pub updated_at: Timestamp,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// The signal as it came in, with labels; its payload is the alert's JSON.
    pub signal: Signal<'static>,
}
