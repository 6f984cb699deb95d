//! The configuration of an Alertmanager as what Stormbell has for it, with a report on every element: what
//! it became, what only nearly, and what nothing became of, and why.
//!
//! Pure: a text goes in, a [`Plan`] comes out. Refuses to know what the project has already, and what a
//! channel's configuration must be.
//!
//! Invariant: every element of the configuration that says something is in the report.

mod configuration;
mod globals;
mod intervals;
mod masking;
mod negation;
mod plan;
mod receivers;
mod report;
mod routes;
#[cfg(test)]
mod tests;

pub(super) use plan::{Plan, PlannedEndpoint, PlannedRule};
pub(super) use report::{Element, Verdict};

/// What of an alert an imported rule is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Every alert: exactly those that Alertmanager would have told the receiver of.
    Alerts,
    /// Incidents, by the alert that opened each.
    Incidents,
}

/// Maps a configuration.
///
/// # Errors
/// A sentence: Alertmanager would not take it either, or it is beyond a limit.
pub(super) fn map(text: &str, told: Told) -> Result<Plan, String> {
    let root = super::yaml::read(text)?;
    let (configuration, mut report) = configuration::Configuration::read(&root)?;
    let masked = masking::mask(text, &root)?;
    let mut plan = Plan::new(masked);
    globals::map(&configuration, &mut report);
    plan.receivers = receivers::map(&configuration, &mut report);
    plan.calendars = intervals::map(&configuration, &mut report);
    routes::map(&configuration, told, &mut plan, &mut report)?;
    plan.inhibitions = globals::inhibitions(&configuration, &mut report);
    plan.report = report;
    Ok(plan)
}
