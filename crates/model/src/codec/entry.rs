//! Entries to bytes and back: version 1 of each kind.

use super::wire::{Reader, Writer};
use super::{Error, notification, operation};
use crate::alert::AlertLease;
use crate::entry::Entry;
use crate::severity::Severity;
use crate::signal::{ComponentType, Kind, Signal, SignalStatus};

const SIGNAL: u8 = 1;
const ALERT: u8 = 2;
const COMMAND: u8 = 3;
const TICK: u8 = 4;
const RECEIPT: u8 = 5;
const V1: u8 = 1;

/// Appends the record of `entry` to `into`.
pub fn encode(entry: &Entry<'_>, into: &mut Vec<u8>) {
    let mut writer = Writer(into);
    match entry {
        Entry::Signal { project, signal } => {
            writer.u8(SIGNAL);
            writer.u8(V1);
            writer.project(*project);
            write_signal(&mut writer, signal);
        }
        Entry::Alert { project, lease, signal } => {
            writer.u8(ALERT);
            writer.u8(V1);
            writer.project(*project);
            writer.u64(lease.fingerprint);
            writer.time(lease.starts_at);
            writer.time(lease.ends_at);
            write_signal(&mut writer, signal);
        }
        Entry::Command(command) => {
            writer.u8(COMMAND);
            writer.u8(V1);
            operation::write_command(&mut writer, command);
        }
        Entry::Tick => {
            writer.u8(TICK);
            writer.u8(V1);
        }
        Entry::Receipt(receipt) => {
            writer.u8(RECEIPT);
            writer.u8(V1);
            notification::write_receipt(&mut writer, receipt);
        }
    }
}

/// Reads one record.
///
/// # Errors
/// The record is damaged, or of a kind or version this build does not know.
pub fn decode(record: &[u8]) -> Result<Entry<'_>, Error> {
    let mut reader = Reader::new(record);
    let kind = reader.u8("kind")?;
    let version = reader.u8("version")?;
    let entry = match (kind, version) {
        (SIGNAL, V1) => {
            Entry::Signal { project: reader.project()?, signal: read_signal(&mut reader)? }
        }
        (ALERT, V1) => Entry::Alert {
            project: reader.project()?,
            lease: AlertLease {
                fingerprint: reader.u64("fingerprint")?,
                starts_at: reader.time("starts_at")?,
                ends_at: reader.time("ends_at")?,
            },
            signal: read_signal(&mut reader)?,
        },
        (COMMAND, V1) => Entry::Command(Box::new(operation::read_command(&mut reader)?)),
        (TICK, V1) => Entry::Tick,
        (RECEIPT, V1) => Entry::Receipt(Box::new(notification::read_receipt(&mut reader)?)),
        _ => return Err(Error::Unknown { kind, version }),
    };
    reader.end()?;
    Ok(entry)
}

/// Appends a signal, version 1.
pub fn write_signal(writer: &mut Writer<'_>, signal: &Signal<'_>) {
    writer.u128(signal.id.0);
    writer.bool(signal.id_given);
    writer.u8(signal.component_type.code());
    writer.u8(signal.kind.code());
    writer.u8(signal.severity.rank());
    writer.u8(signal.status.code());
    writer.time(signal.occurred_at);
    writer.option(signal.incident_id, |w, id| w.u128(id.0));
    writer.text(&signal.component);
    writer.text(&signal.environment);
    writer.text(&signal.source);
    writer.text(&signal.error_code);
    writer.text(&signal.trace_id);
    writer.text(&signal.summary);
    writer.count(signal.labels.len());
    for (name, value) in &signal.labels {
        writer.text(name);
        writer.text(value);
    }
    writer.count(signal.links.len());
    for link in &signal.links {
        writer.text(link);
    }
    writer.bytes(&signal.payload);
}

/// Reads a signal, version 1.
///
/// # Errors
/// The record is damaged.
pub fn read_signal<'a>(reader: &mut Reader<'a>) -> Result<Signal<'a>, Error> {
    Ok(Signal {
        id: reader.signal_id()?,
        id_given: reader.bool("id_given")?,
        component_type: {
            let code = reader.u8("component type")?;
            ComponentType::from_code(code).ok_or_else(|| reader.invalid("component type"))?
        },
        kind: {
            let code = reader.u8("kind of signal")?;
            Kind::from_code(code).ok_or_else(|| reader.invalid("kind of signal"))?
        },
        severity: {
            let code = reader.u8("severity")?;
            Severity::from_rank(code).ok_or_else(|| reader.invalid("severity"))?
        },
        status: {
            let code = reader.u8("status")?;
            SignalStatus::from_code(code).ok_or_else(|| reader.invalid("status"))?
        },
        occurred_at: reader.time("occurred_at")?,
        incident_id: reader.option("incident id", Reader::incident_id)?,
        component: reader.text("component")?,
        environment: reader.text("environment")?,
        source: reader.text("source")?,
        error_code: reader.text("error code")?,
        trace_id: reader.text("trace id")?,
        summary: reader.text("summary")?,
        labels: reader.list("labels", |r| Ok((r.text("label name")?, r.text("label value")?)))?,
        links: reader.list("links", |r| r.text("link"))?,
        payload: reader.bytes("payload")?.into(),
    })
}
