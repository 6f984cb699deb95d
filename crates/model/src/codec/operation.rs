//! Commands to bytes and back, version 1.

use super::Error;
use super::directive::{
    read_directive, read_directive_kind, read_target, write_directive, write_target,
};
use super::wire::{Reader, Writer};
use crate::command::{Actor, ActorKind, Command, Operation};
use crate::id::{IncidentId, NotificationId, Seq};
use crate::incident::Status;
use crate::policy::{GroupingPolicy, KeyField, Matcher, Mode, OpenWhen};
use crate::rca::{ActionItem, Rca};
use crate::severity::Severity;

const SET_STATE: u8 = 1;
const SUBMIT_RCA: u8 = 2;
const ASSIGN: u8 = 3;
const COMMENT: u8 = 4;
const ADD_LINK: u8 = 5;
const SET_SEVERITY: u8 = 6;
const MERGE: u8 = 7;
const SPLIT: u8 = 8;
const PUT_POLICY: u8 = 9;
const DELETE_POLICY: u8 = 10;
const PUT_DIRECTIVE: u8 = 11;
const DELETE_DIRECTIVE: u8 = 12;
const REPLAY_DEAD_LETTERS: u8 = 13;

pub(super) fn write_command(writer: &mut Writer<'_>, command: &Command) {
    writer.u128(command.id.0);
    writer.project(command.project);
    writer.u8(command.actor.kind.code());
    writer.text(&command.actor.name);
    writer.option(command.idempotency, |w, (key, request)| {
        w.u128(key);
        w.u64(request);
    });
    write_operation(writer, &command.operation);
}

pub(super) fn read_command(reader: &mut Reader<'_>) -> Result<Command, Error> {
    Ok(Command {
        id: reader.command_id()?,
        project: reader.project()?,
        actor: Actor {
            kind: {
                let code = reader.u8("actor")?;
                ActorKind::from_code(code).ok_or_else(|| reader.invalid("actor"))?
            },
            name: reader.string("actor name")?,
        },
        idempotency: reader.option("idempotency", |r| Ok((r.u128("key")?, r.u64("request")?)))?,
        operation: read_operation(reader)?,
    })
}

fn write_operation(writer: &mut Writer<'_>, operation: &Operation) {
    match operation {
        Operation::SetState { incident, to, reason } => {
            tagged(writer, SET_STATE, *incident);
            writer.u8(to.code());
            writer.text(reason);
        }
        Operation::SubmitRca { incident, rca } => {
            tagged(writer, SUBMIT_RCA, *incident);
            write_rca(writer, rca);
        }
        Operation::Assign { incident, assignee } => {
            tagged(writer, ASSIGN, *incident);
            writer.option(assignee.as_deref(), Writer::text);
        }
        Operation::Comment { incident, text } => {
            tagged(writer, COMMENT, *incident);
            writer.text(text);
        }
        Operation::AddLink { incident, title, url } => {
            tagged(writer, ADD_LINK, *incident);
            writer.text(title);
            writer.text(url);
        }
        Operation::SetSeverity { incident, severity } => {
            tagged(writer, SET_SEVERITY, *incident);
            writer.option(*severity, |w, severity| w.u8(severity.rank()));
        }
        Operation::Merge { into, children } => {
            tagged(writer, MERGE, *into);
            writer.count(children.len());
            children.iter().for_each(|child| writer.u128(child.0));
        }
        Operation::Split { incident, signals, title } => {
            tagged(writer, SPLIT, *incident);
            writer.count(signals.len());
            signals.iter().for_each(|seq| writer.u64(seq.0));
            writer.text(title);
        }
        Operation::PutPolicy { policy, expected_version } => {
            writer.u8(PUT_POLICY);
            write_policy(writer, policy);
            writer.option(*expected_version, Writer::u64);
        }
        Operation::DeletePolicy { id, expected_version } => {
            writer.u8(DELETE_POLICY);
            writer.u128(id.0);
            writer.option(*expected_version, Writer::u64);
        }
        Operation::PutDirective { directive, expected_version } => {
            writer.u8(PUT_DIRECTIVE);
            write_directive(writer, directive);
            writer.option(*expected_version, Writer::u64);
        }
        Operation::DeleteDirective { kind, id, expected_version } => {
            writer.u8(DELETE_DIRECTIVE);
            writer.u8(kind.code());
            writer.u128(id.0);
            writer.option(*expected_version, Writer::u64);
        }
        Operation::ReplayDeadLetters { letters } => {
            writer.u8(REPLAY_DEAD_LETTERS);
            writer.count(letters.len());
            for (notification, target) in letters {
                writer.u128(notification.0);
                write_target(writer, *target);
            }
        }
    }
}

