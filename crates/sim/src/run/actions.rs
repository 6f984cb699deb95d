//! What happens in a step.

use model::{Command, Entry, ProjectId};

use super::Run;
use super::rest::{LETTERS, dead_letters};
use crate::auditor::Answer;
use crate::invariant::{Invariant, Violation};
use crate::swarm::{Action, Mode};
use crate::world::{Death, Fault, Refusal, Start, peek};

impl Run {
    /// Picks an action and does it.
    pub(super) fn act(&mut self) -> Result<(), Violation> {
        let world = &mut self.world;
        if world.swarm.mode == Mode::Rotting && world.random.chance(2) {
            return self.rot();
        }
        let action = world.random.weighted(&world.swarm.actions).unwrap_or(Action::Signals);
        match action {
            Action::Signals | Action::Alerts => self.send(action),
            Action::Work
            | Action::Analysis
            | Action::Merge
            | Action::Policy
            | Action::Directive
            | Action::Replay
            | Action::Repeat => self.ask(action),
            Action::Deliver => self.world.deliver(),
            Action::Burst => self.burst(),
            Action::Apply => self.flow(),
            Action::Snapshot => self.world.snapshot(),
            Action::LakeWrites => {
                let taken = lake::Lake::status(&*self.world.lake).taken;
                let through = model::Seq(self.world.random.between(0, taken.0));
                self.world.lake.inner().set_durable(through);
                Ok(())
            }
            Action::ClockRuns | Action::ClockJumps | Action::ClockBack => {
                self.move_clock(action);
                Ok(())
            }
            Action::Restart => self.restart(Death::Clean),
            Action::Kill => self.restart(Death::Kill),
            Action::PowerCut => self.power_cut(),
            Action::StoreRefuses => {
                self.world.break_store();
                Ok(())
            }
            Action::SnapshotRefused => self.break_down(Fault::SnapshotRefused),
            Action::DiskFull => {
                let fault =
                    if self.world.random.chance(50) { Fault::DiskFull } else { Fault::NoSpace };
                self.break_down(fault)
            }
            Action::WriteFails => self.break_down(Fault::WriteFails),
            Action::SyncFails => self.break_down(Fault::SyncFails),
            Action::ShortWrites => self.break_down(Fault::ShortWrites),
            Action::Fence => {
                self.world.drive()?;
                self.world.fence()
            }
        }
    }

    fn send(&mut self, action: Action) -> Result<(), Violation> {
        let appends = self.world.random.between(1, 3);
        for _ in 0..appends {
            let (now, most) = (self.world.now(), self.world.swarm.batch);
            let entries = match action {
                Action::Alerts => self.workload.alerts(now),
                _ => self.workload.signals(&self.judge.auditor, now, most),
            };
            self.append(&entries)?;
        }
        self.maybe_drive()
    }

    fn ask(&mut self, action: Action) -> Result<(), Violation> {
        let (auditor, now) = (&self.judge.auditor, self.world.now());
        let entry = match action {
            Action::Analysis => self.workload.analysis(auditor, now),
            Action::Merge => self.workload.merge(auditor),
            Action::Policy => Some(self.workload.policy(auditor)),
            Action::Directive => Some(self.workload.directive(auditor, now)),
            Action::Replay => {
                let projects = self.world.swarm.projects;
                let number = self.world.random.between(1, projects);
                let project = ProjectId(u32::try_from(number).unwrap_or(1));
                Some(self.workload.replay(project, dead_letters(&self.world, project, LETTERS)))
            }
            Action::Repeat => self.workload.repeat(),
            _ => self.workload.work(auditor),
        };
        match entry {
            Some(Entry::Command(command)) if self.world.random.chance(30) => {
                self.ask_and_wait(*command)
            }
            Some(entry) => {
                self.append(&[entry])?;
                self.maybe_drive()
            }
            None => Ok(()),
        }
    }

    /// Somebody waits for the outcome, and hears it when it is in the store, and not before.
    fn ask_and_wait(&mut self, command: Command) -> Result<(), Violation> {
        let id = command.id;
        let handle = self.world.pipeline().handle();
        let Some(waiting) = handle.expect(id) else { return Ok(()) };
        self.append(&[Entry::Command(Box::new(command))])?;
        self.world.drive()?;
        self.apply()?;
        self.follow()?;
        let heard = peek(waiting.outcome()).flatten().map(|outcome| Answer::from(&outcome));
        if heard.as_ref() == self.judge.answer(id) {
            return Ok(());
        }
        let (told, is) = (heard, self.judge.answer(id));
        let what = format!("whoever waits for {id:?} hears {told:?}, the outcome is {is:?}");
        Err(Violation::new(Invariant::Conduct, what))
    }

