//! How much the engine keeps at most, where that is more than a test can fill.
//!
//! Always what `model::limits` says; they are values of the engine and not constants, so that the
//! tests of this module see what happens at a limit.

use model::limits;

/// The limits of one engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Incidents that are not closed.
    pub(crate) active_incidents: usize,
    /// Keys that wait for `open_when`.
    pub(crate) pending_keys: usize,
    /// Alerts that fire or are remembered.
    pub(crate) firing_alerts: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            active_incidents: limits::ACTIVE_INCIDENTS,
            pending_keys: limits::PENDING_KEYS,
            firing_alerts: limits::FIRING_ALERTS,
        }
    }
}

#[cfg(test)]
mod tests;
