//! The engine's whole state as bytes, and back: restoring a snapshot and applying what came after it
//! gives the same engine as applying everything (I2).
//!
//! Written in one canonical order, so that equal states have equal bytes. `version u8 | body`; the
//! file that holds it, with its checksum, is the pipeline's. A snapshot of another version is refused,
//! and the journal replayed instead.

use model::codec::wire::{Reader, Writer};
use model::codec::{read_policy, write_policy};
use model::{IncidentId, Seq};

use crate::Engine;
use crate::cases::Index;
use crate::timers::Timer;

mod parts;
use parts::{
    read_alert, read_case, read_group, read_outcome, read_pending, write_conduct, write_incident,
    write_outcome, write_waiting,
};

/// Version 2 added what telling remembers, and to each case the signal that opened it; version 3 what
/// inhibitions keep quiet, and alerts that are kept quiet.
const VERSION: u8 = 3;
const WITHOUT_QUIET: u8 = 2;
const WITHOUT_TELLING: u8 = 1;

/// An engine's state as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(pub Vec<u8>);

/// Why a snapshot could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It was written by another version of Stormbell.
    #[error("snapshot of version {0} is not known to this version of stormbell")]
    Version(u8),
    /// It is damaged.
    #[error("snapshot is damaged")]
    Damaged(#[from] model::codec::Error),
}