fn tagged(writer: &mut Writer<'_>, tag: u8, incident: IncidentId) {
    writer.u8(tag);
    writer.u128(incident.0);
}

fn read_operation(reader: &mut Reader<'_>) -> Result<Operation, Error> {
    let tag = reader.u8("operation")?;
    if tag == PUT_POLICY {
        return Ok(Operation::PutPolicy {
            policy: Box::new(read_policy(reader)?),
            expected_version: reader.option("version", |r| r.u64("version"))?,
        });
    }
    if tag == DELETE_POLICY {
        return Ok(Operation::DeletePolicy {
            id: reader.policy_id()?,
            expected_version: reader.option("version", |r| r.u64("version"))?,
        });
    }
    match tag {
        PUT_DIRECTIVE | DELETE_DIRECTIVE | REPLAY_DEAD_LETTERS => read_on_directives(reader, tag),
        _ => read_on_incident(reader, tag),
    }
}

fn read_on_directives(reader: &mut Reader<'_>, tag: u8) -> Result<Operation, Error> {
    Ok(match tag {
        PUT_DIRECTIVE => Operation::PutDirective {
            directive: Box::new(read_directive(reader)?),
            expected_version: reader.option("version", |r| r.u64("version"))?,
        },
        DELETE_DIRECTIVE => Operation::DeleteDirective {
            kind: read_directive_kind(reader)?,
            id: reader.directive_id()?,
            expected_version: reader.option("version", |r| r.u64("version"))?,
        },
        _ => Operation::ReplayDeadLetters {
            letters: reader.list("letters", |r| {
                Ok((NotificationId(r.u128("notification id")?), read_target(r)?))
            })?,
        },
    })
}

fn read_on_incident(reader: &mut Reader<'_>, tag: u8) -> Result<Operation, Error> {
    let incident = reader.incident_id()?;
    Ok(match tag {
        SET_STATE => Operation::SetState {
            incident,
            to: {
                let code = reader.u8("state")?;
                Status::from_code(code).ok_or_else(|| reader.invalid("state"))?
            },
            reason: reader.string("reason")?,
        },
        SUBMIT_RCA => Operation::SubmitRca { incident, rca: Box::new(read_rca(reader)?) },
        ASSIGN => Operation::Assign {
            incident,
            assignee: reader.option("assignee", |r| r.string("assignee"))?,
        },
        COMMENT => Operation::Comment { incident, text: reader.string("text")? },
        ADD_LINK => Operation::AddLink {
            incident,
            title: reader.string("title")?,
            url: reader.string("url")?,
        },
        SET_SEVERITY => Operation::SetSeverity {
            incident,
            severity: reader.option("severity", |r| {
                let rank = r.u8("severity")?;
                Severity::from_rank(rank).ok_or_else(|| r.invalid("severity"))
            })?,
        },
        MERGE => Operation::Merge {
            into: incident,
            children: reader.list("children", Reader::incident_id)?,
        },
        SPLIT => Operation::Split {
            incident,
            signals: reader.list("signals", |r| r.u64("signal position").map(Seq))?,
            title: reader.string("title")?,
        },
        _ => return Err(reader.invalid("operation")),
    })
}

