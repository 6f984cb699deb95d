//! Holds the effects of one entry against what the auditor says it must lead to.

use model::effect::AuditAction;
use model::{Effect, Effects, Entry, Seq};

use crate::auditor::{Answer, Fate, Prediction};
use crate::invariant::{Invariant, Violation};

/// Every signal has exactly one fate, every command exactly one outcome, and both are as predicted;
/// nothing touches another project than the entry's.
pub(super) fn check(
    seq: Seq,
    entry: &Entry<'_>,
    prediction: &Prediction,
    effects: &Effects,
) -> Result<(), Violation> {
    let fates: Vec<Fate> = effects.0.iter().filter_map(fate).collect();
    let answers: Vec<Answer> = effects.0.iter().filter_map(answer).collect();
    let (expected_fates, expected_answers) = match prediction {
        Prediction::Signal(fate) => (vec![*fate], Vec::new()),
        Prediction::Command(answer) => (Vec::new(), vec![answer.clone()]),
        Prediction::Nothing => (Vec::new(), Vec::new()),
    };
    if fates.len() != expected_fates.len() || answers.len() != expected_answers.len() {
        let what = format!(
            "entry {seq} has {} fates and {} answers: {effects:?}",
            fates.len(),
            answers.len()
        );
        return Err(Violation::new(Invariant::I1, what));
    }
    if fates != expected_fates {
        let what = format!("signal {seq}: {fates:?}, the auditor says {expected_fates:?}");
        return Err(Violation::new(Invariant::Domain, what));
    }
    if answers != expected_answers {
        let what =
            format!("command {seq}: {answers:?}, the auditor says {expected_answers:?}: {entry:?}");
        return Err(Violation::new(Invariant::Domain, what));
    }
    check_tenant(seq, entry, effects)?;
    check_limits(seq, effects)
}

/// I6: what an entry of a project leads to stays in that project.
fn check_tenant(seq: Seq, entry: &Entry<'_>, effects: &Effects) -> Result<(), Violation> {
    let project = match entry {
        Entry::Signal { project, .. } | Entry::Alert { project, .. } => *project,
        Entry::Command(command) => command.project,
        Entry::Tick | Entry::Receipt(_) => return Ok(()),
    };
    let of = |effect: &Effect| match effect {
        Effect::Filed { project, .. }
        | Effect::Skipped { project, .. }
        | Effect::Moved { project, .. }
        | Effect::RcaAccepted { project, .. }
        | Effect::PolicyRemoved { project, .. }
        | Effect::AlertJoined { project, .. }
        | Effect::AlertRenewed { project, .. }
        | Effect::AlertResolved { project, .. }
        | Effect::LimitHit { project, .. } => Some(*project),
        Effect::Incident(incident) => Some(incident.project),
        Effect::Audited(row) => Some(row.project),
        Effect::PolicySaved(policy) => Some(policy.project),
        Effect::AlertFiring(alert) => Some(alert.project),
        Effect::DirectiveSaved(directive) => Some(directive.project),
        Effect::Notified(notification) => Some(notification.project),
        Effect::Attempted { receipt, .. } => Some(receipt.project),
        Effect::DirectiveRemoved { project, .. } | Effect::Replayed { project, .. } => {
            Some(*project)
        }
        Effect::Replied { .. } => None,
    };
    match effects.0.iter().find(|effect| of(effect).is_some_and(|found| found != project)) {
        None => Ok(()),
        Some(foreign) => {
            let what = format!("entry {seq} of project {project} leads to {foreign:?}");
            Err(Violation::new(Invariant::I6, what))
        }
    }
}

/// I7: no run is long enough to hit a limit of the engine.
fn check_limits(seq: Seq, effects: &Effects) -> Result<(), Violation> {
    let hit = effects.0.iter().find(|effect| matches!(effect, Effect::LimitHit { .. }));
    match hit {
        None => Ok(()),
        Some(hit) => {
            Err(Violation::new(Invariant::I7, format!("entry {seq} says it hit a limit: {hit:?}")))
        }
    }
}

/// What is counted of an effect: the reason of what was done, or the refusal.
pub(super) fn word(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Filed { reason, .. } | Effect::Skipped { reason, .. } => Some(reason.to_string()),
        Effect::Audited(row) => match row.action {
            AuditAction::Opened => None,
            AuditAction::Moved { to, .. } => Some(format!("{to} {}", row.reason)),
            AuditAction::SeverityChanged { .. } => Some(format!("severity {}", row.reason)),
            AuditAction::MergedInto { .. } => Some("merged".to_owned()),
            AuditAction::Split { .. } => Some("split".to_owned()),
            AuditAction::PolicySaved { .. } | AuditAction::PolicyRemoved { .. } => {
                Some("policy".to_owned())
            }
            AuditAction::DirectiveSaved { kind, .. }
            | AuditAction::DirectiveRemoved { kind, .. } => Some(kind.to_string()),
            AuditAction::Replayed { .. } => Some("replayed".to_owned()),
            AuditAction::Assigned { .. } | AuditAction::Commented | AuditAction::Linked { .. } => {
                Some("work".to_owned())
            }
        },
        Effect::Replied { outcome, .. } => match Answer::from(outcome) {
            Answer::Refused(refused) => Some(format!("refused {}", refused.word())),
            Answer::Incident(_)
            | Answer::Policy(..)
            | Answer::Directive(..)
            | Answer::Replayed(_) => None,
        },
        Effect::AlertResolved { reason, .. } => Some(format!("alert {reason}")),
        Effect::AlertJoined { .. } => Some("alert joined".to_owned()),
        Effect::AlertRenewed { .. } => Some("alert renewed".to_owned()),
        Effect::Notified(notification) => {
            let held = notification.held.map_or("notified", |held| held.reason.as_str());
            Some(held.to_owned())
        }
        Effect::Attempted { receipt, .. } => Some(format!("receipt {}", receipt.verdict)),
        Effect::Moved { from, .. } => {
            Some(if from.is_some() { "moved out" } else { "moved in" }.to_owned())
        }
        Effect::Incident(_)
        | Effect::RcaAccepted { .. }
        | Effect::PolicySaved(_)
        | Effect::PolicyRemoved { .. }
        | Effect::AlertFiring(_)
        | Effect::DirectiveSaved(_)
        | Effect::DirectiveRemoved { .. }
        | Effect::Replayed { .. }
        | Effect::LimitHit { .. } => None,
    }
}

fn fate(effect: &Effect) -> Option<Fate> {
    match effect {
        Effect::Filed { incident, reason, .. } => Some(Fate::Filed(*incident, *reason)),
        Effect::Skipped { reason, .. } => Some(Fate::Skipped(*reason)),
        Effect::Moved { .. }
        | Effect::Incident(_)
        | Effect::Audited(_)
        | Effect::RcaAccepted { .. }
        | Effect::PolicySaved(_)
        | Effect::PolicyRemoved { .. }
        | Effect::AlertFiring(_)
        | Effect::AlertJoined { .. }
        | Effect::AlertRenewed { .. }
        | Effect::AlertResolved { .. }
        | Effect::DirectiveSaved(_)
        | Effect::DirectiveRemoved { .. }
        | Effect::Notified(_)
        | Effect::Attempted { .. }
        | Effect::Replayed { .. }
        | Effect::Replied { .. }
        | Effect::LimitHit { .. } => None,
    }
}

fn answer(effect: &Effect) -> Option<Answer> {
    if let Effect::Replied { outcome, command: _ } = effect { Some(outcome.into()) } else { None }
}
