//! From endpoints to the default routes that they should have, and what is to be changed for that.

use std::collections::BTreeMap;

use model::id::KeyHasher;
use model::{
    Condition, Directive, DirectiveBody, DirectiveId, Field, Op, ProjectId, Rule, Severity,
    SubscriberId, Target, Trigger, limits,
};
use store::EndpointRow;

use crate::rules;

/// Severities, and the channels that hear of them: the first of which a subscriber has an endpoint.
const LEVELS: [Level; 3] = [
    Level { severities: &[Severity::P0], channels: &["pagerduty", "slack", "console"] },
    Level { severities: &[Severity::P1, Severity::P2], channels: &["slack", "console"] },
    Level { severities: &[Severity::P3], channels: &["console"] },
];

/// What a default route tells of: an incident from its beginning to its end.
const ON: [Trigger; 6] = [
    Trigger::Opened,
    Trigger::Escalated,
    Trigger::Acknowledged,
    Trigger::Resolved,
    Trigger::Reopened,
    Trigger::Closed,
];

struct Level {
    severities: &'static [Severity],
    channels: &'static [&'static str],
}

/// A change to make.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Put it in place of the one with this version, or of none.
    Put(Directive, Option<u64>),
    /// Remove it.
    Remove(Directive),
}

/// What is to be changed so that the routes are those of the endpoints.
pub(super) fn changes<'e>(
    project: ProjectId,
    known: &[Directive],
    endpoints: impl Iterator<Item = &'e EndpointRow>,
) -> Vec<Change> {
    let mut owned: BTreeMap<SubscriberId, Vec<&EndpointRow>> = BTreeMap::new();
    for row in endpoints {
        owned.entry(row.subscriber).or_default().push(row);
    }
    let wanted: BTreeMap<DirectiveId, Directive> = owned
        .iter()
        .flat_map(|(&subscriber, rows)| LEVELS.iter().map(move |level| (subscriber, rows, level)))
        .filter_map(|(subscriber, rows, level)| level.route(project, subscriber, rows))
        .map(|route| (route.id, route))
        .collect();
    let mut changes: Vec<Change> = known
        .iter()
        .filter(|known| !wanted.contains_key(&known.id))
        .map(|known| Change::Remove(known.clone()))
        .collect();
    changes.extend(wanted.into_values().filter_map(|route| {
        match known.iter().find(|known| known.id == route.id) {
            Some(known) if (&known.name, &known.body) == (&route.name, &route.body) => None,
            Some(known) => Some(Change::Put(route, Some(known.version))),
            None => Some(Change::Put(route, None)),
        }
    }));
    changes
}

impl Level {
    /// The route of a subscriber with these endpoints, if one of them hears of the level.
    fn route(
        &self,
        project: ProjectId,
        subscriber: SubscriberId,
        endpoints: &[&EndpointRow],
    ) -> Option<Directive> {
        let targets = self.channels.iter().find_map(|channel| {
            let rows = endpoints.iter().filter(|row| row.channel == *channel);
            // Nothing is sent to the others yet, and somebody has to hear of it.
            let rows = rows.filter(|row| row.verified_at.is_some());
            let targets: Vec<Target> =
                rows.map(|row| Target::Endpoint(row.id)).take(limits::TARGETS).collect();
            (!targets.is_empty()).then_some(targets)
        })?;
        let words = self.severities.iter().map(|severity| severity.as_str().to_owned());
        let values: Vec<String> = words.collect();
        let name = format!("default route for {}", values.join(" and "));
        let mut hasher = KeyHasher::for_project(project);
        hasher.part(b"default route").part(&subscriber.to_bytes());
        hasher.part(self.severities[0].as_str().as_bytes());
        let id = uuid::Builder::from_custom_bytes(hasher.finish().to_be_bytes()).into_uuid();
        let severity = Condition { field: Field::Severity, op: Op::OneOf, values, negate: false };
        let (on, conditions) = (ON.to_vec(), vec![severity]);
        let body = DirectiveBody::DefaultRoute(Rule {
            subscriber,
            on,
            conditions,
            targets,
            ..rules::blank()
        });
        Some(Directive { id: DirectiveId(id.as_u128()), project, name, version: 0, body })
    }
}
