//! Directives to bytes and back, version 1: in the journal, in snapshots and in the store alike.

use super::Error;
use super::wire::{Reader, Writer};
use crate::directive::{
    AtMost, Condition, Directive, DirectiveBody, DirectiveKind, Escalation, Field, Inhibition, Op,
    Rule, Silence, Step, Target, Trigger,
};
use crate::id::{DirectiveId, EndpointId, ScheduleId, SubscriberId};

/// Appends a directive, version 1.
pub fn write_directive(writer: &mut Writer<'_>, directive: &Directive) {
    writer.u8(directive.body.kind().code());
    writer.u128(directive.id.0);
    writer.project(directive.project);
    writer.text(&directive.name);
    writer.u64(directive.version);
    match &directive.body {
        DirectiveBody::Rule(rule) | DirectiveBody::DefaultRoute(rule) => write_rule(writer, rule),
        DirectiveBody::Silence(silence) => write_silence(writer, silence),
        DirectiveBody::Inhibition(inhibition) => write_inhibition(writer, inhibition),
        DirectiveBody::Escalation(escalation) => write_escalation(writer, escalation),
    }
}

/// Reads a directive, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_directive(reader: &mut Reader<'_>) -> Result<Directive, Error> {
    let kind = read_directive_kind(reader)?;
    Ok(Directive {
        id: reader.directive_id()?,
        project: reader.project()?,
        name: reader.string("name")?,
        version: reader.u64("version")?,
        body: match kind {
            DirectiveKind::Rule => DirectiveBody::Rule(read_rule(reader)?),
            DirectiveKind::Silence => DirectiveBody::Silence(read_silence(reader)?),
            DirectiveKind::Inhibition => DirectiveBody::Inhibition(read_inhibition(reader)?),
            DirectiveKind::Escalation => DirectiveBody::Escalation(read_escalation(reader)?),
            DirectiveKind::DefaultRoute => DirectiveBody::DefaultRoute(read_rule(reader)?),
        },
    })
}

pub(super) fn read_directive_kind(reader: &mut Reader<'_>) -> Result<DirectiveKind, Error> {
    let code = reader.u8("kind of directive")?;
    DirectiveKind::from_code(code).ok_or_else(|| reader.invalid("kind of directive"))
}

fn write_rule(writer: &mut Writer<'_>, rule: &Rule) {
    writer.u128(rule.subscriber.0);
    writer.count(rule.on.len());
    rule.on.iter().for_each(|trigger| write_trigger(writer, *trigger));
    write_conditions(writer, &rule.conditions);
    writer.bool(rule.match_all);
    writer.text(&rule.cel);
    write_targets(writer, &rule.targets);
    writer.option(rule.escalation, |w, id| w.u128(id.0));
    writer.count(rule.muted_by.len());
    rule.muted_by.iter().for_each(|id| writer.u128(id.0));
    writer.option(rule.at_most, |w, at_most| {
        w.u64(u64::from(at_most.count));
        w.duration(at_most.within);
    });
    writer.duration(rule.deadline);
    writer.bool(rule.enabled);
}

fn read_rule(reader: &mut Reader<'_>) -> Result<Rule, Error> {
    Ok(Rule {
        subscriber: reader.subscriber_id()?,
        on: reader.list("triggers", read_trigger)?,
        conditions: read_conditions(reader)?,
        match_all: reader.bool("match_all")?,
        cel: reader.string("cel")?,
        targets: read_targets(reader)?,
        escalation: reader.option("escalation", Reader::directive_id)?,
        muted_by: reader.list("muted_by", |r| r.u128("schedule").map(ScheduleId))?,
        at_most: reader.option("at_most", |r| {
            Ok(AtMost { count: read_u32(r, "count")?, within: r.duration("within")? })
        })?,
        deadline: reader.duration("deadline")?,
        enabled: reader.bool("enabled")?,
    })
}

const OPENED: u8 = 0;
const ESCALATED: u8 = 1;
const ACKNOWLEDGED: u8 = 2;
const RESOLVED: u8 = 3;
const REOPENED: u8 = 4;
const CLOSED: u8 = 5;
const UNACKNOWLEDGED: u8 = 6;
const SIGNAL: u8 = 7;
const SIGNAL_RESOLVED: u8 = 8;

pub(super) fn write_trigger(writer: &mut Writer<'_>, trigger: Trigger) {
    match trigger {
        Trigger::Opened => writer.u8(OPENED),
        Trigger::Escalated => writer.u8(ESCALATED),
        Trigger::Acknowledged => writer.u8(ACKNOWLEDGED),
        Trigger::Resolved => writer.u8(RESOLVED),
        Trigger::Reopened => writer.u8(REOPENED),
        Trigger::Closed => writer.u8(CLOSED),
        Trigger::Unacknowledged(after) => {
            writer.u8(UNACKNOWLEDGED);
            writer.duration(after);
        }
        Trigger::Signal => writer.u8(SIGNAL),
        Trigger::SignalResolved => writer.u8(SIGNAL_RESOLVED),
    }
}

