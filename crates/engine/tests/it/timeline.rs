//! Runs a timeline and compares what the engine decided with what is expected.
//!
//! Beside the engine runs a twin that is replaced by its own snapshot before every entry: both must
//! decide the same (I2, I8) in every timeline there is.

use std::collections::BTreeMap;

use engine::Engine;
use expect_test::Expect;
use model::{
    Command, CommandId, Duration, Effect, Effects, Entry, IdentityKey, Incident, IncidentId,
    ProjectId, Seq, Timestamp,
};

use crate::render;
use crate::script::{self, Instruction, Words};

/// Where every timeline begins.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

/// Runs the lines of a timeline and compares what is printed.
#[track_caller]
pub(crate) fn check(timeline: &str, expected: Expect) {
    let mut run = Run::new();
    for line in timeline.lines().map(str::trim).filter(|line| !line.is_empty()) {
        run.line(line);
    }
    expected.assert_eq(&run.printed);
}

/// A timeline that is being run.
pub(crate) struct Run {
    engine: Engine,
    twin: Engine,
    at: Timestamp,
    pub(crate) incidents: BTreeMap<(ProjectId, u64), Incident>,
    fingerprints: BTreeMap<IdentityKey, u64>,
    printed: String,
}

impl Run {
    pub(crate) fn new() -> Self {
        Self {
            engine: Engine::new(),
            twin: Engine::new(),
            at: START,
            incidents: BTreeMap::new(),
            fingerprints: BTreeMap::new(),
            printed: String::new(),
        }
    }

    /// The id of an incident written as `1`, or `2/1` for number 1 of project 2.
    pub(crate) fn incident(&self, project: ProjectId, text: &str) -> IncidentId {
        let (project, number) = match text.split_once('/') {
            Some((project, number)) => (ProjectId(project.parse().expect("a project")), number),
            None => (project, text),
        };
        let number: u64 = number.parse().expect("a number");
        // What is not there has an id as well.
        let unknown = IncidentId(u128::from(number) << 64);
        self.incidents.get(&(project, number)).map_or(unknown, |incident| incident.id)
    }

    /// How an incident is written: `#1`, or `2#1` outside project 1.
    pub(crate) fn name(&self, id: IncidentId) -> String {
        let found = self.incidents.values().find(|incident| incident.id == id);
        found.map_or_else(|| "#?".to_owned(), render::number)
    }

    /// The fingerprint of an alert that fired.
    pub(crate) fn fingerprint(&self, identity: IdentityKey) -> u64 {
        self.fingerprints[&identity]
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn next_seq(&self) -> Seq {
        self.engine.seq().next()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.at
    }

    /// Runs one line.
    pub(crate) fn line(&mut self, line: &str) {
        let words = Words::of(line);
        match script::read(self, &words) {
            Instruction::At(at, entries) => {
                self.at = at;
                let effects: Vec<Effect> =
                    entries.iter().flat_map(|entry| self.apply(entry).0).collect();
                self.print(&effects);
            }
            Instruction::Until(at) => self.until(at),
            Instruction::Show(project, number) => {
                let incident = &self.incidents[&(project, number)];
                self.printed += &render::state(self, incident);
            }
            Instruction::Next => {
                let next = self.engine.next_deadline().map_or_else(|| "-".to_owned(), render::time);
                self.printed += &format!("{:<5} next {next}\n", "");
            }
        }
    }

    /// Ticks as the pipeline does: whenever a deadline is reached, until `at`.
    fn until(&mut self, at: Timestamp) {
        while let Some(due) = self.engine.next_deadline().filter(|&due| due <= at) {
            self.at = self.at.max(due);
            let effects = self.apply(&Entry::Tick);
            self.print(&effects.0);
        }
        self.at = at;
    }

    fn apply(&mut self, entry: &Entry<'_>) -> Effects {
        let (mut effects, mut again) = (Effects::default(), Effects::default());
        let seq = self.next_seq();
        self.twin = Engine::restore(&self.twin.snapshot()).expect("its own snapshot");
        self.engine.apply(seq, self.at, entry, &mut effects);
        self.twin.apply(seq, self.at, entry, &mut again);
        assert_eq!(effects, again, "a restored engine decides the same");
        assert_eq!(self.engine.snapshot(), self.twin.snapshot());
        assert_eq!(self.engine.next_deadline(), self.twin.next_deadline());
        for effect in &effects.0 {
            self.keep(effect);
        }
        effects
    }

    fn keep(&mut self, effect: &Effect) {
        match effect {
            Effect::Incident(incident) => {
                let key = (incident.project, incident.number);
                self.incidents.insert(key, incident.as_ref().clone());
            }
            Effect::AlertFiring(alert) => {
                self.fingerprints.insert(alert.identity, alert.lease.fingerprint);
            }
            Effect::Filed { incident: Some(id), signal_count, at, .. } => {
                let incident = self.incidents.values_mut().find(|incident| incident.id == *id);
                let incident = incident.expect("a signal is filed under an incident that is known");
                incident.signal_count = *signal_count;
                incident.last_signal_at = *at;
            }
            _ => {}
        }
    }

    fn print(&mut self, effects: &[Effect]) {
        let printed = render::effects(self, effects);
        self.printed += &printed;
    }
}

/// A command entry; its id says nothing.
pub(crate) fn command(command: Command) -> Entry<'static> {
    Entry::Command(Box::new(Command { id: CommandId(1), ..command }))
}

/// A span written as text.
pub(crate) fn span(text: &str) -> Duration {
    Duration::parse(text).expect("a duration")
}