fn write_rca(writer: &mut Writer<'_>, rca: &Rca) {
    writer.text(&rca.root_cause_category);
    writer.text(&rca.fix_applied);
    writer.text(&rca.prevention_steps);
    writer.option(rca.incident_start, Writer::time);
    writer.option(rca.incident_end, Writer::time);
    writer.text(&rca.timeline_note);
    writer.count(rca.action_items.len());
    for item in &rca.action_items {
        writer.text(&item.title);
        writer.text(&item.owner);
        writer.text(&item.due);
    }
}

fn read_rca(reader: &mut Reader<'_>) -> Result<Rca, Error> {
    Ok(Rca {
        root_cause_category: reader.string("category")?,
        fix_applied: reader.string("fix")?,
        prevention_steps: reader.string("prevention")?,
        incident_start: reader.option("start", |r| r.time("start"))?,
        incident_end: reader.option("end", |r| r.time("end"))?,
        timeline_note: reader.string("note")?,
        action_items: reader.list("action items", |r| {
            Ok(ActionItem {
                title: r.string("title")?,
                owner: r.string("owner")?,
                due: r.string("due")?,
            })
        })?,
    })
}

/// Appends a policy, version 1.
pub fn write_policy(writer: &mut Writer<'_>, policy: &GroupingPolicy) {
    writer.u128(policy.id.0);
    writer.project(policy.project);
    writer.text(&policy.name);
    writer.count(policy.matcher.0.len());
    for (field, values) in &policy.matcher.0 {
        writer.text(&field.to_string());
        writer.count(values.len());
        values.iter().for_each(|value| writer.text(value));
    }
    writer.count(policy.key.len());
    policy.key.iter().for_each(|field| writer.text(&field.to_string()));
    writer.bool(policy.mode == Mode::Window);
    writer.duration(policy.window);
    writer.u64(u64::from(policy.cap));
    writer.duration(policy.quiet);
    writer.duration(policy.reopen_within);
    writer.u64(u64::from(policy.open_when.count));
    writer.duration(policy.open_when.within);
    writer.bool(policy.auto_lifecycle);
    writer.bool(policy.resolve_with_alerts);
    writer.i64(policy.position);
    writer.u64(policy.version);
}

/// Reads a policy, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_policy(reader: &mut Reader<'_>) -> Result<GroupingPolicy, Error> {
    Ok(GroupingPolicy {
        id: reader.policy_id()?,
        project: reader.project()?,
        name: reader.string("name")?,
        matcher: Matcher(
            reader.list("matcher", |r| {
                Ok((read_field(r)?, r.list("values", |r| r.string("value"))?))
            })?,
        ),
        key: reader.list("key", read_field)?,
        mode: if reader.bool("mode")? { Mode::Window } else { Mode::Ongoing },
        window: reader.duration("window")?,
        cap: read_u32(reader, "cap")?,
        quiet: reader.duration("quiet")?,
        reopen_within: reader.duration("reopen_within")?,
        open_when: OpenWhen {
            count: read_u32(reader, "open_when.count")?,
            within: reader.duration("open_when.within")?,
        },
        auto_lifecycle: reader.bool("auto_lifecycle")?,
        resolve_with_alerts: reader.bool("resolve_with_alerts")?,
        position: reader.i64("position")?,
        version: reader.u64("version")?,
    })
}

fn read_field(reader: &mut Reader<'_>) -> Result<KeyField, Error> {
    let text = reader.text("field")?;
    // The aliases that people may write are not written here.
    let field = KeyField::parse(&text).filter(|field| field.to_string() == text);
    field.ok_or_else(|| reader.invalid("field"))
}

fn read_u32(reader: &mut Reader<'_>, what: &'static str) -> Result<u32, Error> {
    u32::try_from(reader.u64(what)?).map_err(|_| reader.invalid(what))
}
