//! The parts of a snapshot: one pair of functions for each thing that is written.

use model::codec::Error;
use model::codec::wire::{Reader, Writer};
use model::{
    AlertLease, ComponentType, GroupingKey, IdentityKey, Incident, IncidentId, Mode, Outcome,
    PolicyId, ProjectId, Seq, Severity, Signal, SignalId, Status,
};

use crate::alerts::AlertState;
use crate::cases::{Case, Cases, Conduct};
use crate::groups::{Group, Pending, Waiting, Window};
use crate::telling::{Reminders, remembered};

/// Only what was done is remembered; refusals are not.
pub(super) fn write_outcome(w: &mut Writer<'_>, outcome: &Outcome) {
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
        Outcome::Directive { id, version } => {
            w.u8(3);
            w.u128(id.0);
            w.u64(*version);
        }
        Outcome::Replayed(letters) => {
            w.u8(4);
            w.u64(*letters);
        }
    }
}

pub(super) fn read_outcome(r: &mut Reader<'_>) -> Result<Outcome, Error> {
    match r.u8("outcome")? {
        0 => Ok(Outcome::Incident(r.incident_id()?)),
        1 => Ok(Outcome::Policy { id: PolicyId(r.u128("policy")?), version: r.u64("version")? }),
        3 => Ok(Outcome::Directive { id: r.directive_id()?, version: r.u64("version")? }),
        4 => Ok(Outcome::Replayed(r.u64("letters")?)),
        _ => Err(r.invalid("outcome")),
    }
}

pub(super) fn write_conduct(w: &mut Writer<'_>, conduct: Conduct) {
    w.bool(conduct.mode == Mode::Window);
    w.bool(conduct.auto_lifecycle);
    w.bool(conduct.resolve_with_alerts);
    w.duration(conduct.quiet);
    w.duration(conduct.quiet_window);
    w.duration(conduct.reopen_within);
}

fn read_conduct(r: &mut Reader<'_>) -> Result<Conduct, Error> {
    Ok(Conduct {
        mode: if r.bool("mode")? { Mode::Window } else { Mode::Ongoing },
        auto_lifecycle: r.bool("auto_lifecycle")?,
        resolve_with_alerts: r.bool("resolve_with_alerts")?,
        quiet: r.duration("quiet")?,
        quiet_window: r.duration("quiet_window")?,
        reopen_within: r.duration("reopen_within")?,
    })
}

pub(super) fn write_incident(w: &mut Writer<'_>, incident: &Incident) {
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
fn read_incident(r: &mut Reader<'_>) -> Result<Incident, Error> {
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
) -> Result<T, Error> {
    let value = r.u8(what)?;
    of(value).ok_or_else(|| r.invalid(what))
}

/// Reads a case; one from before telling remembers no more of what opened it than the incident says.
pub(super) fn read_case(
    r: &mut Reader<'_>,
    before_telling: bool,
) -> Result<(Case, Vec<IncidentId>), Error> {
    let incident = read_incident(r)?;
    let opened_by = remembered(&Signal {
        severity: incident.severity,
        component_type: incident.component_type,
        summary: (&*incident.title).into(),
        ..Signal::new(SignalId(0), &*incident.component, &*incident.environment)
    });
    let mut case = Case::new(incident, read_conduct(r)?, opened_by);
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
    if before_telling {
        return Ok((case, children));
    }
    case.opened_by = r.bytes("opened by")?.into();
    case.reminders = Reminders {
        open_since: r.time("open since")?,
        reminded: r.duration("reminded")?,
        deadline: r.option("reminder", |r| r.time("reminder"))?,
    };
    Ok((case, children))
}

pub(super) fn read_group(r: &mut Reader<'_>, cases: &Cases) -> Result<(GroupingKey, Group), Error> {
    let key = GroupingKey(r.u128("key")?);
    let index = |r: &mut Reader<'_>| {
        let id = r.incident_id()?;
        cases.index(id).ok_or_else(|| r.invalid("incident of a group"))
    };
    let (active, resolved) = (r.list("active", index)?, r.list("resolved", index)?);
    let window = r.option("window", |r| {
        Ok(Window {
            started_at: r.time("window start")?,
            signals: u32::try_from(r.u64("signals")?).map_err(|_| r.invalid("signals"))?,
            incident: index(r)?,
        })
    })?;
    Ok((key, Group::of(active, resolved, window)))
}

pub(super) fn read_pending(r: &mut Reader<'_>) -> Result<(GroupingKey, Pending), Error> {
    let key = GroupingKey(r.u128("key")?);
    let (within, deadline) = (r.duration("within")?, r.time("deadline")?);
    Ok((key, Pending { within, deadline, waiting: r.list("waiting", read_waiting)?.into() }))
}

pub(super) fn write_waiting(w: &mut Writer<'_>, waiting: &Waiting) {
    w.time(waiting.at);
    w.u64(waiting.seq.0);
    w.u128(waiting.identity.0);
    w.u8(waiting.severity.rank());
    w.bool(waiting.firing);
}

fn read_waiting(r: &mut Reader<'_>) -> Result<Waiting, Error> {
    Ok(Waiting {
        at: r.time("arrival")?,
        seq: Seq(r.u64("seq")?),
        identity: IdentityKey(r.u128("identity")?),
        severity: code(r, "severity", Severity::from_rank)?,
        firing: r.bool("firing")?,
    })
}

pub(super) fn read_alert(r: &mut Reader<'_>) -> Result<(IdentityKey, AlertState), Error> {
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
        let_go: false,
        deadline: r.time("deadline")?,
    };
    Ok((identity, state))
}
