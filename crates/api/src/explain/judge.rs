//! What each rule makes of a subject. Pure, and as long as there are rules: runs on a thread that may block.

use std::collections::BTreeSet;

use matching::{CompiledRule, Fit};
use model::{Directive, DirectiveId, Incident, Rule, Signal, SignalId, SignalStatus, Trigger};

use super::document::{Decision, FailedCondition};
use crate::directives::ConditionDocument;

/// What rules are held against.
#[derive(Debug)]
pub(super) struct Facts {
    /// The incident, where the subject is one.
    pub(super) incident: Option<Incident>,
    /// The signal that is the subject or made it happen.
    pub(super) signal: Option<Signal<'static>>,
    /// What a rule must ask for to be meant.
    pub(super) asked: Asked,
}

/// What a rule must ask for to be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Anything that can happen to an incident.
    OfIncident,
    /// What the signal says: that something fires, or no longer does.
    OfSignal,
    /// This.
    One(Trigger),
    /// A step of an escalation policy: only rules that run it were asked.
    Step,
}

/// The decision of each rule; those in `asked` are known to have asked for it.
pub(super) fn judge(
    rules: &[Directive],
    facts: &Facts,
    asked: &BTreeSet<DirectiveId>,
) -> Vec<Decision> {
    let blank = Signal::new(SignalId(0), "", "");
    let signal = facts.signal.as_ref().unwrap_or(&blank);
    let seen = match &facts.incident {
        Some(incident) => matching::Facts::of_incident(incident, signal),
        None => matching::Facts::of_signal(signal),
    };
    let one = |directive: &Directive| {
        let rule = directive.body.as_rule()?;
        let mut decision = if asked.contains(&directive.id) {
            Decision { decision: "matched", ..Decision::default() }
        } else {
            of_rule(rule, facts, signal.status, &seen)
        };
        decision.rule_id = Some(directive.id.to_string());
        decision.rule = Some(directive.name.clone());
        Some(decision)
    };
    rules.iter().filter_map(one).collect()
}

fn of_rule(
    rule: &Rule,
    facts: &Facts,
    status: SignalStatus,
    seen: &matching::Facts<'_>,
) -> Decision {
    let of = |decision: &'static str| Decision { decision, ..Decision::default() };
    if !rule.enabled {
        return of("disabled");
    }
    if !asks(rule, facts.asked, status) {
        let on = rule.on.iter().map(ToString::to_string).collect();
        return Decision { on: Some(on), ..of("other_trigger") };
    }
    // A rule is checked before it is saved; one that cannot be compiled fits nothing.
    let Ok(compiled) = CompiledRule::compile(rule) else { return of("not_matched") };
    match compiled.fits(seen) {
        Fit::Matches => of("matched"),
        Fit::FailsCel => Decision { cel: Some(rule.cel.clone()), ..of("not_matched") },
        Fit::Fails(position) => {
            let condition = rule.conditions.get(position).map(|condition| FailedCondition {
                condition: ConditionDocument::from(condition),
                actual: seen.text(&condition.field).into_owned(),
            });
            Decision { condition, ..of("not_matched") }
        }
    }
}

fn asks(rule: &Rule, asked: Asked, status: SignalStatus) -> bool {
    match asked {
        Asked::OfIncident => rule.on.iter().any(|trigger| !trigger.is_of_signal()),
        Asked::OfSignal => rule.on.contains(&match status {
            SignalStatus::Firing => Trigger::Signal,
            SignalStatus::Resolved => Trigger::SignalResolved,
        }),
        Asked::One(trigger) => rule.on.contains(&trigger),
        Asked::Step => false,
    }
}
