//! The routing tree as rules: for each route, the rules that fit exactly the alerts that Alertmanager would
//! dispatch to it.
//!
//! An alert goes down from the root into every route whose matchers hold, in order, until one says not to
//! go on; a route is reached by what none of its own routes takes. So it is told of what holds for every
//! route on the way to it, for no earlier sibling on that way that does not go on, and for none of its routes.

use model::directive::Trigger;

use super::Told;
use super::configuration::{Configuration, Route};
use super::intervals;
use super::negation::{Demand, Match};
use super::plan::{Plan, PlannedReceiver, PlannedRule};
use super::report::{Report, Verdict};

/// Rules that one route may become, before the rest is said as an expression.
pub(super) const PARTS: usize = 16;
/// Rules that a whole configuration may become.
const RULES: usize = 50_000;

/// Adds the rules of every route to the plan.
///
/// # Errors
/// There would be too many.
pub(super) fn map(
    configuration: &Configuration<'_>,
    told: Told,
    plan: &mut Plan,
    report: &mut Report,
) -> Result<(), String> {
    let mut mapping = Mapping { configuration, told, plan, report };
    mapping.descend(&configuration.route, &Demand::default())
}

/// Every route with what an alert must be to be dispatched to it, in the order of the document.
#[cfg(test)]
pub(super) fn demands(root: &Route) -> Vec<(&Route, Demand)> {
    fn descend<'r>(route: &'r Route, way: &Demand, found: &mut Vec<(&'r Route, Demand)>) {
        found.push((route, own_demand(route, way)));
        for (child, way) in ways(route, way) {
            descend(child, &way, found);
        }
    }
    let mut found = Vec::new();
    descend(root, &Demand::default(), &mut found);
    found
}

/// What an alert must be that stops at a route, where `way` is what it must be to get there.
fn own_demand(route: &Route, way: &Demand) -> Demand {
    let mut demand = way.clone();
    demand.not_all.extend(route.routes.iter().map(|child| child.matchers.clone()));
    demand
}

/// What an alert must be to get to each of the routes of one.
fn ways<'r>(route: &'r Route, way: &Demand) -> impl Iterator<Item = (&'r Route, Demand)> {
    let mut before = way.clone();
    route.routes.iter().map(move |child| {
        let mut way = before.clone();
        way.all.extend(child.matchers.iter().cloned());
        if !child.proceeds {
            before.not_all.push(child.matchers.clone());
        }
        (child, way)
    })
}

struct Mapping<'m, 'n> {
    configuration: &'m Configuration<'n>,
    told: Told,
    plan: &'m mut Plan,
    report: &'m mut Report,
}

impl Mapping<'_, '_> {
    fn descend(&mut self, route: &Route, way: &Demand) -> Result<(), String> {
        self.route(route, own_demand(route, way));
        self.pace(route);
        if let Some(labels) = &route.group_by {
            self.group_by(route, labels);
        }
        if self.plan.rules.len() > RULES {
            return Err(format!("the routes come to more than {RULES} rules"));
        }
        for (child, way) in ways(route, way) {
            self.descend(child, &way)?;
        }
        Ok(())
    }

