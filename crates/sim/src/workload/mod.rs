//! What senders, people and agents do: random, and plausible given where things stand.
//!
//! It looks at the auditor only, as a person looks at a page: what it sees may be old by the time
//! the entry is applied. Components carry their project in their name, so that a leak shows.

mod commands;
mod directives;
mod policies;
mod signals;

use model::{Actor, ActorKind, AlertLease, Command, ProjectId, Signal};

use crate::random::Random;
use crate::swarm::Swarm;

/// What was sent before and may be sent again.
#[derive(Debug)]
pub struct Workload {
    random: Random,
    projects: u64,
    components: u64,
    environments: u64,
    given_ids: u64,
    duplicates: u64,
    resolved: u64,
    named: u64,
    /// Signals with a given id.
    sent: Vec<(ProjectId, Signal<'static>)>,
    /// Alerts that fired.
    alerts: Vec<(ProjectId, AlertLease, Signal<'static>)>,
    /// Commands with an idempotency key.
    commands: Vec<Command>,
    /// How many commands there were.
    named_commands: u128,
}

impl Workload {
    /// What the seed picked, at the beginning.
    #[must_use]
    pub fn new(swarm: &Swarm, random: Random) -> Self {
        Self {
            random,
            projects: swarm.projects,
            components: swarm.components,
            environments: swarm.environments,
            given_ids: swarm.given_ids,
            duplicates: swarm.duplicates,
            resolved: swarm.resolved,
            named: swarm.named,
            sent: Vec::new(),
            alerts: Vec::new(),
            commands: Vec::new(),
            named_commands: 0,
        }
    }

    fn project(&mut self) -> ProjectId {
        let number = self.random.between(1, self.projects);
        ProjectId(u32::try_from(number).unwrap_or(1))
    }

    fn actor(&mut self) -> Actor {
        let person = self.random.chance(75);
        let kind = if person { ActorKind::Person } else { ActorKind::Agent };
        let names = if person { ["ada", "ben"] } else { ["bot", "triage"] };
        let name = self.random.pick(&names).copied().unwrap_or("ada");
        Actor { kind, name: name.to_owned() }
    }

    fn wide(&mut self) -> u128 {
        (u128::from(self.random.bits()) << 64) | u128::from(self.random.bits())
    }
}
