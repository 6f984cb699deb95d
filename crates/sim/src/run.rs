//! One seed, from its first choice to its verdict.

mod actions;
mod rest;

use crate::invariant::{Checked, Invariant, Violation};
use crate::judge::{Judge, Seen};
use crate::ports::Planted;
use crate::random::Random;
use crate::swarm::{Mode, Swarm};
use crate::trace::Trace;
use crate::workload::Workload;
use crate::world::{Attempt, Death, Refusal, Start, World};

/// Steps after which everything is compared at length.
const CHECKPOINT: u64 = 40;

/// What to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Steps; the seed chooses where it is `None`.
    pub steps: Option<u64>,
    /// A mistake to plant.
    pub planted: Option<Planted>,
    /// Where every event goes as it comes.
    pub all_events: Option<fn(&str)>,
}

/// How a run went.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The kind of world.
    pub mode: Mode,
    /// Steps made.
    pub steps: u64,
    /// Entries in the journal at the end.
    pub entries: u64,
    /// Of them, acknowledged.
    pub acknowledged: u64,
    /// Incidents at the end.
    pub incidents: u64,
    /// How often the system died.
    pub deaths: u64,
    /// Whether it refused to start, as a lying disk lets it.
    pub refused: bool,
    /// How often each invariant was checked.
    pub checked: Checked,
    /// What the engine did and refused, and how often.
    pub seen: Seen,
    /// Hash over all entries and effects: equal for equal runs.
    pub chain: u128,
    /// What failed, if something did.
    pub failure: Option<Failure>,
}

/// A check that failed, with what led to it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// In which step.
    pub step: u64,
    /// What failed.
    pub violation: Violation,
    /// The last events.
    pub trace: Vec<String>,
}

/// Runs a seed.
#[must_use]
pub fn run(plan: Plan) -> Report {
    let mut random = Random::new(plan.seed);
    let swarm = Swarm::pick(&mut random, plan.planted);
    let steps = plan.steps.unwrap_or_else(|| random.between(120, 300));
    let workload = Workload::new(&swarm, Random::new(random.bits()));
    let world = World::new(swarm, random, plan.planted, Trace::new(plan.all_events));
    let mut run =
        Run { world, judge: Judge::default(), workload, step: 0, fault_until: None, ended: false };
    let violation = run.all(steps).err();
    run.report(plan.seed, violation)
}

/// A run under way.
struct Run {
    world: World,
    judge: Judge,
    workload: Workload,
    step: u64,
    /// Something is wrong until this step.
    fault_until: Option<u64>,
    /// It refused to start, as it should.
    ended: bool,
}

impl Run {
    fn all(&mut self, steps: u64) -> Result<(), Violation> {
        let swarm = &self.world.swarm;
        let picked = format!(
            "{:?} world, {} projects, {} components, segments of {} bytes",
            swarm.mode, swarm.projects, swarm.components, swarm.journal.segment_bytes
        );
        self.world.trace.say(picked);
        self.start()?;
        while self.step < steps && !self.ended {
            self.step += 1;
            self.world.trace.step(self.step);
            self.act()?;
            if !self.ended {
                self.settle()?;
            }
        }
        if self.ended { Ok(()) } else { self.finish() }
    }

    /// After an action: heals what is over, lets things flow, and checks.
    fn settle(&mut self) -> Result<(), Violation> {
        if self.fault_until.is_some_and(|until| until <= self.step) {
            self.heal()?;
            if self.ended {
                return Ok(());
            }
        }
        if self.world.random.chance(self.world.swarm.eager) {
            self.flow()?;
        }
        self.follow()?;
        if self.step.is_multiple_of(CHECKPOINT) {
            self.judge.check_all(&self.world)
        } else {
            self.judge.check_step(&self.world)
        }
    }

    /// Everything well, everything applied, stopped and started once more: nothing is missing.
    fn finish(&mut self) -> Result<(), Violation> {
        self.world.trace.say("the end: everything is healed and applied");
        self.heal()?;
        if self.ended {
            return Ok(());
        }
        self.flow_to_the_end()?;
        self.judge.check_all(&self.world)?;
        self.come_to_rest()?;
        let death = [Death::Clean, Death::Kill, Death::PowerCut];
        let death = *self.world.random.pick(&death).unwrap_or(&Death::Clean);
        self.restart(death)?;
        if self.ended { Ok(()) } else { self.judge.check_all(&self.world) }
    }