impl Engine {
    /// The whole state.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut bytes = Vec::new();
        let mut w = Writer(&mut bytes);
        w.u8(VERSION);
        w.u64(self.seq.0);
        w.time(self.at);
        self.write_policies(&mut w);
        self.write_cases(&mut w);
        self.write_groups(&mut w);
        self.write_alerts(&mut w);
        self.write_memory(&mut w);
        self.write_telling(&mut w);
        Snapshot(bytes)
    }

    /// The engine that a snapshot was taken of.
    ///
    /// # Errors
    /// It is damaged, or of another version.
    pub fn restore(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let mut r = Reader::new(&snapshot.0);
        let version = r.u8("version")?;
        if ![VERSION, WITHOUT_QUIET, WITHOUT_TELLING].contains(&version) {
            return Err(SnapshotError::Version(version));
        }
        let mut engine = Self { seq: Seq(r.u64("seq")?), at: r.time("at")?, ..Self::default() };
        engine.read_policies(&mut r)?;
        engine.read_cases(&mut r, version)?;
        engine.read_groups(&mut r)?;
        engine.read_alerts(&mut r)?;
        engine.read_memory(&mut r)?;
        if version != WITHOUT_TELLING {
            engine.read_telling(&mut r, version == WITHOUT_QUIET)?;
        }
        r.end()?;
        Ok(engine)
    }

    fn write_policies(&self, w: &mut Writer<'_>) {
        w.count(self.policies.iter().count());
        self.policies.iter().for_each(|policy| write_policy(w, policy));
    }

    fn read_policies(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for policy in r.list("policies", read_policy)? {
            self.policies.put(policy);
        }
        Ok(())
    }

    fn write_cases(&self, w: &mut Writer<'_>) {
        w.count(self.cases.numbers.len());
        for (project, number) in &self.cases.numbers {
            w.project(*project);
            w.u64(*number);
        }
        let cases = self.cases.sorted();
        w.count(cases.len());
        for case in cases {
            write_incident(w, &case.incident);
            write_conduct(w, case.conduct);
            w.u8(case.worst.rank());
            w.bool(case.moved_by_system);
            w.bool(case.held);
            w.time(case.investigating_since);
            w.option(case.deadline, Writer::time);
            w.bool(case.firing.overflown);
            let identities = case.firing.sorted();
            w.count(identities.len());
            identities.iter().for_each(|identity| w.u128(identity.0));
            self.write_ids(w, case.children.iter().copied());
            w.count(case.split_off.len());
            case.split_off.iter().for_each(|seq| w.u64(seq.0));
            w.bytes(&case.opened_by);
            w.time(case.reminders.open_since);
            w.duration(case.reminders.reminded);
            w.option(case.reminders.deadline, Writer::time);
        }
        w.count(self.cases.closed().count());
        for (project, id) in self.cases.closed() {
            w.project(project);
            w.u128(id.0);
        }
    }

    fn read_cases(&mut self, r: &mut Reader<'_>, version: u8) -> Result<(), SnapshotError> {
        for (project, number) in r.list("numbers", |r| Ok((r.project()?, r.u64("number")?)))? {
            self.cases.numbers.insert(project, number);
        }
        let mut families = Vec::new();
        for (case, children) in r.list("cases", |r| read_case(r, version == WITHOUT_TELLING))? {
            if let Some(deadline) = case.deadline {
                self.timers.arm(deadline, Timer::Incident(case.incident.id));
            }
            if let Some(deadline) = case.reminders.deadline {
                self.timers.arm(deadline, Timer::Reminder(case.incident.id));
            }
            families.push((self.cases.insert(case), children));
        }
        for (parent, children) in families {
            for id in children {
                let child = self.cases.index(id).ok_or_else(|| r.invalid("child"))?;
                self.cases.get_mut(child).parent = Some(parent);
                self.cases.get_mut(parent).children.push(child);
            }
        }
        for (project, id) in r.list("closed", |r| Ok((r.project()?, r.incident_id()?)))? {
            self.cases.remember_closed(project, id);
        }
        Ok(())
    }

    fn write_groups(&self, w: &mut Writer<'_>) {
        let of_cases = self.cases.sorted().into_iter().map(|case| case.incident.key);
        let groups = self.groups.sorted(of_cases.collect());
        w.count(groups.len());
        for (key, group) in groups {
            w.u128(key.0);
            self.write_ids(w, group.active());
            self.write_ids(w, group.resolved());
            w.option(group.window(), |w, window| {
                w.time(window.started_at);
                w.u64(u64::from(window.signals));
                w.u128(self.cases.get(window.incident).incident.id.0);
            });
        }
        w.count(self.groups.pending().len());
        for (key, pending) in self.groups.pending() {
            w.u128(key.0);
            w.duration(pending.within);
            w.time(pending.deadline);
            w.count(pending.waiting.len());
            pending.waiting.iter().for_each(|waiting| write_waiting(w, waiting));
        }
    }

    fn write_ids(&self, w: &mut Writer<'_>, indexes: impl Iterator<Item = Index>) {
        let ids: Vec<IncidentId> = indexes.map(|index| self.cases.get(index).incident.id).collect();
        w.count(ids.len());
        ids.iter().for_each(|id| w.u128(id.0));
    }

    fn read_groups(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for (key, group) in r.list("groups", |r| read_group(r, &self.cases))? {
            self.groups.restore(key, group);
        }
        for (key, pending) in r.list("pending", read_pending)? {
            self.timers.arm(pending.deadline, Timer::Pending(key));
            self.groups.restore_pending(key, pending);
        }
        Ok(())
    }

    fn write_alerts(&self, w: &mut Writer<'_>) {
        w.count(self.alerts.map.len());
        for (identity, state) in self.alerts.sorted() {
            w.u128(identity.0);
            w.project(state.project);
            w.u64(state.lease.fingerprint);
            w.time(state.lease.starts_at);
            w.time(state.lease.ends_at);
            w.time(state.updated_at);
            w.option(state.incident, |w, id| w.u128(id.0));
            w.u128(state.group.0);
            w.bool(state.firing);
            w.time(state.deadline);
        }
    }

    fn read_alerts(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for (identity, state) in r.list("alerts", read_alert)? {
            self.timers.arm(state.deadline, state.timer(identity));
            self.alerts.map.insert(identity, state);
        }
        self.alerts.let_all_go(&self.cases);
        Ok(())
    }

    fn write_memory(&self, w: &mut Writer<'_>) {
        w.count(self.dedup.dated().len());
        for (at, project, id) in self.dedup.dated() {
            w.time(at);
            w.project(project);
            w.u128(id.0);
        }
        w.count(self.answered.iter().len());
        for (project, key, request, outcome) in self.answered.iter() {
            w.project(project);
            w.u128(key);
            w.u64(request);
            write_outcome(w, outcome);
        }
    }

    fn read_memory(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for _ in 0..r.items("remembered ids")? {
            let (at, project, id) = (r.time("at")?, r.project()?, r.signal_id()?);
            self.dedup.remember(project, id, at);
        }
        for _ in 0..r.items("answered commands")? {
            let (project, key, request) = (r.project()?, r.u128("key")?, r.u64("request")?);
            let outcome = read_outcome(r)?;
            self.answered.remember(project, key, request, outcome);
        }
        Ok(())
    }
}
