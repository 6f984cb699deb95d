//! The judge: follows what was committed with an engine and a store of its own and with the auditor,
//! and holds the world against them.

mod effects;
mod laws;
mod notices;
mod rows;
mod signals;

use std::collections::{BTreeMap, BTreeSet};

use engine::Engine;
use model::id::KeyHasher;
use model::{CommandId, Effects, Entry, IncidentId, ProjectId, Seq, codec};
use store::{Commit, MemoryStore, Store};

use crate::auditor::{Answer, Auditor, Prediction};
use crate::invariant::{Checked, Invariant, Violation};
use crate::ledger::Ledger;
use crate::ports::Committed;
use crate::world::{PARTITION, World, at_once};

/// What is known to be true, and how often it was compared.
pub struct Judge {
    /// The truth as worked out from the domain page.
    pub auditor: Auditor,
    /// How often each invariant was checked.
    pub checked: Checked,
    /// A second engine that is fed the same entries and never restarted.
    shadow: Engine,
    /// A second store that takes the effects one entry at a time.
    replayed: MemoryStore,
    /// The effects of each entry.
    history: Vec<Effects>,
    /// Chain of hashes over all entries and their effects.
    chain: u128,
    /// Closed incidents whose analysis was checked.
    closed: BTreeSet<(ProjectId, IncidentId)>,
    /// The outcome of each command.
    answers: BTreeMap<CommandId, Answer>,
    /// What the engine did and refused, and how often.
    pub seen: Seen,
}

/// What was seen, and how often: reasons of effects, and refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(pub BTreeMap<String, u64>);

impl Default for Judge {
    fn default() -> Self {
        Self {
            auditor: Auditor::default(),
            checked: Checked::default(),
            shadow: Engine::new(),
            replayed: MemoryStore::new(),
            history: Vec::new(),
            chain: 0,
            closed: BTreeSet::new(),
            answers: BTreeMap::new(),
            seen: Seen::default(),
        }
    }
}

impl Judge {
    /// The last position judged.
    #[must_use]
    pub fn seq(&self) -> Seq {
        Seq(self.history.len() as u64)
    }

    /// The outcome of a command that was judged.
    #[must_use]
    pub fn answer(&self, command: CommandId) -> Option<&Answer> {
        self.answers.get(&command)
    }

    /// Hash over all entries and effects so far: equal runs have equal hashes.
    #[must_use]
    pub fn chain(&self) -> u128 {
        self.chain
    }

    /// Follows what the store took, in order.
    ///
    /// # Errors
    /// The effects are not those of the entries, or not what the auditor says.
    pub fn follow(&mut self, ledger: &Ledger, committed: Vec<Committed>) -> Result<(), Violation> {
        for commit in committed {
            self.follow_commit(ledger, &commit)?;
        }
        Ok(())
    }

    /// A lying disk lost entries that nothing could tell: the truth is what is left.
    ///
    /// # Errors
    /// As [`Self::follow`].
    pub fn rewind(&mut self, ledger: &Ledger) -> Result<(), Violation> {
        let through = self.seq().min(ledger.end());
        let seen = std::mem::take(&mut self.seen);
        *self = Self { checked: self.checked, seen, ..Self::default() };
        while self.seq() < through {
            self.take(ledger)?;
        }
        Ok(())
    }

    /// What must hold after every step.
    ///
    /// # Errors
    /// What does not.
    pub fn check_step(&mut self, world: &World) -> Result<(), Violation> {
        let rows = rows::read(world);
        self.check_isolation(world, &rows)?;
        self.check_keys(&rows)?;
        self.check_closed(world, &rows)?;
        self.check_rows(&rows)?;
        self.check_newest_signals(world)?;
        self.check_alerts(world)
    }

    /// What must hold at all times and takes longer to check.
    ///
    /// # Errors
    /// What does not.
    pub fn check_all(&mut self, world: &World) -> Result<(), Violation> {
        self.check_step(world)?;
        self.check_trails(world)?;
        self.check_signals(world)?;
        self.check_policies(world)?;
        self.check_directives(world)?;
        self.check_outbox(world)?;
        self.check_remembered(world)?;
        self.check_replay(world)
    }

