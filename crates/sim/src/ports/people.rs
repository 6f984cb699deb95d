//! Who is there to be told: two subscribers and four endpoints a project, a schedule on which somebody
//! is on call and one on which nobody is, and a calendar that mutes every other minute.

use async_trait::async_trait;
use delivery::courier::{CalendarError, Calendars};
use model::{Actor, Duration, EndpointId, ProjectId, ScheduleId, SubscriberId, Target, Timestamp};
use store::{Contact, Directory, EndpointRow, MemoryStore, SubscriberRow};

use crate::world::at_once;

/// Endpoints of a project.
pub const ENDPOINTS: u64 = 4;

/// A subscriber: 1 is a team, 2 a person with two contact methods.
#[must_use]
pub fn subscriber(project: ProjectId, number: u64) -> SubscriberId {
    SubscriberId(u128::from(project.0) * 100 + u128::from(number))
}

/// An endpoint, from 1 to [`ENDPOINTS`].
#[must_use]
pub fn endpoint(project: ProjectId, number: u64) -> EndpointId {
    EndpointId(u128::from(project.0) * 100 + u128::from(number))
}

/// Whether a project has such a target. A rule may name another's: then nobody is there to be told.
#[must_use]
pub fn is_there(project: ProjectId, target: Target) -> bool {
    match target {
        Target::Endpoint(id) => id.0 / 100 == u128::from(project.0),
        Target::Person(id) => id.0 / 100 == u128::from(project.0),
        Target::OnCall(_) => true,
    }
}

/// A schedule: on 1 the person is on call, on 2 nobody is.
#[must_use]
pub fn schedule(number: u64) -> ScheduleId {
    ScheduleId(u128::from(number))
}

/// The calendar that mutes.
#[must_use]
pub fn calendar() -> ScheduleId {
    ScheduleId(9)
}

/// Who is on call, and what is mute.
#[derive(Debug)]
pub struct SimCalendars;

#[async_trait]
impl Calendars for SimCalendars {
    async fn on_call(
        &self,
        project: ProjectId,
        of: ScheduleId,
        _: Timestamp,
    ) -> Result<Vec<SubscriberId>, CalendarError> {
        Ok(if of == schedule(1) { vec![subscriber(project, 2)] } else { Vec::new() })
    }

    async fn mutes(
        &self,
        _: ProjectId,
        of: ScheduleId,
        now: Timestamp,
    ) -> Result<Option<String>, CalendarError> {
        let even = (now.micros() / 60_000_000) % 2 == 0;
        Ok((of == calendar() && even).then(|| "every other minute".to_owned()))
    }
}

/// Writes the people and endpoints of a project into a store.
///
/// # Panics
/// The store refuses what is right: a mistake of the simulator.
pub fn settle(store: &MemoryStore, project: ProjectId, configs: &[String]) {
    let (actor, now) = (Actor::system(), Timestamp::from_micros(1));
    let contacts = [(3, 0), (4, 30)].map(|(number, after)| Contact {
        endpoint: endpoint(project, number),
        after: Duration::from_secs(after),
    });
    for (number, name, contacts) in [(1, "team", Vec::new()), (2, "person", contacts.to_vec())] {
        let row = SubscriberRow {
            project,
            id: subscriber(project, number),
            name: name.to_owned(),
            contacts,
            version: 0,
            created_at: now,
        };
        at_once(store.put_subscriber(&row, None, &actor, now)).expect("the store takes people");
    }
    for number in 1..=ENDPOINTS {
        let config = configs.get(usize::try_from(number - 1).unwrap_or(0));
        let row = EndpointRow {
            project,
            id: endpoint(project, number),
            subscriber: subscriber(project, if number < 3 { 1 } else { 2 }),
            channel: "webhook".to_owned(),
            name: format!("endpoint {number}"),
            config: config.cloned().unwrap_or_else(|| "{}".to_owned()),
            secrets: Vec::new(),
            verified_at: Some(now),
            owner_confirms: false,
            version: 0,
            created_at: now,
        };
        at_once(store.put_endpoint(&row, None, &actor, now)).expect("the store takes endpoints");
    }
}