    /// Sends until the queue takes no more: somebody is refused, and nothing is lost or unbounded.
    fn burst(&mut self) -> Result<(), Violation> {
        for _ in 0..300 {
            let entries = self.workload.signals(&self.judge.auditor, self.world.now(), 4);
            if !self.append(&entries)? {
                return Ok(());
            }
        }
        let what = "the queue takes 300 appends without end";
        Err(Violation::new(Invariant::I7, what))
    }

    fn append(&mut self, entries: &[Entry<'_>]) -> Result<bool, Violation> {
        for entry in entries {
            self.world.trace.say(described(entry));
        }
        self.world.append(entries)
    }

    /// Mostly the writer is as fast as the senders; what it has not written is at risk.
    fn maybe_drive(&mut self) -> Result<(), Violation> {
        if self.world.random.chance(85) { self.world.drive() } else { Ok(()) }
    }

    /// Moves the clock: often by whole seconds, so that bounds are met exactly, or to just before, at
    /// or after a moment at which a rule turns.
    fn move_clock(&mut self, action: Action) {
        let now = self.world.now().micros();
        let bounds = self.judge.auditor.bounds().into_iter().map(|at| at.micros());
        let bounds: Vec<i64> = bounds.filter(|&at| at > now).collect();
        let random = &mut self.world.random;
        let bound = random.pick(&bounds).copied();
        let bound = bound.filter(|_| action == Action::ClockRuns && random.chance(25));
        let micros = if let Some(at) = bound {
            at - now + [-1, 0, 0, 1][random.below(4) as usize]
        } else {
            let secs = match action {
                // Now and then to the horizon within which ids are remembered, or beyond.
                Action::ClockJumps if random.chance(6) => 86_400,
                Action::ClockJumps if random.chance(6) => random.between(86_300, 90_000),
                Action::ClockJumps => random.between(60, 2_400),
                Action::ClockBack => random.between(1, 600),
                _ => random.below(self.world.swarm.pace_secs + 1),
            };
            let part = if random.chance(50) { 0 } else { random.below(1_000_000) };
            let micros = i64::try_from(secs * 1_000_000 + part).unwrap_or(0);
            if action == Action::ClockBack { -micros } else { micros }
        };
        self.world.move_clock(micros);
        let now = self.world.now().micros();
        self.world.trace.say(format!("{action:?}: it is {now}"));
    }

    fn break_down(&mut self, fault: Fault) -> Result<(), Violation> {
        if self.fault_until.is_some() {
            // One thing at a time: what heals is known.
            return Ok(());
        }
        self.fault_until = Some(self.step + self.world.random.between(1, 12));
        self.world.break_down(fault);
        Ok(())
    }

    /// Cuts the power between two steps, or some operations into what the disk does next.
    fn power_cut(&mut self) -> Result<(), Violation> {
        if self.world.random.chance(60) {
            let operations = self.world.random.below(8);
            self.world.disk.inject(|faults| faults.cut_after = Some(operations));
            self.world.trace.say(format!("the power will be cut in {operations} operations"));
            let entries = self.workload.signals(
                &self.judge.auditor,
                self.world.now(),
                self.world.swarm.batch,
            );
            self.append(&entries)?;
            self.world.drive()?;
        }
        self.restart(Death::PowerCut)
    }

    /// Flips a bit of what was acknowledged: the journal must refuse to open. Then puts it right.
    fn rot(&mut self) -> Result<(), Violation> {
        self.heal()?;
        self.flow_to_the_end()?;
        let unclean = self.world.random.chance(50);
        self.world.die(if unclean { Death::Kill } else { Death::Clean })?;
        let Some((name, offset, mask)) = self.world.rot(unclean) else { return self.start() };
        match self.world.start()? {
            Start::Refused(Refusal::Journal(error)) if error.corruption().is_some() => {}
            start => {
                let what = format!("a bit of an acknowledged entry flipped, and it says {start:?}");
                return Err(Violation::new(Invariant::I1, what));
            }
        }
        self.world.disk.flip(&name, offset, mask);
        self.start()
    }
}

/// An entry in a few words.
fn described(entry: &Entry<'_>) -> String {
    match entry {
        Entry::Signal { project, signal } => format!(
            "signal of p{project}: {} {} {} {}{}{}",
            signal.component,
            signal.environment,
            signal.severity,
            signal.status,
            if signal.id_given { ", id given" } else { "" },
            signal.incident_id.map_or_else(String::new, |id| format!(", names {id}")),
        ),
        Entry::Alert { project, lease, signal } => format!(
            "alert of p{project}: {} {} {}, {} until {}",
            lease.fingerprint,
            signal.component,
            signal.status,
            lease.starts_at.micros(),
            lease.ends_at.micros()
        ),
        Entry::Command(command) => {
            format!("{} of p{} asks: {:?}", command.actor.kind, command.project, command.operation)
        }
        Entry::Tick => "tick".to_owned(),
        Entry::Receipt(receipt) => format!("receipt {}", receipt.verdict),
    }
}