    /// The rules of one route.
    fn route(&mut self, route: &Route, demand: Demand) {
        let (path, line) = (route.path.as_str(), route.line);
        let Some(receiver) = self.plan.receiver(&route.receiver).cloned() else { return };
        let without = |report: &mut Report, note: &str| {
            report.add(path, line, Verdict::WithoutEffect, Vec::new(), note);
        };
        if receiver.endpoints.is_empty() {
            if receiver.tells_somebody {
                let why = format!("nothing of its receiver `{}` could be mapped", receiver.name);
                self.report.unsupported(path, line, why);
            } else {
                without(self.report, "its receiver tells nobody, so there is no rule for it");
            }
            return;
        }
        let matches = match demand.matches(PARTS) {
            Ok(matches) => matches,
            Err(why) => return self.report.unsupported(path, line, why),
        };
        if matches.is_empty() {
            return without(self.report, "no alert ever comes to it");
        }
        let muted_by = match intervals::mute(self.configuration, route, self.plan) {
            Ok(muted_by) => muted_by,
            Err(why) => {
                return self.report.unsupported(format!("{path}.active_time_intervals"), line, why);
            }
        };
        let mut into = Vec::new();
        let several = matches.len() > 1;
        for (number, found) in matches.iter().enumerate() {
            let part = several.then_some(number + 1);
            for rule in self.rules(route, &receiver, found, part, &muted_by) {
                into.push(format!("rule {}", rule.name));
                self.plan.rules.push(rule);
            }
        }
        let (verdict, note) = match self.told {
            Told::Alerts => (Verdict::Mapped, String::new()),
            Told::Incidents => (
                Verdict::Approximated,
                "an incident is told of where the alert that opened it would have been".to_owned(),
            ),
        };
        self.report.add(path, line, verdict, into, note);
    }

    /// One rule, or two where only some endpoints are told when it is over.
    fn rules(
        &self,
        route: &Route,
        receiver: &PlannedReceiver,
        found: &Match,
        part: Option<usize>,
        muted_by: &[String],
    ) -> Vec<PlannedRule> {
        let places = |resolved: bool| -> Vec<usize> {
            let endpoints = receiver.endpoints.iter().enumerate();
            endpoints.filter(|(_, it)| it.send_resolved == resolved).map(|(at, _)| at).collect()
        };
        let part = part.map_or_else(String::new, |part| format!(", part {part}"));
        let mut rules = Vec::new();
        for (resolved, suffix) in [(true, ""), (false, ", firing only")] {
            let endpoints = places(resolved);
            if endpoints.is_empty() {
                continue;
            }
            rules.push(PlannedRule {
                name: format!("alertmanager {}: {}{part}{suffix}", route.path, receiver.name),
                element: route.path.clone(),
                receiver: receiver.name.clone(),
                on: triggers(self.told, resolved),
                conditions: found.conditions.clone(),
                cel: found.cel.clone(),
                endpoints,
                muted_by: muted_by.to_vec(),
            });
        }
        rules
    }

    fn pace(&mut self, route: &Route) {
        for (name, span) in &route.pace {
            let why = match *name {
                "group_wait" => {
                    "notifications are not held back to be gathered; many at once for one endpoint become one digest"
                }
                "group_interval" => "every new alert is told of when it comes",
                _ => {
                    "nothing is told of again while nothing changes; escalation policies remind of what nobody takes up"
                }
            };
            let element = format!("{}.{name}", route.path);
            self.report.unsupported(element, route.line, format!("{span}: {why}"));
        }
    }

    fn group_by(&mut self, route: &Route, labels: &[String]) {
        let element = format!("{}.group_by", route.path);
        if labels.iter().any(|label| label == "...") {
            let note = "each alert by itself: that is what rules on alerts do";
            return self.report.add(element, route.line, Verdict::Mapped, Vec::new(), note);
        }
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        let key: Vec<String> = labels.iter().map(|label| format!("labels.{label}")).collect();
        let note = if labels.is_empty() {
            "all alerts of the route in one group: there is no grouping policy for that".to_owned()
        } else {
            let key = key.join(", ");
            format!(
                "suggested, and not made: a grouping policy with the key {key}, which makes incidents of the same alerts"
            )
        };
        if !labels.is_empty() && !self.plan.groupings.contains(&labels) {
            self.plan.groupings.push(labels);
        }
        self.report.add(element, route.line, Verdict::Approximated, Vec::new(), note);
    }
}

fn triggers(told: Told, resolved: bool) -> Vec<Trigger> {
    match (told, resolved) {
        (Told::Alerts, true) => vec![Trigger::Signal, Trigger::SignalResolved],
        (Told::Alerts, false) => vec![Trigger::Signal],
        (Told::Incidents, true) => vec![Trigger::Opened, Trigger::Resolved, Trigger::Reopened],
        (Told::Incidents, false) => vec![Trigger::Opened, Trigger::Reopened],
    }
}
