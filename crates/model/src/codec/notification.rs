//! Notifications, notices and receipts to bytes and back, version 1: receipts in the journal,
//! notifications and notices in the store.

use std::sync::Arc;

use super::directive::{read_target, read_trigger, read_u32, write_target, write_trigger};
use super::wire::{Reader, Writer};
use super::{Error, read_incident, read_signal, write_incident, write_signal};
use crate::id::{DirectiveId, IncidentId, NotificationId, ScheduleId, Seq, SignalId};
use crate::notification::{Held, Notice, Notification, Receipt, Subject, Transition, Verdict};
use crate::reason::Reason;
use crate::severity::Severity;

const OF_TRIGGER: u8 = 0;
const OF_STEP: u8 = 1;
const INCIDENT: u8 = 0;
const SIGNAL: u8 = 1;

/// Appends a notification without what is told, version 1.
pub fn write_notification(writer: &mut Writer<'_>, notification: &Notification) {
    writer.u128(notification.id.0);
    writer.project(notification.project);
    writer.u128(notification.subscriber.0);
    match notification.subject {
        Subject::Incident(id) => {
            writer.u8(INCIDENT);
            writer.u128(id.0);
        }
        Subject::Signal(id) => {
            writer.u8(SIGNAL);
            writer.u128(id.0);
        }
    }
    write_transition(writer, notification.transition);
    writer.u64(notification.seq.0);
    writer.time(notification.at);
    writer.count(notification.rules.len());
    notification.rules.iter().for_each(|rule| writer.u128(rule.0));
    writer.count(notification.targets.len());
    notification.targets.iter().for_each(|target| write_target(writer, *target));
    writer.count(notification.muted_by.len());
    for calendars in &notification.muted_by {
        writer.count(calendars.len());
        calendars.iter().for_each(|calendar| writer.u128(calendar.0));
    }
    writer.time(notification.deadline);
    writer.option(notification.held, |w, held| {
        w.u8(held.reason.code());
        w.u128(held.by.0);
    });
}

/// Reads a notification that tells `notice`, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_notification(
    reader: &mut Reader<'_>,
    notice: Arc<Notice>,
) -> Result<Notification, Error> {
    Ok(Notification {
        id: NotificationId(reader.u128("notification id")?),
        project: reader.project()?,
        subscriber: reader.subscriber_id()?,
        subject: match reader.u8("subject")? {
            INCIDENT => Subject::Incident(IncidentId(reader.u128("incident id")?)),
            SIGNAL => Subject::Signal(SignalId(reader.u128("signal id")?)),
            _ => return Err(reader.invalid("subject")),
        },
        transition: read_transition(reader)?,
        seq: Seq(reader.u64("seq")?),
        at: reader.time("at")?,
        rules: reader.list("rules", Reader::directive_id)?,
        targets: reader.list("targets", read_target)?,
        muted_by: reader.list("calendars", |r| {
            r.list("calendars of a rule", |r| r.u128("calendar").map(ScheduleId))
        })?,
        deadline: reader.time("deadline")?,
        held: reader.option("held", |r| {
            let code = r.u8("reason")?;
            let reason = Reason::from_code(code).ok_or_else(|| r.invalid("reason"))?;
            Ok(Held { reason, by: DirectiveId(r.u128("by")?) })
        })?,
        notice,
    })
}

fn write_transition(writer: &mut Writer<'_>, transition: Transition) {
    match transition {
        Transition::Of(trigger) => {
            writer.u8(OF_TRIGGER);
            write_trigger(writer, trigger);
        }
        Transition::Step { policy, step, round } => {
            writer.u8(OF_STEP);
            writer.u128(policy.0);
            writer.u64(u64::from(step));
            writer.u64(u64::from(round));
        }
    }
}

fn read_transition(reader: &mut Reader<'_>) -> Result<Transition, Error> {
    Ok(match reader.u8("transition")? {
        OF_TRIGGER => Transition::Of(read_trigger(reader)?),
        OF_STEP => Transition::Step {
            policy: reader.directive_id()?,
            step: read_u32(reader, "step")?,
            round: read_u32(reader, "round")?,
        },
        _ => return Err(reader.invalid("transition")),
    })
}

/// Appends what is told, version 1.
pub fn write_notice(writer: &mut Writer<'_>, notice: &Notice) {
    writer.option(notice.incident.as_ref(), write_incident);
    writer.option(notice.signal.as_ref(), write_signal);
    writer.u8(notice.severity.rank());
    writer.text(&notice.source);
    writer.text(&notice.name);
}

/// Reads what is told, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_notice(reader: &mut Reader<'_>) -> Result<Notice, Error> {
    Ok(Notice {
        incident: reader.option("incident", read_incident)?,
        signal: reader.option("signal", |r| Ok(read_signal(r)?.to_owned_signal()))?,
        severity: {
            let rank = reader.u8("severity")?;
            Severity::from_rank(rank).ok_or_else(|| reader.invalid("severity"))?
        },
        source: reader.string("source")?,
        name: reader.string("name")?,
    })
}

/// Appends a receipt, version 1.
pub fn write_receipt(writer: &mut Writer<'_>, receipt: &Receipt) {
    writer.project(receipt.project);
    writer.u128(receipt.notification.0);
    write_target(writer, receipt.target);
    writer.u64(u64::from(receipt.attempt));
    writer.time(receipt.began_at);
    writer.duration(receipt.took);
    writer.u8(receipt.verdict.code());
    writer.option(receipt.next_at, Writer::time);
    writer.u64(u64::from(receipt.status));
    writer.text(&receipt.answer);
    writer.text(&receipt.reference);
}

/// Reads a receipt, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_receipt(reader: &mut Reader<'_>) -> Result<Receipt, Error> {
    Ok(Receipt {
        project: reader.project()?,
        notification: NotificationId(reader.u128("notification id")?),
        target: read_target(reader)?,
        attempt: read_u32(reader, "attempt")?,
        began_at: reader.time("began_at")?,
        took: reader.duration("took")?,
        verdict: {
            let code = reader.u8("verdict")?;
            Verdict::from_code(code).ok_or_else(|| reader.invalid("verdict"))?
        },
        next_at: reader.option("next_at", |r| r.time("next_at"))?,
        status: {
            let status = reader.u64("status")?;
            u16::try_from(status).map_err(|_| reader.invalid("status"))?
        },
        answer: reader.string("answer")?,
        reference: reader.string("reference")?,
    })
}