    fn follow_commit(&mut self, ledger: &Ledger, commit: &Committed) -> Result<(), Violation> {
        if commit.expected > self.seq() {
            let what =
                format!("a commit begins at {}, the last ended at {}", commit.expected, self.seq());
            return Err(Violation::new(Invariant::I1, what));
        }
        while self.seq() < commit.through {
            self.take(ledger)?;
        }
        self.check_effects(commit)?;
        let stamp = ledger.get(commit.through).map(|entry| entry.at);
        if stamp != Some(commit.at) {
            let what =
                format!("commit through {} at {:?}, not {stamp:?}", commit.through, commit.at);
            return Err(Violation::new(Invariant::I8, what));
        }
        Ok(())
    }

    /// Takes the next entry of the ledger.
    fn take(&mut self, ledger: &Ledger) -> Result<(), Violation> {
        let seq = self.seq().next();
        let Some(entry) = ledger.get(seq) else {
            let what = format!("entry {seq} was applied and is in no journal");
            return Err(Violation::new(Invariant::I1, what));
        };
        let (at, record) = (entry.at, &entry.record);
        let entry: Entry<'_> = codec::decode(record).expect("the simulator sends what it encoded");
        let mut effects = Effects::default();
        self.shadow.apply(seq, at, &entry, &mut effects);
        let fired_anew = self.auditor.fired_anew();
        let prediction = self.auditor.apply(seq, at, &entry);
        if self.auditor.fired_anew() > fired_anew {
            self.seen.add_one("alert fires anew".to_owned());
        }
        self.checked.count(Invariant::Domain);
        effects::check(seq, &entry, &prediction, &effects)?;
        notices::check(seq, at, self.auditor.told(), &effects)?;
        self.seen.note(&effects);
        if let (Entry::Command(command), Prediction::Command(answer)) = (&entry, prediction) {
            self.answers.insert(command.id, answer);
        }
        let commit = Commit {
            partition: PARTITION,
            expected: self.seq(),
            through: seq,
            at,
            effects: &effects,
        };
        at_once(self.replayed.commit(commit)).expect("the second store takes everything");
        self.chain = chained(self.chain, record, &effects);
        self.history.push(effects);
        Ok(())
    }

    /// I8: what the pipeline committed is what a second engine decides.
    fn check_effects(&mut self, commit: &Committed) -> Result<(), Violation> {
        self.checked.count(Invariant::I8);
        let range = index(commit.expected)..index(commit.through);
        let decided = self.history[range].iter().flat_map(|effects| &effects.0);
        let mut decided = decided.peekable();
        for effect in &commit.effects.0 {
            let expected = decided.next();
            if expected != Some(effect) {
                let what = format!(
                    "of ({}, {}] the pipeline decided {effect:?}, a second engine {expected:?}",
                    commit.expected, commit.through
                );
                return Err(Violation::new(Invariant::I8, what));
            }
        }
        match decided.next() {
            None => Ok(()),
            Some(missing) => {
                let what = format!("a second engine also decided {missing:?}");
                Err(Violation::new(Invariant::I8, what))
            }
        }
    }
}

impl Seen {
    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    fn note(&mut self, effects: &Effects) {
        effects.0.iter().filter_map(effects::word).for_each(|what| self.add_one(what));
    }

    fn add_one(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }
}

fn index(seq: Seq) -> usize {
    usize::try_from(seq.0).expect("a run is short")
}

fn chained(chain: u128, record: &[u8], effects: &Effects) -> u128 {
    let mut hasher = KeyHasher::default();
    hasher.part(&chain.to_le_bytes()).part(record).part(format!("{effects:?}").as_bytes());
    hasher.finish()
}

/// The projects of a world.
fn projects(world: &World) -> impl Iterator<Item = ProjectId> + use<> {
    (1..=u32::try_from(world.swarm.projects).unwrap_or(1)).map(ProjectId)
}
