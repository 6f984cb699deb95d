//! What telling remembers, in a snapshot: directives, windows, what silences and inhibitions keep quiet,
//! sources of inhibitions, and escalation policies that run.

use model::codec::wire::{Reader, Writer};
use model::codec::{read_directive, write_directive};
use model::{DirectiveKind, IdentityKey};

use super::allowance::Spent;
use super::escalations::Running;
use super::inhibitions::Source;
use crate::Engine;
use crate::snapshot::SnapshotError;

impl Engine {
    pub(crate) fn write_telling(&self, w: &mut Writer<'_>) {
        w.count(self.directives.iter().count());
        for directive in self.directives.iter() {
            write_directive(w, directive);
            w.bool(self.directives.is_silence_over(directive.project, directive.id));
        }
        w.count(self.allowances.iter().len());
        for (project, id, spent) in self.allowances.iter() {
            w.project(project);
            w.u128(id.0);
            w.time(spent.since);
            w.u64(u64::from(spent.count));
        }
        w.count(self.quiet.silenced().len());
        for (project, id, incident) in self.quiet.silenced() {
            w.project(project);
            w.u128(id.0);
            w.u128(incident.0);
        }
        w.count(self.sources.len());
        for ((project, id, hash, identity), source) in self.sources.iter() {
            w.project(project);
            w.u128(id.0);
            w.u128(hash);
            w.u128(identity.0);
            w.option(source.incident, |w, id| w.u128(id.0));
            w.bool(source.is_target);
        }
        self.write_escalations(w);
        self.write_quiet(w);
    }

    /// `before_quiet` says that of what is kept quiet only what silences keep was remembered then.
    pub(crate) fn read_telling(
        &mut self,
        r: &mut Reader<'_>,
        before_quiet: bool,
    ) -> Result<(), SnapshotError> {
        let mut silences = Vec::new();
        for _ in 0..r.items("directives")? {
            let directive = read_directive(r)?;
            let over = r.bool("over")?;
            if directive.body.kind() == DirectiveKind::Silence {
                silences.push((directive.project, directive.id, over));
            }
            self.directives.put(directive);
        }
        for _ in 0..r.items("windows")? {
            let (project, id) = (r.project()?, r.directive_id()?);
            let (since, count) = (r.time("since")?, r.u64("count")?);
            let count = u32::try_from(count).map_err(|_| r.invalid("count"))?;
            self.allowances.restore(project, id, Spent { since, count });
        }
        for _ in 0..r.items("silenced")? {
            let entry = (r.project()?, r.directive_id()?, r.incident_id()?);
            self.quiet.restore_silenced(entry);
        }
        for (project, id, over) in silences {
            if over {
                self.directives.end_silence(project, id);
            }
            self.arm_silence(project, id);
        }
        for _ in 0..r.items("sources")? {
            let (project, id) = (r.project()?, r.directive_id()?);
            let (hash, identity) = (r.u128("hash")?, IdentityKey(r.u128("identity")?));
            let incident = r.option("incident", Reader::incident_id)?;
            let source = Source { incident, is_target: r.bool("is_target")? };
            self.sources.put((project, id, hash, identity), source);
        }
        self.read_escalations(r)?;
        if before_quiet { Ok(()) } else { self.read_quiet(r) }
    }

    fn write_quiet(&self, w: &mut Writer<'_>) {
        w.count(self.quiet.inhibited().len());
        for (project, (id, hash, is_source), incident) in self.quiet.inhibited() {
            w.project(project);
            w.u128(id.0);
            w.u128(hash);
            w.bool(is_source);
            w.u128(incident.0);
        }
        w.count(self.quiet.alerts().len());
        for (project, identity, signal) in self.quiet.alerts() {
            w.project(project);
            w.u128(identity.0);
            w.u128(signal.0);
        }
        w.count(self.quiet.looks().len());
        for (project, at) in self.quiet.looks() {
            w.project(project);
            w.time(at);
        }
    }

    fn read_quiet(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for _ in 0..r.items("inhibited")? {
            let (project, id) = (r.project()?, r.directive_id()?);
            let group = (id, r.u128("hash")?, r.bool("is_source")?);
            self.quiet.restore_inhibited((project, group, r.incident_id()?));
        }
        for _ in 0..r.items("quiet alerts")? {
            let (project, identity) = (r.project()?, IdentityKey(r.u128("identity")?));
            self.quiet.restore_alert((project, identity, r.signal_id()?));
        }
        for _ in 0..r.items("looks")? {
            let (project, at) = (r.project()?, r.time("look")?);
            self.look_at_inhibited(project, at);
        }
        Ok(())
    }

    fn write_escalations(&self, w: &mut Writer<'_>) {
        w.count(self.escalations.len());
        for ((incident, ..), run) in &self.escalations {
            w.u128(incident.0);
            w.u128(run.subscriber.0);
            w.u128(run.policy.0);
            w.count(run.rules.len());
            run.rules.iter().for_each(|rule| w.u128(rule.0));
            w.u64(u64::from(run.step));
            w.u64(u64::from(run.round));
            w.time(run.due_at);
        }
    }

    fn read_escalations(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for _ in 0..r.items("escalations")? {
            let incident = r.incident_id()?;
            let (subscriber, policy) = (r.subscriber_id()?, r.directive_id()?);
            let rules = r.list("rules", Reader::directive_id)?;
            let (step, round) = (r.u64("step")?, r.u64("round")?);
            let step = u32::try_from(step).map_err(|_| r.invalid("step"))?;
            let round = u32::try_from(round).map_err(|_| r.invalid("round"))?;
            let due_at = r.time("due")?;
            let running = Running { subscriber, policy, rules, step, round, due_at };
            self.run_escalation((incident, subscriber, policy), running);
        }
        Ok(())
    }
}
