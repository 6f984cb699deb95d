//! Triggers and the fields with few values, as bits: whatever a rule asks of them is one comparison.
//!
//! A rule has a bit for each value it accepts, a fact exactly one for each field; it fits if all the
//! bits of the fact are among those of the rule.

use model::{ComponentType, Field, Kind, Severity, SignalStatus, Status, Trigger};

use crate::condition::Predicate;
use crate::facts::{Facts, Standing};

const SEVERITY: u32 = 9;
const TYPE: u32 = SEVERITY + 4;
const KIND: u32 = TYPE + 9;
const STATUS: u32 = KIND + 6;
/// The first bit that is free for other uses.
pub(super) const FREE: u32 = STATUS + 6;

/// The bit of a trigger; all spans without an answer share one.
pub(super) const fn of_trigger(trigger: Trigger) -> u64 {
    match trigger {
        Trigger::Opened => 1,
        Trigger::Escalated => 1 << 1,
        Trigger::Acknowledged => 1 << 2,
        Trigger::Resolved => 1 << 3,
        Trigger::Reopened => 1 << 4,
        Trigger::Closed => 1 << 5,
        Trigger::Signal => 1 << 6,
        Trigger::SignalResolved => 1 << 7,
        Trigger::Unacknowledged(_) => 1 << 8,
    }
}

/// The bits of what happened to whom.
pub(super) fn of_facts(trigger: Trigger, facts: &Facts<'_>) -> u64 {
    of_trigger(trigger)
        | of_severity(facts.severity)
        | of_type(facts.component_type)
        | of_kind(facts.kind)
        | of_status(facts.status)
}

fn of_severity(severity: Severity) -> u64 {
    1 << (SEVERITY + u32::from(severity.rank()))
}

fn of_type(component_type: ComponentType) -> u64 {
    1 << (TYPE + u32::from(component_type.code()))
}

fn of_kind(kind: Kind) -> u64 {
    1 << (KIND + u32::from(kind.code()))
}

fn of_status(standing: Standing) -> u64 {
    match standing {
        Standing::Signal(status) => 1 << (STATUS + u32::from(status.code())),
        Standing::Incident(status) => 1 << (STATUS + 2 + u32::from(status.code())),
    }
}

/// Every value of every field with few values.
pub(super) fn all_values() -> u64 {
    (1 << FREE) - (1 << SEVERITY)
}

/// Whether a field has so few values that its conditions become bits.
pub(super) const fn is_closed(field: &Field) -> bool {
    match field {
        Field::Severity | Field::ComponentType | Field::Kind | Field::Status => true,
        Field::Source
        | Field::Component
        | Field::Environment
        | Field::Summary
        | Field::Label(_)
        | Field::Payload(_) => false,
    }
}

/// The bits that a condition on such a field leaves of those there are.
pub(super) fn accepted(predicate: &Predicate) -> u64 {
    let with = |text: &str, bit: u64| if predicate.accepts(text) { bit } else { 0 };
    let all = all_values();
    match &predicate.field {
        Field::Severity => {
            let each = Severity::ALL.iter().map(|&it| (it.as_str(), of_severity(it)));
            only(each, all, with)
        }
        Field::ComponentType => {
            let each = ComponentType::ALL.iter().map(|&it| (it.as_str(), of_type(it)));
            only(each, all, with)
        }
        Field::Kind => only(Kind::ALL.iter().map(|&it| (it.as_str(), of_kind(it))), all, with),
        Field::Status => {
            let signals = SignalStatus::ALL.iter().map(|&it| Standing::Signal(it));
            let incidents = Status::ALL.iter().map(|&it| Standing::Incident(it));
            only(signals.chain(incidents).map(|it| (it.as_str(), of_status(it))), all, with)
        }
        Field::Source
        | Field::Component
        | Field::Environment
        | Field::Summary
        | Field::Label(_)
        | Field::Payload(_) => all,
    }
}

fn only(
    each: impl Iterator<Item = (&'static str, u64)>,
    all: u64,
    with: impl Fn(&str, u64) -> u64,
) -> u64 {
    each.fold(all, |left, (text, bit)| (left & !bit) | with(text, bit))
}
