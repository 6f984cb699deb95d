//! Reads a rule out of a body and says everything that is wrong with it at once.
//!
//! Invariant: what is read has passed `matching::check_rule`, so the engine never meets a rule that it
//! cannot compile.

use matching::{Binding, check_rule};
use model::{
    AtMost, DirectiveId, Duration, FieldError, Rule, ScheduleId, SubscriberId, Trigger, limits,
};

use super::document::blank;
use crate::directives::{read_conditions, read_targets};
use crate::references::{References, Referent};
use crate::request::Fields;

/// The fields in which a rule refers to others: ids in a body, names in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spelling {
    /// Of the subscriber.
    pub(crate) subscriber: &'static str,
    /// Of the escalation policy.
    pub(crate) escalation: &'static str,
}

impl Spelling {
    /// By id.
    pub(crate) const IDS: Self = Self { subscriber: "subscriber_id", escalation: "escalation_id" };
    /// By name.
    pub(crate) const NAMES: Self = Self { subscriber: "subscriber", escalation: "escalation" };
}

/// Reads everything of a rule but `id` and `version`, its name first.
pub(crate) fn read(
    fields: &mut Fields,
    references: &mut References<'_>,
    spelling: Spelling,
) -> (String, Rule) {
    let name = fields.required_name("name");
    let mut rule = blank();
    rule.subscriber = subscriber(fields, references, spelling.subscriber);
    rule.on = triggers(fields);
    rule.conditions = read_conditions(fields, "match", Binding::Found).unwrap_or_default();
    rule.match_all = fields.flag("match_all").unwrap_or(false);
    rule.cel = fields.bounded_text("cel", limits::CEL_BYTES).unwrap_or_default();
    rule.targets = read_targets(fields, references);
    let escalation = references.one(fields, spelling.escalation, Referent::Escalation);
    rule.escalation = escalation.map(DirectiveId);
    let calendars = references.several(fields, "muted_by", Referent::Calendar, limits::TARGETS);
    rule.muted_by = calendars.into_iter().map(ScheduleId).collect();
    rule.at_most = at_most(fields);
    rule.deadline = deadline(fields).unwrap_or(rule.deadline);
    rule.enabled = fields.flag("enabled").unwrap_or(true);
    check(fields, &rule);
    (name, rule)
}

fn subscriber(fields: &mut Fields, references: &mut References<'_>, name: &str) -> SubscriberId {
    let named = references.one(fields, name, Referent::Subscriber);
    if named.is_none() && !fields.is_refused(name) {
        fields.refuse(name, "missing", "it must be given");
    }
    SubscriberId(named.unwrap_or_default())
}

const TRIGGER_CHOICES: &str = "it must be opened, escalated, acknowledged, resolved, reopened, closed, \
                               unacknowledged_for(5m), signal or signal_resolved";

/// Ascending, each once.
fn triggers(fields: &mut Fields) -> Vec<Trigger> {
    let mut on = Vec::new();
    for (index, text) in fields.texts("on", limits::TARGETS).unwrap_or_default().iter().enumerate()
    {
        match Trigger::parse(text) {
            Some(trigger) if on.contains(&trigger) => {
                fields.refuse(format!("on[{index}]"), "duplicate", "it is listed twice");
            }
            Some(trigger) => on.push(trigger),
            None => fields.refuse(format!("on[{index}]"), "unknown_value", TRIGGER_CHOICES),
        }
    }
    on.sort_unstable();
    on
}

fn at_most(fields: &mut Fields) -> Option<AtMost> {
    let mut inner = Fields::new(fields.object("at_most")?);
    let count = inner.whole("count", 1, i64::from(u32::MAX));
    let within = inner.span("within");
    for (name, absent) in [("count", count.is_none()), ("within", within.is_none())] {
        if absent && !inner.is_refused(name) {
            inner.refuse(name, "missing", "it must be given");
        }
    }
    if within == Some(Duration::ZERO) {
        inner.refuse("within", "out_of_range", "it must be longer than nothing");
    }
    fields.absorb("at_most", inner);
    Some(AtMost { count: u32::try_from(count?).ok()?, within: within? })
}

fn deadline(fields: &mut Fields) -> Option<Duration> {
    let deadline = fields.span("deadline")?;
    if deadline == Duration::ZERO {
        fields.refuse("deadline", "out_of_range", "it must be longer than nothing");
        return None;
    }
    Some(deadline)
}

/// Adds what the crate `matching` finds, unless it follows from something that is refused already.
fn check(fields: &mut Fields, rule: &Rule) {
    let told = ["endpoints", "on_call", "people"];
    let news = |error: &FieldError| match error.field.as_str() {
        "targets" => !told.iter().any(|name| fields.is_refused_within(name)),
        "on" | "match" => !fields.is_refused_within(&error.field),
        field => !field.starts_with("match["),
    };
    let mut errors: Vec<FieldError> = check_rule(rule).into_iter().filter(news).collect();
    for error in &mut errors {
        if error.field == "targets" {
            error.field = "endpoints".to_owned();
        }
    }
    fields.take_over(errors);
}