pub(super) fn read_trigger(reader: &mut Reader<'_>) -> Result<Trigger, Error> {
    Ok(match reader.u8("trigger")? {
        OPENED => Trigger::Opened,
        ESCALATED => Trigger::Escalated,
        ACKNOWLEDGED => Trigger::Acknowledged,
        RESOLVED => Trigger::Resolved,
        REOPENED => Trigger::Reopened,
        CLOSED => Trigger::Closed,
        UNACKNOWLEDGED => Trigger::Unacknowledged(reader.duration("unacknowledged for")?),
        SIGNAL => Trigger::Signal,
        SIGNAL_RESOLVED => Trigger::SignalResolved,
        _ => return Err(reader.invalid("trigger")),
    })
}

fn write_conditions(writer: &mut Writer<'_>, conditions: &[Condition]) {
    writer.count(conditions.len());
    for condition in conditions {
        writer.text(&condition.field.to_string());
        writer.u8(condition.op.code());
        writer.count(condition.values.len());
        condition.values.iter().for_each(|value| writer.text(value));
        writer.bool(condition.negate);
    }
}

fn read_conditions(reader: &mut Reader<'_>) -> Result<Vec<Condition>, Error> {
    reader.list("conditions", |r| {
        Ok(Condition {
            field: read_field(r)?,
            op: {
                let code = r.u8("op")?;
                Op::from_code(code).ok_or_else(|| r.invalid("op"))?
            },
            values: r.list("values", |r| r.string("value"))?,
            negate: r.bool("negate")?,
        })
    })
}

fn read_field(reader: &mut Reader<'_>) -> Result<Field, Error> {
    let text = reader.text("field")?;
    // The aliases that people may write are not written here.
    let field = Field::parse(&text).filter(|field| field.to_string() == text);
    field.ok_or_else(|| reader.invalid("field"))
}

fn write_targets(writer: &mut Writer<'_>, targets: &[Target]) {
    writer.count(targets.len());
    targets.iter().for_each(|target| write_target(writer, *target));
}

fn read_targets(reader: &mut Reader<'_>) -> Result<Vec<Target>, Error> {
    reader.list("targets", read_target)
}

/// Appends a target, version 1.
pub fn write_target(writer: &mut Writer<'_>, target: Target) {
    let (kind, id) = match target {
        Target::Endpoint(id) => (0, id.0),
        Target::OnCall(id) => (1, id.0),
        Target::Person(id) => (2, id.0),
    };
    writer.u8(kind);
    writer.u128(id);
}

/// Reads a target, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_target(reader: &mut Reader<'_>) -> Result<Target, Error> {
    let kind = reader.u8("kind of target")?;
    let id = reader.u128("target")?;
    Ok(match kind {
        0 => Target::Endpoint(EndpointId(id)),
        1 => Target::OnCall(ScheduleId(id)),
        2 => Target::Person(SubscriberId(id)),
        _ => return Err(reader.invalid("kind of target")),
    })
}

fn write_silence(writer: &mut Writer<'_>, silence: &Silence) {
    write_conditions(writer, &silence.conditions);
    writer.time(silence.starts_at);
    writer.time(silence.ends_at);
    writer.text(&silence.created_by);
    writer.text(&silence.comment);
    writer.bool(silence.maintenance);
    writer.time(silence.updated_at);
}

fn read_silence(reader: &mut Reader<'_>) -> Result<Silence, Error> {
    Ok(Silence {
        conditions: read_conditions(reader)?,
        starts_at: reader.time("starts_at")?,
        ends_at: reader.time("ends_at")?,
        created_by: reader.string("created_by")?,
        comment: reader.string("comment")?,
        maintenance: reader.bool("maintenance")?,
        updated_at: reader.time("updated_at")?,
    })
}

fn write_inhibition(writer: &mut Writer<'_>, inhibition: &Inhibition) {
    write_conditions(writer, &inhibition.source);
    write_conditions(writer, &inhibition.target);
    writer.count(inhibition.equal.len());
    inhibition.equal.iter().for_each(|field| writer.text(&field.to_string()));
    writer.bool(inhibition.enabled);
}

fn read_inhibition(reader: &mut Reader<'_>) -> Result<Inhibition, Error> {
    Ok(Inhibition {
        source: read_conditions(reader)?,
        target: read_conditions(reader)?,
        equal: reader.list("equal", read_field)?,
        enabled: reader.bool("enabled")?,
    })
}

fn write_escalation(writer: &mut Writer<'_>, escalation: &Escalation) {
    writer.count(escalation.steps.len());
    for step in &escalation.steps {
        writer.duration(step.after);
        write_targets(writer, &step.targets);
    }
    writer.u64(u64::from(escalation.repeat));
}

fn read_escalation(reader: &mut Reader<'_>) -> Result<Escalation, Error> {
    Ok(Escalation {
        steps: reader.list("steps", |r| {
            Ok(Step { after: r.duration("after")?, targets: read_targets(r)? })
        })?,
        repeat: read_u32(reader, "repeat")?,
    })
}

pub(super) fn read_u32(reader: &mut Reader<'_>, what: &'static str) -> Result<u32, Error> {
    u32::try_from(reader.u64(what)?).map_err(|_| reader.invalid(what))
}

impl Reader<'_> {
    /// Reads: the id of a directive.
    pub fn directive_id(&mut self) -> Result<DirectiveId, Error> {
        self.u128("directive id").map(DirectiveId)
    }

    /// Reads: the id of a subscriber.
    pub fn subscriber_id(&mut self) -> Result<SubscriberId, Error> {
        self.u128("subscriber id").map(SubscriberId)
    }
}