    /// Applies until nothing is left.
    fn flow_to_the_end(&mut self) -> Result<(), Violation> {
        loop {
            self.flow()?;
            let end = self.world.ledger.end();
            if self.world.pipeline().handle().applied() == end {
                break;
            }
        }
        self.follow()
    }

    /// Lets the courier deliver, the journal write, the pipeline tick and apply.
    fn flow(&mut self) -> Result<(), Violation> {
        self.world.deliver()?;
        self.world.drive()?;
        self.apply()?;
        self.follow()?;
        let caught_up = self.judge.seq() == self.world.ledger.end();
        let must = self.judge.auditor.next_deadline().filter(|_| caught_up);
        self.world.tick(must)?;
        self.world.drive()?;
        self.apply()
    }

    fn apply(&mut self) -> Result<(), Violation> {
        match self.world.apply()? {
            Attempt::Done | Attempt::Refused => Ok(()),
            Attempt::Fenced => {
                let what = "the only owner of the partition was fenced";
                Err(Violation::new(Invariant::Conduct, what))
            }
        }
    }

    fn follow(&mut self) -> Result<(), Violation> {
        let committed = self.world.store.take_committed();
        self.judge.follow(&self.world.ledger, committed)
    }

    fn heal(&mut self) -> Result<(), Violation> {
        self.fault_until = None;
        self.world.heal();
        self.world.drive()?;
        self.world.check_recovered()?;
        if self.world.must_restart() {
            let death = if self.world.random.chance(50) { Death::Kill } else { Death::PowerCut };
            return self.restart(death);
        }
        Ok(())
    }

    /// Dies and comes back.
    fn restart(&mut self, death: Death) -> Result<(), Violation> {
        let ill = self.fault_until.take().is_some() && self.world.random.chance(40);
        self.world.die(death)?;
        if ill && self.start_ill()? {
            return Ok(());
        }
        self.world.heal();
        self.start()
    }

    /// Starts while something is still wrong: it may refuse with what the disk says, or run. Answers
    /// whether that is the end of it.
    fn start_ill(&mut self) -> Result<bool, Violation> {
        self.world.trace.say("it is started while something is wrong");
        let start = self.world.start()?;
        if let Start::Refused(Refusal::Journal(error)) = &start
            && error.kind() == journal::ErrorKind::Io
        {
            return Ok(false);
        }
        self.take_up(start)?;
        if !self.ended {
            self.heal()?;
        }
        Ok(true)
    }

    fn start(&mut self) -> Result<(), Violation> {
        let start = self.world.start()?;
        self.take_up(start)
    }

    fn take_up(&mut self, start: Start) -> Result<(), Violation> {
        match start {
            Start::Up => {}
            Start::Shorter(end) => {
                let lost = self.world.ledger.forget_after(end);
                self.world.forget_receipts();
                self.world.trace.say(format!("{lost} acknowledged entries after {end} are gone"));
                self.judge.rewind(&self.world.ledger)?;
            }
            Start::Refused(refusal) => return self.refused(&refusal),
        }
        self.follow()?;
        self.judge.check_all(&self.world)
    }

    /// With a lying disk, or without snapshots, refusing to start is right: the loss is detected.
    /// Else it never is.
    fn refused(&mut self, refusal: &Refusal) -> Result<(), Violation> {
        let right = match (self.world.swarm.mode, refusal) {
            (Mode::Lying, _) => true,
            (Mode::Forgetful, Refusal::Pipeline(error)) => {
                matches!(error, pipeline::Error::Gap { .. })
            }
            (Mode::Forgetful, Refusal::Journal(_)) | (Mode::Sound | Mode::Rotting, _) => false,
        };
        if right {
            self.ended = true;
            return Ok(());
        }
        let what = format!("does not start: {refusal:?}");
        Err(Violation::new(Invariant::Conduct, what))
    }

    fn report(self, seed: u64, violation: Option<Violation>) -> Report {
        let Self { world, judge, step, ended, .. } = self;
        let mut checked = judge.checked;
        checked.add(&world.checked);
        Report {
            seed,
            mode: world.swarm.mode,
            steps: step,
            entries: world.ledger.end().0,
            acknowledged: world.ledger.acknowledged() as u64,
            incidents: judge.auditor.incidents().len() as u64,
            deaths: world.deaths,
            refused: ended,
            checked,
            chain: judge.chain(),
            seen: judge.seen,
            failure: violation.map(|violation| Failure {
                step,
                violation,
                trace: world.trace.last(),
            }),
        }
    }
}
