//! The engine's whole state as bytes, and back: restoring a snapshot and applying what came after it
//! gives the same engine as applying everything (I2).
//!
//! Written in one canonical order, so that equal states have equal bytes. `version u8 | body`; the
//! file that holds it, with its checksum, is the pipeline's. A snapshot of another version is refused,
//! and the journal replayed instead.

use model::codec::wire::{Reader, Writer};
use model::codec::{read_policy, write_policy};
use model::{
    AlertLease, ComponentType, GroupingKey, IdentityKey, Incident, IncidentId, Mode, Outcome,
    PolicyId, ProjectId, Seq, Severity, Status,
};

use crate::Engine;
use crate::alerts::AlertState;
use crate::cases::{Case, Conduct};
use crate::groups::{Group, Pending, Waiting, Window};
use crate::timers::Timer;

const VERSION: u8 = 1;

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
        Snapshot(bytes)
    }

    /// The engine that a snapshot was taken of.
    ///
    /// # Errors
    /// It is damaged, or of another version.
    pub fn restore(snapshot: &Snapshot) -> Result<Self, SnapshotError> {
        let mut r = Reader::new(&snapshot.0);
        let version = r.u8("version")?;
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let mut engine = Self { seq: Seq(r.u64("seq")?), at: r.time("at")?, ..Self::default() };
        engine.read_policies(&mut r)?;
        engine.read_cases(&mut r)?;
        engine.read_groups(&mut r)?;
        engine.read_alerts(&mut r)?;
        engine.read_memory(&mut r)?;
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
            w.count(case.children.len());
            case.children.iter().for_each(|&child| w.u128(self.cases.get(child).incident.id.0));
            w.count(case.split_off.len());
            case.split_off.iter().for_each(|seq| w.u64(seq.0));
        }
        w.count(self.cases.closed().count());
        for (project, id) in self.cases.closed() {
            w.project(project);
            w.u128(id.0);
        }
    }

    fn read_cases(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for (project, number) in r.list("numbers", |r| Ok((r.project()?, r.u64("number")?)))? {
            self.cases.numbers.insert(project, number);
        }
        let mut families = Vec::new();
        for (case, children) in r.list("cases", read_case)? {
            if let Some(deadline) = case.deadline {
                self.timers.arm(deadline, Timer::Incident(case.incident.id));
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
            for list in [&group.active, &group.resolved] {
                w.count(list.len());
                list.iter().for_each(|id| w.u128(id.0));
            }
            w.option(group.window, |w, window| {
                w.time(window.started_at);
                w.u64(u64::from(window.signals));
                w.u128(window.incident.0);
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

    fn read_groups(&mut self, r: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for (key, group) in r.list("groups", read_group)? {
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
        for (identity, state) in &self.alerts.map {
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
            let timer = if state.firing { Timer::Lease(identity) } else { Timer::Forget(identity) };
            self.timers.arm(state.deadline, timer);
            self.alerts.map.insert(identity, state);
        }
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

/// Only what was done is remembered; refusals are not.
fn write_outcome(w: &mut Writer<'_>, outcome: &Outcome) {
    match outcome {
        Outcome::Incident(id) => {
            w.u8(0);
            w.u128(id.0);
        }
        Outcome::Policy { id, version } => {
            w.u8(1);
            w.u128(id.0);
            w.u64(*version);
        }
        Outcome::Refused(_) => w.u8(2),
    }
}

fn read_outcome(r: &mut Reader<'_>) -> Result<Outcome, model::codec::Error> {
    match r.u8("outcome")? {
        0 => Ok(Outcome::Incident(r.incident_id()?)),
        1 => Ok(Outcome::Policy { id: PolicyId(r.u128("policy")?), version: r.u64("version")? }),
        _ => Err(r.invalid("outcome")),
    }
}

fn write_conduct(w: &mut Writer<'_>, conduct: Conduct) {
    w.bool(conduct.mode == Mode::Window);
    w.bool(conduct.auto_lifecycle);
    w.bool(conduct.resolve_with_alerts);
    w.duration(conduct.quiet);
    w.duration(conduct.quiet_window);
    w.duration(conduct.reopen_within);
}

fn read_conduct(r: &mut Reader<'_>) -> Result<Conduct, model::codec::Error> {
    Ok(Conduct {
        mode: if r.bool("mode")? { Mode::Window } else { Mode::Ongoing },
        auto_lifecycle: r.bool("auto_lifecycle")?,
        resolve_with_alerts: r.bool("resolve_with_alerts")?,
        quiet: r.duration("quiet")?,
        quiet_window: r.duration("quiet_window")?,
        reopen_within: r.duration("reopen_within")?,
    })
}

fn write_incident(w: &mut Writer<'_>, incident: &Incident) {
    w.u128(incident.id.0);
    w.project(incident.project);
    w.u64(incident.number);
    w.text(&incident.title);
    w.u8(incident.status.code());
    w.u8(incident.severity.rank());
    w.bool(incident.severity_pinned);
    w.text(&incident.component);
    w.u8(incident.component_type.code());
    w.text(&incident.environment);
    w.u128(incident.policy.0);
    w.u128(incident.key.0);
    w.text(&incident.grouping_key);
    w.u64(incident.signal_count);
    w.time(incident.first_signal_at);
    w.time(incident.last_signal_at);
    w.time(incident.opened_at);
    w.option(incident.assignee.as_deref(), Writer::text);
    w.option(incident.acknowledged_at, Writer::time);
    w.option(incident.resolved_at, Writer::time);
    w.option(incident.merged_into, |w, id| w.u128(id.0));
    w.option(incident.split_from, |w, id| w.u128(id.0));
    w.count(incident.links.len());
    for (title, url) in &incident.links {
        w.text(title);
        w.text(url);
    }
    w.u64(incident.changed_seq.0);
}

/// The figures of closing are not read: a closed incident is not a case.
fn read_incident(r: &mut Reader<'_>) -> Result<Incident, model::codec::Error> {
    Ok(Incident {
        id: r.incident_id()?,
        project: r.project()?,
        number: r.u64("number")?,
        title: r.string("title")?,
        status: code(r, "status", Status::from_code)?,
        severity: code(r, "severity", Severity::from_rank)?,
        severity_pinned: r.bool("severity_pinned")?,
        component: r.string("component")?,
        component_type: code(r, "component type", ComponentType::from_code)?,
        environment: r.string("environment")?,
        policy: r.policy_id()?,
        key: GroupingKey(r.u128("key")?),
        grouping_key: r.string("grouping key")?,
        signal_count: r.u64("signal count")?,
        first_signal_at: r.time("first signal")?,
        last_signal_at: r.time("last signal")?,
        opened_at: r.time("opened")?,
        assignee: r.option("assignee", |r| r.string("assignee"))?,
        acknowledged_at: r.option("acknowledged", |r| r.time("acknowledged"))?,
        resolved_at: r.option("resolved", |r| r.time("resolved"))?,
        merged_into: r.option("merged into", Reader::incident_id)?,
        split_from: r.option("split from", Reader::incident_id)?,
        links: r.list("links", |r| Ok((r.string("title")?, r.string("url")?)))?,
        changed_seq: Seq(r.u64("changed")?),
        closed_at: None,
        mtta_seconds: None,
        mttr_seconds: None,
    })
}

fn code<T>(
    r: &mut Reader<'_>,
    what: &'static str,
    of: impl FnOnce(u8) -> Option<T>,
) -> Result<T, model::codec::Error> {
    let value = r.u8(what)?;
    of(value).ok_or_else(|| r.invalid(what))
}

fn read_case(r: &mut Reader<'_>) -> Result<(Case, Vec<IncidentId>), model::codec::Error> {
    let mut case = Case::new(read_incident(r)?, read_conduct(r)?);
    case.worst = code(r, "worst severity", Severity::from_rank)?;
    case.moved_by_system = r.bool("moved_by_system")?;
    case.held = r.bool("held")?;
    case.investigating_since = r.time("investigating since")?;
    case.deadline = r.option("deadline", |r| r.time("deadline"))?;
    let overflown = r.bool("overflown")?;
    for identity in r.list("firing", |r| r.u128("identity"))? {
        case.firing.add(IdentityKey(identity));
    }
    case.firing.overflown = overflown;
    let children = r.list("children", Reader::incident_id)?;
    case.split_off = r.list("split off", |r| r.u64("signal"))?.into_iter().map(Seq).collect();
    Ok((case, children))
}

fn read_group(r: &mut Reader<'_>) -> Result<(GroupingKey, Group), model::codec::Error> {
    let key = GroupingKey(r.u128("key")?);
    let group = Group {
        active: r.list("active", Reader::incident_id)?.into(),
        resolved: r.list("resolved", Reader::incident_id)?.into(),
        window: r.option("window", |r| {
            Ok(Window {
                started_at: r.time("window start")?,
                signals: u32::try_from(r.u64("signals")?).map_err(|_| r.invalid("signals"))?,
                incident: r.incident_id()?,
            })
        })?,
    };
    Ok((key, group))
}

fn read_pending(r: &mut Reader<'_>) -> Result<(GroupingKey, Pending), model::codec::Error> {
    let key = GroupingKey(r.u128("key")?);
    let (within, deadline) = (r.duration("within")?, r.time("deadline")?);
    Ok((key, Pending { within, deadline, waiting: r.list("waiting", read_waiting)?.into() }))
}

fn write_waiting(w: &mut Writer<'_>, waiting: &Waiting) {
    w.time(waiting.at);
    w.u64(waiting.seq.0);
    w.u128(waiting.identity.0);
    w.u8(waiting.severity.rank());
    w.bool(waiting.firing);
}

fn read_waiting(r: &mut Reader<'_>) -> Result<Waiting, model::codec::Error> {
    Ok(Waiting {
        at: r.time("arrival")?,
        seq: Seq(r.u64("seq")?),
        identity: IdentityKey(r.u128("identity")?),
        severity: code(r, "severity", Severity::from_rank)?,
        firing: r.bool("firing")?,
    })
}

fn read_alert(r: &mut Reader<'_>) -> Result<(IdentityKey, AlertState), model::codec::Error> {
    let identity = IdentityKey(r.u128("identity")?);
    let project: ProjectId = r.project()?;
    let lease = AlertLease {
        fingerprint: r.u64("fingerprint")?,
        starts_at: r.time("starts_at")?,
        ends_at: r.time("ends_at")?,
    };
    let state = AlertState {
        project,
        lease,
        updated_at: r.time("updated_at")?,
        incident: r.option("incident", Reader::incident_id)?,
        group: GroupingKey(r.u128("group")?),
        firing: r.bool("firing")?,
        deadline: r.time("deadline")?,
    };
    Ok((identity, state))
}
