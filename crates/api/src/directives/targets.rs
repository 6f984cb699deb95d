//! Who is told: endpoints, whoever is on call by a schedule, and people, as rules and steps list them.

use model::{EndpointId, ScheduleId, SubscriberId, Target, limits};
use serde::Serialize;
use utoipa::ToSchema;

use crate::references::{References, Referent};
use crate::request::Fields;

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TargetLists {
    /// Endpoints, by id.
    pub(crate) endpoints: Vec<String>,
    /// Schedules, by id: whoever is on call when it is delivered.
    pub(crate) on_call: Vec<String>,
    /// People, by id of the subscriber: by their contact methods, in order.
    pub(crate) people: Vec<String>,
}

impl From<&[Target]> for TargetLists {
    fn from(targets: &[Target]) -> Self {
        let mut lists = Self::default();
        for target in targets {
            match target {
                Target::Endpoint(id) => lists.endpoints.push(id.to_string()),
                Target::OnCall(id) => lists.on_call.push(id.to_string()),
                Target::Person(id) => lists.people.push(id.to_string()),
            }
        }
        lists
    }
}

/// Reads `endpoints`, `on_call` and `people`: ascending, each once, at most [`limits::TARGETS`] in all.
pub(crate) fn read(fields: &mut Fields, references: &mut References<'_>) -> Vec<Target> {
    let most = limits::TARGETS;
    let endpoints = references.several(fields, "endpoints", Referent::Endpoint, most);
    let on_call = references.several(fields, "on_call", Referent::Schedule, most);
    let people = references.several(fields, "people", Referent::Subscriber, most);
    let mut targets: Vec<Target> = Vec::new();
    targets.extend(endpoints.into_iter().map(|id| Target::Endpoint(EndpointId(id))));
    targets.extend(on_call.into_iter().map(|id| Target::OnCall(ScheduleId(id))));
    targets.extend(people.into_iter().map(|id| Target::Person(SubscriberId(id))));
    if targets.len() > most {
        fields.refuse("endpoints", "too_many", format!("it may tell {most} in all"));
    }
    targets.sort_unstable();
    targets
}
