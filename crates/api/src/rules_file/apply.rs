//! Saves what a file asks for: subscribers, their endpoints, their contacts, then rules.
//!
//! Each part is saved by itself. Should one fail in between (the disk is full), what was saved stays,
//! and the same import again does the rest.

use model::{Actor, Operation};
use store::{EndpointRow, SubscriberRow};

use super::import::{Plan, Planned};
use super::{ImportCounts, ImportReport};
use crate::problem::Problem;
use crate::request::Call;
use crate::{Api, default_routes, directives, endpoints, subscribers};

/// Saves a plan and says what was done.
pub(super) async fn apply(api: &Api, call: &Call, plan: Plan) -> Result<ImportReport, Problem> {
    let mut report = ImportReport::default();
    let actor = call.actor();
    let mut planned = plan.subscribers;
    for subscriber in &mut planned {
        report.subscribers.count(subscriber);
        introduce(api, subscriber, &actor).await?;
    }
    for endpoint in plan.endpoints {
        report.endpoints.count(&endpoint);
        if endpoint.wanted.verified_at.is_none()
            && endpoint.before.as_ref() != Some(&endpoint.wanted)
        {
            report.unverified.push(endpoint.wanted.id.to_string());
        }
        save_endpoint(api, endpoint, &actor).await?;
    }
    for Planned { wanted, before } in planned {
        if before.as_ref() != Some(&wanted) {
            let expected = wanted.version;
            subscribers::save(api, wanted, Some(expected), &actor).await?;
        }
    }
    for rule in plan.rules {
        report.rules.count(&rule);
        let Planned { wanted, before } = rule;
        if before.as_ref() != Some(&wanted) {
            let expected_version = before.map(|before| before.version);
            let directive = Box::new(wanted);
            let operation = Operation::PutDirective { directive, expected_version };
            directives::submit(api, call.command_without_key(operation)).await?;
        }
    }
    default_routes::follow(api, call.project(), None, &actor).await;
    Ok(report)
}

/// Creates a subscriber that is new, without contacts: their endpoints are not there yet.
async fn introduce(
    api: &Api,
    subscriber: &mut Planned<SubscriberRow>,
    actor: &Actor,
) -> Result<(), Problem> {
    if subscriber.before.is_none() {
        let bare = SubscriberRow { contacts: Vec::new(), ..subscriber.wanted.clone() };
        let saved = subscribers::save(api, bare, None, actor).await?;
        subscriber.wanted.version = saved.version;
        subscriber.before = Some(saved);
    }
    Ok(())
}

async fn save_endpoint(
    api: &Api,
    Planned { wanted, before }: Planned<EndpointRow>,
    actor: &Actor,
) -> Result<(), Problem> {
    if before.as_ref() != Some(&wanted) {
        let expected = before.map(|before| before.version);
        endpoints::save(api, wanted, expected, actor).await?;
    }
    Ok(())
}

impl ImportCounts {
    fn count<T: PartialEq>(&mut self, planned: &Planned<T>) {
        match &planned.before {
            None => self.created += 1,
            Some(before) if *before == planned.wanted => self.unchanged += 1,
            Some(_) => self.updated += 1,
        }
    }
}
